"""A recurrent network over the tokens of music, the baseline for the Transformer.

The LSTM of `models/lstm.py`, whose tokens also have embeddings of their place in the bar and of their track, as in
`models/music_transformer.py`.

Data flow::

    tokens (batch, time) and their places in bar and track (batch, time, 2)
      -> sum of their embeddings (batch, time, width) -> depth LSTM layers
    -> head -> logits (batch, time, vocabulary)
"""

from jaxtyping import Float
from torch import Tensor, nn

from genlab.models.lstm import LSTM, LSTMCache, LSTMShape
from genlab.models.music_transformer import MusicShape, PlacedEmbedding, Places, Tokens


class MusicLSTM(nn.Module):
    """The network: logits of the next token after each token."""

    def __init__(self, shape: MusicShape) -> None:
        super().__init__()
        self.shape = shape
        size = LSTMShape(shape.vocabulary, shape.depth, shape.width, shape.dropout)
        self.lstm = LSTM(size, PlacedEmbedding(shape))

    def forward(
        self, tokens: Tokens, places: Places, cache: LSTMCache | None = None, last: bool = False
    ) -> Float[Tensor, "batch outputs vocabulary"]:
        """Predicts the token after each of `tokens`, or only after the last one; continues and updates `cache`."""
        return self.lstm.read(self.lstm.embedding(tokens, places), cache, last)

    def new_cache(self) -> LSTMCache:
        """An empty cache, for any number of tokens."""
        return LSTMCache()

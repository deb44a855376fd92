"""A causal convolutional language model whose dilation doubles with each layer: few layers reach far, at fixed offsets.

Van den Oord et al. (2016), "WaveNet", arXiv 1609.03499, section 2.

Data flow::

    tokens (batch, time) -> embedding (batch, width, time)
      layer l:  x + out(tanh(a) · sigmoid(b)),  a and b causal convolutions of norm(x) at 0, 2^l and 2 · 2^l back
    -> norm -> head -> logits (batch, time, vocabulary)

Departs from the paper: three taps instead of two; a norm before each layer; no skip connections in addition to the
residual stream; as many layers as the whole sequence needs.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.norms import RMSNorm

TAPS = 3


def depth_to_see(length: int) -> int:
    """Smallest number of layers whose last output depends on the first of `length` tokens."""
    layers = 1
    while 1 + (TAPS - 1) * (2**layers - 1) < length:
        layers += 1
    return layers


class DilatedLayer(nn.Module):
    """A gated causal convolution (eq. 2) with a residual connection."""

    def __init__(self, width: int, dilation: int) -> None:
        super().__init__()
        self.norm = RMSNorm(width)
        self.taps = nn.Conv1d(width, 2 * width, TAPS, dilation=dilation)
        self.out = nn.Linear(width, width)
        self.past = (TAPS - 1) * dilation
        nn.init.zeros_(self.out.weight)  # a fresh layer is the identity
        nn.init.zeros_(self.out.bias)

    def forward(self, x: Float[Tensor, "batch time width"]) -> Float[Tensor, "batch time width"]:
        signal, gate = self.taps(F.pad(self.norm(x).mT, (self.past, 0))).mT.chunk(2, -1)
        return x + self.out(torch.tanh(signal) * torch.sigmoid(gate))


class DilatedCNN(nn.Module):
    """The language model, for sequences of at most `length` tokens."""

    def __init__(self, vocabulary: int, width: int, length: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(vocabulary, width)
        self.layers = nn.Sequential(*(DilatedLayer(width, 2**layer) for layer in range(depth_to_see(length))))
        self.norm = RMSNorm(width)
        self.head = nn.Linear(width, vocabulary)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, tokens: Int[Tensor, "batch time"]) -> Float[Tensor, "batch time vocabulary"]:
        """Logits of the next token at each position."""
        return self.head(self.norm(self.layers(self.embedding(tokens))))

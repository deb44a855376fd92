"""Training an LSTM: the same windows and the same loss as the GPT's, AdamW for everything.

Read it with `models/lstm.py`.
"""

from dataclasses import replace

import torch

from genlab.engine.recipe import Metrics
from genlab.models.gpt import next_token_loss
from genlab.models.lstm import LSTM, LSTMShape
from genlab.tasks.text.options import LSTMOptions
from genlab.tasks.text.recipe import TextRecipe, Windows, fitting_context

SIZES = {  # depth, width, context: about the parameters of the GPT of that name (with 67 characters)
    "tiny": (1, 104, 64),
    "laptop": (2, 220, 64),
    "small": (2, 404, 128),
    "medium": (2, 538, 256),
    "large": (2, 808, 256),
    "gpt2": (3, 1792, 512),
}


class LSTMRecipe(TextRecipe):
    """An LSTM of the user's text."""

    name = "lstm"
    config: LSTMOptions
    fixed = ("size", "tokenizer", "vocabulary")

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        size = self.config.size
        if size == "auto":  # an LSTM of the next size needs four times the time for the same tokens
            size = "laptop" if seconds is None or seconds < 1200 else "small"
        *_, usual = SIZES[size]
        context = fitting_context(self.corpus, self.config.context, usual)
        self.config = replace(
            self.config,
            size=size,
            context=context,
            **self.known_tokens(),
            batch=self.config.batch or max(1, 2048 // context),
        )

    # --- network and optimiser ---

    def build(self) -> None:
        depth, width, _ = SIZES[self.config.size]
        shape = LSTMShape(self.tokenizer.get_vocab_size(), depth, width, self.config.dropout)
        self.network = LSTM(shape).to(self.machine.device)
        self.networks = {"lstm": self.network}

    def build_optimizers(self) -> None:
        self.optimizers = {
            "lstm": [
                torch.optim.AdamW(
                    self.network.parameters(),
                    lr=self.config.learning_rate,
                    betas=(0.9, 0.95),
                    weight_decay=self.config.weight_decay,
                    fused=True,
                )
            ]
        }

    # --- the method ---

    def step(self, batch: Windows) -> Metrics:
        tokens, targets = batch
        loss = next_token_loss(self.network(tokens), targets)
        self.update(self.network, loss, clip=1.0)
        return {"loss": loss}

    # --- a finished run ---

    @property
    def window(self) -> int:
        """A recurrent state has none: text of any length is read in one go."""
        return 1 << 60

"""Training GPT-2 as it was published: the same windows and the same loss as the GPT's, AdamW for everything.

Read it with `models/gpt2.py`. What `genlab import` finds in a GPT-2 folder is trained on from here.
"""

from dataclasses import replace
from typing import Any

import torch

from genlab.engine.recipe import Metrics
from genlab.models.gpt import next_token_loss
from genlab.models.gpt2 import GPT2, GPT2Shape
from genlab.tasks.shared.sizing import fitting_batch, fitting_size, tokens_read
from genlab.tasks.text.gpt import PARAMETERS, SIZES, TOKENS_PER_PARAMETER, usual_and_parameters
from genlab.tasks.text.options import GPT2Options
from genlab.tasks.text.recipe import AttentionTextRecipe, Windows, fitting_context


class GPT2Recipe(AttentionTextRecipe):
    """A GPT-2 of the user's text."""

    name = "gpt2"
    config: GPT2Options
    fixed = ("size", "context", "tokenizer", "vocabulary")
    shape_type = GPT2Shape

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        size: Any = self.config.size
        if size == "auto":
            size = (
                "laptop"
                if seconds is None or speed is None
                else fitting_size(PARAMETERS, seconds, speed, TOKENS_PER_PARAMETER)
            )
        usual, parameters = usual_and_parameters(size, self.kept_shape, GPT2)
        context = fitting_context(self.corpus, self.config.context, usual)
        width = self.kept_shape.width if self.kept_shape else SIZES[size][1]
        reads = tokens_read(seconds, speed, parameters) if seconds and speed else 0.0
        self.config = replace(
            self.config,
            size=size,
            context=context,
            **self.known_tokens(),
            batch=self.config.batch or max(1, fitting_batch(reads) // context),
            learning_rate=self.config.learning_rate or fitting_rate(size, width),
        )

    def rates_after_import(self, shape: GPT2Shape) -> dict[str, Any]:
        return {"learning_rate": fitting_rate("imported", shape.width)}

    # --- network and optimiser ---

    def build(self) -> None:
        shape = self.kept_shape or self._new_shape()
        self.network = GPT2(replace(shape, dropout=self.config.dropout)).to(self.machine.device)
        self.networks = {"gpt2": self.network}

    def build_optimizers(self) -> None:
        assert self.config.learning_rate
        matrices = [weight for weight in self.network.parameters() if weight.ndim == 2]
        others = [weight for weight in self.network.parameters() if weight.ndim != 2]
        groups = [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        rate = self.config.learning_rate
        self.optimizers = {"gpt2": [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=True)]}

    def _new_shape(self) -> GPT2Shape:
        assert self.config.context
        depth, width, heads, _, _, _ = SIZES[self.config.size]
        return GPT2Shape(self.tokenizer.get_vocab_size(), self.config.context, depth, width, heads, 4 * width)

    # --- the method ---

    def step(self, batch: Windows) -> Metrics:
        tokens, targets = batch
        loss = next_token_loss(self.network(tokens), targets)
        self.update(self.network, loss, clip=1.0)
        return {"loss": loss}


def fitting_rate(size: str, width: int) -> float:
    """Peak step length: about that of GPT-3's sizes (Brown et al. 2020, arXiv 2005.14165, table 2.1), which falls with
    the width; a tenth where much has been learnt before."""
    rate = min(6e-4 * 768 / width, 3e-3)
    return 0.1 * rate if size == "imported" else rate

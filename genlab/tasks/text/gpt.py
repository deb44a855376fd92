"""Training a GPT: text in windows, the next token everywhere, Muon for matrices and AdamW for the rest.

Read it with `models/gpt.py` (the network) and `layers/attention.py` (how tokens look at each other).
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import nn

from genlab.engine.recipe import Metrics
from genlab.errors import InputError
from genlab.layers.muon import POLAR_EXPRESS, Muon
from genlab.models.gpt import GPT, GPTShape, next_token_loss
from genlab.tasks.shared.sizing import fitting_batch, fitting_size, tokens_read
from genlab.tasks.text.options import GPTOptions
from genlab.tasks.text.recipe import AttentionTextRecipe, Windows, fitting_context

SIZES = {  # depth, width, heads, key-value heads, feed-forward, context
    "tiny": (2, 64, 2, 1, 172, 64),
    "laptop": (4, 128, 4, 2, 344, 128),
    "small": (6, 192, 6, 2, 512, 256),
    "medium": (6, 256, 8, 2, 688, 256),
    "large": (6, 384, 6, 2, 1024, 256),
    "gpt2": (12, 768, 12, 12, 2048, 1024),
}
PARAMETERS = {"tiny": 0.1e6, "laptop": 0.74e6, "small": 2.5e6, "medium": 4.4e6, "large": 9.9e6, "gpt2": 124e6}
TOKENS_PER_PARAMETER = 2.2
"""Training tokens at which a size does best, over minutes (docs/log.md)."""


class GPTRecipe(AttentionTextRecipe):
    """A GPT of the user's text."""

    name = "gpt"
    config: GPTOptions
    fixed = ("size", "context", "tokenizer", "vocabulary", "tied")
    shape_type = GPTShape

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        size: Any = self.config.size
        if size == "auto":
            size = (
                "laptop"
                if seconds is None or speed is None
                else fitting_size(PARAMETERS, seconds, speed, TOKENS_PER_PARAMETER)
            )
        usual, parameters = usual_and_parameters(size, self.kept_shape, GPT)
        if seconds is not None and seconds < 45:
            usual = min(usual, 64)
        context = fitting_context(self.corpus, self.config.context, usual)
        reads = tokens_read(seconds, speed, parameters) if seconds and speed else 0.0
        self.config = replace(
            self.config,
            size=size,
            context=context,
            **self.known_tokens(),
            batch=self.config.batch or max(1, fitting_batch(reads) // context),
            learning_rate=self.config.learning_rate or fitting_rate(size, seconds),
            embedding_learning_rate=self.config.embedding_learning_rate or fitting_embedding_rate(size),
            weight_decay=self.config.weight_decay or 0.0,
            dropout=self._fitting_dropout(reads) if self.config.dropout is None else self.config.dropout,
            tied=self.config.tied or size == "gpt2",
        )

    def _fitting_dropout(self, reads: float) -> float:
        """More the oftener the text will be read: what repeats can be learnt by heart."""
        epochs = reads / len(self.corpus.train.tokens)
        return round(min(max(0.05 * (epochs - 3.5), 0.0), 0.2), 2)

    def rates_after_import(self, shape: GPTShape) -> dict[str, Any]:
        rates = {
            "learning_rate": fitting_rate("imported", None),
            "embedding_learning_rate": fitting_embedding_rate("imported"),
        }
        return {"tied": shape.tied, "dropout": 0.0, "weight_decay": 0.0, **rates}

    # --- network and optimisers ---

    def build(self) -> None:
        config = self.config
        assert config.dropout is not None
        shape = self.kept_shape or self._new_shape()
        self.network = GPT(replace(shape, dropout=config.dropout)).to(self.machine.device)
        self.networks = {"gpt": self.network}

    def build_optimizers(self) -> None:
        config = self.config
        assert config.learning_rate and config.embedding_learning_rate and config.weight_decay is not None
        matrices = [weight for weight in self.network.blocks.parameters() if weight.ndim == 2]
        others = [
            weight for name, weight in self.network.named_parameters() if weight.ndim != 2 or "blocks" not in name
        ]
        self.optimizers = {
            "gpt": [
                Muon(
                    matrices,
                    lr=config.learning_rate,
                    weight_decay=config.weight_decay,
                    momentum=0.9,
                    ns_coefficients=POLAR_EXPRESS,  # type: ignore[arg-type]  # torch knows one for all
                ),
                torch.optim.AdamW(
                    others, lr=config.embedding_learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
                ),
            ]
        }
        # Compiling takes half a minute: it pays on GPUs, and not on CPUs at these sizes.
        self.forward = torch.compile(self.network) if self.machine.device.type == "cuda" else self.network

    def _new_shape(self) -> GPTShape:
        config = self.config
        assert config.context
        depth, width, heads, kv_heads, feed_forward, _ = SIZES[config.size]
        return GPTShape(
            self.tokenizer.get_vocab_size(), config.context, depth, width, heads, kv_heads, feed_forward,
            config.tied, rotary_base=1000.0 if config.context <= 512 else 10_000.0,
        )  # fmt: skip

    # --- the method ---

    def step(self, batch: Windows) -> Metrics:
        tokens, targets = batch
        loss = next_token_loss(self.forward(tokens), targets)
        self.update(self.network, loss)
        return {"loss": loss}


def usual_and_parameters(size: str, kept: Any, network: Callable[[Any], nn.Module]) -> tuple[int, float]:
    """The usual context and the number of parameters of a size, or of the shape that is kept.

    Raises:
        InputError: the size is an imported one's, and nothing was imported.
    """
    if kept is not None:
        with torch.device("meta"):
            return kept.context, float(sum(weight.numel() for weight in network(kept).parameters()))
    if size == "imported":
        raise InputError("size: imported is what `genlab import` makes: start from such a run with --from.", "size")
    return SIZES[size][-1], PARAMETERS[size]


def fitting_rate(size: str, seconds: float | None) -> float:
    """Muon's step length: larger for a short training, smaller where much has been learnt before."""
    if size == "imported":
        return 0.003
    return 0.04 if seconds is not None and seconds < 45 else 0.03


def fitting_embedding_rate(size: str) -> float:
    """AdamW's step length, likewise."""
    return 3e-4 if size == "imported" else 0.02

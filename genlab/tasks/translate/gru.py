"""Training a recurrent encoder-decoder: the same batches and the same loss as the Transformer's, AdamW for everything.

Read it with `models/gru.py`.
"""

from dataclasses import replace
from typing import Any

import torch

from genlab.data.pairs.batches import TranslationBatch
from genlab.engine.recipe import Metrics
from genlab.models.gru import GRU, GRUShape
from genlab.models.transformer import smoothed_loss
from genlab.tasks.translate.options import GRUOptions
from genlab.tasks.translate.recipe import Translator

SIZES = {"tiny": 64, "small": 192, "medium": 320, "large": 576, "base": 1024}
"""Width: about the parameters of the Transformer of that name."""


class GRURecipe(Translator):
    """A recurrent encoder-decoder of the user's pairs."""

    name = "gru"
    config: GRUOptions

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        size: Any = "small" if self.config.size == "auto" else self.config.size
        self.config = replace(self.config, size=size, batch=self.config.batch or 2048)

    # --- network and optimiser ---

    def build(self) -> None:
        config = self.config
        shape = GRUShape(
            self.source.size,
            self.target.size,
            SIZES[config.size],
            config.attention == "additive",
            config.joint,
            config.dropout,
        )
        self.network = GRU(shape).to(self.machine.device)
        self.networks = {"gru": self.network}

    def build_optimizers(self) -> None:
        rate = self.config.learning_rate
        self.optimizers = {
            "gru": [
                torch.optim.AdamW(self.network.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True)
            ]
        }

    # --- the method ---

    def step(self, batch: TranslationBatch) -> Metrics:
        loss = smoothed_loss(self.predict_targets(batch), batch.targets, self.config.label_smoothing)
        self.update(self.network, loss, clip=1.0)
        return {"loss": loss}

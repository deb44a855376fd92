"""Trains a recurrent encoder-decoder to translate: the Transformer's batches and loss, with AdamW for all weights.

Read it with `models/gru.py`.
"""

from dataclasses import replace
from typing import Any

import torch
from torch import nn

from genlab.data.pairs.batches import TranslationBatch
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.models.gru import GRU, GRUShape
from genlab.tasks.translate.options import GRUOptions
from genlab.tasks.translate.pipeline import TranslatePipeline
from genlab.tasks.translate.recipe import TranslationData, TranslationRecipe, try_translator

SIZES = {"tiny": 64, "small": 192, "medium": 320, "large": 576, "base": 1024}
"""Width, with about as many parameters as the Transformer of the same size."""


def build_network(
    options: GRUOptions, source_vocabulary: int, target_vocabulary: int, networks: Networks
) -> dict[str, nn.Module]:
    """Builds the encoder-decoder, by the prefix of its tensors."""
    shape = GRUShape(
        source_vocabulary,
        target_vocabulary,
        SIZES[options.size],
        options.attention == "additive",
        options.joint,
        options.dropout,
    )
    return {"gru": networks.build("gru", shape, GRU)}


class GRURecipe(TranslationRecipe):
    """Trains a recurrent encoder-decoder to translate."""

    replaceable = ("gru",)

    def __init__(self, setup: Setup) -> None:
        options, data = setup.options, setup.data
        networks = build_network(options, data.source.size, data.target.size, setup.networks)
        pipeline = TranslatePipeline(options, setup.machine, networks, data.source, data.target, data.lengths)
        if "gru" in setup.networks:
            try_translator("gru", pipeline)
        optimizer = torch.optim.AdamW(
            pipeline.network.parameters(), lr=options.learning_rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True
        )
        super().__init__(setup, pipeline, {"gru": [optimizer]})

    @classmethod
    def resolve(cls, options: GRUOptions, data: TranslationData, speed: Speed, start: Pipeline | None) -> GRUOptions:
        size: Any = "small" if options.size == "auto" else options.size
        return replace(options, size=size, batch=options.batch or 2048)

    def step(self, batch: TranslationBatch, progress: float) -> Metrics:
        logits = self.pipeline.target_logits(batch)
        loss = self.loss(logits, batch.targets, self.options.label_smoothing)
        self.update(self.network, loss, clip=1.0, count=self.terms(batch))
        return {"loss": loss}

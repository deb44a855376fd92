"""Trains a Transformer to translate: Muon for the matrices of the layers, AdamW for all other weights.

Read it with `models/transformer.py` (the network), `layers/attention.py` (attention) and `layers/beam.py` (decoding).
"""

import math
from dataclasses import replace
from typing import Any

from torch import nn

from genlab.data.pairs.batches import TranslationBatch
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.layers.muon import muon_and_adam
from genlab.models.transformer import Transformer, TransformerShape
from genlab.tasks.shared.sizing import fitting_batch, fitting_size, tokens_read
from genlab.tasks.translate.options import TransformerOptions
from genlab.tasks.translate.pipeline import TranslatePipeline
from genlab.tasks.translate.recipe import TranslationData, TranslationRecipe, try_translator

SIZES = {  # layers of encoder and of decoder, width, heads, feed-forward
    "tiny": (2, 64, 4, 256),
    "small": (3, 128, 4, 512),
    "medium": (4, 192, 6, 768),
    "large": (5, 320, 5, 1280),
    "base": (6, 512, 8, 2048),
}
PARAMETERS = {"tiny": 0.23e6, "small": 1.4e6, "medium": 4.1e6, "large": 14e6, "base": 44e6}
"""Number of parameters without embeddings."""
TOKENS_PER_PARAMETER = 5.5
"""Training tokens per parameter that reach the lowest loss in a given time (docs/log.md)."""


def build_network(
    options: TransformerOptions, source_vocabulary: int, target_vocabulary: int, networks: Networks
) -> dict[str, nn.Module]:
    """Builds the Transformer, by the prefix of its tensors."""
    depth, width, heads, feed_forward = SIZES[options.size]
    assert options.dropout is not None
    shape = TransformerShape(
        source_vocabulary, target_vocabulary, depth, width, heads, feed_forward, options.joint, options.dropout
    )
    return {"transformer": networks.build("transformer", shape, Transformer)}


class TransformerRecipe(TranslationRecipe):
    """Trains a Transformer to translate."""

    replaceable = ("transformer",)

    def __init__(self, setup: Setup) -> None:
        options, data = setup.options, setup.data
        networks = build_network(options, data.source.size, data.target.size, setup.networks)
        pipeline = TranslatePipeline(options, setup.machine, networks, data.source, data.target, data.lengths)
        network: nn.Module = pipeline.network
        if "transformer" in setup.networks:
            try_translator("transformer", pipeline)
        embeddings = {module.weight for module in network.modules() if isinstance(module, nn.Embedding)}
        matrices = [weight for weight in network.parameters() if weight.ndim == 2 and weight not in embeddings]
        optimizers = muon_and_adam(
            network, matrices, options.learning_rate, options.weight_decay, options.embedding_learning_rate
        )
        super().__init__(setup, pipeline, {"transformer": optimizers})

    @classmethod
    def resolve(
        cls, options: TransformerOptions, data: TranslationData, speed: Speed, start: Pipeline | None
    ) -> TransformerOptions:
        seconds, operations = speed.seconds, speed.operations
        size: Any = "small" if options.size == "auto" else options.size
        reads = 0.0  # tokens, over all processes
        if seconds is not None and operations is not None:
            if options.size == "auto":
                size = fitting_size(PARAMETERS, seconds, operations, TOKENS_PER_PARAMETER)
            # A source token passes only through the encoder, a target token only through the decoder.
            reads = tokens_read(seconds, operations, PARAMETERS[size] / 2)
        dropout = _fitting_dropout(reads / data.train.cost) if reads else 0.1
        return replace(
            options,
            size=size,
            batch=options.batch or fitting_batch(reads / speed.processes),
            learning_rate=options.learning_rate or 0.02,
            embedding_learning_rate=options.embedding_learning_rate or 0.016,
            dropout=dropout if options.dropout is None else options.dropout,
        )

    def step(self, batch: TranslationBatch, progress: float) -> Metrics:
        logits = self.pipeline.target_logits(batch)
        loss = self.loss(logits, batch.targets, self.options.label_smoothing)
        self.update(self.network, loss, count=self.terms(batch))
        return {"loss": loss}


def _fitting_dropout(epochs: float) -> float:
    """Dropout for this many epochs: the more, the higher, because repeated pairs can be memorised."""
    return round(min(max(0.1 * math.log2(max(epochs, 1) / 3), 0.0), 0.3), 2)

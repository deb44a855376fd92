"""Training an LSTM: the windows and the loss of the GPT, AdamW for all weights.

Read it with `models/lstm.py`; `recipe.py` has what all language models share.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch

from genlab.data.text.corpus import Corpus
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.models.lstm import LSTM, LSTMShape
from genlab.tasks.text.options import LSTMOptions
from genlab.tasks.text.pipeline import TextNetwork
from genlab.tasks.text.recipe import TextRecipe, Windows, fitting_context, new_pipeline, tokenizer_options

SIZES = {  # depth, width, context: about the parameters of the GPT of that name (with 67 characters)
    "tiny": (1, 104, 64),
    "laptop": (2, 220, 64),
    "small": (2, 404, 128),
    "medium": (2, 538, 256),
    "large": (2, 808, 256),
    "gpt2": (3, 1792, 512),
}
TOKENS = 2048
"""Tokens per update."""


def build_network(
    options: LSTMOptions, vocabulary: int, shape: Mapping[str, Any] | None, networks: Networks
) -> TextNetwork:
    """Builds the network; its shape always follows from the options."""
    depth, width, _ = SIZES[options.size]
    known = LSTMShape(vocabulary, depth, width, options.dropout)
    return TextNetwork("lstm", known, networks.build("lstm", known, LSTM))


class LSTMRecipe(TextRecipe):
    """Trains an LSTM."""

    replaceable = ("lstm",)
    fixed = ("size", "tokenizer", "vocabulary")

    def __init__(self, setup: Setup) -> None:
        options, pipeline = setup.options, new_pipeline(setup, build_network)
        adam = torch.optim.AdamW(
            [weight for weight in pipeline.network.parameters() if weight.requires_grad],
            lr=options.learning_rate,
            betas=(0.9, 0.95),
            weight_decay=options.weight_decay,
            fused=True,
        )
        super().__init__(setup, pipeline, [adam])

    @classmethod
    def resolve(cls, options: LSTMOptions, data: Corpus, speed: Speed, start: Pipeline | None) -> LSTMOptions:
        size = options.size
        if size == "auto":  # each larger size takes four times as long for the same tokens
            size = "laptop" if speed.seconds is None or speed.seconds < 1200 else "small"
        *_, usual = SIZES[size]
        context = fitting_context(data, options.context, usual)
        return replace(
            options,
            size=size,
            context=context,
            **tokenizer_options(data.tokenizer),
            batch=options.batch or max(1, TOKENS // (context * speed.processes)),
        )

    def step(self, batch: Windows, progress: float) -> Metrics:
        tokens, targets = batch
        loss = self.loss(self.network(tokens), targets)
        self.update(self.network, loss, clip=1.0)
        return {"loss": loss}

"""Training GPT-2 as published: the windows and the loss of the GPT, AdamW for all weights.

Read it with `models/gpt2.py`; `recipe.py` has what all language models share. An imported GPT-2 is also trained here.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from tokenizers import Tokenizer

from genlab.data.text.corpus import Corpus
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.models.gpt2 import GPT2, GPT2Shape
from genlab.options import make
from genlab.tasks.text.gpt import LONGEST, SIZES, sized, tokens_to_read, usual_and_parameters
from genlab.tasks.text.options import GPT2Options
from genlab.tasks.text.pipeline import AttentionShape, TextNetwork, TextPipeline
from genlab.tasks.text.recipe import (
    TextRecipe,
    Windows,
    fitting_context,
    new_pipeline,
    tokenizer_options,
    windows_per_process,
)


def build_network(
    options: GPT2Options, vocabulary: int, shape: Mapping[str, Any] | None, networks: Networks
) -> TextNetwork:
    """Builds the network; `shape` overrides the options, to match weights that exist."""
    known = new_shape(options, vocabulary) if shape is None else make(GPT2Shape, dict(shape))
    known = replace(known, dropout=options.dropout)
    return TextNetwork("gpt2", known, networks.build("gpt2", known, GPT2))


def new_shape(options: GPT2Options, vocabulary: int) -> GPT2Shape:
    """The shape of a new network."""
    assert options.context, "the options are not resolved"
    depth, width, heads, _, _, _ = SIZES[options.size]
    return GPT2Shape(vocabulary, options.context, depth, width, heads, 4 * width)


class GPT2Recipe(TextRecipe):
    """Trains a GPT-2."""

    replaceable = ("gpt2",)
    fixed = ("size", "tokenizer", "vocabulary")

    def __init__(self, setup: Setup) -> None:
        options, pipeline = setup.options, new_pipeline(setup, build_network)
        weights = [weight for weight in pipeline.network.parameters() if weight.requires_grad]
        groups = [
            {"params": [weight for weight in weights if weight.ndim == 2], "weight_decay": options.weight_decay},
            {"params": [weight for weight in weights if weight.ndim != 2], "weight_decay": 0.0},
        ]
        adam = torch.optim.AdamW(groups, lr=options.learning_rate, betas=(0.9, 0.95), fused=True)
        super().__init__(setup, pipeline, [adam])

    @classmethod
    def resolve(cls, options: GPT2Options, data: Corpus, speed: Speed, start: Pipeline | None) -> GPT2Options:
        size = sized(options.size, speed, start)
        usual, parameters = usual_and_parameters(size, start)
        context = fitting_context(data, options.context, usual)
        return replace(
            options,
            size=size,
            context=context,
            **tokenizer_options(data.tokenizer),
            batch=options.batch or windows_per_process(tokens_to_read(speed, parameters), context, speed),
            learning_rate=options.learning_rate or fitting_rate(size, usual_width(size, start)),
        )

    def step(self, batch: Windows, progress: float) -> Metrics:
        tokens, targets = batch
        loss = self.loss(self.network(tokens), targets)
        self.update(self.network, loss, clip=1.0)
        return {"loss": loss}


# --- options --------------------------------------------------------------------------------------


def imported_options(shape: GPT2Shape, tokenizer: Tokenizer) -> GPT2Options:
    """The options of an imported network."""
    return GPT2Options(
        size="imported",
        context=min(shape.context, LONGEST),
        **tokenizer_options(tokenizer),
        learning_rate=fitting_rate("imported", shape.width),
    )


def usual_width(size: str, start: Pipeline | None) -> int:
    """The width of a size, or of the run to start from."""
    if not isinstance(start, TextPipeline):
        return SIZES[size][1]
    assert isinstance(start.shape, AttentionShape)
    return start.shape.width


def fitting_rate(size: str, width: int) -> float:
    """Peak learning rate: roughly that of GPT-3 (Brown et al. 2020, arXiv 2005.14165, table 2.1), which falls with the
    width; a tenth of that for imported weights."""
    rate = min(6e-4 * 768 / width, 3e-3)
    return 0.1 * rate if size == "imported" else rate

"""Training a GPT: windows of text, the next token at every position, Muon for matrices and AdamW for the rest.

Read it with `models/gpt.py` (the network) and `layers/attention.py`; `recipe.py` has what all language models share.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import torch
from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.text.corpus import Corpus
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.errors import InputError
from genlab.layers.muon import hidden_matrices, muon_and_adam
from genlab.models.gpt import GPT, GPTShape
from genlab.options import make
from genlab.tasks.shared.sizing import fitting_size, tokens_read
from genlab.tasks.text.options import GPTOptions
from genlab.tasks.text.pipeline import TextNetwork, TextPipeline
from genlab.tasks.text.recipe import (
    TextRecipe,
    Windows,
    fitting_context,
    new_pipeline,
    tokenizer_options,
    windows_per_process,
)

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
"""Training tokens per parameter that reach the lowest loss in a budget of minutes (docs/log.md)."""
LONGEST = 65_536
"""Largest value of the option `context`; imported networks may allow more."""


def build_network(
    options: GPTOptions, vocabulary: int, shape: Mapping[str, Any] | None, networks: Networks
) -> TextNetwork:
    """Builds the network; `shape` overrides the options, to match weights that exist."""
    known = new_shape(options, vocabulary) if shape is None else make(GPTShape, dict(shape))
    assert options.dropout is not None, "the options are not resolved"
    known = replace(known, dropout=options.dropout)
    return TextNetwork("gpt", known, networks.build("gpt", known, GPT))


def new_shape(options: GPTOptions, vocabulary: int) -> GPTShape:
    """The shape of a new network."""
    assert options.context, "the options are not resolved"
    depth, width, heads, kv_heads, feed_forward, _ = SIZES[options.size]
    return GPTShape(
        vocabulary, options.context, depth, width, heads, kv_heads, feed_forward, options.tied,
        rotary_base=1000.0 if options.context <= 512 else 10_000.0,
    )  # fmt: skip


class GPTRecipe(TextRecipe):
    """Trains a GPT."""

    replaceable = ("gpt",)
    fixed = ("size", "tokenizer", "vocabulary", "tied")

    def __init__(self, setup: Setup) -> None:
        options, pipeline = setup.options, new_pipeline(setup, build_network)
        optimizers = muon_and_adam(
            pipeline.network, hidden_matrices(pipeline.network), options.learning_rate, options.weight_decay,
            options.embedding_learning_rate,
        )  # fmt: skip
        super().__init__(setup, pipeline, optimizers)
        # Compiling takes half a minute: it pays off on GPUs, but not on CPUs at these sizes.
        compiles = setup.machine.device.type == "cuda" and type(self.network) is GPT
        self.forward: Callable[..., Tensor] = torch.compile(self.network) if compiles else self.network

    @classmethod
    def resolve(cls, options: GPTOptions, data: Corpus, speed: Speed, start: Pipeline | None) -> GPTOptions:
        size = sized(options.size, speed, start)
        usual, parameters = usual_and_parameters(size, start)
        if start is None and speed.seconds is not None and speed.seconds < 45:
            usual = min(usual, 64)
        context = fitting_context(data, options.context, usual)
        reads = tokens_to_read(speed, parameters)
        return replace(
            options,
            size=size,
            context=context,
            **tokenizer_options(data.tokenizer),
            batch=options.batch or windows_per_process(reads, context, speed),
            learning_rate=options.learning_rate or fitting_rate(size, speed.seconds),
            embedding_learning_rate=options.embedding_learning_rate or fitting_embedding_rate(size),
            weight_decay=options.weight_decay or 0.0,
            dropout=fitting_dropout(reads, data) if options.dropout is None else options.dropout,
            tied=options.tied or size == "gpt2",
        )

    def step(self, batch: Windows, progress: float) -> Metrics:
        tokens, targets = batch
        loss = self.loss(self.forward(tokens), targets)
        self.update(self.network, loss)
        return {"loss": loss}


# --- options --------------------------------------------------------------------------------------


def imported_options(shape: GPTShape, tokenizer: Tokenizer) -> GPTOptions:
    """The options of an imported network."""
    return GPTOptions(
        size="imported",
        context=min(shape.context, LONGEST),
        **tokenizer_options(tokenizer),
        learning_rate=fitting_rate("imported", None),
        embedding_learning_rate=fitting_embedding_rate("imported"),
        weight_decay=0.0,
        dropout=0.0,
        tied=shape.tied,
    )


def sized(size: Any, speed: Speed, start: Pipeline | None) -> Any:
    """Resolves `auto` to the size that fits the time.

    Raises:
        InputError: the size is "imported", but there is no run to start from.
    """
    if size == "imported" and start is None:
        raise InputError("size: imported needs --from with a run that `genlab import` made.", "size")
    if size != "auto":
        return size
    if speed.seconds is None or speed.operations is None:
        return "laptop"
    return fitting_size(PARAMETERS, speed.seconds, speed.operations, TOKENS_PER_PARAMETER)


def usual_and_parameters(size: str, start: Pipeline | None) -> tuple[int, float]:
    """The default context and the number of parameters of a size, or of the run to start from."""
    if not isinstance(start, TextPipeline):
        return SIZES[size][-1], PARAMETERS[size]
    return start.options.context, float(sum(weight.numel() for weight in start.network.parameters()))


def tokens_to_read(speed: Speed, parameters: float) -> float:
    """Number of tokens that all processes together read in the time budget; 0 without a budget."""
    if speed.seconds is None or speed.operations is None:
        return 0.0
    return tokens_read(speed.seconds, speed.operations, parameters)


def fitting_dropout(reads: float, corpus: Corpus) -> float:
    """Dropout for this many tokens: the more epochs, the higher, because repeated text can be memorised."""
    epochs = reads / len(corpus.train.tokens)
    return round(min(max(0.05 * (epochs - 3.5), 0.0), 0.2), 2)


def fitting_rate(size: str, seconds: float | None) -> float:
    """Peak learning rate of Muon: higher for short training, lower for imported weights."""
    if size == "imported":
        return 0.003
    return 0.04 if seconds is not None and seconds < 45 else 0.03


def fitting_embedding_rate(size: str) -> float:
    """Peak learning rate of AdamW: lower for imported weights."""
    return 3e-4 if size == "imported" else 0.02

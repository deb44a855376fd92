"""The base of the language models' recipes: data, validation, and options fixed by the run to start from."""

from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, ClassVar

import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor
from torch.optim import Optimizer

from genlab.data.shared.tokenizers import kind_of
from genlab.data.text.corpus import Corpus, describe, read_corpus
from genlab.engine.custom import try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Place, Recipe, Setup, Speed
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.models.gpt import next_token_loss
from genlab.tasks.shared.sizing import fitting_batch
from genlab.tasks.text.evaluate import TEST_TOKENS, VALIDATION_TOKENS, split_loss, text_measures
from genlab.tasks.text.options import TextRequest
from genlab.tasks.text.pipeline import TextNetwork, TextPipeline

Windows = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]
"""Tokens and their targets, the tokens one position later."""
PREVIEW_TOKENS = 120
"""Length of a preview."""
EXAMPLE_TOKENS = 60
"""Length of an example of the training text."""


class TextRecipe(Recipe):
    """Trains a language model; subclasses add the network, its sizes and the step."""

    losses = ("loss",)
    fixed: ClassVar[tuple[str, ...]]
    """Options that the weights of the run to start from determine."""
    data: Corpus
    pipeline: TextPipeline

    def __init__(self, setup: Setup, pipeline: TextPipeline, optimizers: list[Optimizer]) -> None:
        (name,) = pipeline.networks
        super().__init__(setup, pipeline, pipeline.networks, {name: optimizers})
        self.network = pipeline.network
        self.loss: Callable[..., Tensor] = setup.losses.get("loss", next_token_loss)

    # --- data ---

    @classmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[Corpus, DataFacts]:
        tokenizer = start.tokenizer if isinstance(start, TextPipeline) else None
        corpus = read_corpus(*place, kind=options.tokenizer, vocabulary=options.vocabulary, tokenizer=tokenizer)
        return corpus, corpus_facts(corpus)

    @classmethod
    def examples(cls, data: Corpus) -> list[Sample]:
        """Passages from the beginning, the middle and the end of the training text."""
        tokens, shown = data.train.tokens, []
        for start in sorted({1, len(tokens) // 2, max(1, len(tokens) - 1 - EXAMPLE_TOKENS)}):
            text = data.tokenizer.decode(tokens[start : start + EXAMPLE_TOKENS].tolist())
            shown.append(Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")}))
        return shown

    @classmethod
    def continued(cls, options: Any, start: Pipeline) -> Any:
        assert isinstance(start, TextPipeline)
        if options.context is not None and options.context > start.window:
            raise InputError(
                f"context: the run to start from reads {start.window:,} tokens at most, not {options.context:,}: give "
                "a smaller --context, or leave it out.",
                "context",
            )
        return kept_options(options, start.options, cls.fixed)

    def batch(self, step: int) -> Windows:
        options, machine = self.options, self.machine
        return self.data.train.batch(step, options.batch, options.context, self.seed, machine.rank, machine.processes)

    # --- validation ---

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.data.validation is not None, "there is nothing to validate on"
        return {"loss": split_loss(self.pipeline, self.data.validation, VALIDATION_TOKENS)}

    def test(self) -> dict[str, float]:
        if self.data.test is None:
            return {}
        return text_measures(split_loss(self.pipeline, self.data.test, TEST_TOKENS), self.data.test)

    def preview(self) -> list[Sample]:
        return list(self.pipeline.generate(TextRequest(tokens=PREVIEW_TOKENS)))

    def warnings(self, steps: int) -> list[str]:
        parameters = sum(weight.numel() for weight in self.network.parameters())
        tokens_per_step = self.options.batch * self.options.context * self.machine.processes
        return text_warnings(self.data, parameters, steps * tokens_per_step)


def new_pipeline(setup: Setup, build: Callable[..., TextNetwork]) -> TextPipeline:
    """The pipeline to train; its network has the shape of the run to start from, if there is one.

    Args:
        setup: Data, options and machine, common to all recipes.
        build: The model's `build_network`.

    Raises:
        InputError: the custom network rejects its input or returns the wrong shape.
    """
    options, corpus, start = setup.options, setup.data, setup.start
    shape = asdict(start.shape) if isinstance(start, TextPipeline) else None
    built = build(options, corpus.tokenizer.get_vocab_size(), shape, setup.networks)
    pipeline = TextPipeline(options, built, corpus.tokenizer, corpus.train.documents, setup.machine)
    if built.name in setup.networks:
        tokens = torch.zeros(1, options.context, dtype=torch.long, device=setup.machine.device)
        wanted: tuple[int, ...] = (1, options.context, built.shape.vocabulary)
        try_network(built.name, pipeline.network, (tokens,), [wanted], "it must take tokens (batch, time)")
    return pipeline


# --- data -----------------------------------------------------------------------------------------


def corpus_facts(corpus: Corpus) -> DataFacts:
    """The facts about the text that a run records."""
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    notes = list(corpus.notes)
    if corpus.train.unknown:
        notes.append(
            f"{corpus.train.unknown:,} characters of the training text are not in the vocabulary of the run to start "
            "from: they are all read as the unknown character."
        )
    counts = {name: describe(split) for name, split in splits.items() if split is not None}
    return DataFacts(corpus.name, corpus.fingerprint, counts, notes, corpus.left_out)


def text_warnings(corpus: Corpus, parameters: int, reads: int) -> list[str]:
    """Warnings about too little text for this many parameters, or too many epochs."""
    tokens = len(corpus.train.tokens) - 1
    epochs = reads / tokens
    if parameters > 5 * tokens:
        return [f"{tokens:,} training tokens are few for {parameters:,} parameters: the model may memorise the text."]
    if epochs > 20:
        return [f"training reads the text {epochs:.0f} times: watch for overfitting, or give less time or more text."]
    return []


# --- options --------------------------------------------------------------------------------------


def kept_options(options: Any, trained: Any, names: tuple[str, ...]) -> Any:
    """`options` with the fields `names` taken from `trained`.

    Raises:
        InputError: `options` has another value for one of them.
    """
    values = {name: getattr(trained, name) for name in names}
    for name, value in values.items():
        asked = getattr(options, name)
        if asked not in (value, type(options).__dataclass_fields__[name].default):
            raise InputError(
                f"{name}: the run to start from has {value}, not {asked}: omit --{name}, or train from scratch.", name
            )
    return replace(options, **values)


def tokenizer_options(tokenizer: Tokenizer) -> dict[str, Any]:
    """The resolved options of a tokenizer."""
    kind = kind_of(tokenizer)
    return {"tokenizer": kind, "vocabulary": tokenizer.get_vocab_size() if kind == "bpe" else None}


def fitting_context(corpus: Corpus, asked: int | None, usual: int) -> int:
    """The context to train with: the requested one, or the default, shortened to fit the text.

    Raises:
        InputError: the training text is too short.
    """
    tokens = len(corpus.train.tokens) - 1
    context = asked or min(usual, max(2, tokens // 8))
    if context > tokens:
        if asked is None:
            raise InputError(
                f"{corpus.name} is too short to train on: {tokens} training tokens; give more text.", "data"
            )
        raise InputError(
            f"context: {context} is longer than the training text of {tokens} tokens; give more text or a smaller "
            "--context.",
            "context",
        )
    return context


def windows_per_process(reads: float, context: int, speed: Speed) -> int:
    """Windows per update and process for a training budget of this many tokens."""
    return max(1, fitting_batch(reads) // (context * speed.processes))

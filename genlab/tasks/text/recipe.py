"""What the recipes of all language models share: data, validation, and what a run to start from fixes."""

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
"""Tokens, and the ones that follow them."""
EXAMPLE_TOKENS = 60
"""Tokens of an example of the training text."""


class TextRecipe(Recipe):
    """How language models of the user's text are trained, apart from their networks, their sizes and their step."""

    losses = ("loss",)
    fixed: ClassVar[tuple[str, ...]]
    """Options that trained weights fix."""
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
        corpus = read_corpus(*place, options.tokenizer, options.vocabulary, tokenizer)
        return corpus, corpus_facts(corpus)

    @classmethod
    def examples(cls, data: Corpus) -> list[Sample]:
        """The text at the beginning, in the middle and near the end."""
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
        return list(self.pipeline.generate(TextRequest(tokens=120)))

    def warnings(self, steps: int) -> list[str]:
        parameters = sum(weight.numel() for weight in self.network.parameters())
        tokens_per_step = self.options.batch * self.options.context * self.machine.processes
        return text_warnings(self.data, parameters, steps * tokens_per_step)


def new_pipeline(setup: Setup, build: Callable[..., TextNetwork]) -> TextPipeline:
    """The pipeline that is to be trained; its network has the shape of the run to start from, if there is one.

    Args:
        setup: What the recipe is built from.
        build: The model's `build_network`.

    Raises:
        InputError: the user's own network does not fit.
    """
    options, corpus, start = setup.options, setup.data, setup.start
    shape = asdict(start.shape) if isinstance(start, TextPipeline) else None
    built = build(options, corpus.tokenizer.get_vocab_size(), shape, setup.networks)
    pipeline = TextPipeline(options, built, corpus.tokenizer, corpus.train.documents, setup.machine)
    if built.name in setup.networks:
        tokens = torch.zeros(1, options.context, dtype=torch.long, device=setup.machine.device)
        wanted: tuple[int, ...] = (1, options.context, built.shape.vocabulary)
        try_network(built.name, pipeline.network, (tokens,), [wanted], "a batch of tokens (batch, time)")
    return pipeline


# --- data -----------------------------------------------------------------------------------------


def corpus_facts(corpus: Corpus) -> DataFacts:
    """What a run records of its text."""
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    notes = list(corpus.notes)
    if corpus.train.unknown:
        notes.append(
            f"{corpus.train.unknown:,} characters of the training text are not in the vocabulary of the run that this "
            "one starts from: they are all read as one unknown character."
        )
    counts = {name: describe(split) for name, split in splits.items() if split is not None}
    return DataFacts(corpus.name, corpus.fingerprint, counts, notes, corpus.left_out)


def text_warnings(corpus: Corpus, parameters: int, reads: int) -> list[str]:
    """Reasons against this many parameters, or against reading this many tokens of this text."""
    tokens = len(corpus.train.tokens) - 1
    epochs = reads / tokens
    if parameters > 5 * tokens:
        return [f"{tokens:,} training tokens are few for {parameters:,} parameters: expect it to memorise the text."]
    if epochs > 20:
        return [f"the text will be read {epochs:.0f} times: watch for overfitting, or give less time or more text."]
    return []


# --- options --------------------------------------------------------------------------------------


def kept_options(options: Any, trained: Any, names: tuple[str, ...]) -> Any:
    """`options` with these fields as they were when `trained` was.

    Raises:
        InputError: the user gave another value.
    """
    values = {name: getattr(trained, name) for name in names}
    for name, value in values.items():
        asked = getattr(options, name)
        if asked not in (value, type(options).__dataclass_fields__[name].default):
            raise InputError(
                f"{name}: the run to start from has {value}, not {asked}: leave --{name} out, or start anew.", name
            )
    return replace(options, **values)


def tokenizer_options(tokenizer: Tokenizer) -> dict[str, Any]:
    """The options of a tokenizer, resolved."""
    kind = kind_of(tokenizer)
    return {"tokenizer": kind, "vocabulary": tokenizer.get_vocab_size() if kind == "bpe" else None}


def fitting_context(corpus: Corpus, asked: int | None, usual: int) -> int:
    """The context to train with: the one given, or the usual one as far as the text is long enough.

    Raises:
        InputError: the training text is shorter.
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
    """Windows per update and process when a training reads this many tokens in all."""
    return max(1, fitting_batch(reads) // (context * speed.processes))

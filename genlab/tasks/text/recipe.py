"""What every language model's recipe shares: all but its network, its size and its step.

Recipes over `TextRecipe` choose a size in `resolve` and make `network` in `build`; those over `AttentionTextRecipe`
have a network that a shape fixes, which can come in, go out and be looked into.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, ClassVar

from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.shared.tokenizers import kind_of, load_tokenizer
from genlab.data.text.corpus import Corpus, describe, read_corpus
from genlab.engine.files import read_json, write_atomically, write_json
from genlab.engine.pipeline import AttentionMap, Continues, Explains, Exports, Generates
from genlab.engine.recipe import DataFacts, Recipe
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2
from genlab.options import make
from genlab.tasks.text.attention import text_attention
from genlab.tasks.text.evaluate import TEST_TOKENS, VALIDATION_TOKENS, evaluate_text, split_loss, text_measures
from genlab.tasks.text.export import FORMATS, export_text
from genlab.tasks.text.generation import MANY, LanguageModel, write_samples
from genlab.tasks.text.options import TextAttentionRequest, TextRequest

Windows = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]
"""Tokens, and the ones that follow them."""


class TextRecipe(Recipe, Generates, Continues):
    """A language model of the user's text."""

    task = "text"
    request_type = TextRequest
    fixed: ClassVar[tuple[str, ...]]
    """Options that trained weights fix."""
    config: Any
    network: LanguageModel
    tokenizer: Tokenizer
    documents: int
    kept_tokenizer: Tokenizer | None = None
    """That of the run which this one starts from."""

    # --- data ---

    def take_over(self, other: Any) -> None:
        self.config = taken_over(self.config, other.config, self.fixed)
        self.kept_tokenizer = other.tokenizer

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        config = self.config
        corpus = self.corpus = read_corpus(
            data, validation, test, config.tokenizer, config.vocabulary, self.kept_tokenizer
        )
        self.tokenizer, self.documents = corpus.tokenizer, corpus.train.documents
        return corpus_facts(corpus)

    def batch(self, step: int) -> Windows:
        config, machine = self.config, self.machine
        return self.corpus.train.batch(step, config.batch, config.context, self.seed, machine.rank, machine.processes)

    def known_tokens(self) -> dict[str, Any]:
        """The options of the tokenizer as they came out."""
        kind = kind_of(self.tokenizer)
        return {"tokenizer": kind, "vocabulary": self.tokenizer.get_vocab_size() if kind == "bpe" else None}

    # --- measuring ---

    @property
    def validates(self) -> bool:
        return self.corpus.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.corpus.validation is not None
        context, device = self.config.context, self.machine.device
        with self.machine.autocast():
            return {"loss": split_loss(self.network, self.corpus.validation, context, device, VALIDATION_TOKENS)}

    def test(self) -> dict[str, float]:
        if self.corpus.test is None:
            return {}
        loss = split_loss(self.network, self.corpus.test, self.config.context, self.machine.device, TEST_TOKENS)
        return text_measures(loss, self.corpus.test)

    def warnings(self, steps: int) -> list[str]:
        parameters = sum(weight.numel() for weight in self.network.parameters())
        return text_warnings(self.corpus, parameters, steps * self.config.batch * self.config.context)

    # --- a finished run ---

    def save_files(self, folder: Path) -> None:
        write_atomically(folder / "tokenizer.json", self.tokenizer.to_str(pretty=True).encode())

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        self.tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.documents = documents_of(about)

    @property
    def window(self) -> int:
        """Tokens that it looks back at when it writes."""
        return self.config.context

    def generate(self, request: TextRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        return write_samples(
            self.network, self.tokenizer, self.window, self.documents, request, self.machine.device, show
        )

    def preview(self) -> list[Sample]:
        return list(self.generate(TextRequest(tokens=120)))

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        return evaluate_text(
            self.network, self.tokenizer, self.config.context, self.documents, self.machine.device,
            data, trained_on, fingerprint,
        )  # fmt: skip


class AttentionTextRecipe(TextRecipe, Explains, Exports):
    """A language model that attention makes: its `shape` stands in the run."""

    explain_type = TextAttentionRequest
    formats = FORMATS
    network: GPT | GPT2
    shape_type: ClassVar[type]
    kept_shape: Any = None
    """The shape of the trained weights to load; None while `config` decides."""

    def take_over(self, other: Any) -> None:
        super().take_over(other)
        self.kept_shape = other.network.shape

    def imported(self, shape: Any, tokenizer: Tokenizer) -> None:
        """Prepares for weights that were trained elsewhere."""
        self.kept_shape, self.tokenizer, self.documents = shape, tokenizer, MANY
        values = {"size": "imported", "context": shape.context, **self.known_tokens()}
        self.config = replace(self.config, **values, **self.rates_after_import(shape))

    @abstractmethod
    def rates_after_import(self, shape: Any) -> dict[str, Any]:
        """The options of training that `build` needs, for a network that has learnt much before."""

    def save_files(self, folder: Path) -> None:
        super().save_files(folder)
        write_json(folder / "shape.json", asdict(self.network.shape))

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        super().load_files(folder, about)
        if (folder / "shape.json").exists():  # the first runs had none
            self.kept_shape = make(self.shape_type, read_json(folder / "shape.json"))

    def explain(self, request: TextAttentionRequest) -> list[AttentionMap]:
        return text_attention(self.network, self.tokenizer, self.config.context, request, self.machine.device)

    def export(self, to: str, place: Path, card: str) -> None:
        export_text(self.network, self.tokenizer, to, place, card)


def documents_of(about: dict[str, Any]) -> int:
    """How many documents the run whose run.json this is was trained on; of an imported one nobody knows: many."""
    return about["data"]["counts"].get("train", {"documents": MANY})["documents"]


def corpus_facts(corpus: Corpus) -> DataFacts:
    """What a run records of a text."""
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    notes = list(corpus.notes)
    if corpus.train.unknown:
        notes.append(
            f"{corpus.train.unknown:,} characters of the training text are not in the vocabulary of the run that this "
            "one starts from: they are all read as one unknown sign."
        )
    counts = {name: describe(split) for name, split in splits.items() if split is not None}
    return DataFacts(corpus.name, corpus.fingerprint, counts, notes)


def taken_over(config: Any, trained: Any, names: tuple[str, ...]) -> Any:
    """`config` with these fields as they were when `trained` was.

    Raises:
        InputError: another value was asked for.
    """
    values = {name: getattr(trained, name) for name in names}
    for name, value in values.items():
        asked = getattr(config, name)
        if asked not in (value, type(config).__dataclass_fields__[name].default):
            raise InputError(
                f"{name}: the run to start from has {value}, not {asked}: leave --{name} out, or start anew.", name
            )
    return replace(config, **values)


def text_warnings(corpus: Corpus, parameters: int, reads: int) -> list[str]:
    """What speaks against so many parameters, and reading so many tokens, of this text."""
    tokens = len(corpus.train.tokens) - 1
    epochs = reads / tokens
    if parameters > 5 * tokens:
        return [
            f"{tokens:,} training tokens are few for {parameters:,} parameters: expect it to learn the text by heart."
        ]
    if epochs > 20:
        return [f"the text will be read {epochs:.0f} times: watch for overfitting, or give less time or more text."]
    return []


def fitting_context(corpus: Corpus, asked: int | None, usual: int) -> int:
    """The context to train with: what was asked for, or what is usual and fits the text.

    Raises:
        InputError: the training text is shorter than that.
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

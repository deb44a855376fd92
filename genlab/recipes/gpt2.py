"""Training GPT-2 as it was published: the same windows and the same loss as the GPT's, AdamW for everything.

Read it with `models/gpt2.py`. What `genlab import` finds in a GPT-2 folder is trained on from here.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor

from genlab.configs.checks import make
from genlab.configs.text import GPT2Config, TextAttentionRequest, TextRequest
from genlab.data.text import read_corpus
from genlab.data.tokenizers import kind_of, load_tokenizer
from genlab.engine.attention import AttentionMap
from genlab.engine.files import read_json, write_atomically, write_json
from genlab.engine.recipe import Continues, DataFacts, Explains, Exports, Generates, Metrics, Recipe
from genlab.engine.samples import Sample
from genlab.models.gpt import next_token_loss
from genlab.models.gpt2 import GPT2, GPT2Shape
from genlab.recipes.attention import text_attention
from genlab.recipes.exporting import FORMATS, export_text
from genlab.recipes.gpt import SIZES, fitting_batch, fitting_size, usual_and_parameters
from genlab.recipes.writing import (
    MANY,
    TEST_TOKENS,
    VALIDATION_TOKENS,
    corpus_facts,
    documents_of,
    evaluate_text,
    fitting_context,
    imported_values,
    split_loss,
    taken_over,
    text_measures,
    text_warnings,
    write_samples,
)


class GPT2Recipe(Recipe, Generates, Continues, Explains, Exports):
    """A GPT-2 of the user's text."""

    task = "text"
    name = "gpt2"
    request_type = TextRequest
    explain_type = TextAttentionRequest
    config: GPT2Config
    tokenizer: Tokenizer
    kept_tokenizer: Tokenizer | None = None
    """That of the run which this one starts from."""
    kept_shape: GPT2Shape | None = None
    """That of the trained weights to load; None while `config` decides."""
    formats = FORMATS

    # --- data ---

    def take_over(self, other: "GPT2Recipe") -> None:
        self.config = taken_over(self.config, other.config, ("size", "context", "tokenizer", "vocabulary"))
        self.kept_tokenizer, self.kept_shape = other.tokenizer, other.network.shape

    def imported(self, shape: GPT2Shape, tokenizer: Tokenizer) -> None:
        """Prepares for weights that were trained elsewhere."""
        self.kept_shape, self.tokenizer, self.documents = shape, tokenizer, MANY
        values = imported_values(shape, tokenizer)
        self.config = replace(self.config, **values, learning_rate=fitting_rate("imported", shape.width))

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        config = self.config
        corpus = self.corpus = read_corpus(
            data, validation, test, config.tokenizer, config.vocabulary, self.kept_tokenizer
        )
        self.tokenizer, self.documents = corpus.tokenizer, corpus.train.documents
        return corpus_facts(corpus)

    def batch(self, step: int) -> tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]:
        config, machine = self.config, self.machine
        assert config.batch and config.context
        return self.corpus.train.batch(step, config.batch, config.context, self.seed, machine.rank, machine.processes)

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        size: Any = self.config.size
        if size == "auto":
            size = "laptop" if seconds is None or speed is None else fitting_size(seconds, speed)
        usual, parameters = usual_and_parameters(size, self.kept_shape, GPT2)
        context = fitting_context(self.corpus, self.config.context, usual)
        kind: Any = kind_of(self.tokenizer)
        width = self.kept_shape.width if self.kept_shape else SIZES[size][1]
        reads = 0.5 * seconds * speed / (6 * parameters) if seconds and speed else 0.0
        self.config = replace(
            self.config,
            size=size,
            context=context,
            tokenizer=kind,
            vocabulary=self.tokenizer.get_vocab_size() if kind == "bpe" else None,
            batch=self.config.batch or max(1, fitting_batch(reads) // context),
            learning_rate=self.config.learning_rate or fitting_rate(size, width),
        )

    # --- network and optimiser ---

    def build(self) -> None:
        shape = self.kept_shape or self._new_shape()
        self.network = GPT2(replace(shape, dropout=self.config.dropout)).to(self.machine.device)
        self.networks = {"gpt2": self.network}
        assert self.config.learning_rate
        matrices = [weight for weight in self.network.parameters() if weight.ndim == 2]
        others = [weight for weight in self.network.parameters() if weight.ndim != 2]
        groups = [
            {"params": matrices, "weight_decay": self.config.weight_decay},
            {"params": others, "weight_decay": 0.0},
        ]
        rate = self.config.learning_rate
        self.optimizers = {"gpt2": [torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.95), fused=True)]}

    def _new_shape(self) -> GPT2Shape:
        assert self.config.context
        depth, width, heads, _, _, _ = SIZES[self.config.size]
        return GPT2Shape(self.tokenizer.get_vocab_size(), self.config.context, depth, width, heads, 4 * width)

    # --- the method ---

    def step(self, batch: tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]) -> Metrics:
        tokens, targets = batch
        loss = next_token_loss(self.network(tokens), targets)
        self.update(self.network, loss, clip=1.0)
        return {"loss": loss}

    @property
    def validates(self) -> bool:
        return self.corpus.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.corpus.validation is not None and self.config.context is not None
        device = self.machine.device
        with self.machine.autocast():
            loss = split_loss(self.network, self.corpus.validation, self.config.context, device, VALIDATION_TOKENS)
        return {"loss": loss}

    def test(self) -> dict[str, float]:
        if self.corpus.test is None:
            return {}
        assert self.config.context is not None
        loss = split_loss(self.network, self.corpus.test, self.config.context, self.machine.device, TEST_TOKENS)
        return text_measures(loss, self.corpus.test)

    def warnings(self, steps: int) -> list[str]:
        parameters = sum(weight.numel() for weight in self.network.parameters())
        return text_warnings(self.corpus, parameters, steps * (self.config.batch or 1) * (self.config.context or 1))

    # --- a finished run ---

    def save_files(self, folder: Path) -> None:
        write_atomically(folder / "tokenizer.json", self.tokenizer.to_str(pretty=True).encode())
        write_json(folder / "shape.json", asdict(self.network.shape))

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        self.tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.kept_shape = make(GPT2Shape, read_json(folder / "shape.json"))
        self.documents = documents_of(about)

    def generate(self, request: TextRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        assert self.config.context is not None
        return write_samples(
            self.network, self.tokenizer, self.config.context, self.documents, request, self.machine.device, show
        )

    def explain(self, request: TextAttentionRequest) -> list[AttentionMap]:
        assert self.config.context is not None
        return text_attention(self.network, self.tokenizer, self.config.context, request, self.machine.device)

    def export(self, to: str, place: Path, card: str) -> None:
        export_text(self.network, self.tokenizer, to, place, card)

    def preview(self) -> list[Sample]:
        return list(self.generate(TextRequest(tokens=120)))

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        assert self.config.context is not None
        return evaluate_text(
            self.network, self.tokenizer, self.config.context, self.documents, self.machine.device,
            data, trained_on, fingerprint,
        )  # fmt: skip


def fitting_rate(size: str, width: int) -> float:
    """Peak step length: about that of GPT-3's sizes (Brown et al. 2020, arXiv 2005.14165, table 2.1), which falls with
    the width; a tenth where much has been learnt before."""
    rate = min(6e-4 * 768 / width, 3e-3)
    return 0.1 * rate if size == "imported" else rate

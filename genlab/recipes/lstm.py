"""Training an LSTM: the same windows and the same loss as the GPT's, AdamW for everything.

Read it with `models/lstm.py`.
"""

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor

from genlab.configs.text import LSTMConfig, TextRequest
from genlab.data.text import read_corpus
from genlab.data.tokenizers import kind_of, load_tokenizer
from genlab.engine.files import write_atomically
from genlab.engine.recipe import Continues, DataFacts, Generates, Metrics, Recipe
from genlab.engine.samples import Sample
from genlab.models.gpt import next_token_loss
from genlab.models.lstm import LSTM, LSTMShape
from genlab.recipes.writing import (
    TEST_TOKENS,
    VALIDATION_TOKENS,
    corpus_facts,
    documents_of,
    evaluate_text,
    fitting_context,
    split_loss,
    taken_over,
    text_measures,
    text_warnings,
    write_samples,
)

SIZES = {  # depth, width, context: about the parameters of the GPT of that name (with 67 characters)
    "tiny": (1, 104, 64),
    "laptop": (2, 220, 64),
    "small": (2, 404, 128),
    "medium": (2, 538, 256),
    "large": (2, 808, 256),
    "gpt2": (3, 1792, 512),
}


class LSTMRecipe(Recipe, Generates, Continues):
    """An LSTM of the user's text."""

    task = "text"
    name = "lstm"
    request_type = TextRequest
    config: LSTMConfig
    tokenizer: Tokenizer
    kept_tokenizer: Tokenizer | None = None
    """That of the run which this one starts from."""

    # --- data ---

    def take_over(self, other: "LSTMRecipe") -> None:
        self.config = taken_over(self.config, other.config, ("size", "tokenizer", "vocabulary"))
        self.kept_tokenizer = other.tokenizer

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
        size = self.config.size
        if size == "auto":  # an LSTM of the next size needs four times the time for the same tokens
            size = "laptop" if seconds is None or seconds < 1200 else "small"
        *_, usual = SIZES[size]
        context = fitting_context(self.corpus, self.config.context, usual)
        kind: Any = kind_of(self.tokenizer)
        self.config = replace(
            self.config,
            size=size,
            context=context,
            tokenizer=kind,
            vocabulary=self.tokenizer.get_vocab_size() if kind == "bpe" else None,
            batch=self.config.batch or max(1, 2048 // context),
        )

    # --- network and optimiser ---

    def build(self) -> None:
        depth, width, _ = SIZES[self.config.size]
        shape = LSTMShape(self.tokenizer.get_vocab_size(), depth, width, self.config.dropout)
        self.network = LSTM(shape).to(self.machine.device)
        self.networks = {"lstm": self.network}
        self.optimizers = {
            "lstm": [
                torch.optim.AdamW(
                    self.network.parameters(),
                    lr=self.config.learning_rate,
                    betas=(0.9, 0.95),
                    weight_decay=self.config.weight_decay,
                    fused=True,
                )
            ]
        }

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
        assert self.corpus.validation is not None
        assert self.config.context is not None
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

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        self.tokenizer = load_tokenizer(folder / "tokenizer.json")
        self.documents = documents_of(about)

    def generate(self, request: TextRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        # A recurrent state has no window: text of any length is read in one go.
        return write_samples(self.network, self.tokenizer, 1 << 60, self.documents, request, self.machine.device, show)

    def preview(self) -> list[Sample]:
        return list(self.generate(TextRequest(tokens=120)))

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        assert self.config.context is not None
        return evaluate_text(
            self.network, self.tokenizer, self.config.context, self.documents, self.machine.device,
            data, trained_on, fingerprint,
        )  # fmt: skip

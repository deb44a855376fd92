"""A trained language model: its network, its tokenizer and its capabilities."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from genlab.data.shared.tokenizers import load_tokenizer
from genlab.engine.files import read_json, write_atomically, write_json
from genlab.engine.machine import Machine
from genlab.engine.pipeline import AttentionMap, Pipeline, Saved
from genlab.engine.samples import Kind, Sample
from genlab.models.gpt import GPTShape
from genlab.models.gpt2 import GPT2Shape
from genlab.models.lstm import LSTMShape
from genlab.tasks.text.attention import text_attention
from genlab.tasks.text.export import export_text
from genlab.tasks.text.generation import MANY, Writer, encode_prompt, for_writing, seed_of, write_together
from genlab.tasks.text.options import TextAttentionRequest, TextRequest

AttentionShape = GPTShape | GPT2Shape
Shape = AttentionShape | LSTMShape
TOGETHER = 16
"""Number of texts generated in parallel."""
UNLIMITED = 1 << 60
"""Context of a recurrent network: its state carries over any number of tokens."""


class TextNetwork(NamedTuple):
    """A network and the shape it was built for."""

    name: str
    """Prefix of its tensors in model.safetensors."""
    shape: Shape
    network: nn.Module
    """Maps tokens (batch, time) to logits of the next tokens (batch, time, vocabulary)."""


class TextPipeline(Pipeline):
    """A language model.

    Args:
        options: The model's options; `context` is the number of tokens in a training window.
        built: The network and its shape.
        tokenizer: Maps text to tokens and back.
        documents: Number of documents in the training text, which decides how a text without a prompt starts.
        machine: The machine that the network runs on.
    """

    def __init__(
        self, options: Any, built: TextNetwork, tokenizer: Tokenizer, documents: int, machine: Machine
    ) -> None:
        self.options, self.shape, self.network = options, built.shape, built.network.to(machine.device)
        self.networks = {built.name: self.network}
        self.tokenizer, self.documents, self.machine = tokenizer, documents, machine

    def save(self, folder: Path) -> None:
        write_atomically(folder / "tokenizer.json", self.tokenizer.to_str(pretty=True).encode())
        if isinstance(self.shape, AttentionShape):  # the shape of an LSTM follows from its options
            write_json(folder / "shape.json", asdict(self.shape))

    @classmethod
    def load(cls, saved: Saved) -> "TextPipeline":
        tokenizer = load_tokenizer(saved.path / "tokenizer.json")
        place = saved.path / "shape.json"
        # The first runs saved no shape: it follows from the options.
        shape = read_json(place) if place.exists() else None
        built = saved.build(saved.options, tokenizer.get_vocab_size(), shape, saved.networks)
        return cls(saved.options, built, tokenizer, documents_of(saved.about), saved.machine)

    @property
    def window(self) -> int:
        """Number of previous tokens that the network can use to predict the next one."""
        return self.shape.context if isinstance(self.shape, AttentionShape) else UNLIMITED

    # --- capabilities ---

    def generate(self, request: TextRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields `request.n` texts, prompt included; `show` receives each piece by piece, one text after another.

        Raises:
            InputError: the prompt or the requested weights cannot be used.
        """
        prompt = encode_prompt(self.tokenizer, request.prompt, self.documents, self.machine.device)
        writer = for_writing(self.network, request, self.machine.device)
        show = show or _ignore
        for first in range(0, request.n, TOGETHER):
            numbers = range(first, min(first + TOGETHER, request.n))
            for text in self._texts(writer, prompt, request, numbers, show if request.n == 1 else _ignore):
                if request.n > 1:
                    show(text)
                yield Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")})

    def _texts(
        self,
        writer: Writer,
        prompt: Int[Tensor, " time"],
        request: TextRequest,
        numbers: range,
        show: Callable[[str], None],
    ) -> list[str]:
        """Generates the texts with these numbers in parallel; `show` receives the first, piece by piece."""
        device = self.machine.device
        generators = [torch.Generator(device).manual_seed(seed_of(request.seed, number)) for number in numbers]
        texts = [request.prompt or "" for _ in numbers]
        if texts[0]:
            show(texts[0])
        with self.evaluating():
            for pieces in write_together(writer, self.tokenizer, prompt, self.window, request, generators):
                texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
                if pieces[0]:
                    show(pieces[0])
        return texts

    def explain(self, request: TextAttentionRequest) -> list[AttentionMap]:
        """The attention map of every layer on a prompt.

        Raises:
            InputError: the prompt is empty or longer than the context, or the network has no attention layers.
        """
        with self.evaluating():
            return text_attention(self.network, self.tokenizer, self.window, request, self.machine.device)

    def export(self, to: str, place: Path, card: str) -> None:
        export_text(self.network, self.tokenizer, to, place, card)


def _ignore(_: str) -> None:
    """Shows nothing."""


def documents_of(about: Mapping[str, Any]) -> int:
    """Number of documents that a run was trained on, from its run.json; an imported run counts as having many."""
    return about["data"]["counts"].get("train", {"documents": MANY})["documents"]

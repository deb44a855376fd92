"""Generates text with a language model: continues a prompt once or several times in parallel."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from genlab.data.shared.tokenizers import UNKNOWN, end_of
from genlab.errors import InputError
from genlab.layers.packed import pack
from genlab.layers.sampling import draw, shape_logits
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2
from genlab.models.lstm import LSTM
from genlab.tasks.text.options import TextRequest
from genlab.tasks.text.streaming import WrittenText

MANY = 20
"""With this many training documents, a text without a prompt starts as a document does; with fewer, as a line."""
REPAID = 50
"""Length in tokens from which packing the weights saves more time than it takes (docs/log.md)."""


# --- networks with a cache ------------------------------------------------------------------------


@runtime_checkable
class Writer(Protocol):
    """A network that reads a text in parts; a cache holds what it needs from earlier parts."""

    def __call__(self, tokens: Tensor, cache: Any = None, last: bool = False) -> Tensor:
        """Logits after each of `tokens`, which follow those in the cache; with `last`, only after the last one."""

    def new_cache(self, room: int | None = None) -> Any:
        """An empty cache for up to `room` tokens, or a list of one cache per layer.

        The method `keep(rows)` of a cache selects and repeats rows of the batch.
        """


class TokenCache:
    """A cache of the tokens read so far."""

    def __init__(self) -> None:
        self.parts: list[Int[Tensor, "batch time"]] = []

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        self.parts = [part[rows] for part in self.parts]


class Rereading(nn.Module):
    """Turns a network without a cache into a Writer, which reads the whole text again for every token."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(
        self, tokens: Int[Tensor, "batch time"], cache: TokenCache, last: bool = False
    ) -> Float[Tensor, "batch _ vocabulary"]:
        cache.parts.append(tokens)
        logits = self.network(torch.cat(cache.parts, 1))
        return logits[:, -1:] if last else logits[:, -tokens.shape[1] :]

    def new_cache(self, room: int | None = None) -> TokenCache:
        return TokenCache()


def for_writing(network: nn.Module, request: TextRequest, device: torch.device) -> Writer:
    """The network with its weights in the requested format; `auto` packs them if that saves time.

    Raises:
        InputError: this machine does not support the format, or the network is custom.
    """
    weights, packs = request.weights, device.type == "cpu" and torch.backends.mkldnn.is_available()
    if weights == "auto":
        repaid = packs and request.tokens >= REPAID and type(network) in (GPT, GPT2, LSTM)
        weights = "32" if repaid else "plain"
    if weights == "plain":
        return network if isinstance(network, Writer) else Rereading(network)
    if type(network) not in (GPT, GPT2, LSTM):
        raise InputError("weights: a custom network runs as it is; omit --weights.", "weights")
    if not packs or (weights != "32" and "fbgemm" not in torch.backends.quantized.supported_engines):
        raise InputError(
            f"weights: {weights} needs a CPU and a torch with oneDNN and FBGEMM; use --weights plain.", "weights"
        )
    packed = pack(network, weights)
    assert isinstance(packed, Writer)
    return packed


# --- decoding -------------------------------------------------------------------------------------


def write(
    network: Writer,
    tokenizer: Tokenizer,
    prompt: Int[Tensor, " time"],
    context: int,
    request: TextRequest,
    generator: torch.Generator,
) -> Iterator[str]:
    """Continues `prompt`, yielding text as it is sampled; stops at a stop string or the end of the document."""
    for (piece,) in write_together(network, tokenizer, prompt, context, request, [generator]):
        if piece:
            yield piece


def write_together(
    network: Writer,
    tokenizer: Tokenizer,
    prompt: Int[Tensor, " time"],
    context: int,
    request: TextRequest,
    generators: Sequence[torch.Generator],
) -> Iterator[list[str]]:
    """Continues `prompt` once for each of `generators`; yields the new text of each, token by token.

    When the context is full, its newer half is read again at fresh positions, because the network was not trained on
    later ones.
    """
    end = end_of(tokenizer)
    unknown, tokens = tokenizer.token_to_id(UNKNOWN), tokenizer.get_vocab_size()
    texts = [WrittenText(tokenizer, end, request.stop) for _ in generators]
    written = prompt.expand(len(texts), -1)
    room = len(prompt) + request.tokens
    fed, cache, length = prompt[None, -context:], network.new_cache(room), 0
    for _ in range(request.tokens):
        with torch.inference_mode():
            if length + fed.shape[1] > context:
                fed, cache, length = written[:, -max(1, context // 2) :], network.new_cache(), 0
            logits = network(fed, cache, last=True)[:, -1].float()
            length += fed.shape[1]
            if len(logits) < len(texts):  # the prompt is read only once for all texts
                rows = torch.zeros(len(texts), dtype=torch.long, device=logits.device)
                logits = logits[rows]
                for layer in cache if isinstance(cache, list) else [cache]:
                    layer.keep(rows)
            if unknown is not None:
                logits[:, unknown] = -torch.inf
            logits[:, tokens:] = -torch.inf  # an imported network may have more logits than the tokenizer has tokens
            shaped = shape_logits(
                logits,
                written,
                request.temperature,
                request.top_k,
                request.top_p,
                request.min_p,
                request.repetition_penalty,
            )
            # Each text has its own generator, so that the batch size does not change it.
            new = shaped.argmax(-1) if request.greedy else draw(shaped, *generators)
            fed = new[:, None]
            written = torch.cat((written, fed), 1)
        # A finished text stays in the batch: its row costs less than removing it from the cache.
        yield [text.add(token) for text, token in zip(texts, new.tolist(), strict=True)]
        if all(text.ended for text in texts):
            return
    yield [text.rest() for text in texts]


def encode_prompt(
    tokenizer: Tokenizer, prompt: str | None, documents: int, device: torch.device
) -> Int[Tensor, " time"]:
    """The tokens to continue; without a prompt, the start of a document, or of a line if documents were few.

    Raises:
        InputError: the prompt is not UTF-8, or has characters that are not in the vocabulary.
    """
    end = end_of(tokenizer)
    if not prompt:
        newline = tokenizer.encode("\n", add_special_tokens=False).ids
        known = newline and newline != [tokenizer.token_to_id(UNKNOWN)]
        return torch.tensor(newline if documents < MANY and known else [end], device=device)
    try:
        prompt.encode()
    except UnicodeEncodeError:  # the terminal's bytes were not UTF-8
        raise InputError("The prompt is not UTF-8: set the terminal to UTF-8.", "prompt") from None
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    unknown = tokenizer.token_to_id(UNKNOWN)
    if unknown is not None and unknown in ids:
        strange = sorted({c for c in prompt if tokenizer.token_to_id(c) is None})
        shown = ", ".join(repr(character) for character in strange)
        raise InputError(f"The prompt has characters that were not in the training text: {shown}.", "prompt")
    if not ids:
        raise InputError("The tokenizer turns the prompt into no tokens: give another.", "prompt")
    return torch.tensor(ids, device=device)


def seed_of(seed: int, number: int) -> int:
    """The seed of text `number`; text 0 has the seed of the request."""
    return seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])

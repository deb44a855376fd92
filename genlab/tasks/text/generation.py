"""What every trained language model can do: write on from a prompt, one text or several together."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.shared.tokenizers import UNKNOWN, end_of
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.layers.packed import pack
from genlab.layers.sampling import draw, shape_logits
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2
from genlab.models.lstm import LSTM
from genlab.tasks.text.options import TextRequest
from genlab.tasks.text.streaming import WrittenText

LanguageModel = GPT | GPT2 | LSTM
"""`network(tokens, cache, last) -> logits`, `network.new_cache(room)`, and a `shape` that names its vocabulary."""
MANY = 20
"""Documents from which on a text without a prompt starts as one."""
TOGETHER = 16
"""Texts that are written at the same time."""
REPAID = 50
"""Tokens of a text from which packing the weights takes less time than it saves (docs/log.md)."""


def write(
    network: LanguageModel,
    tokenizer: Tokenizer,
    prompt: Int[Tensor, " time"],
    context: int,
    request: TextRequest,
    generator: torch.Generator,
) -> Iterator[str]:
    """Goes on from `prompt`, yielding text as it comes; ends at a stop string or a document's end."""
    for (piece,) in write_together(network, tokenizer, prompt, context, request, [generator]):
        if piece:
            yield piece


def write_together(
    network: LanguageModel,
    tokenizer: Tokenizer,
    prompt: Int[Tensor, " time"],
    context: int,
    request: TextRequest,
    generators: Sequence[torch.Generator],
) -> Iterator[list[str]]:
    """A text for each of `generators`, all going on from `prompt`; yields what is new of every text, token by token.

    When `context` is full, the newest half of it is read anew: no token is predicted from positions that
    training never showed.
    """
    end = end_of(tokenizer)
    unknown, tokens = tokenizer.token_to_id(UNKNOWN), tokenizer.get_vocab_size()
    texts = [WrittenText(tokenizer, end, request.stop) for _ in generators]
    written = prompt.expand(len(texts), -1)
    room = len(prompt) + request.tokens
    fed, cache, length = prompt[None, -context:], network.new_cache(room), 0
    network.eval()
    with torch.inference_mode():
        for _ in range(request.tokens):
            if length + fed.shape[1] > context:
                fed, cache, length = written[:, -max(1, context // 2) :], network.new_cache(), 0
            logits = network(fed, cache, last=True)[:, -1].float()
            length += fed.shape[1]
            if len(logits) < len(texts):  # the prompt is read once for all texts
                rows = torch.zeros(len(texts), dtype=torch.long, device=logits.device)
                logits = logits[rows]
                for layer in cache if isinstance(cache, list) else [cache]:
                    layer.keep(rows)
            if unknown is not None:
                logits[:, unknown] = -torch.inf
            logits[:, tokens:] = -torch.inf  # an imported network may have room for more
            shaped = shape_logits(
                logits,
                written,
                request.temperature,
                request.top_k,
                request.top_p,
                request.min_p,
                request.repetition_penalty,
            )
            # Each text is drawn from its own generator: what it says does not depend on its neighbours.
            new = shaped.argmax(-1) if request.greedy else draw(shaped, *generators)
            fed = new[:, None]
            written = torch.cat((written, fed), 1)
            # A text that has ended goes on unread: its row costs less than taking it out of the cache.
            yield [text.add(token) for text, token in zip(texts, new.tolist(), strict=True)]
            if all(text.ended for text in texts):
                return
    yield [text.rest() for text in texts]


def encode_prompt(
    tokenizer: Tokenizer, prompt: str | None, documents: int, device: torch.device
) -> Int[Tensor, " time"]:
    """The tokens to go on from; without a prompt the start of a document, or of a line where documents were few.

    Raises:
        InputError: the prompt is not UTF-8, or has characters that the model never saw.
    """
    end = end_of(tokenizer)
    if not prompt:
        newline = tokenizer.encode("\n", add_special_tokens=False).ids
        known = newline and newline != [tokenizer.token_to_id(UNKNOWN)]
        return torch.tensor(newline if documents < MANY and known else [end], device=device)
    try:
        prompt.encode()
    except UnicodeEncodeError:  # the terminal's bytes were not UTF-8
        raise InputError(
            "The prompt is not UTF-8: give it in UTF-8, in a terminal that is set to it.", "prompt"
        ) from None
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    unknown = tokenizer.token_to_id(UNKNOWN)
    if unknown is not None and unknown in ids:
        strange = sorted({c for c in prompt if tokenizer.token_to_id(c) is None})
        shown = ", ".join(repr(character) for character in strange)
        raise InputError(f"The prompt has characters that were not in the training text: {shown}.", "prompt")
    if not ids:
        raise InputError("The tokenizer leaves nothing of the prompt: give another.", "prompt")
    return torch.tensor(ids, device=device)


def write_samples(
    network: LanguageModel, tokenizer: Tokenizer, context: int, documents: int, request: TextRequest,
    device: torch.device, show: Callable[[str], None] | None = None,
) -> Iterator[Sample]:  # fmt: skip
    """`request.n` texts, the prompt in front; `show` gets one text piece by piece, and several one after the other.

    Raises:
        InputError: the prompt or the weights asked for cannot be used.
    """
    prompt = encode_prompt(tokenizer, request.prompt, documents, device)
    network = for_writing(network, request, device)
    show = show or (lambda _: None)
    for start in range(0, request.n, TOGETHER):
        numbers = range(start, min(start + TOGETHER, request.n))
        generators = [torch.Generator(device).manual_seed(seed_of(request.seed, number)) for number in numbers]
        texts = [request.prompt or ""] * len(numbers)
        if request.n == 1 and request.prompt:
            show(request.prompt)
        for pieces in write_together(network, tokenizer, prompt, context, request, generators):
            texts = [text + piece for text, piece in zip(texts, pieces, strict=True)]
            if request.n == 1 and pieces[0]:
                show(pieces[0])
        for text in texts:
            if request.n > 1:
                show(text)
            yield Sample(text, {"txt": text.encode("utf-8", "replace")})


def seed_of(seed: int, number: int) -> int:
    """The seed of the text with this number: the first has the request's own."""
    return seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])


def for_writing(network: LanguageModel, request: TextRequest, device: torch.device) -> LanguageModel:
    """The network as the request wants its weights; `auto` packs where that is repaid.

    Raises:
        InputError: this machine cannot pack them so.
    """
    can = device.type == "cpu" and torch.backends.mkldnn.is_available()
    if request.weights == "plain" or (request.weights == "auto" and not (can and request.tokens >= REPAID)):
        return network
    if not can or (request.weights in ("16", "int8") and "fbgemm" not in torch.backends.quantized.supported_engines):
        raise InputError(
            f"weights: {request.weights} needs a CPU and a torch with oneDNN and FBGEMM; take --weights plain.",
            "weights",
        )
    return pack(network, "32" if request.weights == "auto" else request.weights)

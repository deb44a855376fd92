"""What every trained language model can do: write, and be measured on text.

A network here is anything with `network(tokens, cache, last) -> logits`, `network.new_cache()` and a `shape` that names
its vocabulary.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Int
from tokenizers import Tokenizer
from torch import Tensor, nn

from genlab.configs.text import TextRequest
from genlab.data.text import Corpus, Split, describe, read_corpus, test_text, training_text
from genlab.data.tokenizers import UNKNOWN, end_of, kind_of
from genlab.engine.recipe import DataFacts
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.layers.packed import pack
from genlab.layers.sampling import draw, shape_logits
from genlab.metrics.text import baselines, copying
from genlab.recipes.written import WrittenText

VALIDATION_TOKENS = 32_768
"""Tokens of the validation split that are looked at during training, in windows spread over it."""
TEST_TOKENS = 500_000
"""Tokens of the test split that are looked at when a training ends, likewise; `evaluate` reads all."""
MANY = 20
"""Documents from which on a text without a prompt starts as one."""
TOGETHER = 16
"""Texts that are written at the same time."""
REPAID = 50
"""Tokens of a text from which packing the weights takes less time than it saves (docs/log.md)."""
LOGITS = 1 << 26
"""Numbers that are held at once of what a network says of all tokens: a quarter of a gigabyte."""


def split_loss(network: nn.Module, split: Split, context: int, device: torch.device, most: int | None = None) -> float:
    """Mean loss in nats a token: non-overlapping windows of `context`, every token once.

    Args:
        network: The language model.
        split: What to measure on.
        context: Tokens of a window.
        device: Where the network is.
        most: Look at about this many tokens, in windows spread evenly; None for all.
    """
    total, count = 0.0, len(split.tokens) - 1
    whole = count // context
    starts = np.arange(whole) * context
    some = most is not None and whole * context > most
    if most is not None and some:
        starts = starts[np.linspace(0, whole - 1, max(1, most // context)).round().astype(int)]
    rest = count - whole * context
    shape: Any = network.shape
    rows = max(1, min(8192, LOGITS // shape.vocabulary) // context)
    groups = [starts[first : first + rows] for first in range(0, len(starts), rows)]
    counted = len(starts) * context
    network.eval()
    with torch.no_grad():
        for group in groups:
            total += _window_loss(network, np.stack([split.tokens[s : s + context + 1] for s in group]), device)
        if rest and not some:
            total += _window_loss(network, split.tokens[None, whole * context :], device)
            counted += rest
    network.train()
    return total / counted


def _window_loss(network: nn.Module, rows: np.ndarray, device: torch.device) -> float:
    tokens = torch.from_numpy(rows.astype(np.int64)).to(device)
    logits = network(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="sum").item()


def text_measures(loss: float, split: Split) -> dict[str, float]:
    """A loss per token, and the same figure in units that do not depend on the tokenizer."""
    nats = loss * (len(split.tokens) - 1)
    return {
        "loss": loss,
        "loss_per_character": nats / split.characters,
        "bits_per_byte": nats / split.bytes / math.log(2),
        "perplexity": math.exp(min(loss, 700)),
    }


def write(
    network: nn.Module,
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
    network: nn.Module,
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
    fed, cache, length = prompt[None, -context:], network.new_cache(), 0  # type: ignore[operator]
    network.eval()
    with torch.inference_mode():
        for _ in range(request.tokens):
            if length + fed.shape[1] > context:
                fed, cache, length = written[:, -max(1, context // 2) :], network.new_cache(), 0  # type: ignore[operator]
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
            if request.greedy:
                new = shaped.argmax(-1)
            else:  # each text from its own generator: what it says does not depend on its neighbours
                new = torch.cat([draw(row[None], generator) for row, generator in zip(shaped, generators, strict=True)])
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
        InputError: the prompt has characters that the model never saw.
    """
    end = end_of(tokenizer)
    if not prompt:
        newline = tokenizer.encode("\n", add_special_tokens=False).ids
        known = newline and newline != [tokenizer.token_to_id(UNKNOWN)]
        return torch.tensor(newline if documents < MANY and known else [end], device=device)
    ids = tokenizer.encode(prompt, add_special_tokens=False).ids
    unknown = tokenizer.token_to_id(UNKNOWN)
    if unknown is not None and unknown in ids:
        strange = sorted({c for c in prompt if tokenizer.token_to_id(c) is None})
        shown = ", ".join(repr(character) for character in strange)
        raise InputError(f"The prompt has characters that were not in the training text: {shown}.", "prompt")
    if not ids:
        raise InputError("The tokenizer leaves nothing of the prompt: give another.", "prompt")
    return torch.tensor(ids, device=device)


def documents_of(about: dict[str, Any]) -> int:
    """How many documents the run whose run.json this is was trained on; of an imported one nobody knows: many."""
    return about["data"]["counts"].get("train", {"documents": MANY})["documents"]


def write_samples(
    network: nn.Module, tokenizer: Tokenizer, context: int, documents: int, request: TextRequest, device: torch.device,
    show: Callable[[str], None] | None = None,
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


def for_writing(network: nn.Module, request: TextRequest, device: torch.device) -> nn.Module:
    """The network as the request wants its weights; `auto` packs where that is repaid.

    Raises:
        InputError: this machine cannot pack them so.
    """
    can = device.type == "cpu" and torch.backends.mkldnn.is_available()
    if request.weights == "plain" or (request.weights == "auto" and not (can and request.tokens >= REPAID)):
        return network
    if not can or (request.weights == "int8" and "fbgemm" not in torch.backends.quantized.supported_engines):
        raise InputError(
            f"weights: {request.weights} needs a CPU and a torch with oneDNN and FBGEMM; take --weights plain.",
            "weights",
        )
    return pack(network, "int8" if request.weights == "int8" else "32")


def evaluate_text(
    network: nn.Module, tokenizer: Tokenizer, context: int, documents: int, device: torch.device,
    data: str | None, trained_on: dict[str, str], fingerprint: str,
) -> dict[str, Any]:  # fmt: skip
    """Loss and its relatives on the test split or on `data`, beside baselines and the copy check.

    Raises:
        InputError: the training data have moved or changed and `data` does not say where they are.
    """
    where = {"validation": trained_on["validation"], "test": trained_on["test"]}
    if data is None and fingerprint == "":
        raise InputError("The run was imported, without the text it was trained on: give text with --data.", "data")
    if data is None:
        try:
            corpus = read_corpus(trained_on["path"], **where, kind="", vocabulary=None, tokenizer=tokenizer)
        except InputError as error:
            raise InputError(f"{error} The run was trained on it: say where it is now with --data.", "data") from None
        if corpus.fingerprint != fingerprint:
            raise InputError(f"{trained_on['path']} has changed since the training; give text with --data.", "data")
        home: str | None = trained_on["path"]
    else:
        home = data
        try:
            corpus = read_corpus(data, **where, kind="", vocabulary=None, tokenizer=tokenizer)
        except InputError as error:
            if error.field not in where:
                raise
            home = None  # the training's own splits are gone
        if home is None or corpus.fingerprint != fingerprint:  # other text: all of it is for measuring
            corpus = read_corpus(data, "0", "0", kind="", vocabulary=None, tokenizer=tokenizer)
            home = None
    split = corpus.test if home else corpus.train
    if split is None:
        raise InputError("The run kept no test data (--test 0): give text with --data.", "data")

    result: dict[str, Any] = {"data": corpus.name, "split": "test" if home else "all"}
    result |= text_measures(split_loss(network, split, context, device), split)
    result |= {"tokens": len(split.tokens) - 1, "characters": split.characters, "unknown_characters": split.unknown}
    if home is None:
        return result | {"copying": None}
    held_out = b"".join(test_text(home, **where))
    kept = list(training_text(home, **where)) if corpus.train.bytes < 1 << 27 else None  # else read it each time
    training = lambda: kept or training_text(home, **where)
    result["baselines"] = baselines(training(), held_out)
    request = TextRequest(tokens=2000, temperature=1.0)
    generator = torch.Generator(device).manual_seed(0)
    prompt = encode_prompt(tokenizer, None, documents, device)
    generated, fast = "", for_writing(network, request, device)
    while len(generated) < 8000:  # texts that end early are followed by another
        piece = "".join(write(fast, tokenizer, prompt, context, request, generator))
        generated += piece or "\n"
    result["copying"] = copying(training, generated.encode(), held_out)
    return result


def corpus_facts(corpus: Corpus) -> DataFacts:
    """What a run records of a text."""
    splits = {"train": corpus.train, "validation": corpus.validation, "test": corpus.test}
    notes = []
    if corpus.skipped:
        shown = ", ".join(corpus.skipped[:5]) + (" ..." if len(corpus.skipped) > 5 else "")
        notes.append(f"{len(corpus.skipped)} files that are not text by their names were left out: {shown}")
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


def imported_values(shape: Any, tokenizer: Tokenizer) -> dict[str, Any]:
    """What the config of a network with this shape says that was trained elsewhere."""
    kind = kind_of(tokenizer)
    vocabulary = tokenizer.get_vocab_size() if kind == "bpe" else None
    return {"size": "imported", "context": shape.context, "tokenizer": kind, "vocabulary": vocabulary}


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

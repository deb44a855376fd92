"""How well a language model knows a text: its loss in units that compare, beside baselines and a copy check."""

import math
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from genlab.data.text.corpus import Split, read_corpus, test_text, training_text
from genlab.errors import InputError
from genlab.metrics.text import baselines, copying
from genlab.tasks.text.generation import LanguageModel, encode_prompt, for_writing, write
from genlab.tasks.text.options import TextRequest

VALIDATION_TOKENS = 32_768
"""Tokens of the validation split that are looked at during training, in windows spread over it."""
TEST_TOKENS = 500_000
"""Tokens of the test split that are looked at when a training ends, likewise; `evaluate` reads all."""
LOGITS = 1 << 26
"""Numbers that are held at once of what a network says of all tokens: a quarter of a gigabyte."""


def split_loss(
    network: LanguageModel, split: Split, context: int, device: torch.device, most: int | None = None
) -> float:
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
    rows = max(1, min(8192, LOGITS // network.shape.vocabulary) // context)
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


def _window_loss(network: LanguageModel, rows: np.ndarray, device: torch.device) -> float:
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


def evaluate_text(
    network: LanguageModel, tokenizer: Tokenizer, context: int, documents: int, device: torch.device,
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

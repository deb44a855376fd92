"""Evaluates a language model: loss in comparable units, beside baselines and a copy check."""

import math
from functools import partial
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from genlab.data.text.corpus import Split, read_corpus, test_text, training_text
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.metrics.text import baselines, copying
from genlab.tasks.shared.reopening import reopened
from genlab.tasks.text.generation import encode_prompt, for_writing, write
from genlab.tasks.text.options import TextRequest
from genlab.tasks.text.pipeline import TextPipeline

VALIDATION_TOKENS = 32_768
"""Number of validation tokens that training measures on, in windows spread over the split."""
TEST_TOKENS = 500_000
"""Number of test tokens that training measures on at its end, also spread; `evaluate` reads them all."""
LOGITS = 1 << 26
"""Largest number of logits in memory: a quarter of a gigabyte."""


def evaluate(pipeline: TextPipeline, source: Source) -> Evaluation:
    """Loss on the test split or on other text, in several units, beside baselines and the copy check.

    Raises:
        InputError: there is no text to measure on, or the training data have moved or changed.
    """
    if source.data is None and not source.fingerprint:
        raise InputError("An imported run has no test split: give text with --data.", "data")
    corpus, own = reopened(partial(read_corpus, tokenizer=pipeline.tokenizer), source)
    split = corpus.test if own else corpus.train
    if split is None:
        raise InputError("The run has no test split (--test 0): give text with --data.", "data")
    report: dict[str, Any] = {"data": corpus.name, "split": "test" if own else "all"}
    report |= text_measures(split_loss(pipeline, split), split)
    report |= {"tokens": len(split.tokens) - 1, "characters": split.characters, "unknown_characters": split.unknown}
    if not own:
        return Evaluation(report | {"copying": None})

    place = source.trained_on._replace(data=source.data or source.trained_on.data)
    held_out = b"".join(test_text(*place))
    kept = list(training_text(*place)) if corpus.train.bytes < 1 << 27 else None  # else it is read each time
    training = lambda: kept or training_text(*place)
    report["baselines"] = baselines(training(), held_out)
    report["copying"] = copying(training, sample_text(pipeline, 8000).encode(), held_out)
    return Evaluation(report)


def sample_text(pipeline: TextPipeline, characters: int) -> str:
    """Generates at least this many characters at temperature 1, joining several texts if some end early."""
    device = pipeline.machine.device
    request = TextRequest(tokens=2000, temperature=1.0)
    generator = torch.Generator(device).manual_seed(0)
    prompt = encode_prompt(pipeline.tokenizer, None, pipeline.documents, device)
    writer = for_writing(pipeline.network, request, device)
    text = ""
    while len(text) < characters:
        written = write(writer, pipeline.tokenizer, prompt, pipeline.options.context, request, generator)
        text += "".join(written) or "\n"
    return text


def split_loss(pipeline: TextPipeline, split: Split, most: int | None = None) -> float:
    """Mean loss in nats per token over disjoint windows, so that every token counts once.

    Args:
        pipeline: The language model, inside `evaluating`.
        split: The split to measure on.
        most: Approximate number of tokens to measure, in evenly spread windows; None for all.
    """
    context, count = pipeline.options.context, len(split.tokens) - 1
    whole = count // context
    starts = np.arange(whole) * context
    some = most is not None and whole * context > most
    if most is not None and some:
        starts = starts[np.linspace(0, whole - 1, max(1, most // context)).round().astype(int)]
    rows = max(1, min(8192, LOGITS // pipeline.shape.vocabulary) // context)
    total, counted = 0.0, len(starts) * context
    for first in range(0, len(starts), rows):
        windows = [split.tokens[start : start + context + 1] for start in starts[first : first + rows]]
        total += _window_loss(pipeline, np.stack(windows))
    rest = count - whole * context
    if rest and not some:
        total += _window_loss(pipeline, split.tokens[None, whole * context :])
        counted += rest
    return total / counted


def _window_loss(pipeline: TextPipeline, rows: np.ndarray) -> float:
    """Summed loss over windows."""
    tokens = torch.from_numpy(rows.astype(np.int64)).to(pipeline.machine.device)
    logits = pipeline.network(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1).float(), tokens[:, 1:].flatten(), reduction="sum").item()


def text_measures(loss: float, split: Split) -> dict[str, float]:
    """The loss per token, and in units that do not depend on the tokenizer."""
    nats = loss * (len(split.tokens) - 1)
    return {
        "loss": loss,
        "loss_per_character": nats / split.characters,
        "bits_per_byte": nats / split.bytes / math.log(2),
        "perplexity": math.exp(min(loss, 700)),
    }

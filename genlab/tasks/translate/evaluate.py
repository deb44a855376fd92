"""Evaluates a translator: loss, BLEU, chrF and exact matches, beside those of copying the source."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch.nn.functional as F
from torch import Tensor

from genlab.data.pairs.batches import TokenPairs, tokenise
from genlab.data.pairs.pair_set import Pairs, PairSet, read_pairs
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.metrics.translate import corpus_measures, extremes, scorers, signatures
from genlab.tasks.shared.reopening import reopened
from genlab.tasks.translate.options import TranslateRequest
from genlab.tasks.translate.pipeline import TranslatePipeline

EVALUATED = 5_000
"""Largest number of pairs to measure on, spread evenly over the split."""
SHOWN = 5
"""Number of worst and of best translations to show."""
MEASURED = 8_192
"""Tokens per batch, source and target together, for measuring the loss."""


def evaluate(pipeline: TranslatePipeline, source: Source) -> Evaluation:
    """Evaluates on the test split, or on all pairs of other data.

    Raises:
        InputError: the data cannot be read, or sacrebleu is missing.
    """

    def read(data: str, validation: str, test: str, encoding: str | None) -> PairSet:
        whole = (validation, test) == ("0", "0")  # other data are measured whole
        return read_pairs(data, validation, test, encoding, lower=pipeline.options.lower, distinct=not whole)

    scorers()  # fails early if sacrebleu is missing
    found, same = reopened(read, source)
    split = found.test if same else found.train
    if split is None:
        raise InputError("The run has no test split (--test 0): give pairs with --data.", "data")
    chosen = spread(split, EVALUATED)
    tokens = tokenise(chosen, pipeline.source, pipeline.target)
    translations = pipeline.translate(chosen.sources, TranslateRequest())
    (loss,) = mean_losses(pipeline, tokens, F.cross_entropy)
    report: dict[str, Any] = {
        "data": found.name,
        "split": "test" if same else "all",
        "pairs": len(split),
        "measured": len(chosen),
        "loss": loss,
        "perplexity": float(np.exp(min(loss, 700))),
        **corpus_measures(translations, chosen.targets),
        "unknown_tokens": tokens.unknown,
        "copying_the_source": corpus_measures(chosen.sources, chosen.targets),
        "signatures": signatures(),
        **extremes(chosen.sources, chosen.targets, translations, SHOWN),
    }
    return Evaluation(report)


def mean_losses(
    pipeline: TranslatePipeline, pairs: TokenPairs, *losses: Callable[[Tensor, Tensor], Tensor]
) -> list[float]:
    """The mean over all target tokens of `pairs` of each loss, which returns the mean over a batch."""
    totals = [0.0] * len(losses)
    with pipeline.evaluating():
        for batch in pairs.in_order(MEASURED):
            batch = pipeline.machine.place(batch)
            logits = pipeline.target_logits(batch).float()
            for number, loss in enumerate(losses):
                totals[number] += len(batch.targets) * loss(logits, batch.targets).item()
    return [total / pairs.tokens for total in totals]


def spread(pairs: Pairs, most: int) -> Pairs:
    """At most `most` pairs, evenly spaced."""
    if len(pairs) <= most:
        return pairs
    return pairs.take(np.linspace(0, len(pairs) - 1, most).round().astype(int).tolist())

"""The base of the translators' recipes: data, batches and validation."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from genlab.data.pairs.batches import END_TOKEN, TokenPairs, TranslationBatch, Vocabulary, tokenise
from genlab.data.pairs.pair_set import PairSet, check_learnable, read_pairs
from genlab.engine.custom import try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Place, Recipe, Setup
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.metrics.translate import corpus_measures, exact_match, scorers
from genlab.models.transformer import smoothed_loss
from genlab.tasks.translate.evaluate import mean_losses, spread
from genlab.tasks.translate.options import TranslateRequest
from genlab.tasks.translate.pipeline import Lengths, TranslatePipeline

WATCHED = 1_000
"""Largest number of validation pairs to measure on during training, spread evenly over the split."""
TESTED = 500
"""Largest number of test pairs to translate at the end of training, spread evenly over the split."""
SHOWN = 5
"""Number of translations in a preview."""
EXAMPLES = 5
"""Number of training pairs that `genlab look` shows."""


@dataclass(frozen=True)
class TranslationData:
    """Pairs and their tokens."""

    pairs: PairSet
    source: Vocabulary
    target: Vocabulary
    train: TokenPairs
    watched: TokenPairs | None
    """Validation pairs to measure on during training; None without a validation split."""
    lengths: Lengths


class TranslationRecipe(Recipe):
    """Trains an encoder-decoder on pairs; subclasses add the network, its optimisers and the step."""

    losses = ("loss",)
    data: TranslationData
    pipeline: TranslatePipeline

    def __init__(self, setup: Setup, pipeline: TranslatePipeline, optimizers: dict[str, list]) -> None:
        super().__init__(setup, pipeline, pipeline.networks, optimizers)
        self.network: nn.Module = pipeline.network
        self.loss: Callable[[Tensor, Tensor, float], Tensor] = setup.losses.get("loss", smoothed_loss)

    # --- data ---

    @classmethod
    def examples(cls, data: TranslationData) -> list[Sample]:
        """The first training pairs."""
        pairs = zip(data.pairs.train.sources[:EXAMPLES], data.pairs.train.targets[:EXAMPLES], strict=True)
        texts = [f"{source}\t{target}" for source, target in pairs]
        return [Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")}) for text in texts]

    @classmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[TranslationData, DataFacts]:
        pairs = read_pairs(*place, lower=options.lower)
        check_learnable(pairs)
        sides = pairs.train.sources, pairs.train.targets
        if options.joint:
            source = target = Vocabulary.make(options.tokenizer, [*sides[0], *sides[1]], options.vocabulary)
        else:
            source, target = (Vocabulary.make(options.tokenizer, side, options.vocabulary) for side in sides)
        splits = {"train": pairs.train, "validation": pairs.validation, "test": pairs.test}
        tokens = {name: tokenise(split, source, target) for name, split in splits.items() if split is not None}
        watched = None if pairs.validation is None else tokenise(spread(pairs.validation, WATCHED), source, target)
        counts = {name: count(split) for name, split in tokens.items()}
        lengths = Lengths(*(counts["train"][name] for name in Lengths._fields))
        notes = list(pairs.notes)
        for name, split in tokens.items():
            if split.unknown and name != "train":
                notes.append(f"{split.unknown:,} tokens of the {name} split are not in the vocabulary.")
        try:
            scorers()
        except InputError as error:
            notes.append(str(error))
        data = TranslationData(pairs, source, target, tokens["train"], watched, lengths)
        return data, DataFacts(pairs.name, pairs.fingerprint, counts, notes)

    def batch(self, step: int) -> TranslationBatch:
        return self.data.train.batch(step, self.options.batch, self.seed, self.machine.rank, self.machine.processes)

    def terms(self, batch: TranslationBatch) -> int:
        """Number of tokens to predict."""
        return len(batch.targets)

    # --- metrics ---

    @property
    def validates(self) -> bool:
        return self.data.watched is not None

    def validate(self) -> dict[str, float]:
        assert self.data.watched is not None
        loss, objective = mean_losses(self.pipeline, self.data.watched, F.cross_entropy, self._objective)
        # The training objective selects the weights: the loss without smoothing would prefer undertrained ones.
        return {"smoothed_loss": objective, "loss": loss}

    def _objective(self, logits: Tensor, targets: Tensor) -> Tensor:
        return self.loss(logits, targets, self.options.label_smoothing)

    def test(self) -> dict[str, float]:
        if self.data.pairs.test is None:
            return {}
        chosen = spread(self.data.pairs.test, TESTED)
        (loss,) = mean_losses(self.pipeline, tokenise(chosen, self.data.source, self.data.target), F.cross_entropy)
        translations = self.pipeline.translate(chosen.sources, TranslateRequest())
        try:
            return {"loss": loss, **corpus_measures(translations, chosen.targets)}
        except InputError:  # sacrebleu is missing
            return {"loss": loss, "exact": exact_match(translations, chosen.targets)}

    def preview(self) -> list[Sample]:
        chosen = spread(self.data.pairs.validation or self.data.pairs.train, SHOWN)
        translations = self.pipeline.translate(chosen.sources, TranslateRequest(beam=1))
        rows = zip(chosen.sources, chosen.targets, translations, strict=True)
        text = "\n".join(f"source      {a}\nreference   {b}\ntranslation {c}\n" for a, b, c in rows)
        return [Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")})]

    def warnings(self, steps: int) -> list[str]:
        epochs = steps * self.options.batch * self.machine.processes / self.data.train.cost
        if epochs > 100:
            return [
                f"training reads the pairs {epochs:.0f} times: watch for overfitting, or give less time or more pairs."
            ]
        return []


def count(pairs: TokenPairs) -> dict[str, Any]:
    """The facts about a split for run.json; lengths include the end token."""
    source, target = pairs.source.lengths, pairs.target.lengths - 1
    return {
        "pairs": len(pairs),
        "source_tokens": int(source.sum()),
        "target_tokens": int(target.sum()),
        "longest_source": int(source.max()),
        "longest_target": int(target.max()),
        "stretch": float(((target - 10).clip(1) / source).max()),
        "unknown": pairs.unknown,
    }


# --- custom networks ------------------------------------------------------------------------------


class _FirstToken(nn.Module):
    """The first step of decoding, as a module."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.network = network

    def forward(self, source: Tensor, mask: Tensor) -> Tensor:
        memory = self.network.start(source, mask, 2)
        memory.keep(source.new_tensor([1, 0]))
        return self.network.next(source.new_full((2,), END_TOKEN), memory)


def try_translator(name: str, pipeline: TranslatePipeline) -> None:
    """Calls a custom network as training and decoding do.

    Raises:
        InputError: the network lacks a method, rejects its input or returns the wrong shape.
    """
    tokens = torch.full((2, 3), END_TOKEN)
    mask = torch.tensor([[True, True, True], [True, True, False]])
    tokens, mask, index = pipeline.machine.place((tokens, mask, mask.flatten().nonzero()[:, 0]))
    vocabulary, network = pipeline.target.size, pipeline.networks[name]
    called = "it must take source, target, source mask and the target positions to predict from"
    try_network(name, network, (tokens, tokens, mask, index), [(len(index), vocabulary)], called)
    decoded = "decoding needs start(source, mask, capacity), keep(rows) of its result, and next(tokens, memory)"
    try_network(name, _FirstToken(network), (tokens, mask), [(2, vocabulary)], decoded)

"""What every translator can do: read pairs, be measured on them, and translate.

A network here is anything with `network(source, target, source_mask, target_mask) -> logits`,
`network.start(source, mask, capacity) -> memory`, `network.next(tokens, memory) -> logits` and a memory that can
`keep` rows.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pairs.batches import (
    END_TOKEN,
    Ragged,
    TokenPairs,
    TranslationBatch,
    Vocabulary,
    padding_mask,
    tokenise,
)
from genlab.data.pairs.lines import Lines, given_lines
from genlab.data.pairs.pair_set import Pairs, PairSet, check_learnable, read_pairs
from genlab.data.shared.tokenizers import load_tokenizer
from genlab.engine.files import write_atomically
from genlab.engine.pipeline import Generates
from genlab.engine.recipe import DataFacts, Recipe
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.layers.beam import Hypothesis, beam_search, draw_sequences
from genlab.layers.sampling import shape_logits
from genlab.metrics.translate import corpus_measures, exact_match, extremes, scorers, signatures
from genlab.models.transformer import smoothed_loss
from genlab.tasks.shared.reopening import reopened
from genlab.tasks.translate.options import TranslateRequest

WATCHED = 1_000
"""Most validation pairs that are looked at during training, spread evenly over the split."""
TESTED = 500
"""Most test pairs that are translated when a training ends, likewise."""
EVALUATED = 5_000
"""The same of `evaluate`."""
SHOWN = 5
"""Translations that are shown as the worst and the best, and during training."""
ROOM = 1 << 15
"""Tokens that are written at the same time, at most."""
MEASURED = 8_192
"""Tokens of both languages that a loss is measured on at once."""


class Translator(Recipe, Generates):
    """An encoder-decoder of the user's pairs."""

    task = "translate"
    request_type = TranslateRequest
    network: Any
    pairs: PairSet

    # --- data ---

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        config = self.config
        pairs = self.pairs = read_pairs(data, validation, test, config.lower)
        check_learnable(pairs)
        texts = pairs.train.sources, pairs.train.targets
        if config.joint:
            self.source = self.target = Vocabulary.make(config.tokenizer, [*texts[0], *texts[1]], config.vocabulary)
        else:
            self.source, self.target = (Vocabulary.make(config.tokenizer, side, config.vocabulary) for side in texts)
        parts = {"train": pairs.train, "validation": pairs.validation, "test": pairs.test}
        found = {name: tokenise(part, self.source, self.target) for name, part in parts.items() if part is not None}
        self.train = found["train"]
        self.watched = None if pairs.validation is None else self._tokens(some(pairs.validation, WATCHED))
        counts = {name: describe(part) for name, part in found.items()}
        self._know(counts["train"])
        notes = list(pairs.notes)
        for name, part in found.items():
            if part.unknown and name != "train":
                notes.append(f"{part.unknown:,} tokens of the {name} split are not in the vocabulary.")
        try:
            scorers()
        except InputError as error:
            notes.append(str(error))
        return DataFacts(pairs.name, pairs.fingerprint, counts, notes)

    def _know(self, counts: dict[str, Any]) -> None:
        """What decoding must know of the training pairs."""
        self.longest_source, self.longest_target = counts["longest_source"], counts["longest_target"]
        self.stretch = counts["stretch"]

    def _tokens(self, pairs: Pairs) -> TokenPairs:
        return tokenise(pairs, self.source, self.target)

    def batch(self, step: int) -> TranslationBatch:
        return self.train.batch(step, self.config.batch, self.seed, self.machine.rank, self.machine.processes)

    def predict_targets(self, batch: TranslationBatch) -> Float[Tensor, "tokens vocabulary"]:
        """Logits for each of `batch.targets`."""
        return self.network(batch.source, batch.inputs, batch.source_mask, batch.target_index)

    # --- measures ---

    @property
    def validates(self) -> bool:
        return self.watched is not None

    def validate(self) -> dict[str, float]:
        # What training lowers picks the weights: without the smoothing, weights that have hardly learnt it look better.
        assert self.watched is not None
        loss, smoothed = self._losses(self.watched)
        return {"smoothed_loss": smoothed, "loss": loss}

    def test(self) -> dict[str, float]:
        if self.pairs.test is None:
            return {}
        chosen = some(self.pairs.test, TESTED)
        measures = {"loss": self._losses(self._tokens(chosen))[0]}
        translations = self.translate(chosen.sources, TranslateRequest())
        try:
            return measures | corpus_measures(translations, chosen.targets)
        except InputError:  # what could be measured is not lost because sacrebleu is missing
            return measures | {"exact": exact_match(translations, chosen.targets)}

    def _losses(self, pairs: TokenPairs) -> tuple[float, float]:
        """Mean cross-entropy of all target tokens, in nats: without label smoothing, and with it."""
        total, smoothed = 0.0, 0.0
        self.network.eval()
        with torch.no_grad(), self.machine.autocast():
            for batch in pairs.in_order(MEASURED):
                batch = self.machine.place(batch)
                logits, targets = self.predict_targets(batch), batch.targets
                total += F.cross_entropy(logits.float(), targets, reduction="sum").item()
                smoothed += len(targets) * smoothed_loss(logits, targets, self.config.label_smoothing).item()
        self.network.train()
        return total / pairs.tokens, smoothed / pairs.tokens

    def warnings(self, steps: int) -> list[str]:
        epochs = steps * self.config.batch / self.train.cost
        if epochs > 100:
            return [
                f"the pairs will be read {epochs:.0f} times: watch for overfitting, or give less time or more pairs."
            ]
        return []

    # --- a finished run ---

    def save_files(self, folder: Path) -> None:
        for name, vocabulary in self._files().items():
            write_atomically(folder / name, vocabulary.tokenizer.to_str(pretty=True).encode())

    def _files(self) -> dict[str, Vocabulary]:
        if self.config.joint:
            return {"tokenizer.json": self.source}
        return {"tokenizer-source.json": self.source, "tokenizer-target.json": self.target}

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        names = ("tokenizer.json",) if self.config.joint else ("tokenizer-source.json", "tokenizer-target.json")
        found = [Vocabulary(load_tokenizer(folder / name)) for name in names]
        self.source, self.target = found[0], found[-1]
        self._know(about["data"]["counts"]["train"])

    # --- translating ---

    def generate(self, request: TranslateRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        if not request.sample and request.n_best > request.beam:
            raise InputError(
                f"n_best: {request.n_best} translations need as many to be followed: --beam {request.n_best}.", "n_best"
            )
        for lines in given_lines(request.prompt, request.input):
            for hypotheses in self.search(self._readable(lines), request):
                for hypothesis in hypotheses[: request.n_best]:
                    text = self.target.decode(hypothesis.tokens)
                    if show:
                        show(text)
                    yield Sample(text, {"txt": text.encode("utf-8", "replace")})

    def _readable(self, lines: Lines) -> list[str]:
        """The lines as the model reads them.

        Raises:
            InputError: one is too long, or has what is not in the vocabulary.
        """
        texts = [text.strip().lower() if self.config.lower else text.strip() for text in lines.texts]
        for number, (text, tokens) in enumerate(zip(texts, self.source.encode(texts), strict=True)):
            if self.source.unknown in tokens:
                what = "characters" if self.source.kind == "char" else "words"
                shown = ", ".join(repr(stranger) for stranger in self.source.unknown_in(text)[:10])
                raise InputError(
                    f"{lines.place(number)} has {what} that are not in the vocabulary: {shown}.", lines.option
                )
            if len(tokens) >= self.longest_source:
                raise InputError(
                    f"{lines.place(number)} has {len(tokens):,} tokens, the longest sentence that the model learnt "
                    f"from has {self.longest_source - 1:,}: split it.",
                    lines.option,
                )
        return texts

    def translate(self, texts: list[str], request: TranslateRequest) -> list[str]:
        """The best translation of each text, in their order."""
        return [self.target.decode(found[0].tokens) for found in self.search(texts, request)]

    def search(self, texts: list[str], request: TranslateRequest) -> list[list[Hypothesis]]:
        """The best translations of each text, as tokens; of an empty one an empty one."""
        rows = [[*tokens, END_TOKEN] for tokens in self.source.encode(texts)]
        source = Ragged.of(rows)
        limits = np.minimum(np.ceil(self.stretch * source.lengths).astype(int) + 10, self.longest_target)
        found: list[list[Hypothesis]] = [[Hypothesis([], 0.0)] * request.n_best for _ in texts]
        order = np.array([index for index in np.argsort(-source.lengths, kind="stable") if texts[index]], int)
        generator = torch.Generator(self.machine.device).manual_seed(request.seed)
        followed = request.n_best if request.sample else request.beam
        self.network.eval()
        while len(order):
            count = max(1, ROOM // (followed * int(limits[order[0]])))
            chosen, order = order[:count], order[count:]
            tokens, lengths = source.padded(chosen)
            mask = padding_mask(lengths, tokens.shape[1])
            tokens, mask, most = self.machine.place((tokens, mask, torch.from_numpy(limits[chosen])))
            with torch.inference_mode(), self.machine.autocast():
                memory = self.network.start(tokens, mask, int(limits[chosen].max()))
                results = self._search(memory, most, request, generator)
            for index, result in zip(chosen, results, strict=True):
                found[index] = result
        self.network.train()
        return found

    def _search(
        self, memory: Any, limits: Int[Tensor, " batch"], request: TranslateRequest, generator: torch.Generator
    ) -> list[list[Hypothesis]]:
        def next_logits(tokens: Int[Tensor, " rows"]) -> Float[Tensor, "rows vocabulary"]:
            logits = self.network.next(tokens, memory).float()
            if self.target.unknown is not None:
                logits[:, self.target.unknown] = -torch.inf
            return logits

        def shaped(logits: Float[Tensor, "rows vocabulary"]) -> Float[Tensor, "rows vocabulary"]:
            none = torch.zeros(len(logits), 0, dtype=torch.long, device=logits.device)
            return shape_logits(logits, none, request.temperature, request.top_k, request.top_p, request.min_p)

        if request.sample:
            return draw_sequences(next_logits, memory.keep, limits, END_TOKEN, request.n_best, shaped, generator)
        return beam_search(
            next_logits, memory.keep, limits, END_TOKEN, request.beam, request.length_penalty, request.n_best
        )

    def preview(self) -> list[Sample]:
        chosen = some(self.pairs.validation or self.pairs.train, SHOWN)
        translations = self.translate(chosen.sources, TranslateRequest(beam=1))
        rows = zip(chosen.sources, chosen.targets, translations, strict=True)
        text = "\n".join(f"source      {a}\nreference   {b}\ntranslation {c}\n" for a, b, c in rows)
        return [Sample(text, {"txt": text.encode("utf-8", "replace")})]

    # --- measuring a finished run ---

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        def read(place: str, validation: str, test: str) -> PairSet:
            whole = (validation, test) == ("0", "0")  # other data, all of which are measured
            return read_pairs(place, validation, test, self.config.lower, distinct=not whole)

        scorers()  # what cannot measure is refused before anything is translated
        found, same = reopened(read, data, trained_on, fingerprint)
        split = found.test if same else found.train
        if split is None:
            raise InputError("The run kept no test data (--test 0): give pairs with --data.", "data")
        chosen = some(split, EVALUATED)
        tokens = self._tokens(chosen)
        translations = self.translate(chosen.sources, TranslateRequest())
        loss, _ = self._losses(tokens)
        result: dict[str, Any] = {"data": found.name, "split": "test" if same else "all"}
        result |= {
            "pairs": len(split),
            "measured": len(chosen),
            "loss": loss,
            "perplexity": float(np.exp(min(loss, 700))),
        }
        result |= corpus_measures(translations, chosen.targets)
        result |= {"unknown_tokens": tokens.unknown}
        result["copying_the_source"] = corpus_measures(chosen.sources, chosen.targets)
        result["signatures"] = signatures()
        result |= extremes(chosen.sources, chosen.targets, translations, SHOWN)
        return result


def some(pairs: Pairs, most: int) -> Pairs:
    """At most so many of the pairs, spread evenly over them."""
    if len(pairs) <= most:
        return pairs
    return pairs.take(np.linspace(0, len(pairs) - 1, most).round().astype(int).tolist())


def describe(pairs: TokenPairs) -> dict[str, Any]:
    """The counts of a split; lengths include the end mark."""
    source, target = pairs.source.lengths, pairs.target.lengths - 1
    return {
        "pairs": len(pairs),
        "source_tokens": int(source.sum()),
        "target_tokens": int(target.sum()),
        "longest_source": int(source.max()),
        "longest_target": int(target.max()),
        "stretch": float(np.max(np.maximum(target - 10, 1) / source)),
        "unknown": pairs.unknown,
    }

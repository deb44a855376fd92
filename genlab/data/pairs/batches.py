"""Tokenises pairs of sentences and batches them by length, with little padding.

Data flow: pairs -> tokenizers trained on the training pairs -> two flat arrays of tokens -> batches of pairs with
similar lengths.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int, Int64
from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.pairs.lines import named_lines
from genlab.data.pairs.pair_set import Pairs
from genlab.data.shared.cache import cached
from genlab.data.shared.tokenizers import (
    END,
    UNKNOWN,
    character_tokenizer,
    fitting_vocabulary,
    kind_of,
    load_tokenizer,
    train_tokenizer,
    word_tokenizer,
)
from genlab.errors import InputError

READER = 1
"""Version of the vocabularies, part of the cache key: increase it if the same sentences give another vocabulary."""
LONGEST = 1000
"""Largest length of a sentence in tokens."""
WINDOW = 250
"""Number of batches whose pairs are sorted by length together."""
CHARACTERS_PER_TOKEN = 1_000
"""Characters of training text per token of a fitted vocabulary: 1,024 tokens for 1 MB, 32,768 from 17 MB."""
END_TOKEN = 0
"""Begins and ends a target, ends a source, and fills the padding; the same in every vocabulary."""


class TranslationBatch(NamedTuple):
    """The input of one update.

    Masks and indices are computed from the lengths before the batch moves to the device, because reading them back
    from a GPU would stall the host.
    """

    source: Int[Tensor, "batch source_time"]
    """Every row ends with the end token; padding follows."""
    source_mask: Bool[Tensor, "batch source_time"] | None
    """True for tokens, False for padding; None without padding."""
    inputs: Int[Tensor, "batch target_time"]
    """Decoder input: the end token, then the target."""
    target_index: Int[Tensor, " tokens"] | None
    """Positions of `inputs`, flattened, that are not padding; None without padding."""
    targets: Int[Tensor, " tokens"]
    """The token that follows each of these positions; the last of a row is the end token."""


class Vocabulary:
    """A tokenizer of sentences, which have no leading space and no end token."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        assert tokenizer.token_to_id(END) == END_TOKEN
        self.tokenizer = tokenizer
        self.kind = kind_of(tokenizer)
        self.size: int = tokenizer.get_vocab_size()
        self.unknown: int | None = tokenizer.token_to_id(UNKNOWN)

    @classmethod
    def make(cls, kind: str, texts: list[str], vocabulary: int | None) -> "Vocabulary":
        """Trains (or finds in the cache) a vocabulary of characters (char), words (word) or subwords (bpe)."""
        digest = hashlib.sha256("\n".join(texts).encode()).hexdigest()

        def fill(folder: Path) -> None:
            (folder / "tokenizer.json").write_text(_train(kind, texts, vocabulary).to_str(), encoding="utf-8")

        name = f"vocabulary {READER} {kind} {vocabulary} {digest}"
        return cls(cached(name, fill, lambda folder: load_tokenizer(folder / "tokenizer.json")))

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Tokenises sentences. The first word gets a leading space, so that it has the same tokens as elsewhere."""
        spaced = texts if self.kind == "char" else [f" {text}" if text else "" for text in texts]
        return [encoding.ids for encoding in self.tokenizer.encode_batch_fast(spaced, add_special_tokens=False)]

    def decode(self, tokens: list[int]) -> str:
        """Returns the sentence of these tokens."""
        return self.tokenizer.decode(tokens).strip()

    def unknown_in(self, text: str) -> list[str]:
        """Returns the characters or words of a sentence that are not in the vocabulary."""
        if self.kind == "char":
            return sorted({character for character in text if self.tokenizer.token_to_id(character) is None})
        encoding = self.tokenizer.encode(f" {text}", add_special_tokens=False)
        spans = zip(encoding.ids, encoding.offsets, strict=True)
        return sorted({f" {text}"[start:end].strip() for token, (start, end) in spans if token == self.unknown})


def _train(kind: str, texts: list[str], vocabulary: int | None) -> Tokenizer:
    if kind == "char":
        return character_tokenizer(set().union(*map(set, texts)))
    characters = sum(map(len, texts))
    size = vocabulary or fitting_vocabulary(characters, CHARACTERS_PER_TOKEN)
    spaced: Iterator[str] = (f" {text}" for text in texts)
    return word_tokenizer(spaced, size) if kind == "word" else train_tokenizer(kind, spaced, characters, size)


@dataclass(frozen=True)
class Ragged:
    """Rows of different lengths in one flat array."""

    tokens: Int[np.ndarray, " all"]
    starts: Int64[np.ndarray, " rows_and_one"]
    """Start of each row in `tokens`, and the end of the last."""

    @classmethod
    def of(cls, rows: list[list[int]]) -> "Ragged":
        starts = np.zeros(len(rows) + 1, np.int64)
        np.cumsum([len(row) for row in rows], out=starts[1:])
        flat = np.fromiter((token for row in rows for token in row), np.int32, int(starts[-1]))
        return cls(flat, starts)

    @property
    def lengths(self) -> Int64[np.ndarray, " rows"]:
        return np.diff(self.starts)

    def padded(self, rows: Int[np.ndarray, " batch"]) -> tuple[Int[Tensor, "batch longest"], Int[Tensor, " batch"]]:
        """Returns rows padded with the end token, and their lengths."""
        lengths = self.lengths[rows]
        place = np.arange(lengths.max())
        index = np.minimum(self.starts[rows][:, None] + place, len(self.tokens) - 1)
        tokens = np.where(place < lengths[:, None], self.tokens[index], END_TOKEN).astype(np.int64)
        return torch.from_numpy(tokens), torch.from_numpy(lengths)


@dataclass(frozen=True)
class TokenPairs:
    """Tokenised pairs."""

    source: Ragged
    """Each row ends with the end token."""
    target: Ragged
    """Each row begins and ends with the end token."""
    unknown: int
    """Number of tokens that are not in the vocabularies."""
    _ends: dict = field(default_factory=dict, init=False, repr=False, compare=False)
    """Number of batches up to the end of each epoch, by seed and batch size."""
    _epochs: dict = field(default_factory=dict, init=False, repr=False, compare=False)
    """The two epochs in use: what `_epoch` returned."""

    def __len__(self) -> int:
        return len(self.source.starts) - 1

    @property
    def tokens(self) -> int:
        """Number of tokens to predict: all targets, end tokens included."""
        return len(self.target.tokens) - len(self)

    @property
    def cost(self) -> int:
        """Number of tokens of both sides, as the batch size counts them."""
        return len(self.source.tokens) + self.tokens

    def rows(self, chosen: Int[np.ndarray, " batch"]) -> TranslationBatch:
        """Returns a batch of the pairs at `chosen`."""
        source, source_lengths = self.source.padded(chosen)
        target, target_lengths = self.target.padded(chosen)
        inputs, targets = target[:, :-1], target[:, 1:].flatten()
        mask = padding_mask(target_lengths - 1, inputs.shape[1])
        index = None if mask is None else mask.flatten().nonzero()[:, 0]
        return TranslationBatch(
            source,
            padding_mask(source_lengths, source.shape[1]),
            inputs.contiguous(),
            index,
            targets if index is None else targets[index],
        )

    def batch(self, step: int, most: int, seed: int, rank: int = 0, processes: int = 1) -> TranslationBatch:
        """Returns the batch of a step, a pure function of the arguments: up to `most` tokens of both sides, padded.

        An epoch shuffles the pairs, sorts windows of them by length, cuts these into batches and shuffles the batches;
        processes take batches in turn.
        """
        place = step * processes + rank
        ends: list[int] = self._ends.setdefault((seed, most), [])
        while not ends or place >= ends[-1]:
            count = len(self._epoch(seed, len(ends), most)[1]) - 1
            ends.append(count + (ends[-1] if ends else 0))
        epoch = int(np.searchsorted(ends, place, "right"))
        order, cuts, turn = self._epoch(seed, epoch, most)
        first = int(turn[place - (ends[epoch - 1] if epoch else 0)])
        return self.rows(order[cuts[first] : cuts[first + 1]])

    def _epoch(self, seed: int, epoch: int, most: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The order of the pairs, the starts of the batches in it, and the order of the batches."""
        epochs = self._epochs
        if (seed, epoch, most) not in epochs:
            while len(epochs) > 1:
                epochs.pop(next(iter(epochs)))
            random = np.random.default_rng((seed, epoch))
            order = random.permutation(len(self))
            window = max(1, WINDOW * most * len(self) // self.cost)
            windows = [self._sorted(order[at : at + window]) for at in range(0, len(order), window)]
            # Alternating the order keeps the longest pairs of one window apart from the shortest of the next.
            order = np.concatenate([rows[:: 1 if number % 2 else -1] for number, rows in enumerate(windows)])
            cuts = self._cuts(order, most)
            epochs[seed, epoch, most] = order, cuts, random.permutation(len(cuts) - 1)
        return epochs[seed, epoch, most]

    def _sorted(self, rows: Int[np.ndarray, " rows"]) -> Int[np.ndarray, " rows"]:
        """Sorts rows by target length, then by source length, alternately ascending and descending."""
        target, source = self.target.lengths[rows], self.source.lengths[rows]
        return rows[np.lexsort((np.where(target % 2, source, -source), target))]

    def _cuts(self, order: Int[np.ndarray, " rows"], most: int) -> Int[np.ndarray, " cuts"]:
        """Returns the starts of batches: each takes rows up to `most` tokens, including padding."""
        cuts, longest = [0], (0, 0)
        sources, targets = self.source.lengths[order].tolist(), (self.target.lengths[order] - 1).tolist()
        for place, (source, target) in enumerate(zip(sources, targets, strict=True)):
            longest = max(longest[0], source), max(longest[1], target)
            if place > cuts[-1] and (place + 1 - cuts[-1]) * sum(longest) > most:
                cuts.append(place)
                longest = source, target
        return np.array([*cuts, len(order)])

    def in_order(self, most: int) -> Iterator[TranslationBatch]:
        """Yields all pairs once, sorted by length, in batches of up to `most` tokens."""
        order = self._sorted(np.arange(len(self)))
        cuts = self._cuts(order, most)
        for start, end in pairwise(cuts):
            yield self.rows(order[start:end])


def padding_mask(lengths: Int[Tensor, " batch"], longest: int) -> Bool[Tensor, "batch longest"] | None:
    """True for the first `lengths` positions of each row, False for padding; None without padding."""
    if int(lengths.min()) == longest:
        return None
    return torch.arange(longest, device=lengths.device) < lengths[:, None]


def tokenise(pairs: Pairs, source: Vocabulary, target: Vocabulary) -> TokenPairs:
    """Tokenises pairs.

    Raises:
        InputError: sentences are too long.
    """
    sides = []
    unknown = 0
    for texts, vocabulary, file in zip((pairs.sources, pairs.targets), (source, target), pairs.files, strict=True):
        rows = vocabulary.encode(texts)
        long = {line: len(row) for line, row in zip(pairs.lines, rows, strict=True) if len(row) > LONGEST}
        if long:
            raise InputError(
                f"{file}, {named_lines(list(long))} {'has' if len(long) == 1 else 'have'} more than {LONGEST:,} tokens "
                f"(up to {max(long.values()):,}): split such lines into sentences, or remove them.",
                "data",
            )
        if vocabulary.unknown is not None:
            unknown += sum(row.count(vocabulary.unknown) for row in rows)
        sides.append(rows)
    sources = Ragged.of([[*row, END_TOKEN] for row in sides[0]])
    return TokenPairs(sources, Ragged.of([[END_TOKEN, *row, END_TOKEN] for row in sides[1]]), unknown)

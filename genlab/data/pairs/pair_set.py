"""The user's pairs of sentences -> splits.

Data flow: a file with a tab between source and target in each line, two parallel files, or a sample set -> pairs
without repetitions -> splits. Which split a pair falls into depends on its source sentence alone, so that no source
sentence stands in two, and adding pairs moves no other.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genlab.data.pairs.lines import read_lines
from genlab.data.pairs.sample_sets import SAMPLES
from genlab.data.shared.sample_sets import sample_set
from genlab.data.shared.splits import divided, shares_of
from genlab.errors import InputError
from genlab.options import two_paths

FEWEST = 20
"""Pairs that a training needs."""
LONGEST_LINE = 10_000
"""Most characters of a sentence."""
ROUGH = 100
"""Held-out pairs below which a measure is called rough."""


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations."""

    sources: list[str]
    targets: list[str]
    lines: list[int]
    """Of each pair, where it stands in its files, counted from 1."""
    files: tuple[str, str]
    """Of the sources and of the targets."""

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, chosen: list[int]) -> "Pairs":
        """Some of them, in this order."""
        sources, targets = ([texts[index] for index in chosen] for texts in (self.sources, self.targets))
        return Pairs(sources, targets, [self.lines[index] for index in chosen], self.files)


@dataclass(frozen=True)
class PairSet:
    """Pairs ready to train on."""

    name: str
    fingerprint: str
    """SHA-256 of all pairs, in their order; those of splits of their own follow."""
    train: Pairs
    validation: Pairs | None
    test: Pairs | None
    notes: list[str] = field(default_factory=list)


def read_pairs(data: str, validation: str, test: str, lower: bool = False, distinct: bool = True) -> PairSet:
    """Reads and splits `data`.

    Args:
        data: A file with a tab in each line, "SOURCE,TARGET" for two parallel files, or @sample.
        validation: Share of the pairs that picks the weights, or a path to pairs of its own, written as `data`.
        test: Share of the pairs that is only reported, or such a path.
        lower: Turn everything into lower case.
        distinct: Take pairs of `data` that stand more than once only once. Splits of their own stay as they are:
            figures on a known test set compare only if it is whole.

    Raises:
        InputError: something cannot be read, or is no pair.
    """
    name, pairs = _open(data, "data")
    shares = shares_of(validation, test)
    _check_lengths(pairs, "data")
    digest = hashlib.sha256(_content(pairs))
    notes: list[str] = []
    pairs = _lowered(pairs) if lower else pairs
    if distinct:
        before, pairs = len(pairs), _distinct(pairs)
        if len(pairs) < before:
            notes.append(f"{before - len(pairs):,} pairs that stood there already were left out.")

    own: dict[str, Pairs] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            _, read = _open(value, part)
            _check_lengths(read, part)
            digest.update(_content(read))
            own[part] = _lowered(read) if lower else read
    if len(own) == 2:  # a sentence that would pick the weights and be reported is reported
        reported = set(own["test"].sources)
        others = [index for index, source in enumerate(own["validation"].sources) if source not in reported]
        own["validation"] = own["validation"].take(others)
    held = {source for part in own.values() for source in part.sources}
    chosen = divided([hashlib.blake2b(source.encode(), digest_size=8).digest() for source in pairs.sources], shares)
    known = np.array([source in held for source in pairs.sources], bool)
    if known.any():
        notes.append(f"{known.sum():,} pairs whose source stands in a split of its own were not trained on.")

    def held_out(part: str) -> Pairs | None:
        found = own[part] if part in own else pairs.take(np.flatnonzero(chosen[part] & ~known).tolist())
        if shares[part] == 0:
            return None
        if not len(found):
            notes.append(f"the {part} split has no pairs: it is left out.")
            return None
        if len(found) < ROUGH:
            notes.append(f"the {part} split has {len(found)} pairs: its measures are rough.")
        return found

    train = pairs.take(np.flatnonzero(chosen["train"] & ~known).tolist())
    return PairSet(name, digest.hexdigest(), train, held_out("validation"), held_out("test"), notes)


def check_learnable(pairs: PairSet) -> None:
    """Whether anything can be learnt from them.

    Raises:
        InputError: there are too few pairs to train on, or nothing to translate in them.
    """
    if len(pairs.train) < FEWEST:
        raise InputError(
            f"{pairs.name} leaves {len(pairs.train)} pairs to train on: give at least {FEWEST}, or hold out less.",
            "data",
        )
    if pairs.train.sources == pairs.train.targets:
        raise InputError(
            f"In {pairs.name} every target equals its source: there is nothing to translate (are both the same file?).",
            "data",
        )


def _open(data: str, option: str) -> tuple[str, Pairs]:
    """Name and pairs."""
    if data.startswith("@"):
        ((_, text),) = sample_set(data, SAMPLES, option)()
        return data, _tabbed(text.split("\n")[:-1], data, option)
    if both := two_paths(data):
        parts = Path(both[0]), Path(both[1])
        source, target = (read_lines(path, option) for path in parts)
        name = " + ".join(path.name for path in parts)
        if len(source) != len(target):
            raise InputError(
                f"{parts[0]} has {len(source):,} lines and {parts[1]} {len(target):,}: line n of one must be the "
                "translation of line n of the other.",
                option,
            )
        for path, lines in zip(parts, (source, target), strict=True):
            for number, line in enumerate(lines, 1):
                if not line.strip():
                    raise InputError(f"{path}, line {number} is empty: take that line out of both files.", option)
        sources, targets = ([line.strip() for line in lines] for lines in (source, target))
        return name, Pairs(sources, targets, list(range(1, len(source) + 1)), (str(parts[0]), str(parts[1])))
    path = Path(data)
    return path.name, _tabbed(read_lines(path, option), data, option)


def _tabbed(lines: list[str], name: str, option: str) -> Pairs:
    """Pairs from lines with a tab between source and target."""
    columns: tuple[list[str], list[str]] = ([], [])
    for number, line in enumerate(lines, 1):
        cells = line.split("\t")
        if not line.strip():
            raise InputError(f"{name}, line {number} is empty: take it out.", option)
        if len(cells) != 2:
            what = f"{len(cells) - 1} tabs" if len(cells) > 2 else "no tab"
            raise InputError(
                f"{name}, line {number} has {what}: a pair is a source, one tab and a target"
                + (
                    " (`cut -f1,2` keeps two columns)." if len(cells) > 2 else "; two files are given as SOURCE,TARGET."
                ),
                option,
            )
        for column, cell, part in zip(columns, cells, ("source", "target"), strict=True):
            if not cell.strip():
                raise InputError(f"{name}, line {number} has an empty {part}: fill it in or take the line out.", option)
            column.append(cell.strip())
    return Pairs(*columns, list(range(1, len(lines) + 1)), (name, name))


def _check_lengths(pairs: Pairs, option: str) -> None:
    for texts, file in zip((pairs.sources, pairs.targets), pairs.files, strict=True):
        for line, text in zip(pairs.lines, texts, strict=True):
            if len(text) > LONGEST_LINE:
                raise InputError(
                    f"{file}, line {line} has {len(text):,} characters, a sentence has at most {LONGEST_LINE:,}: split "
                    "it, or take the line out.",
                    option,
                )


def _content(pairs: Pairs) -> bytes:
    """All that is fingerprinted."""
    return "".join(f"{s}\t{t}\n" for s, t in zip(pairs.sources, pairs.targets, strict=True)).encode()


def _lowered(pairs: Pairs) -> Pairs:
    sources, targets = ([text.lower() for text in texts] for texts in (pairs.sources, pairs.targets))
    return Pairs(sources, targets, pairs.lines, pairs.files)


def _distinct(pairs: Pairs) -> Pairs:
    """Each pair once."""
    first: dict[tuple[str, str], int] = {}
    for index, pair in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        first.setdefault(pair, index)
    return pairs.take(list(first.values()))

"""Reads the user's pairs of sentences and splits them into train, validation and test.

Data flow: a file with a source, a tab and a target per line, a CSV or Parquet file of two columns, two parallel files,
or a sample set -> pairs without duplicates -> splits. The source sentence alone decides the split, so that no source is
in two splits and adding pairs moves no others.
"""

import hashlib
from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from genlab.data.pairs import SAMPLES
from genlab.data.pairs.header import is_header
from genlab.data.pairs.lines import named_lines, read_lines
from genlab.data.shared.compressed import COMPRESSED
from genlab.data.shared.delimited import carried, read_cells
from genlab.data.shared.sample_sets import sample_set
from genlab.data.shared.splits import divided, shares_of
from genlab.errors import InputError
from genlab.options import two_paths

MIN_PAIRS = 20
"""Smallest number of training pairs."""
TABLES = (".csv", ".psv", ".parquet")
"""Endings of files that are read as tables; the others have a pair per line."""
LONGEST_LINE = 10_000
"""Largest length of a sentence in characters."""
ROUGH = 100
"""Number of held-out pairs below which a note calls the metrics rough."""


@dataclass(frozen=True)
class Pairs:
    """Sentences and their translations."""

    sources: list[str]
    targets: list[str]
    lines: list[int]
    """Line number of each pair in its files, from 1."""
    files: tuple[str, str]
    """Names of the files of the sources and of the targets."""

    def __len__(self) -> int:
        return len(self.sources)

    def take(self, chosen: list[int]) -> "Pairs":
        """Returns the pairs at these indices, in their order."""
        sources, targets = ([texts[index] for index in chosen] for texts in (self.sources, self.targets))
        return Pairs(sources, targets, [self.lines[index] for index in chosen], self.files)


@dataclass(frozen=True)
class PairSet:
    """Pairs split for training."""

    name: str
    fingerprint: str
    """SHA-256 of all pairs in order, and of separate validation and test files."""
    train: Pairs
    validation: Pairs | None
    test: Pairs | None
    notes: list[str] = field(default_factory=list)


def read_pairs(
    data: str,
    validation: str,
    test: str,
    encoding: str | None = None,
    *,
    lower: bool = False,
    distinct: bool = True,
) -> PairSet:
    """Reads and splits `data`.

    Args:
        data: A file with one tab per line, a CSV or Parquet file of two columns, "SOURCE,TARGET" for two parallel
            files, or @sample.
        validation: Fraction of the pairs that selects the weights, or a path to other pairs, written as `data`.
        test: Fraction of the pairs that is only reported, or a path to other pairs.
        encoding: Encoding of files that are not UTF-8.
        lower: Convert all text to lower case.
        distinct: Remove duplicate pairs from `data`. Separate validation and test files keep theirs, because scores
            on a known test set are only comparable if it is complete.

    Raises:
        InputError: the data cannot be read or are not pairs.
    """
    notes: list[str] = []
    name, pairs = _open(data, "data", encoding, notes)
    shares = shares_of(validation, test)
    digest = hashlib.sha256(_content(pairs))
    pairs = _lowered(pairs) if lower else pairs
    if distinct:
        before, pairs = len(pairs), _distinct(pairs)
        if len(pairs) < before:
            notes.append(f"{before - len(pairs):,} duplicate pairs were left out.")

    separate: dict[str, Pairs] = {}
    for part, value in (("validation", validation), ("test", test)):
        if shares[part] is None:
            _, read = _open(value, part, encoding, notes)
            digest.update(_content(read))
            separate[part] = _lowered(read) if lower else read
    if len(separate) == 2:  # a sentence in both is reported, so it must not select the weights
        reported = set(separate["test"].sources)
        others = [index for index, source in enumerate(separate["validation"].sources) if source not in reported]
        separate["validation"] = separate["validation"].take(others)
    held = {source for part in separate.values() for source in part.sources}
    chosen = divided([hashlib.blake2b(source.encode(), digest_size=8).digest() for source in pairs.sources], shares)
    known = np.array([source in held for source in pairs.sources], bool)
    if known.any():
        notes.append(
            f"{known.sum():,} pairs were left out of training: their source is in the {' or '.join(separate)} file."
        )

    def held_out(part: str) -> Pairs | None:
        found = separate[part] if part in separate else pairs.take(np.flatnonzero(chosen[part] & ~known).tolist())
        if shares[part] == 0:
            return None
        if not len(found):
            notes.append(f"the {part} split has no pairs: it was left out.")
            return None
        if len(found) < ROUGH:
            notes.append(f"the {part} split has only {len(found)} pairs: its metrics are rough.")
        return found

    train = pairs.take(np.flatnonzero(chosen["train"] & ~known).tolist())
    return PairSet(name, digest.hexdigest(), train, held_out("validation"), held_out("test"), notes)


def check_learnable(pairs: PairSet) -> None:
    """Checks that a translator can be trained on the pairs.

    Raises:
        InputError: there are too few training pairs, or every target equals its source.
    """
    if len(pairs.train) < MIN_PAIRS:
        raise InputError(
            f"{pairs.name} leaves {len(pairs.train)} pairs to train on: give at least {MIN_PAIRS}, or hold out less.",
            "data",
        )
    if pairs.train.sources == pairs.train.targets:
        raise InputError(
            f"In {pairs.name} every target equals its source: there is nothing to learn (are both the same file?).",
            "data",
        )


def _open(data: str, option: str, encoding: str | None, notes: list[str]) -> tuple[str, Pairs]:
    """Returns name and pairs; adds what it leaves out to `notes`."""
    if data.startswith("@"):
        ((_, text),) = sample_set(data, SAMPLES, option)()
        return data, _tabbed(text.split("\n")[:-1], data, option, notes)
    if both := two_paths(data):
        parts = Path(both[0]), Path(both[1])
        name, pairs = " + ".join(path.name for path in parts), _parallel(parts, option, encoding, notes)
    else:
        path = Path(data)
        name = path.name
        if COMPRESSED.sub("", name.lower()).endswith(TABLES):
            pairs = _separated(data, option, encoding, notes)
            _check_lengths(pairs, option)
            return name, pairs
        pairs = _tabbed(read_lines(path, option, encoding), data, option, notes)
    if len(pairs) > 1 and is_header(pairs.sources[0], pairs.targets[0]):
        names = f"{pairs.sources[0]}, {pairs.targets[0]}"
        notes.append(f"the first row of {name} ({names}) is a header: it was left out.")
        pairs = pairs.take(list(range(1, len(pairs))))
    _check_lengths(pairs, option)
    return name, pairs


def _parallel(parts: tuple[Path, Path], option: str, encoding: str | None, notes: list[str]) -> Pairs:
    """Pairs from two files, line by line; a line that is blank in both files is skipped."""
    sources, targets = ([line.strip() for line in read_lines(path, option, encoding)] for path in parts)
    if len(sources) != len(targets):
        raise InputError(
            f"{parts[0]} has {len(sources):,} lines and {parts[1]} {len(targets):,}: line n of one must be the "
            "translation of line n of the other.",
            option,
        )
    problems = []
    for path, mine, others in ((parts[0], sources, targets), (parts[1], targets, sources)):
        blank = [number for number, text in enumerate(mine, 1) if not text and others[number - 1]]
        if blank:
            problems.append(f"{path}, {named_lines(blank)} {'is' if len(blank) == 1 else 'are'} empty")
    if problems:
        raise InputError(f"{'; '.join(problems)}: fill them in, or remove them from both files.", option)
    kept = [number for number, source in enumerate(sources, 1) if source]
    _skip_blank(len(sources), kept, f"{parts[0]} and {parts[1]}", option, notes)
    rows = [number - 1 for number in kept]
    return Pairs(sources, targets, list(range(1, len(sources) + 1)), (str(parts[0]), str(parts[1]))).take(rows)


def _tabbed(lines: list[str], name: str, option: str, notes: list[str]) -> Pairs:
    """Pairs from lines with a tab between source and target; blank lines are skipped."""
    columns: tuple[list[str], list[str]] = ([], [])
    kept: list[int] = []
    problems: dict[str, list[int]] = defaultdict(list)
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        kept.append(number)
        cells = [cell.strip() for cell in line.split("\t")]
        if len(cells) != 2:
            problems["no tab" if len(cells) == 1 else "more than one tab"].append(number)
            continue
        for column, cell, part in zip(columns, cells, ("source", "target"), strict=True):
            if not cell:
                problems[f"an empty {part}"].append(number)
            column.append(cell)
    if problems:
        raise InputError(_malformed(name, problems), option)
    _skip_blank(len(lines), kept, name, option, notes)
    return Pairs(*columns, kept, (name, name))


def _separated(data: str, option: str, encoding: str | None, notes: list[str]) -> Pairs:
    """Pairs from a table of two columns, as `data/shared/delimited.py` reads it.

    Raises:
        InputError: the file is not such a table, or a cell is empty.
    """
    cells = read_cells(data, option, encoding)
    if cells.header:
        cells.notes.append(
            f"the first line of {data} ({', '.join(cells.names[:4])}) names the columns and is not a pair."
        )
    with carried(cells.notes):
        if len(cells.columns) != 2:
            raise InputError(
                f"{data} has {len(cells.columns)} column{'s' * (len(cells.columns) != 1)}: keep only two, the source "
                "and the target.", option,
            )  # fmt: skip
        for column, part in zip(cells.columns, ("source", "target"), strict=True):
            if empty := [int(line) for cell, line in zip(column, cells.lines, strict=True) if not cell]:
                raise InputError(_malformed(data, {f"an empty {part}": empty}), option)
    notes += cells.notes
    sources, targets = (list(column) for column in cells.columns)
    return Pairs(sources, targets, [int(line) for line in cells.lines], (data, data))


def _malformed(name: str, problems: dict[str, list[int]]) -> str:
    """The error about lines that are not pairs, grouped by problem."""
    found = [
        f"{named_lines(numbers)} {'has' if len(numbers) == 1 else 'have'} {what}" for what, numbers in problems.items()
    ]
    advice = "a pair is a source, one tab and a target"
    if "more than one tab" in problems:
        advice += " (`cut -f1,2` keeps two columns)"
    if "no tab" in problems:
        advice += "; two files are given as SOURCE,TARGET"
    return f"{name}, {'; '.join(found)}: {advice}."


def _skip_blank(count: int, kept: list[int], name: str, option: str, notes: list[str]) -> None:
    """Notes which of `count` lines are blank: those not in `kept`.

    Raises:
        InputError: all lines are blank.
    """
    if not kept:
        raise InputError(f"{name} has only blank lines: give lines of text.", option)
    blank = sorted(set(range(1, count + 1)).difference(kept))
    if blank:
        notes.append(f"blank lines in {name} were skipped: {named_lines(blank)}.")


def _check_lengths(pairs: Pairs, option: str) -> None:
    for texts, file in zip((pairs.sources, pairs.targets), pairs.files, strict=True):
        long = {line: len(text) for line, text in zip(pairs.lines, texts, strict=True) if len(text) > LONGEST_LINE}
        if long:
            raise InputError(
                f"{file}, {named_lines(list(long))} {'has' if len(long) == 1 else 'have'} more than {LONGEST_LINE:,} "
                f"characters (up to {max(long.values()):,}): split such lines into sentences, or remove them.",
                option,
            )


def _content(pairs: Pairs) -> bytes:
    """The bytes to hash for the fingerprint."""
    return "".join(f"{s}\t{t}\n" for s, t in zip(pairs.sources, pairs.targets, strict=True)).encode()


def _lowered(pairs: Pairs) -> Pairs:
    sources, targets = ([text.lower() for text in texts] for texts in (pairs.sources, pairs.targets))
    return Pairs(sources, targets, pairs.lines, pairs.files)


def _distinct(pairs: Pairs) -> Pairs:
    """Removes duplicates, keeping the first of each."""
    first: dict[tuple[str, str], int] = {}
    for index, pair in enumerate(zip(pairs.sources, pairs.targets, strict=True)):
        first.setdefault(pair, index)
    return pairs.take(list(first.values()))

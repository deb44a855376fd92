"""Reads the user's music and splits it into train, validation and test.

Data flow: a folder, zip, file or sample set -> pieces (`collection.py`) -> splits. The melodies decide the split:
pieces that share one in any key stay together (`melodies.py`), so that adding pieces moves no others. A file that names
its splits keeps them.
"""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool

from genlab.data.notes.collection import Collection, collect
from genlab.data.notes.folder import Piece
from genlab.data.notes.melodies import split_keys
from genlab.data.shared.splits import Shares, divided, shares_of
from genlab.errors import InputError

FEWEST = 5
"""Smallest number of pieces to learn from."""
HELD_OUT = ("validation", "test")
ROUGH = 20
"""Number of held-out pieces below which a note calls the metrics rough."""
SHOWN = 5
"""Maximum number of files in a note."""


@dataclass(frozen=True)
class PieceSet:
    """Pieces split for training."""

    name: str
    fingerprint: str
    """SHA-256 of all that was read, separate validation and test files included."""
    train: list[Piece] = field(repr=False)
    validation: list[Piece] | None = field(repr=False)
    test: list[Piece] | None = field(repr=False)
    report: dict[str, str] = field(default_factory=dict, repr=False)
    """A line for each file, and for each tune of a file with several: "used", "repaired: ..." or "left out: ..."."""
    notes: list[str] = field(default_factory=list)

    def splits(self) -> dict[str, list[Piece]]:
        """The pieces of each split that there is."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        return {part: pieces for part, pieces in parts.items() if pieces is not None}

    def counts(self) -> dict[str, Any]:
        """Number of pieces and notes in each split."""
        return {
            part: {
                "pieces": len(pieces),
                "notes": sum(len(track.notes) for piece in pieces for track in piece.score.tracks),
            }
            for part, pieces in self.splits().items()
        }


def read_pieces(data: str, validation: str, test: str, encoding: str | None = None) -> PieceSet:
    """Reads and splits `data`.

    Args:
        data: Folder, zip, file or @sample; a .json file of voices (`voice_file.py`) names its splits.
        validation: Fraction of the pieces that selects the weights, or a path to other pieces. Splits that `data` names
            override a fraction; 0 trains on their pieces.
        test: Fraction of the pieces that is only reported, or a path to other pieces; as for `validation`.
        encoding: Not used: the formats of music state their encodings, or it only matters for titles.

    Raises:
        InputError: the data cannot be read, or hold no music.
    """
    shares = shares_of(validation, test)
    found = collect(data)
    notes = _notes_on_files(found.report)
    chosen = _divided(found, shares, notes)
    taken = {part: [found.pieces[row] for row in np.flatnonzero(rows)] for part, rows in chosen.items()}
    fingerprint, report = hashlib.sha256(found.fingerprint.encode()), dict(found.report)
    for part, value in zip(HELD_OUT, (validation, test), strict=True):
        if shares[part] is None:
            other = collect(value, part)
            taken[part] = other.pieces
            fingerprint.update(other.fingerprint.encode())
            notes += [f"{part}: {note}" for note in _notes_on_files(other.report)]
            report |= {f"{part}: {file}": line for file, line in other.report.items()}
    if found.splits or None in shares.values():
        notes += _notes_on_shared(taken)
    for part in HELD_OUT:
        if not taken[part] and shares[part]:
            notes.append(f"the {part} split has no pieces: it was left out.")
        elif taken[part] and len(taken[part]) < ROUGH:
            notes.append(f"the {part} split has only {_counted(len(taken[part]))}: its metrics are rough.")
    return PieceSet(
        found.name,
        fingerprint.hexdigest(),
        taken["train"],
        taken["validation"] or None,
        taken["test"] or None,
        report,
        notes,
    )


def check_learnable(pieces: PieceSet) -> None:
    """Checks that a model can be trained on the pieces.

    Raises:
        InputError: there are too few.
    """
    if (count := sum(map(len, pieces.splits().values()))) < FEWEST:
        raise InputError(f"{pieces.name} has only {_counted(count)} to learn from: give at least {FEWEST}.", "data")
    if len(pieces.train) < 2:
        raise InputError(
            f"{pieces.name} leaves {_counted(len(pieces.train))} to train on: give more, or hold out less "
            "(--validation, --test).",
            "data",
        )


def _divided(found: Collection, shares: Shares, notes: list[str]) -> dict[str, Bool[np.ndarray, " pieces"]]:
    """Assigns the pieces to splits; adds to `notes` what the splits that the file names are used for."""
    if not found.splits:
        return divided(split_keys([piece.score for piece in found.pieces]), shares)
    named = np.array(found.splits)
    chosen = {part: named == part for part in ("train", *HELD_OUT)}
    left, uses = dict(shares), []
    for part in (part for part in HELD_OUT if chosen[part].any()):
        if shares[part] is None:
            uses.append(f"{part} for nothing (--{part} names other pieces)")
            chosen[part] = np.zeros_like(chosen[part])
        elif shares[part] == 0:
            uses.append(f"{part} for training (--{part} is 0)")
            chosen["train"] |= chosen[part]
            chosen[part] = np.zeros_like(chosen[part])
        else:
            uses.append(f"{part} for {part}")
            left[part] = 0.0
    notes.append(f"the file has its own splits: {', '.join(['train for training', *uses])}.")
    if not any(left.values()):
        return chosen
    keys = split_keys([piece.score for piece in found.pieces])
    drawn = divided(keys, left)
    return {"train": chosen["train"] & drawn["train"]} | {
        part: chosen[part] | (chosen["train"] & drawn[part]) for part in HELD_OUT
    }


def _notes_on_shared(taken: dict[str, list[Piece]]) -> list[str]:
    """Notes on held-out pieces whose melody is also in the training split, for splits that the user made."""
    keys = iter(split_keys([piece.score for pieces in taken.values() for piece in pieces]))
    groups = {part: [next(keys) for _ in pieces] for part, pieces in taken.items()}
    known = set(groups["train"])
    notes = []
    for part in HELD_OUT:
        if shared := sum(key in known for key in groups[part]):
            notes.append(
                f"the {part} split shares the melodies of {shared:,} of its {_counted(len(groups[part]))} with the "
                "training split: its metrics are optimistic."
            )
    return notes


def _notes_on_files(report: dict[str, str]) -> list[str]:
    """Notes on the files that were left out or repaired."""
    notes = []
    for start, were in (("left out: ", "left out"), ("repaired: ", "repaired")):
        files = {name: line.removeprefix(start) for name, line in report.items() if line.startswith(start)}
        if files:
            count = f"1 file or tune was {were}" if len(files) == 1 else f"{len(files):,} files or tunes were {were}"
            shown = "; ".join(f"{name}: {why}" for name, why in list(files.items())[:SHOWN])
            more = "; ..." if len(files) > SHOWN else ""
            notes.append(f"{count} (left_out.txt lists them all): {shown}{more}")
    return notes


def _counted(count: int) -> str:
    return "1 piece" if count == 1 else f"{count:,} pieces"

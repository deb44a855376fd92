"""Divides pictures into splits, by their folders or by their contents, and says what is odd about the splits."""

import numpy as np
from jaxtyping import Bool

from genlab.data.pictures.layout import Layout
from genlab.data.shared.splits import Shares, divided

HELD_OUT = ("validation", "test")
ROUGH = 100
"""Number of held-out pictures below which a note calls the metrics rough."""


def divide(
    digests: list[str], layout: Layout, classes: list[str], shares: Shares, notes: list[str]
) -> dict[str, Bool[np.ndarray, " pictures"]]:
    """Assigns pictures to training, validation and test; adds to `notes` what the folders decide.

    Args:
        digests: SHA-256 of each picture's file.
        layout: The meaning of the folders.
        classes: Class name of each picture, "" for none; empty without classes.
        shares: Fraction of the pictures in each split; folders that are splits override it.
        notes: Receives the uses of the folders.
    """
    contents = [bytes.fromhex(digest) for digest in digests]
    if not layout.splits:
        return divided(contents, shares)
    folder_of, left = np.array(layout.splits), dict(shares)
    train = folder_of == "train"
    given = {part: np.zeros_like(train) for part in HELD_OUT}
    uses, overridden = [f"{layout.folders['train']} for training"], []
    for part in (part for part in HELD_OUT if part in layout.folders):
        folder, rows = layout.folders[part], folder_of == part
        if any(classes) and not all(classes[row] for row in np.flatnonzero(rows)):
            uses.append(f"{folder} for nothing (its pictures have no classes)")
        elif shares[part] is None:
            uses.append(f"{folder} for nothing (--{part} names other pictures)")
        elif shares[part] == 0:
            uses.append(f"{folder} for training (--{part} is 0)")
            train |= rows
        else:
            uses.append(f"{folder} for {part}")
            overridden.append(f"--{part}")
            given[part], left[part] = rows, 0.0
    shares_are = f"; they override the share of {' and '.join(overridden)}" if overridden else ""
    notes.append(f"the folders are splits: {', '.join(uses)}{shares_are}.")
    chosen = divided(contents, left)
    return {"train": train & chosen["train"]} | {part: given[part] | train & chosen[part] for part in HELD_OUT}


def notes_on_split(part: str, count: int | None, copies: int, share: float | None) -> list[str]:
    """Notes on a held-out split.

    Args:
        part: validation or test.
        count: Number of its pictures; None if it was left out.
        copies: Number of its pictures that the training split has too.
        share: The fraction that was requested; None for a path.
    """
    notes = []
    if copies:
        notes.append(f"the {part} split shares {counted(copies)} with the training split: its metrics are optimistic.")
    if count is None and share:
        notes.append(f"the {part} split has no pictures: it was left out.")
    elif count is not None and count < ROUGH:
        notes.append(rough(part, count))
    return notes


def notes_on_files(left_out: dict[str, str]) -> list[str]:
    """A note on the files that were left out, if there are any."""
    if not left_out:
        return []
    count = "1 file was" if len(left_out) == 1 else f"{len(left_out):,} files were"
    shown = "; ".join(f"{file}: {why}" for file, why in list(left_out.items())[:5])
    more = "; ..." if len(left_out) > 5 else ""
    return [f"{count} left out (left_out.txt lists them all): {shown}{more}"]


def rough(part: str, count: int) -> str:
    """The note on a small split."""
    return f"the {part} split has only {counted(count)}: its metrics are rough."


def counted(count: int) -> str:
    """A number of pictures in words."""
    return "1 picture" if count == 1 else f"{count:,} pictures"

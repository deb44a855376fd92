"""Reads JSON files of voices on a grid of sixteenths, divided into splits: the form of the JSB chorales benchmark.

    {"train": [[[72, 67, 64, 48], [72, 67, 64, 48], ...], ...], "valid": [...], "test": [...]}

A piece is a list of steps, a step the pitches of its voices; -1, 0, null and NaN are rests. The file does not say
whether a pitch is held or struck again: it counts as held. It has no bars either: each beat is read as a bar.

Allan and Williams, 2005, "Harmonising chorales by probabilistic inference"; Boulanger-Lewandowski et al., 2012,
arXiv 1206.6392 (splits); Huang et al., 2017, arXiv 1903.07227 (`Jsb16thSeparated.json`).
"""

import json
from pathlib import Path

import numpy as np

from genlab.data.notes.score import Metre, Score
from genlab.data.notes.unreadable import Unreadable
from genlab.data.notes.voices import MOST, VoiceGrid, from_grid
from genlab.data.shared.compressed import read_bytes
from genlab.errors import InputError

LARGEST = 1 << 26
"""Maximum size of a file in bytes."""
SPLITS = {"train": "train", "valid": "validation", "validation": "validation", "val": "validation", "test": "test"}
"""Names of the splits, and what they are called here."""
BEAT = Metre(0, 1, 4)


def read_voice_file(path: Path, option: str, report: dict[str, str]) -> dict[str, list[tuple[str, Score]]]:
    """Returns the named pieces of each split that the file has, by its name here: train, validation, test.

    Args:
        path: The file.
        option: The option that gave it.
        report: Receives a line for each piece: "used" or "left out: ...".

    Raises:
        InputError: the file cannot be read, or does not hold voices.
    """
    try:
        content = json.loads(read_bytes(path, option, LARGEST))
    except (ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path.name} is not JSON ({error}): give MIDI, MusicXML or ABC.", option) from None
    if not isinstance(content, dict) or not content.keys() <= SPLITS.keys() or "train" not in content:
        raise InputError(
            f'{path.name} is JSON, but not of voices in splits: it must be {{"train": [...], "valid": [...], '
            '"test": [...]}, each a list of pieces.', option,
        )  # fmt: skip
    found: dict[str, list[tuple[str, Score]]] = {}
    for split, pieces in content.items():
        if not isinstance(pieces, list):
            raise InputError(f"{path.name}: {split} is not a list of pieces.", option)
        for number, piece in enumerate(pieces, 1):
            name = f"{split} {number}"
            try:
                found.setdefault(SPLITS[split], []).append((name, _score(piece)))
                report[name] = "used"
            except Unreadable as reason:
                report[name] = f"left out: {reason}"
    if not found.get("train"):
        first = next((f"{name}: {line}" for name, line in report.items()), "train is empty")
        raise InputError(f"No music can be read from {path.name} ({first}).", option)
    return found


def _score(piece: object) -> Score:
    """Reads the steps of a piece.

    Raises:
        Unreadable: they are not lists of the same number of pitches.
    """
    try:
        steps = np.array(piece, np.float64)
    except (TypeError, ValueError, OverflowError):
        raise Unreadable("not a list of steps, each with a number per voice") from None
    if steps.ndim != 2 or not 1 <= steps.shape[1] <= MOST:
        raise Unreadable(f"not a list of steps, each with 1 to {MOST} pitches")
    pitches = np.nan_to_num(steps, nan=0.0, posinf=128.0).clip(0, 128)
    if (pitches != np.rint(pitches)).any() or pitches.max(initial=0) > 127:
        raise Unreadable("pitches must be whole numbers up to 127, or -1 for a rest")
    if not pitches.any():
        raise Unreadable("has no notes")
    whole = pitches.astype(np.int64)
    onsets = (np.diff(whole, axis=0, prepend=0) != 0) & (whole > 0)
    return from_grid(VoiceGrid(whole, onsets, [BEAT]))

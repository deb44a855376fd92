"""Which model is the default for the user's music."""

from collections.abc import Iterator
from itertools import islice

import numpy as np

from genlab.data.notes.folder import MusicFiles, find_music, read_music
from genlab.data.notes.score import Score
from genlab.data.notes.voices import STEPS, why_not_all
from genlab.errors import InputError

SETS = ("@chorales",)
"""Sample sets in voices."""
READ = 20
"""Largest number of files or tunes to read."""
ON_GRID = 0.95
"""Smallest share of notes that begin on a sixteenth."""


def in_voices(data: str) -> bool:
    """Whether music looks as if every piece is in the same few voices, two at least, that move in sixteenths: judged by
    at most `READ` pieces, spread evenly over the files.
    """
    if data.startswith("@"):
        return data in SETS
    if data.lower().endswith(".json"):
        return True
    try:
        found = find_music(data)
        places = np.unique(np.linspace(0, len(found.files) - 1, READ).round().astype(int))
        some = MusicFiles(found.name, [found.files[place] for place in places], {})
        scores = list(islice(_scores(some), READ))
    except (InputError, OSError):  # training reports it
        return False
    return why_not_all(scores) is None and len(scores[0].tracks) > 1 and _share_on_grid(scores) >= ON_GRID


def _scores(files: MusicFiles) -> Iterator[Score]:
    for piece in read_music(files, {}):
        yield piece.score


def _share_on_grid(scores: list[Score]) -> float:
    """Share of notes that begin on a sixteenth."""
    on = [STEPS * note.start % score.ticks == 0 for score in scores for track in score.tracks for note in track.notes]
    return sum(on) / max(1, len(on))

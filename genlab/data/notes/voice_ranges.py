"""Transposes music in voices within the range that each voice has in a corpus."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Int

from genlab.data.notes.voices import VoiceGrid


def voice_ranges(grids: Sequence[VoiceGrid]) -> Int[np.ndarray, "voices 2"]:
    """Returns the lowest and highest pitch of each voice; 127 and 0 for a voice without notes."""
    lows = [np.where(grid.pitches > 0, grid.pitches, 127).min(0, initial=127) for grid in grids]
    highs = [grid.pitches.max(0, initial=0) for grid in grids]
    return np.stack((np.min(lows, 0), np.max(highs, 0)), 1)


def voice_shifts(
    pitches: Int[np.ndarray, "steps voices"], ranges: Int[np.ndarray, "voices 2"], down: int = 5, up: int = 6
) -> range:
    """Returns by how many semitones the voices can be transposed, without a note that leaves its voice's range.

    Args:
        pitches: Of a piece or a part of one.
        ranges: From `voice_ranges`.
        down: Maximum number of semitones down; with `up`, the default covers each key once.
        up: Maximum number of semitones up.

    Returns:
        The shifts; only 0 for voices that are beyond the ranges themselves.
    """
    sung = pitches.max(0, initial=0) > 0
    if not sung.any():
        return range(1)
    lows = np.where(pitches > 0, pitches, 127).min(0, initial=127)
    lowest = max(-down, int((ranges[:, 0] - lows)[sung].max()))
    highest = min(up, int((ranges[:, 1] - pitches.max(0, initial=0))[sung].min()))
    return range(lowest, highest + 1) if lowest <= 0 <= highest else range(1)


def voices_transposed(pitches: Int[np.ndarray, "..."], semitones: int) -> Int[np.ndarray, "..."]:
    """Returns the pitches moved by this many semitones; rests stay."""
    return np.where(pitches > 0, pitches + semitones, 0)

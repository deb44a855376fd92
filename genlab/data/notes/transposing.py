"""Transposes pieces within the range of a corpus."""

from collections.abc import Iterable
from dataclasses import replace

from genlab.data.notes.score import Key, Score

Ranges = dict[int, tuple[int, int]]
"""Lowest and highest pitch by instrument."""


def ranges_of(scores: Iterable[Score]) -> Ranges:
    """Returns the range of each instrument in a corpus, without drums."""
    found: Ranges = {}
    for score in scores:
        for track in score.tracks:
            if track.notes and not track.drums:
                pitches = [note.pitch for note in track.notes]
                low, high = found.get(track.program, (127, 0))
                found[track.program] = min(low, *pitches), max(high, *pitches)
    return found


def shifts_of(score: Score, ranges: Ranges, down: int = 5, up: int = 6) -> range:
    """Returns by how many semitones a piece can be transposed, without a note that leaves its instrument's range.

    Args:
        score: The piece.
        ranges: From `ranges_of`; an instrument that is missing can be given any pitch.
        down: Maximum number of semitones down; with `up`, the default covers each key once.
        up: Maximum number of semitones up.

    Returns:
        The shifts; only 0 for a piece that is beyond the ranges itself.
    """
    lowest, highest = -down, up
    for program, (low, high) in ranges_of([score]).items():
        least, most = ranges.get(program, (0, 127))
        lowest, highest = max(lowest, least - low), min(highest, most - high)
    return range(lowest, highest + 1) if lowest <= 0 <= highest else range(1)


def transposed(score: Score, semitones: int) -> Score:
    """Returns the piece with all notes but drums, and its keys, moved by this many semitones."""
    tracks = [
        track
        if track.drums
        else replace(track, notes=[note._replace(pitch=note.pitch + semitones) for note in track.notes])
        for track in score.tracks
    ]
    return replace(score, tracks=tracks, keys=[_moved(key, semitones) for key in score.keys])


def _moved(key: Key, semitones: int) -> Key:
    """Moves a key; of two spellings, takes the one with fewer accidentals."""
    if semitones % 12 == 0:
        return key
    return key._replace(sharps=(key.sharps + 7 * semitones + 5) % 12 - 5)

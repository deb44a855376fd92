"""Cuts long silence out of a score."""

from bisect import bisect_right
from dataclasses import replace
from typing import TypeVar

from genlab.data.notes.score import Key, Metre, Score, Tempo

SILENCE = 64
"""Maximum length of silence in quarter notes."""

Change = TypeVar("Change", Metre, Key, Tempo)


def without_silence(score: Score, repairs: list[str]) -> Score:
    """Cuts whole bars out of every silence of more than `SILENCE` quarter notes; less than two bars remain.

    Adds a phrase to `repairs` if anything was cut.
    """
    cuts = _cuts(score)
    if not cuts:
        return score
    places = [begin for begin, _ in cuts]
    gone = [0]
    for begin, end in cuts:
        gone.append(gone[-1] + end - begin)

    def moved(tick: int) -> int:
        number = bisect_right(places, tick)
        return max(tick - gone[number], places[number - 1] - gone[number - 1]) if number else tick

    def changes(found: list[Change]) -> list[Change]:
        last = {moved(change.start): change for change in found}  # of those in a silence, the last one counts
        return [change._replace(start=start) for start, change in last.items()]

    beats = gone[-1] // score.ticks
    repairs.append(f"{beats:,} quarter notes of silence cut")
    tracks = [
        replace(track, notes=[note._replace(start=moved(note.start)) for note in track.notes]) for track in score.tracks
    ]
    return replace(
        score,
        tracks=tracks,
        metres=changes(score.metres),
        keys=changes(score.keys),
        tempos=changes(score.tempos),
    )


def _cuts(score: Score) -> list[tuple[int, int]]:
    """Returns begin and end of what to cut, each a bar line."""
    found, silent = [], score.pickup  # the tick at which all notes so far have ended
    for start, end in sorted((note.start, note.start + note.length) for track in score.tracks for note in track.notes):
        if start - silent > SILENCE * score.ticks:
            cut = _bar_line(score, silent, up=True), _bar_line(score, start, up=False)
            if cut[0] < cut[1]:
                found.append(cut)
        silent = max(silent, end)
    return found


def _bar_line(score: Score, tick: int, up: bool) -> int:
    """Returns the last bar line at or before a tick, or with `up` the first one at or after it."""
    number = bisect_right(score.metres, tick, key=lambda metre: metre.start)
    metre = score.metres[number - 1]
    origin = metre.start or score.pickup
    if tick <= origin:
        return tick
    bar = max(1, 4 * score.ticks * metre.beats // metre.unit)
    place = origin + (tick - origin) // bar * bar
    if not up or place == tick:
        return place
    following = score.metres[number].start if number < len(score.metres) else place + bar
    return min(place + bar, following)

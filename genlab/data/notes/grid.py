"""Moves scores to a grid of twelfths of a beat, which holds triplets and sixteenths, and divides them into bars."""

from dataclasses import replace
from typing import NamedTuple

from genlab.data.notes.score import Metre, Note, Score, Track

BEAT = 12
"""Steps of the grid per quarter note."""
LONGEST_BAR = 8 * BEAT
"""Maximum length of a bar in steps."""
METRES = [
    (beats, unit) for unit in (2, 4, 8, 16) for beats in range(1, 17) if beats * 4 * BEAT <= unit * LONGEST_BAR
]  # fmt: skip
"""Beats and unit of the metres that the grid holds."""
KNOWN = frozenset(METRES)


class Bar(NamedTuple):
    """A bar; times are steps."""

    start: int
    length: int
    """Shorter than the metre says in a pick-up, and before a metre that begins early."""
    beats: int
    unit: int

    @property
    def full(self) -> int:
        """The length that the metre says."""
        return 4 * BEAT * self.beats // self.unit


def on_grid(score: Score) -> tuple[Score, list[str]]:
    """Moves each start and end to the nearest step; a note keeps a step at least.

    A metre that the grid does not hold becomes one of the same length, a part of it, or else 4/4.

    Returns:
        The score with `BEAT` ticks per quarter note, and a phrase for each kind of change.
    """
    ticks = score.ticks
    tracks = score.tracks if ticks == BEAT else [_moved(track, ticks) for track in score.tracks]
    step = lambda tick: (2 * BEAT * tick + ticks) // (2 * ticks)
    metres: dict[int, Metre] = {}  # of those that fall on one step the last one counts
    changes = _shift(score)
    for metre in score.metres:
        held = held_metre(metre)
        metres[step(metre.start)] = held._replace(start=step(metre.start))
        if (phrase := f"metre {metre.beats}/{metre.unit} written as {held.beats}/{held.unit}") not in changes and (
            held[1:] != metre[1:]
        ):
            changes.append(phrase)
    return (
        replace(
            score,
            tracks=tracks,
            ticks=BEAT,
            metres=list(metres.values()),
            keys=[key._replace(start=step(key.start)) for key in score.keys],
            tempos=[tempo._replace(start=step(tempo.start)) for tempo in score.tempos],
            pickup=step(score.pickup),
        ),
        changes,
    )


def _moved(track: Track, ticks: int) -> Track:
    twice, half, whole = 2 * BEAT, ticks, 2 * ticks
    notes = []
    for start, length, pitch, velocity in track.notes:
        begin = (twice * start + half) // whole
        end = (twice * (start + length) + half) // whole
        notes.append((begin, pitch, end - begin if end > begin else 1, velocity))
    notes.sort()
    return replace(track, notes=[Note(start, length, pitch, loud) for start, pitch, length, loud in notes])


def _shift(score: Score) -> list[str]:
    """Says how many notes begin and end off the grid, and by how much they are moved."""
    ticks = score.ticks
    if BEAT % ticks == 0:
        return []
    notes = [note for track in score.tracks for note in track.notes]
    ends = {
        "begin": [rest for note in notes if (rest := note[0] * BEAT % ticks)],
        "end": [rest for note in notes if (rest := (note[0] + note[1]) * BEAT % ticks)],
    }
    phrases = []
    for verb, rests in ends.items():
        if rests:
            mean = sum(min(rest, ticks - rest) for rest in rests) / len(rests) / ticks / BEAT
            share = len(rests) / len(notes)
            phrases.append(f"{share:.1%} of notes {verb} off the grid: moved by {mean:.3f} beats on average")
    return phrases


def held_metre(metre: Metre) -> Metre:
    """Returns the metre if the grid holds it; else one of the same length, an equal part of its bar, or 4/4."""
    beats, unit = metre.beats, metre.unit
    while unit > 16 and beats % 2 == 0:
        beats, unit = beats // 2, unit // 2
    if unit == 1:
        beats, unit = 2 * beats, 2
    for parts in range(1, beats + 1):
        if beats % parts == 0 and (beats // parts, unit) in KNOWN:
            return Metre(metre.start, beats // parts, unit)
    return Metre(metre.start, 4, 4)


def bars_of(score: Score, until: int) -> list[Bar]:
    """Returns the bars of a score on the grid, up to the one that holds step `until`."""
    bars, place = [], 0
    for number, (_, beats, unit) in enumerate(score.metres):
        stop = score.metres[number + 1].start if number + 1 < len(score.metres) else until + 1
        last = number + 1 == len(score.metres)
        full = 4 * BEAT * beats // unit
        while place < stop and place <= until:
            length = score.pickup % full or full if place == 0 else full
            if not last:
                length = min(length, stop - place)
            bars.append(Bar(place, length, beats, unit))
            place += length
    if len(bars) > 1:
        bars[-1] = bars[-1]._replace(length=bars[-1].full)
    return bars


def metres_of(bars: list[Bar]) -> list[Metre]:
    """Returns the metres of consecutive bars: each where it changes, or where a bar before it was short."""
    metres: list[Metre] = []
    for number, bar in enumerate(bars):
        early = number > 1 and bars[number - 1].length < bars[number - 1].full
        if not metres or early or (bar.beats, bar.unit) != metres[-1][1:]:
            metres.append(Metre(bar.start, bar.beats, bar.unit))
    return metres

"""Scores from notation, whose times are exact fractions of a quarter note: the common part of its readers."""

from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm

from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track
from genlab.data.notes.unreadable import Unreadable

TICKS = 480
"""Ticks per quarter note, or a multiple where the rhythm needs one."""
MOST_TICKS = 32_767
"""Largest number of ticks per quarter note in MIDI; times that need more are rounded."""
FINEST = 10**9
"""Largest denominator of a time."""
LONGEST = 100_000
"""Longest piece, in quarter notes."""
MOST_NOTES = 1_000_000
"""Most notes of a piece."""


@dataclass
class Line:
    """The notes of a track: start, length and pitch of each, in quarter notes."""

    notes: list[tuple[Fraction, Fraction, int]] = field(default_factory=list)
    program: int = 0
    drums: bool = False
    name: str = ""


@dataclass(frozen=True)
class Bar:
    """What is written between two bar lines."""

    length: Fraction
    """In quarter notes."""
    metre: tuple[int, int]
    """Time signature: beats and unit."""

    @property
    def full(self) -> Fraction:
        """Length that the time signature gives a bar."""
        return Fraction(4 * self.metre[0], self.metre[1])


@dataclass
class Course:
    """What is common to all tracks."""

    bars: list[Bar] = field(default_factory=list)
    keys: list[tuple[Fraction, int, bool]] = field(default_factory=list)
    """Start, sharps, and whether it is minor."""
    tempos: list[tuple[Fraction, float]] = field(default_factory=list)
    """Start and quarter notes per minute."""


def checked(time: Fraction) -> Fraction:
    """Returns a time.

    Raises:
        Unreadable: the piece is too long, or its rhythm too fine.
    """
    if time > LONGEST:
        raise Unreadable(f"longer than {LONGEST:,} quarter notes: cut it into pieces")
    if time.denominator > FINEST:
        raise Unreadable(f"divides a quarter note into more than {FINEST:,} parts: simplify its rhythm")
    return time


def score_of(lines: list[Line], course: Course, title: str) -> Score:
    """The score of these tracks; leaves out tracks without notes.

    Raises:
        Unreadable: there are no notes, or too many.
    """
    lines = [line for line in lines if line.notes]
    if not lines:
        raise Unreadable("has no notes")
    if sum(len(line.notes) for line in lines) > MOST_NOTES:
        raise Unreadable(f"more than {MOST_NOTES:,} notes: cut it into pieces")
    metres, pickup = _metres(course.bars)
    times = {time for line in lines for start, length, _ in line.notes for time in (start, length)} | {pickup}
    times |= {one[0] for one in metres} | {one[0] for one in course.keys} | {one[0] for one in course.tempos}
    ticks = TICKS
    for denominator in {time.denominator for time in times}:
        ticks = lcm(ticks, denominator)
        if ticks > MOST_TICKS:
            ticks = MOST_TICKS // TICKS * TICKS
            break

    def tick(time: Fraction) -> int:
        return round(time * ticks)

    def track(line: Line) -> Track:
        notes = [Note(tick(start), max(1, tick(length)), pitch) for start, length, pitch in line.notes]
        return Track(sorted(notes, key=lambda note: (note.start, note.pitch)), line.program, line.drums, line.name)

    tempos = [Tempo(tick(start), rate) for start, rate in _changes(course.tempos)]
    if not tempos or tempos[0].start > 0:
        tempos.insert(0, Tempo(0, 120.0))
    return Score(
        [track(line) for line in lines],
        ticks,
        [Metre(tick(start), *metre) for start, *metre in metres],
        [Key(tick(start), sharps, minor) for start, sharps, minor in _changes(course.keys)],
        tempos,
        tick(pickup),
        title,
    )


def _changes(values: list[tuple]) -> list[tuple]:
    """The last value at each time, without those that change nothing."""
    kept: list[tuple] = []
    for value in sorted(values, key=lambda value: value[0]):
        if kept and kept[-1][0] == value[0]:
            kept.pop()
        if not kept or kept[-1][1:] != value[1:]:
            kept.append(value)
    return kept


def _metres(bars: list[Bar]) -> tuple[list[tuple[Fraction, int, int]], Fraction]:
    """The metres with their starts, and the length of the pick-up.

    Bars that a double bar or a repeat divides count as one. A bar that is longer or shorter than its time signature
    gets a time signature for its length.
    """
    if not bars:
        return [(Fraction(0), 4, 4)], Fraction(0)
    pickup = bars[0].length if len(bars) > 1 and bars[0].length < bars[0].full else Fraction(0)
    metres: list[tuple[Fraction, int, int]] = [(Fraction(0), *bars[0].metre)]
    start = place = pickup  # of the current bar, and of what is written
    for number in range(1 if pickup else 0, len(bars)):
        bar = bars[number]
        if place == start:
            metres.append((start, *bar.metre))
        place += bar.length
        last = number + 1 == len(bars)
        following = bar if last else bars[number + 1]
        divided = place - start < bar.full and following.length < following.full and following.metre == bar.metre
        if place - start == bar.full:
            start = place
        elif not last and not (divided and place - start + following.length <= bar.full):
            metres.append((start, *_metre_of(place - start, bar.metre[1])))
            start = place
    return _changes(metres), pickup


def _metre_of(length: Fraction, unit: int) -> tuple[int, int]:
    """A time signature for a bar of this length, with this unit if it can have it."""
    while (length * unit / 4).denominator > 1 and unit < 64:
        unit *= 2
    return max(1, round(length * unit / 4)), unit

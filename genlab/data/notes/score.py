"""What a piece of music is, whatever file it was read from: tracks of notes, metres, keys and tempos.

Times are whole ticks from the beginning of the first bar; `Score.ticks` of them make a beat, which is a quarter note
whatever the metre, as in MIDI.
"""

from dataclasses import dataclass, field
from typing import NamedTuple


class Note(NamedTuple):
    """A note, with its time in ticks."""

    start: int
    length: int
    """At least 1."""
    pitch: int
    """MIDI number, 0 to 127; 60 is middle C. For drums, the number of the instrument."""
    velocity: int = 80
    """Loudness, 1 to 127."""


class Metre(NamedTuple):
    """A time signature, from this tick on: 6/8 has 6 `beats` of an eighth (`unit` 8)."""

    start: int
    beats: int
    unit: int


class Key(NamedTuple):
    """A key signature, from this tick on."""

    start: int
    sharps: int
    """Number of sharps, negative for flats: -7 to 7."""
    minor: bool = False


class Tempo(NamedTuple):
    """A tempo, from this tick on."""

    start: int
    per_minute: float
    """Quarter notes per minute."""


@dataclass(frozen=True)
class Track:
    """The notes of one instrument or voice, in order of start and then pitch."""

    notes: list[Note]
    program: int = 0
    """General MIDI instrument, 0 to 127."""
    drums: bool = False
    """Whether the pitches are drums (channel 10 of MIDI)."""
    name: str = ""


@dataclass(frozen=True)
class Score:
    """A piece of music."""

    tracks: list[Track]
    ticks: int = 480
    """Ticks per quarter note."""
    metres: list[Metre] = field(default_factory=lambda: [Metre(0, 4, 4)])
    """In order, the first at tick 0."""
    keys: list[Key] = field(default_factory=list)
    tempos: list[Tempo] = field(default_factory=lambda: [Tempo(0, 120.0)])
    """In order, the first at tick 0."""
    pickup: int = 0
    """Ticks of the incomplete bar at the beginning; 0 if the first bar is complete."""
    title: str = ""

    @property
    def length(self) -> int:
        """Ticks until the last note ends."""
        return max((note.start + note.length for track in self.tracks for note in track.notes), default=0)

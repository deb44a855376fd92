"""The tokens that a piece is written in.

A piece reads: Start, the Instruments of its tracks, its Bars, End. A Bar has a metre; its Length in steps follows if
it is shorter, and its Tempo if that changes. A Position, in steps from the bar line, holds for the notes after it. A
Track, by its number among the Instruments, holds for the notes after it; each bar begins with track 0. A note is a
Pitch or a Drum, its Velocity, and a Duration in steps; each Hold before that adds `HOLD` steps. Drums are a track
without an Instrument. A step is a twelfth of a quarter note.

    Start, Instrument 0, Instrument 32, Bar 3/4, Position 0, Pitch 60, Duration 12, Track 1, Pitch 36, Duration 36,
    Position 12, Pitch 64, Duration 24, Bar 3/4, ..., End
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Bool, Int

from genlab.data.notes.grid import LONGEST_BAR, METRES

TRACKS = 32
"""Maximum number of tracks beside the drums."""
HOLD = 48
"""Longest Duration in steps, and what a Hold adds."""
FIXED = {
    "Pad": (0, 1), "Start": (0, 1), "End": (0, 1), "Instrument": (0, 128), "Bar": (0, len(METRES)),
    "Length": (1, LONGEST_BAR - 1), "Position": (0, LONGEST_BAR), "Track": (0, TRACKS), "Pitch": (0, 128),
    "Drum": (0, 128), "Hold": (0, 1), "Duration": (1, HOLD),
}  # fmt: skip
"""Lowest value of each kind of token, and number of values; a Bar's value is its place in `METRES`."""
SLOWEST, OCTAVES = 30.0, 3.0
"""Tempos range from 30 to 240 quarter notes per minute."""
FOLLOWS = {
    "Pad": ("Pad",),
    "Start": ("Instrument", "Bar"),
    "Instrument": ("Instrument", "Bar"),
    "Bar": ("Length", "Tempo", "Position", "Bar"),
    "Length": ("Tempo", "Position", "Bar"),
    "Tempo": ("Position", "Bar"),
    "Position": ("Track", "Pitch", "Drum"),
    "Track": ("Pitch",),
    "Pitch": ("Velocity", "Hold", "Duration"),
    "Drum": ("Velocity", "Hold", "Duration"),
    "Velocity": ("Hold", "Duration"),
    "Hold": ("Hold", "Duration"),
    "Duration": ("Track", "Pitch", "Drum", "Position", "Bar", "End"),
    "End": ("Pad",),
}
"""The grammar: which kinds of token may follow each kind. With velocities, only a Velocity follows a Pitch or Drum."""


@dataclass(frozen=True)
class Vocabulary:
    """The tokens and their numbers."""

    velocities: int = 0
    """Number of levels of loudness, at most 63; 0 writes no Velocity."""
    tempos: int = 0
    """Number of tempos, 2 to 32; 0 writes no Tempo."""

    @cached_property
    def kinds(self) -> dict[str, tuple[int, int]]:
        """Lowest value of each kind of token, and number of values."""
        return {**FIXED, "Velocity": (0, self.velocities), "Tempo": (0, self.tempos)}

    @cached_property
    def first(self) -> dict[str, int]:
        """Number of the first token of each kind."""
        sizes = [count for _, count in self.kinds.values()]
        return dict(zip(self.kinds, np.cumsum([0, *sizes[:-1]]).tolist(), strict=True))

    @cached_property
    def size(self) -> int:
        """Number of tokens."""
        return sum(count for _, count in self.kinds.values())

    @cached_property
    def tokens(self) -> list[tuple[str, int]]:
        """Kind and value of each token."""
        return [(kind, low + place) for kind, (low, count) in self.kinds.items() for place in range(count)]

    def __post_init__(self) -> None:
        assert 0 <= self.velocities <= 63
        assert self.tempos == 0 or 2 <= self.tempos <= 32

    def number(self, kind: str, value: int = 0) -> int:
        """Returns the number of a token."""
        low, count = self.kinds[kind]
        assert low <= value < low + count, f"{kind} {value}"
        return self.first[kind] + value - low

    def name(self, token: int | np.integer) -> str:
        """Returns the token as people read it: "Pitch 60", "Bar 3/4"."""
        kind, value = self.tokens[token]
        if kind == "Bar":
            return "Bar {}/{}".format(*METRES[value])
        return kind if self.kinds[kind][1] == 1 else f"{kind} {value}"

    @cached_property
    def after(self) -> dict[str, tuple[str, ...]]:
        """The kinds of token that may follow each kind."""
        after = {kind: tuple(one for one in FOLLOWS[kind] if self.kinds[one][1]) for kind in FOLLOWS}
        return {**after, "Pitch": ("Velocity",), "Drum": ("Velocity",)} if self.velocities else after

    @cached_property
    def rows(self) -> dict[str, Bool[np.ndarray, " tokens"]]:
        """Whether each token may follow a kind."""
        return {
            kind: np.array([one in self.after[kind] for one, (_, count) in self.kinds.items() for _ in range(count)])
            for kind in FOLLOWS
        }

    @cached_property
    def table(self) -> Bool[np.ndarray, "tokens tokens"]:
        """Whether the token of a column may follow that of a row."""
        return np.stack([self.rows[kind] for kind, _ in self.tokens])

    @cached_property
    def loudness(self) -> list[int]:
        """Velocity of each level: the middle of the level."""
        return [1 + (254 * level + 127) // (2 * self.velocities) for level in range(self.velocities)]

    @cached_property
    def speeds(self) -> list[float]:
        """Quarter notes per minute of each tempo, in equal ratios."""
        return [float(round(SLOWEST * 2 ** (OCTAVES * place / (self.tempos - 1)))) for place in range(self.tempos)]

    def level(self, velocity: int) -> int:
        """Returns the level of a velocity from 1 to 127."""
        return (velocity - 1) * self.velocities // 127

    def tempo(self, per_minute: float) -> int:
        """Returns the nearest tempo by ratio."""
        place = np.log2(per_minute / SLOWEST) / OCTAVES * (self.tempos - 1)
        return int(np.clip(np.rint(place), 0, self.tempos - 1))

    def transposed(self, ids: Int[np.ndarray, "..."], semitones: int) -> Int[np.ndarray, "..."]:
        """Returns the tokens with each Pitch, but no Drum, moved; the caller sees to it that none leaves 0 to 127."""
        low = self.first["Pitch"]
        return np.where((ids >= low) & (ids < low + 128), ids + semitones, ids)

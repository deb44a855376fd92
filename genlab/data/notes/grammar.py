"""Says which tokens may come next, so that every sequence that is generated is a piece, written in the one way.

`Vocabulary.table` is the grammar by kinds of token; a `Grammar` also follows one sequence and limits the values.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool

from genlab.data.notes.grid import BEAT, LONGEST_BAR, METRES
from genlab.data.notes.vocabulary import TRACKS, Vocabulary

LONGEST = 16
"""Maximum number of Holds of a generated note."""


class Grammar:
    """Follows a sequence of tokens.

    Beyond the table: positions ascend within their bar; at a position tracks ascend, and so do pitches within a track,
    drums last; only tracks with an Instrument play; a Length is shorter than its bar.
    """

    def __init__(self, vocabulary: Vocabulary) -> None:
        self.vocabulary = vocabulary
        self.bars = 0
        """Number of bars that have begun."""
        self._last = ""
        self._instruments = 0
        self._full = self._length = 0
        self._position = self._track = self._pitch = self._tempo = -1
        self._drums = False  # whether a drum was struck at this position
        self._holds = 0

    def add(self, token: int | np.integer) -> None:
        """Follows the sequence by one token, which is not checked."""
        kind, value = self.vocabulary.tokens[token]
        self._last = kind
        if kind == "Instrument":
            self._instruments += 1
        elif kind == "Bar":
            beats, unit = METRES[value]
            self.bars += 1
            self._full = self._length = 4 * BEAT * beats // unit
            self._position, self._track, self._drums = -1, 0, False
        elif kind == "Length":
            self._length = value
        elif kind == "Tempo":
            self._tempo = value
        elif kind == "Position":
            self._position, self._pitch, self._drums = value, -1, False
        elif kind == "Track":
            self._track, self._pitch = value, -1
        elif kind in ("Pitch", "Drum"):
            self._drums |= kind == "Drum"
            self._pitch, self._holds = value, 0
        elif kind == "Hold":
            self._holds += 1

    @property
    def place(self) -> tuple[int, int]:
        """Step in the bar, and track, of the last token, as `places_of` gives them."""
        if self._last in ("", "Start", "End", "Pad"):
            return 0, 0
        if self._last == "Instrument":
            return 0, min(self._instruments, TRACKS) - 1
        return max(self._position, 0), TRACKS if self._drums else self._track

    def allowed(self) -> Bool[np.ndarray, " tokens"]:
        """Returns which tokens may come next; at least one may."""
        vocabulary = self.vocabulary
        first = vocabulary.first
        if not self._last:
            mask = np.zeros(vocabulary.size, bool)
            mask[first["Start"]] = True
            return mask
        mask = vocabulary.rows[self._last].copy()

        def forbid(kind: str, start: int = 0, end: int = 128) -> None:
            """Forbids the values from `start` to below `end`."""
            low, count = vocabulary.kinds[kind]
            mask[first[kind] + max(0, start - low) : first[kind] + min(count, max(0, end - low))] = False

        if self._last == "Instrument" and self._instruments == TRACKS:
            forbid("Instrument")
        elif self._last in ("Bar", "Length", "Tempo"):
            if vocabulary.tempos and self.bars == 1 and self._last != "Tempo":
                forbid("Position")
                forbid("Bar")
            forbid("Length", self._full)
            if self._tempo >= 0 and vocabulary.tempos:
                forbid("Tempo", self._tempo, self._tempo + 1)
            self._forbid_positions(forbid)
        elif self._last == "Position":
            forbid("Track", self._instruments)
            forbid("Track", self._track, self._track + 1)
            if not self._instruments:
                forbid("Pitch")
        elif self._last == "Hold" and self._holds == LONGEST:
            forbid("Hold")
        elif self._last == "Duration":
            self._forbid_positions(forbid)
            forbid("Track", self._instruments)
            if self._drums:
                forbid("Track")
                forbid("Pitch")
                forbid("Drum", 0, self._pitch + 1)
            else:
                forbid("Track", 0, self._track + 1)
                forbid("Pitch", 0, self._pitch + 1)
        return mask

    def _forbid_positions(self, forbid: Callable[[str, int, int], None]) -> None:
        """Forbids positions that are past, and those outside a bar that is shorter than its metre."""
        pickup = self.bars == 1
        forbid("Position", 0, max(self._position + 1, self._full - self._length if pickup else 0))
        forbid("Position", self._full if pickup else self._length, LONGEST_BAR)

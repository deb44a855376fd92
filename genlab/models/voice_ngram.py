"""N-gram model of music for a few voices on a grid of equal steps: a baseline for the likelihood of larger models.

The voices of a step are predicted in turn, from the first to the last. A symbol is the interval from the voice's last
pitch, so that the model knows no key, or a rest, or the same pitch struck again. Intervals are modulo 127: after any
pitch, each pitch from 1 to 127 is exactly one symbol.

The context of the first voice, most important first: the phase of the step in its beat, the pitches of the other voices
at the step before, from the last voice up, and its last move. The context of every further voice: the interval to the
first voice at this step, the phase, the intervals to the other voices that this step has already, the pitches of the
voices to come at the step before, from the last voice up, the moves to this step of the voices that it has already, and
the voice's own last move. All pitches count from the voice's own last pitch.

Data flow::

    grids (steps, voices) -> contexts (steps, features) and symbols (steps) of each voice -> an `NGram` per voice
    grid -> contexts, symbols -> probabilities -> nats (steps, voices)
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

from genlab.models.ngram import NGram

Grid = Int[np.ndarray, "steps voices"]
"""The MIDI pitch of each voice at each step, 1 to 127, or 0 for a rest."""
Onsets = Bool[np.ndarray, "steps voices"]
"""Where a note starts; only those that repeat the pitch of the step before matter."""
Grids = Sequence[Int[np.ndarray, "_ voices"]]
ManyOnsets = Sequence[Bool[np.ndarray, "_ voices"]]

PITCHES = 127
"""Pitches, from 1; also the symbol of a rest."""
AGAIN = PITCHES + 1
"""The symbol of a pitch that is struck again."""
BEAT = 4
"""Steps in a beat, whose number is the phase."""
REACH = 30
"""Intervals of at least this many semitones are one context."""
LEAP = 13
"""Moves of at least this many semitones are one context."""


class VoiceNGram:
    """Counts the symbols of training pieces, and predicts those of others.

    Args:
        grids: Training pieces with equally many voices, at least one of them.
        onsets: Where their notes start. Without them the model knows no repeated pitches: equal pitches are held.
        weight: Weight of shorter contexts; see `NGram`. The default is the best one for chorales in four voices.
    """

    def __init__(self, grids: Grids, onsets: ManyOnsets | None = None, weight: float = 8.0) -> None:
        cells = np.concatenate(grids)
        self.voices, self.repeats = cells.shape[1], onsets is not None
        self.typical = np.array([round(voice[voice > 0].mean()) if voice.any() else PITCHES // 2 for voice in cells.T])
        """The mean pitch of each voice, used as its last pitch before it has one."""
        read = [self._read(*piece) for piece in _pieces(grids, onsets)]
        self.models = [
            NGram(
                np.concatenate([contexts[voice] for contexts, _ in read]),
                np.concatenate([symbols[:, voice] for _, symbols in read]),
                PITCHES + 1 + self.repeats,
                weight,
            )
            for voice in range(self.voices)
        ]

    def nats(self, grid: Grid, onsets: Onsets | None = None) -> Float[np.ndarray, "steps voices"]:
        """Negative natural logarithm of the probability of each cell."""
        contexts, symbols = self._read(grid, onsets)
        columns = [
            model.probabilities(own, symbols[:, voice])
            for voice, (model, own) in enumerate(zip(self.models, contexts, strict=True))
        ]
        return -np.log(np.stack(columns, 1))

    def nats_per_cell(self, grids: Grids, onsets: ManyOnsets | None = None) -> float:
        """Total nats of all pieces divided by their number of cells, voices times steps: long pieces count more."""
        total = sum(float(self.nats(*piece).sum()) for piece in _pieces(grids, onsets))
        return total / sum(grid.size for grid in grids)

    def distributions(self, grid: Grid) -> Float[np.ndarray, "steps voices values"]:
        """Probabilities of all values of each cell, given all cells before it.

        Returns:
            Probabilities that sum to 1 over the values: a rest (0), the pitches (1 to 127), and, if the model has been
            trained with onsets, the pitch of the step before struck again (128).
        """
        contexts, _ = self._read(grid, None)
        last = _last_pitches(grid, self.typical)[:-1]
        found = np.stack([model.distributions(own) for model, own in zip(self.models, contexts, strict=True)], 1)
        values = np.arange(found.shape[2])
        symbols = np.where(values > PITCHES, AGAIN, (values - last[:, :, None]) % PITCHES)
        symbols[:, :, 0] = PITCHES
        return np.take_along_axis(found, symbols, 2)

    def _read(
        self, grid: Grid, onsets: Onsets | None
    ) -> tuple[list[Int[np.ndarray, "steps _"]], Int[np.ndarray, "steps voices"]]:
        """The contexts of each voice, and the symbols of all."""
        assert grid.shape[1] == self.voices
        assert self.repeats or onsets is None
        last = _last_pitches(grid, self.typical)
        before = np.concatenate([np.zeros((1, self.voices), grid.dtype), grid])[:-1]
        symbols = np.where(grid > 0, (grid - last[:-1]) % PITCHES, PITCHES)
        if onsets is not None:
            symbols[onsets & (grid > 0) & (grid == before)] = AGAIN
        moves = np.diff(last, axis=0).clip(-LEAP, LEAP) + LEAP
        previous = _previous_moves(moves)
        phase = np.arange(len(grid)) % BEAT
        contexts = []
        for voice in range(self.voices):
            own = last[:-1, voice]
            timing = phase + BEAT * (before[:, voice] == 0)
            lower = [_interval(before[:, other], own) for other in range(self.voices - 1, voice, -1)]
            upper = [_interval(grid[:, other], own) for other in range(voice)]
            if voice == 0:
                features = [timing, *lower[:1], previous[:, 0], *lower[1:]]
            else:
                features = [upper[0], timing, *upper[1:], *lower, *moves.T[:voice], previous[:, voice]]
            contexts.append(np.stack(features, 1))
        return contexts, symbols


def _pieces(
    grids: Grids, onsets: ManyOnsets | None
) -> list[tuple[Int[np.ndarray, "_ voices"], Bool[np.ndarray, "_ voices"] | None]]:
    """Each grid with its onsets, if there are any."""
    return [(grid, None) for grid in grids] if onsets is None else list(zip(grids, onsets, strict=True))


def _interval(pitch: Int[np.ndarray, " steps"], own: Int[np.ndarray, " steps"]) -> Int[np.ndarray, " steps"]:
    """Semitones from the voice's own pitch as a number from 1; 0 for a rest."""
    return np.where(pitch > 0, (pitch - own).clip(-REACH, REACH) + REACH + 1, 0)


def _last_pitches(grid: Grid, typical: Int[np.ndarray, " voices"]) -> Int[np.ndarray, "edges voices"]:
    """The last pitch of each voice before each step, and after the last one; `typical` before any."""
    rows = np.concatenate([typical[None], grid])
    place = np.maximum.accumulate(np.where(rows > 0, np.arange(len(rows))[:, None], 0))
    return np.take_along_axis(rows, place, 0)


def _previous_moves(moves: Int[np.ndarray, "steps voices"]) -> Int[np.ndarray, "steps voices"]:
    """The last move of each voice before each step, other than to stay; the one to the first step does not count."""
    rows = np.concatenate([np.full((1, moves.shape[1]), LEAP), moves])[:-1]
    rows[1:2] = LEAP
    place = np.maximum.accumulate(np.where(rows != LEAP, np.arange(len(rows))[:, None], 0))
    return np.take_along_axis(rows, place, 0)

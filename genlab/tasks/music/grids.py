"""Pieces in voices as a network reads them, and what it knows about its training pieces."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genlab.data.notes.folder import Piece
from genlab.data.notes.score import Metre
from genlab.data.notes.voice_ranges import voice_ranges
from genlab.data.notes.voices import STEPS, VoiceGrid, to_grid, why_not_all
from genlab.errors import InputError
from genlab.metrics.counterpoint import pitch_ranges
from genlab.models.chorale import LONGEST_BAR

Value = TypeVar("Value")


@dataclass(frozen=True)
class VoiceFacts:
    """Facts about the training pieces that a trained model needs."""

    ranges: list[list[int]]
    """Lowest and highest pitch of each voice, from the highest voice to the lowest."""
    repeats: bool
    """Whether notes are struck again."""
    metres: list[list[int]]
    """Beats and unit of each metre, the commonest first."""
    pickup: int
    """Commonest length of the pick-up of pieces in the commonest metre, in steps."""
    tempo: float
    """Median tempo in quarter notes per minute."""
    programs: list[int] = field(default_factory=list)
    """Commonest instrument of each voice."""
    names: list[str] = field(default_factory=list)
    """Commonest name of each voice."""
    usual_ranges: list[list[int]] = field(default_factory=list)
    """Range of each voice without the lowest and highest 0.1 % of its notes: new notes keep within it."""

    @property
    def lowest(self) -> int:
        """The lowest pitch, whose code is 1."""
        return min(low for low, _ in self.ranges)

    @property
    def pitches(self) -> int:
        """Number of pitches from the lowest to the highest."""
        return 1 + max(high for _, high in self.ranges) - self.lowest

    def metre_named(self, name: str | None) -> Metre:
        """The metre written as "3/4"; the commonest for None.

        Raises:
            InputError: the training pieces have none such.
        """
        for beats, unit in self.metres:
            if name in (None, f"{beats}/{unit}"):
                return Metre(0, beats, unit)
        known = ", ".join(f"{beats}/{unit}" for beats, unit in self.metres)
        raise InputError(f"metre: the training pieces have no {name}: choose from {known}.", "metre")


def facts_of(grids: Sequence[VoiceGrid]) -> VoiceFacts:
    """The facts about pieces with the same number of voices."""
    voices = range(grids[0].pitches.shape[1])
    # A voice that never sounds has the range of the others.
    ranges = voice_ranges(grids)
    silent = ranges[:, 0] > ranges[:, 1]
    ranges[silent] = [ranges[~silent, 0].min(), ranges[~silent, 1].max()]
    metres = Counter(metre[1:] for grid in grids for metre in grid.metres).most_common()
    begin = [grid.pickup for grid in grids if grid.metres[0][1:] == metres[0][0]]
    return VoiceFacts(
        ranges.tolist(),
        any(bool(_again(grid).any()) for grid in grids),
        [list(metre) for metre, _ in metres],
        _commonest(begin or [0]),
        float(np.median([grid.tempo for grid in grids])),
        [_commonest((grid.programs or (0,) * len(voices))[voice] for grid in grids) for voice in voices],
        [_commonest((grid.names or ("",) * len(voices))[voice] for grid in grids) for voice in voices],
        pitch_ranges([grid.pitches for grid in grids]).tolist(),
    )


def grids_of(pieces: Sequence[Piece], name: str) -> tuple[list[VoiceGrid], list[str]]:
    """The pieces on the grid, and a note about what was moved.

    Raises:
        InputError: they are not all in the same number of voices.
    """
    if reason := why_not_all([piece.score for piece in pieces]):
        raise InputError(
            f"model: chorale needs pieces in the same number of voices, but in {name} {reason}: use --model "
            "transformer.",
            "model",
        )
    found = [to_grid(piece.score) for piece in pieces]
    changed = sum(bool(changes) for _, changes in found)
    first = next((changes[0] for _, changes in found if changes), "")
    notes = [f"{changed:,} of {len(found):,} pieces were changed to fit the grid of sixteenths: {first}; ..."]
    return [grid for grid, _ in found], notes if changed else []


class VoicePiece(NamedTuple):
    """A piece as the network reads it."""

    codes: Int[Tensor, "steps voices"]
    """0 for a rest, 1 for the lowest pitch of the corpus."""
    struck: Bool[Tensor, "steps voices"]
    """Whether a note or rest begins."""
    places: Int[Tensor, "more 2"]
    """Place of each step in its bar and length of the bar, in steps; of one step more than the piece has."""


def as_tensors(grid: VoiceGrid, facts: VoiceFacts) -> VoicePiece:
    """The piece as the network reads it; pitches beyond the corpus move by octaves."""
    pitches = folded(grid.pitches, facts)
    changed = np.ones(pitches.shape, bool)
    changed[1:] = (pitches[1:] != pitches[:-1]) | grid.onsets[1:]
    changed &= facts.repeats | (np.diff(pitches, axis=0, prepend=-1) != 0)
    codes = np.where(pitches > 0, pitches - facts.lowest + 1, 0)
    places = places_in(grid.metres, grid.pickup, len(codes) + 1)
    return VoicePiece(torch.from_numpy(codes), torch.from_numpy(changed), places)


def folded(pitches: Int[np.ndarray, "steps voices"], facts: VoiceFacts) -> Int[np.ndarray, "steps voices"]:
    """Pitches, moved by octaves into the range of the corpus."""
    low, high = facts.lowest, facts.lowest + facts.pitches - 1
    return np.where(pitches > 0, by_octaves(pitches, low, high).clip(low, high), 0)


def by_octaves(pitches: Int[np.ndarray, "steps voices"], low: int, high: int) -> Int[np.ndarray, "steps voices"]:
    """Pitches, moved from above `high` or below `low` by as few octaves as possible."""
    above = np.maximum(0, -(-(pitches - high) // 12))
    below = np.maximum(0, -(-(low - pitches) // 12))
    return pitches - 12 * above + 12 * below


def places_in(metres: Sequence[Metre], pickup: int, steps: int) -> Int[Tensor, "steps 2"]:
    """Place of each step in its bar, and length of the bar, in steps, limited to what the network can read."""
    grid = VoiceGrid(np.zeros((steps, 1), np.int64), np.zeros((steps, 1), bool), list(metres), pickup)
    starts = [metre.start for metre in metres]
    current = np.searchsorted(starts, np.arange(steps), side="right") - 1
    lengths = np.array([max(1, 4 * STEPS * metre.beats // metre.unit) for metre in metres])[current]
    places = np.stack((grid.phases.clip(max=LONGEST_BAR - 1), lengths.clip(max=LONGEST_BAR)), 1)
    return torch.from_numpy(places.astype(np.int64))


def _again(grid: VoiceGrid) -> Bool[np.ndarray, "steps voices"]:
    """Where a voice strikes again the note that it holds."""
    same = np.zeros(grid.pitches.shape, bool)
    same[1:] = (grid.pitches[1:] == grid.pitches[:-1]) & (grid.pitches[1:] > 0)
    return same & grid.onsets


def _commonest(values: Iterable[Value]) -> Value:
    return Counter(values).most_common(1)[0][0]

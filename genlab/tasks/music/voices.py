"""Makes music in voices: draws pieces, sixteenth by sixteenth."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.notes.score import Metre, Score
from genlab.data.notes.voices import STEPS, VoiceGrid, from_grid
from genlab.engine.machine import Machine
from genlab.layers.sampling import draw, shape_logits
from genlab.models.chorale_writing import Given, Written, write_chorales
from genlab.tasks.music.grids import VoiceFacts, places_in
from genlab.tasks.music.options import MusicRequest

TOGETHER = 16
"""Number of pieces made in parallel."""


class VoiceWriter:
    """Makes pieces in voices.

    Args:
        network: A `Chorale`, or a custom network with its methods.
        facts: About its training pieces.
        machine: The machine that it runs on.
    """

    def __init__(self, network: Any, facts: VoiceFacts, machine: Machine) -> None:
        self.network, self.facts, self.machine = network, facts, machine

    def write(self, request: MusicRequest, evaluating: Callable[[], AbstractContextManager]) -> Iterator[Score]:
        """Yields `request.n` pieces; each depends on the seed and its number only."""
        facts = self.facts
        metre = Metre(0, *facts.metre)
        bar = 4 * STEPS * metre.beats // metre.unit
        steps = bar * request.bars - (-facts.pickup % bar if facts.pickup else 0)
        places = places_in([metre], facts.pickup, steps)
        voices = len(facts.ranges)
        for first in range(0, request.n, TOGETHER):
            numbers = range(first, min(first + TOGETHER, request.n))
            nothing = torch.zeros(len(numbers), steps, voices, dtype=torch.long)
            given, here = self.machine.place(
                (Given(nothing, nothing.bool(), nothing.bool()), places.expand(len(numbers), -1, -1))
            )
            generators = [self._generator(request.seed, number) for number in numbers]
            with evaluating():
                written = write_chorales(self.network, here, Given(*given), _choice(request, generators), ends=True)
            yield from self._scores(written, metre)

    def _generator(self, seed: int, number: int) -> torch.Generator:
        own = seed if number == 0 else int(np.random.SeedSequence((seed, number)).generate_state(1)[0])
        return torch.Generator(self.machine.device).manual_seed(own)

    def _scores(self, written: Written, metre: Metre) -> Iterator[Score]:
        facts = self.facts
        codes, struck, lengths = (each.cpu().numpy() for each in written)
        for piece, begins, length in zip(codes, struck, lengths.tolist(), strict=True):
            pitches = np.where(piece > 0, piece + facts.lowest - 1, 0)[:length]
            grid = VoiceGrid(
                pitches, begins[:length] & (pitches > 0), [metre], facts.pickup, tuple(facts.programs),
                tuple(facts.names), facts.tempo,
            )  # fmt: skip
            yield from_grid(grid)


def _choice(
    request: MusicRequest, generators: list[torch.Generator]
) -> Callable[[Float[Tensor, "batch labels"]], Int[Tensor, " batch"]]:
    """Draws from logits as the request says, with a generator for each row."""

    def choose(logits: Float[Tensor, "batch labels"]) -> Int[Tensor, " batch"]:
        none = torch.zeros(len(logits), 0, dtype=torch.long, device=logits.device)
        shaped = shape_logits(logits, none, request.temperature, None, request.top_p, request.min_p)
        return draw(shaped, *generators)

    return choose

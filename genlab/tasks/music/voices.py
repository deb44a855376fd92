"""Makes music in voices: new pieces, continuations, voices to a melody, and bars within a piece.

Data flow::

    request -> `Plan`: what is given, on the grid -> `write_chorales` -> grids -> scores, in the requested key
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Int
from torch import Tensor

from genlab.data.notes.programs import program_of
from genlab.data.notes.score import Score
from genlab.data.notes.voices import STEPS, VoiceGrid, from_grid
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.layers.sampling import draw
from genlab.models.chorale_steps import NOTE
from genlab.models.chorale_writing import Decoding, Given, Written, log_likelihood, write_chorales
from genlab.tasks.music.drawing import TOGETHER, Choice, batches_of_seeds, in_key, requested_key, seed_of
from genlab.tasks.music.given import given_melody, given_prompt, given_rest
from genlab.tasks.music.grids import VoiceFacts, by_octaves, places_in
from genlab.tasks.music.options import MusicRequest
from genlab.tasks.music.pieces import played_by

AFTER = 8 * STEPS
"""Number of steps after rewritten bars by which `TOGETHER` candidates are judged."""
PARALLEL_SCALE = 2.0
"""Scale of the logits of parallel motion in writing."""


class VoiceWriter:
    """Makes pieces in voices.

    Args:
        network: A `Chorale`, or a custom network with its methods.
        facts: About its training pieces.
        machine: The machine that it runs on.
    """

    def __init__(self, network: Any, facts: VoiceFacts, machine: Machine) -> None:
        self.network, self.facts, self.machine = network, facts, machine
        notes = torch.arange(facts.lowest, facts.lowest + facts.pitches)
        low, high = torch.tensor(facts.usual_ranges or facts.ranges).T[..., None]
        usual = F.pad((low <= notes) & (notes <= high), (NOTE, 0), value=True)
        self.decoding = Decoding(usual.to(machine.device), PARALLEL_SCALE)

    def write(self, request: MusicRequest, evaluating: Callable[[], AbstractContextManager]) -> Iterator[Score]:
        """Yields `request.n` pieces; each depends on the request, but for `n`, and its number.

        Raises:
            InputError: the request cannot be fulfilled.
        """
        plan = plan_of(request, self.facts)
        key = requested_key(request, plan.given)
        make = self._rewritten if request.fill is not None else self._drawn
        programs = [program_of(name) for name in request.instruments]
        for score in in_key(make(plan, request, evaluating), request, key):
            yield played_by(score, programs) if programs else score

    def _drawn(
        self, plan: "Plan", request: MusicRequest, evaluating: Callable[[], AbstractContextManager]
    ) -> Iterator[Score]:
        """Yields pieces without end."""
        for seeds in batches_of_seeds(request):
            yield from self._scores(plan, request, self._some(plan, request, seeds, evaluating))

    def _rewritten(
        self, plan: "Plan", request: MusicRequest, evaluating: Callable[[], AbstractContextManager]
    ) -> Iterator[Score]:
        """Yields pieces with new bars: of several candidates one, the likelier the better the music after it fits."""
        assert plan.rewritten is not None
        after = slice(plan.rewritten.stop, plan.rewritten.stop + AFTER)
        for number in range(request.n):
            seeds = [seed_of(request.seed, number * TOGETHER + row) for row in range(TOGETHER)]
            written = self._joined(self._some(plan, request, seeds, evaluating), plan.rewritten.stop)
            with evaluating():
                places = self.machine.place(plan.places).expand(TOGETHER, -1, -1)
                fits = log_likelihood(self.network, places, written.codes, written.struck)[:, after].sum(1)
            generator = torch.Generator(self.machine.device).manual_seed(seeds[0])
            chosen = draw(fits[None], generator)
            yield from self._scores(plan, request, Written(*(each[chosen] for each in written)))

    def _joined(self, written: Written, step: int) -> Written:
        """The pieces, where what is given from `step` on begins as what was written before it requires."""
        if step == written.codes.shape[1]:
            return written
        codes, struck = written.codes[:, step], written.struck.clone()
        again = struck[:, step] & (codes > 0) & self.facts.repeats
        struck[:, step] = (codes != written.codes[:, step - 1]) | again
        return written._replace(struck=struck)

    def _some(
        self, plan: "Plan", request: MusicRequest, seeds: list[int], evaluating: Callable[[], AbstractContextManager]
    ) -> Written:
        """Writes a piece for each seed."""
        count, generators = len(seeds), [torch.Generator(self.machine.device).manual_seed(seed) for seed in seeds]
        codes, struck, known, places = (
            self.machine.place(each).expand(count, -1, -1) for each in (*plan.arrays(self.facts), plan.places)
        )
        with evaluating(), torch.inference_mode():
            given = Given(codes, struck, known)
            return write_chorales(self.network, places, given, Choice(request, generators), plan.least, self.decoding)

    def _scores(self, plan: "Plan", request: MusicRequest, written: Written) -> Iterator[Score]:
        facts = self.facts
        codes, struck, lengths = (each.cpu().numpy() for each in written)
        for piece, begins, length in zip(codes, struck, lengths.tolist(), strict=True):
            pitches = np.where(piece > 0, piece + facts.lowest - 1, 0)[:length]
            grid = replace(
                plan.grid,
                pitches=np.where(pitches > 0, by_octaves(pitches - plan.shift, 1, 127), 0),
                onsets=begins[:length] & (pitches > 0),
                tempo=plan.grid.tempo if request.tempo is None else request.tempo,
            )
            yield from_grid(grid if request.with_prompt else after(grid, plan.prefix))


@dataclass(frozen=True)
class Plan:
    """What to write."""

    grid: VoiceGrid
    """What is given, transposed by `shift`; as many steps as a piece can have."""
    known: Bool[np.ndarray, "steps voices"]
    """Where it is given."""
    places: Int[Tensor, "steps 2"]
    least: int | None
    """Number of steps after which a piece may end; None if it may not end before the last step."""
    shift: int = 0
    """Semitones by which what is given was moved into the range of the training pieces."""
    prefix: int = 0
    """Number of steps at the beginning that are the prompt's."""
    rewritten: slice | None = None
    """The steps to rewrite in a given piece."""

    @property
    def given(self) -> bool:
        """Whether anything is given."""
        return bool(self.known.any())

    def arrays(self, facts: VoiceFacts) -> tuple[Tensor, Tensor, Tensor]:
        """Codes, where they begin, and where they are given, each (1, steps, voices)."""
        pitches = self.grid.pitches
        changed = np.diff(pitches, axis=0, prepend=-1) != 0
        struck = (changed | (self.grid.onsets & facts.repeats)) & self.known
        codes = np.where(self.known & (pitches > 0), pitches - facts.lowest + 1, 0)
        first, second, third = (torch.from_numpy(each)[None] for each in (codes, struck, self.known))
        return first, second, third


def plan_of(request: MusicRequest, facts: VoiceFacts) -> Plan:
    """What a request gives and wants.

    Raises:
        InputError: it cannot be fulfilled.
    """
    asked = {name: getattr(request, name) for name in ("prompt", "harmonise", "fill")}
    if len(used := [name for name, value in asked.items() if value is not None]) > 1:
        raise InputError(f"{used[1]}: {used[0]} and {used[1]} exclude each other: use one of them.", used[1])
    if used and request.metre is not None:
        raise InputError("metre: what is given has a metre: omit --metre.", "metre")
    if request.fill is None and (request.from_bar is not None or request.to_bar is not None):
        raise InputError("from_bar: --from-bar and --to-bar belong to --fill FILE.", "from_bar")
    if request.prompt is None and not request.with_prompt:
        raise InputError("with_prompt: --no-with-prompt belongs to --prompt FILE.", "with_prompt")
    voices = len(facts.ranges)
    if not used:
        metre = facts.metre_named(request.metre)
        pickup = facts.pickup if list(metre[1:]) == facts.metres[0] else 0
        bar = 4 * STEPS * metre.beats // metre.unit
        steps = bar * request.bars + pickup % bar
        nothing = np.zeros((steps, voices), np.int64)
        grid = VoiceGrid(nothing, nothing > 0, [metre], pickup, tuple(facts.programs), tuple(facts.names), facts.tempo)
        return Plan(grid, nothing > 0, places_in([metre], pickup, steps), least=1)
    if request.prompt is not None:
        grid, shift, prefix = given_prompt(request.prompt, facts, request.bars)
        known = np.zeros(grid.pitches.shape, bool)
        known[:prefix] = True
        bar = 4 * STEPS * grid.metres[-1].beats // grid.metres[-1].unit
        return Plan(grid, known, places_in(grid.metres, grid.pickup, len(known)), prefix + bar, shift, prefix)
    if request.harmonise is not None:
        grid, shift = given_melody(request.harmonise, facts)
        known = np.zeros(grid.pitches.shape, bool)
        known[:, 0] = True
        return Plan(grid, known, places_in(grid.metres, grid.pickup, len(known)), None, shift)
    grid, shift, rewritten = given_rest(request.fill, facts, request.from_bar, request.to_bar)
    known = np.ones(grid.pitches.shape, bool)
    known[rewritten] = False
    return Plan(grid, known, places_in(grid.metres, grid.pickup, len(known)), None, shift, rewritten=rewritten)


def after(grid: VoiceGrid, step: int) -> VoiceGrid:
    """The piece from a step on; its first bar is what is left of the bar there."""
    if step == 0:
        return grid
    current = [metre for metre in grid.metres if metre.start <= step][-1]
    later = [metre._replace(start=metre.start - step) for metre in grid.metres if metre.start > step]
    bar = 4 * STEPS * current.beats // current.unit
    onsets = grid.onsets[step:].copy()
    if len(onsets):
        onsets[0] = grid.pitches[step] > 0
    return replace(
        grid,
        pitches=grid.pitches[step:],
        onsets=onsets,
        metres=[current._replace(start=0), *later],
        pickup=int(-grid.phases[step] % bar) if step < len(grid.pitches) else 0,
    )

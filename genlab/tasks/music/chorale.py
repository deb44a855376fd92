"""Training a model of music in voices on parts of pieces, transposed.

Read it with `models/chorale.py` (the network), `models/chorale_steps.py` (what it reads and predicts) and `grids.py`
(pieces as tensors).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from genlab.data.notes.piece_set import PieceSet
from genlab.data.notes.voice_ranges import voice_shifts
from genlab.data.notes.voices import VoiceGrid
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup
from genlab.errors import InputError
from genlab.layers.average import Average
from genlab.layers.muon import muon_and_adam
from genlab.models.chorale import Chorale, Places
from genlab.models.chorale_steps import OCTAVE, Codes, Past, Struck, labels_of, past_of, step_nats
from genlab.models.chorale_voice import ChoraleShape, Features, Voice
from genlab.tasks.music.grids import VoiceFacts, VoicePiece, as_tensors, facts_of, grids_of
from genlab.tasks.music.options import ChoraleOptions
from genlab.tasks.music.pipeline import MusicPipeline
from genlab.tasks.music.recipe import MusicRecipe

TOGETHER = 8
"""Number of pieces measured in parallel."""
IN_THEIR_KEY = 0.5
"""Share of the beginnings of pieces longer than a window that are not transposed."""
WATCHED = 100
"""Largest number of validation pieces to measure on during training, spread evenly over the split."""


@dataclass(frozen=True)
class VoiceData:
    """Pieces, and the same on the grid."""

    pieces: PieceSet
    train: list[VoiceGrid]
    validation: list[VoiceGrid] | None
    test: list[VoiceGrid] | None
    facts: VoiceFacts


class VoiceBatch(NamedTuple):
    """Parts of pieces; padding follows."""

    past: Past
    places: Places
    codes: Codes
    struck: Struck
    scored: Bool[Tensor, "batch steps"]
    """Whether the cells of each step enter the loss."""
    ended: Float[Tensor, "batch steps"]
    """1 at the step after the last one."""
    inside: Bool[Tensor, "batch steps"]
    """Whether each step is one of the piece or the one after it."""


def build_network(options: ChoraleOptions, facts: VoiceFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the network."""
    if options.width % 32:
        raise InputError(f"width: {options.width} cannot be used; this model needs a multiple of 32.", "width")
    shape = ChoraleShape(
        len(facts.ranges), facts.pitches, facts.repeats, options.width, options.depth, options.dropout, options.window
    )
    return {"chorale": networks.build("chorale", shape, Chorale)}


class ChoraleRecipe(MusicRecipe):
    """Trains a model of music in voices."""

    replaceable = ("chorale",)
    losses = ("loss",)
    data: VoiceData

    def __init__(self, setup: Setup) -> None:
        options, device = setup.options, setup.machine.device
        facts = setup.data.facts
        self.network = build_network(options, facts, setup.networks)["chorale"].to(device)
        self.average = Average(self.network, options.average).to(device)
        self.loss = setup.losses.get("loss", step_nats)
        optimizers = muon_and_adam(
            self.network, inner_matrices(self.network), options.learning_rate, options.weight_decay,
            options.embedding_learning_rate, options.weight_decay,
        )  # fmt: skip
        pipeline = MusicPipeline(options, facts, {"chorale": self.average.network}, setup.machine)
        networks: dict[str, nn.Module] = {"chorale": self.network, "average": self.average}
        super().__init__(setup, pipeline, networks, {"chorale": optimizers})
        self.train = [as_tensors(grid, facts) for grid in self.data.train]
        self.pasts = pasts_of(self.train)
        ranges = np.array(facts.ranges)
        self.shifts = [voice_shifts(grid.pitches, ranges) for grid in self.data.train]
        lengths = np.array([len(piece.codes) for piece in self.train])
        self.chances = lengths / lengths.sum()

    # --- data ---

    @classmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[VoiceData, DataFacts]:
        found, about = cls.pieces(place)
        grids, notes = grids_of([piece for split in found.splits().values() for piece in split], found.name)
        rest = iter(grids)
        splits = {name: [next(rest) for _ in pieces] for name, pieces in found.splits().items()}
        train = splits["train"]
        data = VoiceData(found, train, splits.get("validation"), splits.get("test"), facts_of(train))
        return data, replace(about, notes=[*about.notes, *notes])

    def batch(self, step: int) -> VoiceBatch:
        """Parts of pieces, each as likely as the piece is long, transposed within the range of each voice.

        The first step of a transposed piece does not count: new pieces begin in the keys of the training pieces.
        """
        random, options = np.random.default_rng((self.seed, step, self.machine.rank)), self.options
        parts = []
        for pick in random.choice(len(self.train), options.batch, p=self.chances).tolist():
            shifts = self.shifts[pick]
            shift = int(random.integers(shifts.start, shifts.stop)) if options.transpose else 0
            steps = len(self.train[pick].codes)
            # A part may begin near the end, so that an end is as likely at every place of a window.
            first = max(0, int(random.integers(-(options.window // 2), steps)))
            if first == 0 and steps > options.window and random.random() < IN_THEIR_KEY:
                shift = 0
            scored_from = int(first == 0 and shift != 0)
            parts.append(_part(self.train[pick], self.pasts[pick], first, options.window, shift, scored_from))
        return _together(parts)

    # --- the method ---

    def step(self, batch: VoiceBatch, progress: float) -> Metrics:
        batch = VoiceBatch(*batch)
        nats, ending = losses(self.network, batch, self.loss)
        cells = self.terms(batch)
        self.update(self.network, (nats + ending) / cells, clip=1.0, count=cells)
        self.average.update(self.network)
        return {"nats_per_cell": nats / cells}

    def terms(self, batch: VoiceBatch) -> Tensor:
        """Number of cells, a voice at a step each."""
        return batch.scored.sum() * batch.codes.shape[2]

    # --- validation ---

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.data.validation is not None, "there is nothing to validate on"
        places = np.unique(np.linspace(0, len(self.data.validation) - 1, WATCHED).round().astype(int))
        return nats_per_cell(self.pipeline, [self.data.validation[place] for place in places], self.loss)

    def test(self) -> dict[str, float]:
        return {} if self.data.test is None else nats_per_cell(self.pipeline, self.data.test, self.loss)


def losses(network: nn.Module, batch: VoiceBatch, loss: Any) -> tuple[Float[Tensor, ""], Float[Tensor, ""]]:
    """Total nats of the labels and of the ends of a batch."""
    logits, ending = network(batch.past, batch.places, batch.codes, batch.struck)
    nats = loss(logits, labels_of(batch.codes, batch.struck)) * batch.scored[..., None]
    ends = F.binary_cross_entropy_with_logits(ending.float(), batch.ended, reduction="none") * batch.inside
    return nats.sum(), ends.sum()


def nats_per_cell(pipeline: MusicPipeline, grids: Sequence[VoiceGrid], loss: Any = step_nats) -> dict[str, float]:
    """Nats of whole pieces: per cell, a voice at a sixteenth, and of the end of a piece.

    The voices are written from the highest to the lowest; each cell is predicted from all steps before it.
    """
    pieces = [as_tensors(grid, pipeline.facts) for grid in sorted(grids, key=lambda grid: len(grid.pitches))]
    total, ends, cells = 0.0, 0.0, 0
    with pipeline.evaluating():
        for first in range(0, len(pieces), TOGETHER):
            some = pieces[first : first + TOGETHER]
            whole = zip(some, pasts_of(some), strict=True)
            parts = [_part(piece, past, 0, len(piece.codes) + 1, 0) for piece, past in whole]
            batch = VoiceBatch(*pipeline.machine.place(_together(parts)))
            nats, ending = losses(pipeline.network, batch, loss)
            total, ends = total + nats.item(), ends + ending.item()
            cells += sum(piece.codes.numel() for piece in some)
    return {"nats_per_cell": total / cells, "nats_per_end": ends / len(pieces)}


def inner_matrices(network: nn.Module) -> list[Tensor]:
    """The matrices between embeddings and logits, which Muon trains."""
    outer = {
        id(weight)
        for part in network.modules()
        for weight in (
            [part.head.weight, part.trust, part.parallel, part.chord] if isinstance(part, Voice)
            else [part.table.weight] if isinstance(part, Features)
            else [part.end.weight, part.familiar] if isinstance(part, Chorale)
            else []
        )
    }  # fmt: skip
    return [weight for weight in network.parameters() if weight.ndim == 2 and id(weight) not in outer]


def pasts_of(pieces: Sequence[VoicePiece]) -> list[Past]:
    """What is known before each step of each piece, and before the step after it."""
    found = []
    for first in range(0, len(pieces), TOGETHER):
        some = pieces[first : first + TOGETHER]
        codes = pad_sequence([one.codes for one in some], batch_first=True)
        struck = pad_sequence([one.struck for one in some], batch_first=True)
        pasts = zip(*past_of(codes, struck), strict=True)
        found += [Past(*(each[: len(one.codes) + 1] for each in past)) for one, past in zip(some, pasts, strict=True)]
    return found


def _part(piece: VoicePiece, past: Past, first: int, window: int, shift: int, scored_from: int = 0) -> VoiceBatch:
    """The steps of a piece from `first`, the one after its end included, transposed by `shift`.

    Those before number `scored_from` do not enter the loss.
    """
    end, steps = min(first + window, len(piece.codes) + 1), len(piece.codes)

    def moved(codes: Tensor) -> Tensor:
        return torch.where(codes > 0, codes + shift, 0)

    past = Past(*(each[first:end] for each in past))
    pad = (0, 0, 0, 1)
    codes, struck = F.pad(piece.codes, pad)[first:end], F.pad(piece.struck, pad)[first:end]
    numbers = torch.arange(first, end)
    real, scored = numbers < steps, (numbers < steps) & (numbers >= scored_from)
    past = past._replace(old=moved(past.old), older=moved(past.older), sounded=past.sounded.roll(shift % OCTAVE, -1))
    places, inside = piece.places[first:end], torch.ones_like(real)
    return VoiceBatch(past, places, moved(codes), struck, scored, (~real).float(), inside)


def _together(parts: Sequence[VoiceBatch]) -> VoiceBatch:
    """The parts as one batch, padded to the same length."""
    steps = max(len(part.codes) for part in parts)

    def stacked(tensors: Sequence[Tensor]) -> Tensor:
        return torch.stack([F.pad(one, (0, 0) * (one.ndim - 1) + (0, steps - len(one))) for one in tensors])

    past = Past(*(stacked(each) for each in zip(*(part.past for part in parts), strict=True)))
    return VoiceBatch(past, *(stacked(each) for each in zip(*(part[1:] for part in parts), strict=True)))

"""The base of the recipes for music as tokens: parts of pieces, transposed, and the next token at every position.

Read it with `tokens.py` (pieces as tensors) and `models/music_transformer.py`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.data.notes.grid import LONGEST_BAR
from genlab.data.notes.piece_set import PieceSet
from genlab.data.notes.transposing import ranges_of, shifts_of
from genlab.data.notes.vocabulary import TRACKS
from genlab.engine.custom import Factory, Networks, try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup
from genlab.layers.average import Average
from genlab.models.music_transformer import MusicShape, token_nats
from genlab.tasks.music.pipeline import MusicPipeline
from genlab.tasks.music.recipe import MusicRecipe
from genlab.tasks.music.tokens import (
    TokenBatch,
    TokenFacts,
    TokenPiece,
    facts_of_scores,
    part_of,
    parts_of,
    random_start,
    together,
    tokens_of,
)

TOGETHER = 8
"""Number of parts measured in parallel."""
WATCHED = 60_000
"""About how many tokens of the validation pieces to measure on during training."""


@dataclass(frozen=True)
class TokenData:
    """Pieces, and the same as tokens."""

    pieces: PieceSet
    train: list[TokenPiece]
    validation: list[TokenPiece] | None
    test: list[TokenPiece] | None
    facts: TokenFacts


def network_of(
    name: str, options: Any, facts: TokenFacts, networks: Networks, default: Factory, relative: bool = False
) -> dict[str, nn.Module]:
    """Builds the network of this name; checks a custom one.

    Raises:
        InputError: a custom network cannot be used.
    """
    shape = MusicShape(
        facts.vocabulary.size, LONGEST_BAR, TRACKS + 1, options.context, options.depth, options.width, options.dropout,
        relative,
    )  # fmt: skip
    network = networks.build(name, shape, default)
    if name in networks:
        given = torch.zeros(1, 4, dtype=torch.long), torch.zeros(1, 4, 2, dtype=torch.long)
        hint = "its forward takes tokens (batch, time) and their places (batch, time, 2)"
        try_network(name, network, given, [(1, 4, shape.vocabulary)], hint)
    return {name: network}


class TokenRecipe(MusicRecipe):
    """Trains a model of music as tokens; subclasses add the network and its optimisers."""

    losses = ("loss",)
    data: TokenData

    def __init__(self, setup: Setup, network: nn.Module, optimizers: Sequence[Optimizer]) -> None:
        (name,) = self.replaceable
        self.network = network
        self.average = Average(network, setup.options.average).to(setup.machine.device)
        self.loss = setup.losses.get("loss", token_nats)
        facts = setup.data.facts
        pipeline = MusicPipeline(setup.options, facts, {name: self.average.network}, setup.machine)
        networks: dict[str, nn.Module] = {name: network, "average": self.average}
        super().__init__(setup, pipeline, networks, {name: optimizers})
        scores = [piece.score for piece in self.data.pieces.train]
        ranges = ranges_of(scores)
        self.shifts = [shifts_of(score, ranges) for score in scores]
        lengths = np.array([len(piece.ids) for piece in self.data.train])
        self.chances = lengths / lengths.sum()

    # --- data ---

    @classmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[TokenData, DataFacts]:
        found, about = cls.pieces(place)
        facts = facts_of_scores([piece.score for piece in found.train], options.velocities, options.tempos)
        tokens, notes = tokens_of([piece for split in found.splits().values() for piece in split], facts)
        rest = iter(tokens)
        splits = {name: [next(rest) for _ in pieces] for name, pieces in found.splits().items()}
        data = TokenData(found, splits["train"], splits.get("validation"), splits.get("test"), facts)
        return data, replace(about, notes=[*about.notes, *notes])

    @classmethod
    def resolve(cls, options: Any, data: TokenData, speed: Any, start: Pipeline | None) -> Any:
        return replace(options, velocities=data.facts.velocities, tempos=data.facts.tempos)

    def batch(self, step: int) -> TokenBatch:
        """Parts of pieces, each piece as likely as it is long, transposed within the ranges of the instruments."""
        random, options = np.random.default_rng((self.seed, step, self.machine.rank)), self.options
        vocabulary, parts = self.data.facts.vocabulary, []
        for pick in random.choice(len(self.data.train), options.batch, p=self.chances).tolist():
            piece, shifts = self.data.train[pick], self.shifts[pick]
            first = random_start(piece, options.context + 1, random)
            part = part_of(piece, first, options.context + 1)
            if options.transpose:
                shift = int(random.integers(shifts.start, shifts.stop))
                part = part._replace(ids=vocabulary.transposed(part.ids, shift))
            parts.append(part)
        return together(parts)

    # --- the method ---

    def step(self, batch: TokenBatch, progress: float) -> Metrics:
        nats = self.loss(self.network(batch.tokens, batch.places), batch.targets) * batch.scored
        count = self.terms(batch)
        loss = nats.sum() / count
        self.update(self.network, loss, clip=1.0, count=count)
        self.average.update(self.network)
        return {"nats_per_token": loss}

    def terms(self, batch: TokenBatch) -> Tensor:
        """Number of tokens to predict."""
        return batch.scored.sum()

    # --- validation ---

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        pieces = self.data.validation
        assert pieces is not None, "there is nothing to validate on"
        length = sum(len(piece.ids) for piece in pieces) / len(pieces)
        places = np.unique(np.linspace(0, len(pieces) - 1, max(1, int(WATCHED / length))).round().astype(int))
        return nats_per_note(self.pipeline, [pieces[place] for place in places], self.loss)

    def test(self) -> dict[str, float]:
        return {} if self.data.test is None else nats_per_note(self.pipeline, self.data.test, self.loss)


def nats_per_note(pipeline: MusicPipeline, pieces: Iterable[TokenPiece], loss: Any = token_nats) -> dict[str, float]:
    """Nats of whole pieces, per note and per token: metres, positions, instruments and the end included.

    A piece that is longer than the context is read in parts that overlap by half.
    """
    pieces = list(pieces)
    length = pipeline.options.context + 1
    parts = sorted((part for piece in pieces for part in parts_of(piece, length)), key=lambda part: len(part.ids))
    total, tokens = 0.0, 0
    with pipeline.evaluating():
        for first in range(0, len(parts), TOGETHER):
            batch = pipeline.machine.place(together(parts[first : first + TOGETHER]))
            nats = loss(pipeline.network(batch.tokens, batch.places), batch.targets) * batch.scored
            total += nats.sum().item()
            tokens += int(batch.scored.sum())
    return {"nats_per_note": total / max(1, sum(piece.notes for piece in pieces)), "nats_per_token": total / tokens}

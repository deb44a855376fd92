"""Pieces as the tokens that a network reads, parts of them, and what a model knows about its training pieces.

Data flow: a piece -> `TokenPiece` -> `Part`s of a limited length -> `TokenBatch`. A part from inside a piece begins at
a bar line, after the piece's Instruments; before these, Pad replaces Start, so that the network can tell it from the
beginning of a piece.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor

from genlab.data.notes.folder import Piece
from genlab.data.notes.grid import METRES
from genlab.data.notes.places import places_of
from genlab.data.notes.score import Score
from genlab.data.notes.tokens import encode
from genlab.data.notes.transposing import ranges_of
from genlab.data.notes.vocabulary import Vocabulary
from genlab.errors import InputError

LEVELS = 16
"""Number of levels of loudness, and of tempos, to learn by default."""
PAD = Vocabulary().number("Pad")


@dataclass(frozen=True)
class TokenFacts:
    """Facts about the training pieces that a trained model needs."""

    velocities: int
    """Number of levels of loudness in the vocabulary."""
    tempos: int
    """Number of tempos in the vocabulary."""
    metres: list[list[int]]
    """Beats and unit of each metre, the commonest first."""
    tempo: float
    """Median tempo in quarter notes per minute."""
    instruments: list[int]
    """The instruments, the commonest first."""
    drums: bool
    """Whether there are drums."""
    ranges: list[list[int]] = field(default_factory=list)
    """Each instrument with its lowest and highest pitch; one that is missing may have any pitch."""

    @cached_property
    def vocabulary(self) -> Vocabulary:
        """The tokens."""
        return Vocabulary(self.velocities, self.tempos)

    def metre_named(self, name: str) -> int:
        """The number, in `METRES`, of the metre written as "3/4".

        Raises:
            InputError: the training pieces have none such.
        """
        for beats, unit in self.metres:
            if name == f"{beats}/{unit}":
                return METRES.index((beats, unit))
        raise InputError(f"metre: the training pieces have no {name}: choose from {self.metre_names}.", "metre")

    @property
    def metre_names(self) -> str:
        """The metres, for a message."""
        return ", ".join(f"{beats}/{unit}" for beats, unit in self.metres)


class TokenPiece(NamedTuple):
    """A piece as tokens."""

    ids: Int[np.ndarray, " tokens"]
    places: Int[np.ndarray, "tokens 2"]
    """Step of each token in its bar, and its track."""
    bars: Int[np.ndarray, " bars"]
    """Where the Bars are."""
    notes: int


class Part(NamedTuple):
    """A part of a piece."""

    ids: Int[np.ndarray, " tokens"]
    places: Int[np.ndarray, "tokens 2"]
    scored: Bool[np.ndarray, " tokens"]
    """Whether each token is to be predicted."""


class TokenBatch(NamedTuple):
    """Parts of pieces, without their last tokens; padding follows."""

    tokens: Int[Tensor, "batch time"]
    places: Int[Tensor, "batch time 2"]
    targets: Int[Tensor, "batch time"]
    """The next tokens."""
    scored: Bool[Tensor, "batch time"]
    """Whether each target is to be predicted."""


# --- facts and pieces -----------------------------------------------------------------------------


def facts_of_scores(scores: Sequence[Score], velocities: int | None, tempos: int | None) -> TokenFacts:
    """The facts about training pieces; None for a vocabulary that fits them."""
    if velocities is None:
        varied = [len({note.velocity for track in score.tracks for note in track.notes}) > 1 for score in scores]
        velocities = LEVELS if 2 * sum(varied) > len(scores) else 0
    if tempos is None:
        tempos = LEVELS if len({tempo.per_minute for score in scores for tempo in score.tempos}) > 1 else 0
    if tempos == 1:
        raise InputError("tempos: 1 cannot be used; it must be 0, or from 2 to 32.", "tempos")
    plain = Vocabulary()
    metres: Counter[int] = Counter()
    instruments: Counter[int] = Counter()
    for score in scores:
        ids = encode(score, plain).ids
        metres.update(values_in(ids, "Bar", plain))
        instruments.update(set(values_in(ids, "Instrument", plain)))
    return TokenFacts(
        velocities,
        tempos,
        [list(METRES[number]) for number, _ in metres.most_common()],
        float(np.median([score.tempos[0].per_minute for score in scores])),
        [number for number, _ in instruments.most_common()],
        any(track.drums and track.notes for score in scores for track in score.tracks),
        [[program, *span] for program, span in ranges_of(scores).items()],
    )


def values_in(ids: Int[np.ndarray, " tokens"], kind: str, vocabulary: Vocabulary) -> list[int]:
    """The values of all tokens of a kind."""
    first, (low, count) = vocabulary.first[kind], vocabulary.kinds[kind]
    return (ids[(ids >= first) & (ids < first + count)] - first + low).tolist()


def tokens_of(pieces: Sequence[Piece], facts: TokenFacts) -> tuple[list[TokenPiece], list[str]]:
    """The pieces as tokens, and a note about what was changed."""
    encoded = [encode(piece.score, facts.vocabulary) for piece in pieces]
    changed = sum(bool(one.changes) for one in encoded)
    first = next((one.changes[0] for one in encoded if one.changes), "")
    note = f"{changed:,} of {len(encoded):,} pieces were changed to fit the grid of twelfths of a beat: {first}; ..."
    return [as_tokens(one.ids, facts.vocabulary) for one in encoded], [note] if changed else []


def as_tokens(ids: Int[np.ndarray, " tokens"], vocabulary: Vocabulary) -> TokenPiece:
    """A piece as the network reads it."""
    bar, (_, count) = vocabulary.first["Bar"], vocabulary.kinds["Bar"]
    lengths = vocabulary.first["Duration"]
    notes = int(((ids >= lengths) & (ids < lengths + vocabulary.kinds["Duration"][1])).sum())
    places = np.stack(places_of(ids, vocabulary), 1)
    return TokenPiece(ids, places, np.flatnonzero((ids >= bar) & (ids < bar + count)), notes)


# --- parts ----------------------------------------------------------------------------------------


def part_of(piece: TokenPiece, first: int, length: int, since: int | None = None) -> Part:
    """At most `length` tokens of a piece.

    Args:
        piece: The piece.
        first: The first token; not 0: the Instruments precede it.
        length: Largest number of tokens, those before `first` included.
        since: First token to predict; None for the second one, or the one after `first`.
    """
    head = head_of(piece, length) if first else 0
    end = first + length - head
    since = first + 1 if since is None else since
    ids = np.concatenate((piece.ids[:head], piece.ids[first:end]))
    places = np.concatenate((piece.places[:head], piece.places[first:end]))
    if first:
        ids[0] = PAD
    return Part(ids, places, np.arange(first - head, first - head + len(ids)) >= since)


def head_of(piece: TokenPiece, length: int) -> int:
    """Number of tokens before the first Bar; no more than half of `length`."""
    return min(int(piece.bars[0]) if len(piece.bars) else 1, length // 2)


def bar_line(piece: TokenPiece, earliest: int, latest: int) -> int:
    """The first Bar from `earliest` to `latest`; without one, `earliest`."""
    number = np.searchsorted(piece.bars, earliest)
    return int(piece.bars[number]) if number < len(piece.bars) and piece.bars[number] <= latest else earliest


def parts_of(piece: TokenPiece, length: int) -> Iterator[Part]:
    """Yields parts that together predict each token but Start once, from at least a quarter of `length` if they can."""
    first, done = 0, 1
    while done < len(piece.ids):
        yield part_of(piece, first, length, done)
        room = length - (head_of(piece, length) if first else 0)
        done = first + room
        first = bar_line(piece, done - (length - head_of(piece, length)) // 2, done - 1)


def newest(piece: TokenPiece, length: int) -> Part:
    """The end of a piece, from a bar line on, in at most `length` tokens; all of it if that is not too long."""
    if len(piece.ids) <= length:
        return part_of(piece, 0, length)
    last = len(piece.ids)
    return part_of(piece, bar_line(piece, last - length + head_of(piece, length), last - 1), length)


def random_start(piece: TokenPiece, length: int, random: np.random.Generator) -> int:
    """Where a part for training begins: at the beginning or a bar line, such that all tokens are read about as often,
    and the part is not shorter than necessary.
    """
    count, half = len(piece.ids), length // 2
    if count <= length:
        return 0
    wanted = int(random.integers(-half, count - half))
    full = np.searchsorted(piece.bars, count - length + head_of(piece, length))  # from this bar on, the end is reached
    number = min(int(np.searchsorted(piece.bars, wanted, side="right")) - 1, int(full), len(piece.bars) - 1)
    return 0 if number <= 0 else int(piece.bars[number])


def together(parts: Sequence[Part]) -> TokenBatch:
    """The parts as one batch, padded to the same length."""
    rows, time = len(parts), max(len(part.ids) for part in parts)
    ids, places = np.full((rows, time), PAD, np.int64), np.zeros((rows, time, 2), np.int64)
    scored = np.zeros((rows, time), bool)
    for row, part in enumerate(parts):
        end = len(part.ids)
        ids[row, :end], places[row, :end], scored[row, :end] = part
    tokens = torch.from_numpy(ids)
    return TokenBatch(tokens[:, :-1], torch.from_numpy(places)[:, :-1], tokens[:, 1:], torch.from_numpy(scored)[:, 1:])

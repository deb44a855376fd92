"""Random sequences whose answers lie a known distance back, and one kind that a state alone can answer.

Every task gives tokens (batch, time) and targets of the same shape: what a model should say after each token, and NONE
where it is not asked. Answers of earlier positions stand among the tokens (teacher forcing).
"""

from collections.abc import Callable
from itertools import permutations
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

NONE = -100
"""Target of a position that is not asked: cross-entropy's own mark."""
SYMBOLS = 16
"""Kinds of tokens to copy and to reverse."""
KEYS, VALUES = 256, 16
"""Kinds of keys and of values to recall."""

Sequences = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]


def copying(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """`distance` tokens, a mark, and the tokens again: what is asked for stands `distance` back."""
    told = torch.randint(SYMBOLS, (batch, distance), generator=random)
    return _told_and_asked(told, told)


def reversal(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """`distance` tokens, a mark, and the tokens backwards: first the token before the mark, last the first of all."""
    told = torch.randint(SYMBOLS, (batch, distance), generator=random)
    return _told_and_asked(told, told.flip(1))


def _told_and_asked(told: Int[Tensor, "batch distance"], answer: Int[Tensor, "batch distance"]) -> Sequences:
    mark = torch.full_like(told[:, :1], SYMBOLS)
    return torch.cat((told, mark, answer[:, :-1]), 1), torch.cat((torch.full_like(told, NONE), answer), 1)


def recall(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """Pairs of key and value, then every key again in another order: its value stands `distance` back on average.

    Multi-query associative recall: Arora et al. (2023), "Zoology", arXiv 2312.04927; `distance` / 2 pairs.
    """
    pairs = distance // 2
    keys = torch.rand(batch, KEYS, generator=random).argsort(1)[:, :pairs]
    values = KEYS + torch.randint(VALUES, (batch, pairs), generator=random)
    order = torch.rand(batch, pairs, generator=random).argsort(1)
    asked, answers = keys.gather(1, order), values.gather(1, order)
    tokens = torch.cat([torch.stack(pair, 2).flatten(1) for pair in ((keys, values), (asked, answers))], 1)
    targets = torch.full_like(tokens, NONE)
    targets[:, 2 * pairs :: 2] = answers
    return tokens, targets


ORDERS = list(permutations(range(3)))
"""The six orders of three things: the group S3."""
AFTER = torch.tensor([[ORDERS.index(tuple(state[place] for place in move)) for move in ORDERS] for state in ORDERS])
"""The order that a move (column) makes of an order (row)."""


def state(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """Three things are put into another order `distance` times: how do they lie after each?

    The word problem of S3 (Merrill et al. 2024, "The Illusion of State", arXiv 2404.08819, have S5's): every answer
    hangs on all moves before it. To carry a state of six values along is enough; a Transformer of fixed depth has none.
    """
    moves = torch.randint(len(ORDERS), (batch, distance), generator=random)
    lies = [moves[:, 0]]
    for move in moves[:, 1:].unbind(1):
        lies.append(AFTER[lies[-1], move])
    return moves, torch.stack(lies, 1)


class Task(NamedTuple):
    """What a training is about."""

    make: Callable[[int, int, torch.Generator], Sequences]
    vocabulary: int
    """Kinds of tokens; answers are among them."""
    answers: int
    """Kinds of answers: one in so many is right by chance."""
    length: int
    """Tokens of a sequence for each token of distance."""


TASKS = {
    "copying": Task(copying, SYMBOLS + 1, SYMBOLS, 2),
    "reversal": Task(reversal, SYMBOLS + 1, SYMBOLS, 2),
    "recall": Task(recall, KEYS + VALUES, VALUES, 2),
    "state": Task(state, len(ORDERS), len(ORDERS), 1),
}

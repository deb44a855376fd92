"""Random sequences whose answers lie a known distance back, and one task that only tracking a state can solve.

Every task gives tokens (batch, time) and targets of the same shape: what a model should predict after each token, or
NONE where nothing is scored. The answers of earlier positions are among the tokens (teacher forcing).
"""

from collections.abc import Callable
from itertools import permutations
from typing import NamedTuple

import torch
from jaxtyping import Int
from torch import Tensor

NONE = -100
"""Target of a position that is not scored: the index that cross-entropy ignores."""
SYMBOLS = 16
"""Number of distinct tokens to copy and reverse."""
KEYS, VALUES = 256, 16
"""Number of distinct keys, and of values, to recall."""

Sequences = tuple[Int[Tensor, "batch time"], Int[Tensor, "batch time"]]


def copying(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """`distance` tokens, a mark, and the tokens again: each answer is `distance` tokens back."""
    given = torch.randint(SYMBOLS, (batch, distance), generator=random)
    return _given_and_asked(given, given)


def reversal(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """`distance` tokens, a mark, and the tokens backwards: first the token before the mark, last the first of all."""
    given = torch.randint(SYMBOLS, (batch, distance), generator=random)
    return _given_and_asked(given, given.flip(1))


def _given_and_asked(given: Int[Tensor, "batch distance"], answer: Int[Tensor, "batch distance"]) -> Sequences:
    mark = torch.full_like(given[:, :1], SYMBOLS)
    return torch.cat((given, mark, answer[:, :-1]), 1), torch.cat((torch.full_like(given, NONE), answer), 1)


def recall(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """Pairs of key and value, then every key again in another order: its value is `distance` tokens back on average.

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
"""The order that results from a move (column) applied to an order (row)."""


def state(batch: int, distance: int, random: torch.Generator) -> Sequences:
    """Three things are permuted `distance` times: in which order are they after each permutation?

    The word problem of S3 (Merrill et al. 2024, "The Illusion of State", arXiv 2404.08819, have S5's): every answer
    depends on all moves before it. A state of six values suffices, which a Transformer of fixed depth does not have.
    """
    moves = torch.randint(len(ORDERS), (batch, distance), generator=random)
    lies = [moves[:, 0]]
    for move in moves[:, 1:].unbind(1):
        lies.append(AFTER[lies[-1], move])
    return moves, torch.stack(lies, 1)


class Task(NamedTuple):
    """One of the four tasks."""

    make: Callable[[int, int, torch.Generator], Sequences]
    vocabulary: int
    """Kinds of tokens; answers are among them."""
    answers: int
    """Number of distinct answers, which are equally likely."""
    length: int
    """Tokens of a sequence for each token of distance."""


TASKS = {
    "copying": Task(copying, SYMBOLS + 1, SYMBOLS, 2),
    "reversal": Task(reversal, SYMBOLS + 1, SYMBOLS, 2),
    "recall": Task(recall, KEYS + VALUES, VALUES, 2),
    "state": Task(state, len(ORDERS), len(ORDERS), 1),
}

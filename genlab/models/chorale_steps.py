"""What a network for music in voices reads and predicts: the past of each step, intervals, and labels.

Pitches are codes: 0 is a rest, 1 the lowest pitch of the corpus. A voice is struck where a note or rest begins.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

Codes = Int[Tensor, "batch steps voices"]
Struck = Bool[Tensor, "batch steps voices"]
HOLD, REST, NOTE = 0, 1, 2
"""Labels: hold, begin a rest, begin the lowest note."""
WIDEST = 24
"""Largest interval in semitones that has an index."""
INTERVALS = 2 * WIDEST + 1
"""Number of intervals."""
NONE = INTERVALS
"""Index of an interval with a rest."""
AGES = 12
"""Number of classes of how long a note has been held."""


class Past(NamedTuple):
    """What is known before each step."""

    old: Codes
    """The codes of the step before; 0 before the first."""
    older: Codes
    """The codes of the step before that."""
    age: Codes
    """The class of the number of steps that each voice has held its code."""
    first: Bool[Tensor, "batch steps"]
    """Whether it is the first step of the piece."""


def past_of(codes: Codes, struck: Struck) -> Past:
    """What is known before each step of whole pieces, and before the step after the last one.

    Args:
        codes: The voices' codes, from the beginning of the pieces.
        struck: Whether each begins there.

    Returns:
        A past of one step more than `codes`.
    """
    old = F.pad(codes, (0, 0, 1, 0))
    older = F.pad(codes, (0, 0, 2, 0))[:, :-1]
    steps = torch.arange(codes.shape[1], device=codes.device)[:, None]
    since = steps - torch.where(struck, steps, 0).cummax(1).values
    first = torch.zeros(old.shape[:2], dtype=torch.bool, device=codes.device)
    first[:, 0] = True
    return Past(old, older, F.pad(age_class(since), (0, 0, 1, 0)), first)


def age_class(steps: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The class of a number of steps: exact up to 7, then one per factor of the square root of two."""
    longer = 8 + (2 * (steps.clamp(min=8).float() / 8).log2()).long()
    return torch.where(steps < 8, steps, longer.clamp(max=AGES - 1))


def interval(above: Int[Tensor, "..."], below: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The index of the interval between two codes, limited to `WIDEST`; `NONE` with a rest."""
    index = (above - below).clamp(-WIDEST, WIDEST) + WIDEST
    return torch.where((above > 0) & (below > 0), index, NONE)


def labels_of(codes: Codes, struck: Struck) -> Int[Tensor, "batch steps voices"]:
    """The label of each voice at each step."""
    return torch.where(struck, codes + REST, HOLD)


def step_nats(
    logits: Float[Tensor, "batch steps voices labels"], labels: Int[Tensor, "batch steps voices"]
) -> Float[Tensor, "batch steps voices"]:
    """Nats of each label."""
    return F.cross_entropy(logits.float().movedim(-1, 1), labels, reduction="none")

"""What a network for music in voices reads and predicts: the past of each step, intervals, and labels.

Pitches are codes: 0 is a rest, 1 the lowest pitch of the corpus. A voice is struck where a note or rest begins.
"""

from functools import reduce
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
NONE, HELD = INTERVALS, INTERVALS + 1
"""Indices of an interval with a rest, and of the motion of a voice that holds."""
MOTIONS = HELD + 1
"""Number of motions."""
AGES = 12
"""Number of classes of how long a note has been held."""
BEAT = 4
"""Steps of a beat."""
REACH = 1024
"""Number of steps in which matches are looked for."""
NEAREST = 32
"""Smallest distance of a match in steps. A made piece that trusted nearer ones would repeat two chords for ever."""
LONGER = (1, 2, 3, 4, 5, 7, 10, 15)
"""Smallest lengths of the classes of matches, but for class 0: no match."""
MATCHES = len(LONGER) + 1
"""Number of classes of matches."""
OCTAVE = 12
"""Number of pitch classes."""


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
    recalled: Int[Tensor, "batch steps voices 2"]
    """The motion of each voice after the longest match of all voices together, and of the voice alone."""
    matched: Int[Tensor, "batch steps voices 2"]
    """The classes of the lengths of these matches; without a match, the motion means nothing."""
    steps: Int[Tensor, "batch steps"]
    """Number of steps before it."""
    sounded: Int[Tensor, "batch steps 12"]
    """In how many cells each pitch class has sounded; that of the lowest pitch of the corpus is 1."""


def past_of(codes: Codes, struck: Struck, matches: "Matches | None" = None) -> Past:
    """What is known before each step of whole pieces, and before the step after the last one.

    Args:
        codes: The voices' codes, from the beginning of the pieces.
        struck: Whether each begins there.
        matches: Of no steps so far; afterwards, of these.

    Returns:
        A past of one step more than `codes`.
    """
    matches = matches or Matches(codes)
    old = F.pad(codes, (0, 0, 1, 0))
    older = F.pad(codes, (0, 0, 2, 0))[:, :-1]
    steps = torch.arange(codes.shape[1], device=codes.device)[:, None]
    since = steps - torch.where(struck, steps, 0).cummax(1).values
    first = torch.zeros(old.shape[:2], dtype=torch.bool, device=codes.device)
    first[:, 0] = True
    motions = motion(codes, old[:, :-1], struck)
    found = [matches.none, *(matches.after(motions[:, step], struck[:, step]) for step in range(codes.shape[1]))]
    recalled, matched = (torch.stack(each, 1) for each in zip(*found, strict=True))
    before = torch.arange(old.shape[1], device=old.device).repeat(len(old), 1)
    sounded = sounding(old).cumsum(1)
    return Past(old, older, F.pad(age_class(since), (0, 0, 1, 0)), first, recalled, matched, before, sounded)


class Matches:
    """The longest matches of the last steps of pieces, earlier in the same pieces.

    Music repeats itself, but a network that is trained on parts of a few hundred pieces hardly learns to search for it.
    So the search is written out, and the network only learns how far to trust it: the match model of Mahoney (2005),
    "Adaptive Weighing of Context Models for Lossless Data Compression". A match compares motions, so that it may be in
    another key, at the same place in a beat. Its length is the number of its steps in which a voice moves; of the
    longest ones, the latest counts; those nearer than `NEAREST` do not.

    Args:
        codes: Gives the number of pieces, the largest number of steps, the number of voices, and the device.
    """

    def __init__(self, codes: Codes) -> None:
        batch, steps, voices = codes.shape
        self.motions = torch.full_like(codes, HELD)
        self.lengths = codes.new_zeros((batch, steps + 1, voices + 1))
        """Of the match of the steps before each with the last steps: of each voice, and of all voices together."""
        self.steps = 0
        self.longer = torch.tensor(LONGER, device=codes.device)
        self.none = (codes.new_zeros(batch, voices, 2),) * 2

    def after(
        self, motions: Int[Tensor, "batch voices"], struck: Bool[Tensor, "batch voices"]
    ) -> tuple[Int[Tensor, "batch voices 2"], Int[Tensor, "batch voices 2"]]:
        """What is recalled, and the classes of the matches, after one step more."""
        last, voices = self.steps, motions.shape[1]
        first = max(0, last - REACH)
        self.motions[:, last] = motions
        self.steps += 1
        if last == 0:
            return self.none
        same = self.motions[:, first:last] == motions[:, None]
        same = torch.cat((same, same.all(2, keepdim=True)), 2)
        moved = torch.cat((struck, struck.any(1, keepdim=True)), 1)
        steps = torch.arange(first, last, device=motions.device)[:, None]
        lengths = (self.lengths[:, first:last] + moved[:, None]) * same * ((last - steps) % BEAT == 0)
        self.lengths[:, first + 1 : last + 1] = lengths
        lengths = lengths * (last - steps >= NEAREST)
        best = (lengths * last + steps).argmax(1, keepdim=True)
        matched = torch.bucketize(lengths.gather(1, best), self.longer, right=True)[:, 0]
        best = best + first + 1
        together = self.motions.gather(1, best[..., voices:].expand(-1, -1, voices))
        alone = self.motions.gather(1, best[..., :voices])
        recalled = torch.stack((together[:, 0], alone[:, 0]), 2)
        return recalled, torch.stack((matched[:, voices:].expand(-1, voices), matched[:, :voices]), 2)


def age_class(steps: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The class of a number of steps: exact up to 7, then one per factor of the square root of two."""
    longer = 8 + (2 * (steps.clamp(min=8).float() / 8).log2()).long()
    return torch.where(steps < 8, steps, longer.clamp(max=AGES - 1))


def sounding(codes: Codes) -> Int[Tensor, "batch steps 12"]:
    """Number of voices in which each pitch class sounds."""
    return (F.one_hot(codes % OCTAVE, OCTAVE) * (codes > 0)[..., None]).sum(-2)


def chords_with(codes: Int[Tensor, "batch steps voices"]) -> Int[Tensor, "batch steps 12"]:
    """The chord that some voices make with a note of each pitch class: bit n is set if n semitones above it sound."""
    bits = torch.where(codes > 0, 1 << codes % OCTAVE, 0)
    chord = reduce(torch.bitwise_or, bits.unbind(-1), torch.zeros_like(bits[..., :0]).sum(-1))
    twice = chord | chord << OCTAVE  # so that a shift turns it
    return twice[..., None] >> torch.arange(OCTAVE, device=codes.device) & 2**OCTAVE - 1


def interval(above: Int[Tensor, "..."], below: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The index of the interval between two codes, limited to `WIDEST`; `NONE` with a rest."""
    index = (above - below).clamp(-WIDEST, WIDEST) + WIDEST
    return torch.where((above > 0) & (below > 0), index, NONE)


def motion(new: Int[Tensor, "..."], old: Int[Tensor, "..."], struck: Bool[Tensor, "..."]) -> Int[Tensor, "..."]:
    """The index of the interval from the code before, or `HELD`."""
    return torch.where(struck, interval(new, old), HELD)


def label_after(old: Int[Tensor, "..."], motions: Int[Tensor, "..."], pitches: int) -> Int[Tensor, "..."]:
    """The label of a voice that makes a motion, limited to the corpus; a rest where that is unknown."""
    notes = (old + motions - WIDEST).clamp(1, pitches) + REST
    return torch.where(motions == HELD, HOLD, torch.where((motions == NONE) | (old == 0), REST, notes))


def labels_of(codes: Codes, struck: Struck) -> Int[Tensor, "batch steps voices"]:
    """The label of each voice at each step."""
    return torch.where(struck, codes + REST, HOLD)


def step_nats(
    logits: Float[Tensor, "batch steps voices labels"], labels: Int[Tensor, "batch steps voices"]
) -> Float[Tensor, "batch steps voices"]:
    """Nats of each label."""
    return F.cross_entropy(logits.float().movedim(-1, 1), labels, reduction="none")

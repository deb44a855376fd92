"""One voice of music in voices: the logits of its next label, given the state of the step and the voices above it.

Read it after `models/chorale.py`. Data flow::

    hidden (batch, steps, width) + embeddings of the voice's own past and of the voices above it, by index
      -> a feed-forward layer -> logits of pitches, and of intervals from the voice's last note
      -> + tables of learnt numbers for single labels -> logits (batch, steps, labels)

The tables raise or lower logits for what a network hardly learns from a few hundred pieces:

- `trust`: for what followed where the last steps occurred before, by the length of the match;
- `chord`: for each note, by the chord that it makes with the voices above;
- `parallel`: for moving in parallel with a voice above, by the interval between the two.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.norms import RMSNorm
from genlab.models.chorale_steps import (
    AGES,
    INTERVALS,
    MATCHES,
    MOTIONS,
    NONE,
    NOTE,
    OCTAVE,
    REST,
    WIDEST,
    Codes,
    Past,
    Struck,
    chords_with,
    interval,
    motion,
)

FAR = 1_000
"""Replaces a missing anchor: no note is within `WIDEST` of it."""
TABLE_SCALE = 4.0
"""Scale of the tables' numbers: AdamW moves a weight by about its learning rate per step, too slowly for logits of
several nats."""


@dataclass(frozen=True)
class ChoraleShape:
    """Size of a network for music in voices."""

    voices: int
    """Number of voices."""
    pitches: int
    """Number of semitones from the lowest pitch of the corpus to the highest."""
    repeats: bool
    """Whether a voice may strike again the note that it holds."""
    width: int
    """Width of the blocks and of the voices' layers; a multiple of 32."""
    depth: int
    """Number of blocks."""
    dropout: float = 0.0
    """Dropout probability, also of each feature."""
    window: int | None = None
    """Number of steps that each attends to: as many as training shows; None for all."""

    @property
    def labels(self) -> int:
        """Number of labels of a voice."""
        return NOTE + self.pitches


class State(NamedTuple):
    """What is computed of each step before anything is written in it."""

    hidden: Float[Tensor, "batch steps width"]
    """The state of the Transformer."""
    logits: Float[Tensor, "batch steps voices labels"]
    """Logits of each voice by what has sounded; minus infinity for what cannot be."""
    recalled_labels: Int[Tensor, "batch steps voices 2"]
    """The labels of each voice after the longest matches."""


class Features(nn.Module):
    """The sum of the embeddings of several features, each given by its index.

    Args:
        sizes: Number of indices of each feature.
        width: Width of the sum.
        dropout: Probability with which training omits a feature.
    """

    offsets: Tensor

    def __init__(self, sizes: Sequence[int], width: int, dropout: float) -> None:
        super().__init__()
        ends = torch.tensor(sizes).cumsum(0)
        self.register_buffer("offsets", ends - torch.tensor(sizes), persistent=False)
        self.table = nn.EmbeddingBag(int(ends[-1]), width, mode="sum")
        self.dropout = nn.Dropout(dropout)
        nn.init.normal_(self.table.weight, std=len(sizes) ** -0.5)

    def forward(self, indices: Int[Tensor, "batch steps features"]) -> Float[Tensor, "batch steps width"]:
        if not self.training:  # faster for a single step
            return self.table.weight[indices + self.offsets].sum(-2)
        flat = (indices + self.offsets).flatten(0, 1)
        weights = self.dropout(torch.ones_like(flat, dtype=self.table.weight.dtype))
        return self.table(flat, per_sample_weights=weights).view(*indices.shape[:2], -1)


class Voice(nn.Module):
    """Predicts the label of one voice.

    Args:
        shape: The network's size.
        voice: Its number.
    """

    notes: Tensor

    def __init__(self, shape: ChoraleShape, voice: int) -> None:
        super().__init__()
        self.voice, self.pitches = voice, shape.pitches
        own, above = [shape.pitches + 1, AGES], [INTERVALS + 1, MOTIONS, INTERVALS + 1]
        width = shape.width
        self.hidden = nn.Linear(width, width, bias=False)
        self.features = Features([*own, *above * voice], width, shape.dropout)
        self.norm = RMSNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width, bias=False)
        self.last_norm = RMSNorm(width)
        self.dropout = nn.Dropout(shape.dropout)
        self.head = nn.Linear(width, shape.labels + INTERVALS)
        """Logits of labels, and of intervals from the anchor."""
        self.trust = nn.Parameter(torch.zeros(3, MATCHES))
        """By how much matches raise logits, by class: of all voices, of all but already left, of this voice alone."""
        self.parallel = nn.Parameter(torch.zeros(voice, OCTAVE))
        """By how much the motion of each voice above raises the logit of the same motion, by the interval of both."""
        self.chord = nn.Parameter(torch.zeros(2, 2**OCTAVE))
        """By how much the chord that results raises the logits of notes that begin, and of holding."""
        self.register_buffer("notes", torch.arange(1, shape.pitches + 1), persistent=False)
        for weight in (self.head.weight, self.head.bias, self.down.weight):
            nn.init.zeros_(weight)

    def forward(
        self, state: State, past: Past, codes: Codes, struck: Struck, parallel_scale: float = 1.0
    ) -> Float[Tensor, "batch steps labels"]:
        """Logits of the voice's label, given those of the voices above it in the same step.

        `parallel_scale` scales the logits of parallel motion.
        """
        above = slice(self.voice)
        mine, codes = past.old[..., self.voice], codes[..., above]
        motions = motion(codes, past.old[..., above], struck[..., above])
        anchor = self.anchor(mine, codes)
        x = self.hidden(state.hidden) + self.features(self.indices(past, codes, motions, anchor))
        x = x + self.down(self.dropout(F.gelu(self.up(self.norm(x)), approximate="tanh")))
        x = self.dropout(self.last_norm(x))
        logits, by_interval = self.head(x).split((NOTE + self.pitches, INTERVALS), -1)
        places = self.notes - torch.where(anchor > 0, anchor, FAR)[..., None] + WIDEST + 1
        moved = F.pad(by_interval, (1, 1)).gather(-1, places.clamp(0, INTERVALS + 1))  # 0 beyond the intervals
        begun, held = TABLE_SCALE * self.chord[:, chords_with(codes)]
        held = held.gather(-1, mine[..., None] % OCTAVE).masked_fill(mine[..., None] == 0, 0)
        notes = F.pad(moved + begun[..., self.notes % OCTAVE], (1, 0))
        logits = logits + torch.cat((held, notes), -1) + state.logits[..., self.voice, :]
        recalled, trust = self.match_logits(state, past, motions)
        same, parallel = self.parallel_logits(past, motions)
        labels, raised = torch.cat((recalled, same), -1), torch.cat((trust, parallel_scale * parallel), -1)
        return logits.scatter_add(-1, labels, (TABLE_SCALE * raised).to(logits.dtype))

    def anchor(
        self, mine: Int[Tensor, "batch steps"], codes: Int[Tensor, "batch steps above"]
    ) -> Int[Tensor, "batch steps"]:
        """The note from which the voice counts intervals: its own in the step before; if it was silent, that of the
        nearest sounding voice above; 0 without any.
        """
        for above in reversed(range(self.voice)):
            mine = torch.where(mine > 0, mine, codes[..., above])
        return mine

    def indices(
        self,
        past: Past,
        codes: Int[Tensor, "batch steps above"],
        motions: Int[Tensor, "batch steps above"],
        anchor: Int[Tensor, "batch steps"],
    ) -> Int[Tensor, "batch steps features"]:
        """The features of the voice's own past, and of each voice above it: where it was, moved, and is."""
        mine = past.old[..., self.voice, None]
        was, now = interval(past.old[..., : self.voice], mine), interval(codes, anchor[..., None])
        others = torch.stack((was, motions, now), -1)
        return torch.cat((mine, past.age[..., self.voice, None], others.flatten(-2)), -1)

    def match_logits(
        self, state: State, past: Past, motions: Int[Tensor, "batch steps above"]
    ) -> tuple[Int[Tensor, "batch steps 2"], Float[Tensor, "batch steps 2"]]:
        """The labels after the longest matches, and by how much these are raised.

        A match of all voices counts differently where the voices above have already left it.
        """
        left = (motions != past.recalled[..., : self.voice, 0]).any(-1).long()
        matched = past.matched[..., self.voice, :]
        raised = torch.stack((self.trust[left, matched[..., 0]], self.trust[2, matched[..., 1]]), -1)
        return state.recalled_labels[..., self.voice, :], raised.masked_fill(matched == 0, 0)

    def parallel_logits(
        self, past: Past, motions: Int[Tensor, "batch steps above"]
    ) -> tuple[Int[Tensor, "batch steps above"], Float[Tensor, "batch steps above"]]:
        """The labels of moving like each voice above that moves, and by how much these are raised.

        So the network learns which intervals move in parallel: thirds and sixths often do, fifths and octaves must not.
        """
        old, mine = past.old[..., : self.voice], past.old[..., self.voice, None]
        same = mine + motions - WIDEST
        moves = (motions < NONE) & (motions != WIDEST) & (mine > 0) & (same > 0) & (same <= self.pitches)
        table = self.parallel.expand(*old.shape, OCTAVE)
        raised = table.gather(-1, ((old - mine).abs() % OCTAVE)[..., None])[..., 0].masked_fill(~moves, 0)
        return same.clamp(1, self.pitches) + REST, raised

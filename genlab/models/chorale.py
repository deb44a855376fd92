"""Music in a fixed number of voices: one position of a Transformer per time step, then one voice after another.

The step-wise factorisation and its decoder are ours; what they build on: Boulanger-Lewandowski et al. (2012),
"Modeling Temporal Dependencies in High-Dimensional Sequences", arXiv 1206.6392 (a model of time, and within each step
one of its notes); Huang et al. (2018), "Music Transformer", arXiv 1809.04281 (intervals matter more than pitches). The
block is that of `models/gpt.py`.

Data flow::

    features of the last two steps and of the place in the bar, by index (batch, steps, features)
      -> sum of their embeddings -> depth blocks, causal -> hidden (batch, steps, width)
    for each voice:  hidden + embeddings of the voices above it in this step
      -> a feed-forward layer -> logits (batch, steps, voices, labels)

A step is a sixteenth. The label of a voice is 0: it holds its note or rest; 1: a rest begins; 2 and up: a note begins
(`models/chorale_steps.py`).

The voices are written from the highest to the lowest. A voice sees the new notes of those above it as intervals from
its own last note; at its first note, from the voice above it. It predicts its next note both as a pitch and as an
interval, so that transposed music looks much the same.

Tables of learnt numbers raise or lower single logits, for what a network hardly learns from few pieces: what followed
where the last steps occurred before, by the length of the match; each note, by how often its pitch class has sounded,
and by the chord that it makes with the voices above; and the same motion as that of a voice above, by their interval.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.attention import KVCache
from genlab.layers.norms import RMSNorm
from genlab.layers.positions import rotary
from genlab.models.chorale_steps import (
    AGES,
    FAMILIAR,
    HOLD,
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
    label_after,
    motion,
)
from genlab.models.gpt import Block, GPTShape

Places = Int[Tensor, "batch steps 2"]
LONGEST_BAR = 32
"""Largest number of steps in a bar."""


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

    @property
    def labels(self) -> int:
        """Number of labels of a voice."""
        return NOTE + self.pitches


# --- the network ----------------------------------------------------------------------------------


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
        flat = (indices + self.offsets).flatten(0, 1)
        weights = self.dropout(torch.ones_like(flat, dtype=self.table.weight.dtype))
        return self.table(flat, per_sample_weights=weights).view(*indices.shape[:2], -1)


class Voice(nn.Module):
    """Predicts the label of one voice.

    Args:
        shape: The network's size.
        voice: Its number.
    """

    classes: Tensor

    def __init__(self, shape: ChoraleShape, voice: int) -> None:
        super().__init__()
        self.voice, self.repeats = voice, shape.repeats
        self.pitches = shape.pitches
        own, above = [shape.pitches + 1, AGES], [INTERVALS + 1, MOTIONS, INTERVALS + 1]
        width = shape.width
        self.hidden = nn.Linear(width, width, bias=False)
        self.features = Features([*own, *above * voice], width, shape.dropout)
        self.norm = RMSNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width, bias=False)
        self.last_norm = RMSNorm(width)
        self.dropout = nn.Dropout(shape.dropout)
        self.pitch = nn.Linear(width, shape.labels)
        self.interval = nn.Linear(width, INTERVALS)
        self.trust = nn.Parameter(torch.zeros(3, MATCHES))
        """By how much matches raise logits, by class: of all voices, of all but already left, of this voice alone."""
        self.familiar = nn.Parameter(torch.zeros(FAMILIAR))
        """By how much the past of a pitch class raises the logits of its notes, by class."""
        self.parallel = nn.Parameter(torch.zeros(voice, OCTAVE))
        """By how much the motion of each voice above raises the logit of the same motion, by the interval of both."""
        self.chord = nn.Parameter(torch.zeros(2, 2**OCTAVE))
        """By how much the chord that results raises the logits of notes that begin, and of holding."""
        self.register_buffer("classes", torch.arange(1, shape.pitches + 1) % OCTAVE, persistent=False)
        for layer in (self.pitch, self.interval):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
        nn.init.zeros_(self.down.weight)

    def forward(
        self,
        hidden: Float[Tensor, "batch steps width"],
        past: Past,
        codes: Codes,
        struck: Struck,
    ) -> Float[Tensor, "batch steps labels"]:
        """Logits of the voice's label, given those of the voices above it in the same step."""
        above = slice(self.voice)
        mine, codes = past.old[..., self.voice], codes[..., above]
        motions = motion(codes, past.old[..., above], struck[..., above])
        anchor = self.anchor(mine, codes)
        x = self.hidden(hidden) + self.features(self.indices(past, codes, motions, anchor))
        x = x + self.down(self.dropout(F.gelu(self.up(self.norm(x)))))
        x = self.dropout(self.last_norm(x))
        logits, by_interval = self.pitch(x), self.interval(x)
        places = torch.arange(1, self.pitches + 1, device=mine.device) - anchor[..., None] + WIDEST
        near = (places >= 0) & (places < INTERVALS) & (anchor[..., None] > 0)
        moved = by_interval.gather(-1, places.clamp(0, INTERVALS - 1)) * near
        chords = chords_with(codes)
        begun = (self.familiar[past.familiar] + self.chord[0, chords])[..., self.classes]
        held = self.chord[1, chords.gather(-1, mine[..., None] % OCTAVE)] * (mine[..., None] > 0)
        logits = logits + torch.cat((held, torch.zeros_like(held), moved + begun), -1)
        for labels, raised in (self.recalled(past, motions), self.paralleled(past, motions)):
            logits = logits.scatter_add(-1, labels, raised.to(logits.dtype))
        return logits.masked_fill(self.forbidden(past), float("-inf"))

    def anchor(
        self, mine: Int[Tensor, "batch steps"], codes: Int[Tensor, "batch steps above"]
    ) -> Int[Tensor, "batch steps"]:
        """The note from which the voice counts intervals: its last one, or that of the nearest voice above it."""
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

    def recalled(
        self, past: Past, motions: Int[Tensor, "batch steps above"]
    ) -> tuple[Int[Tensor, "batch steps 2"], Float[Tensor, "batch steps 2"]]:
        """The labels after the longest matches, and by how much these raise their logits.

        A match of all voices counts differently where the voices above have already left it.
        """
        left = (motions != past.recalled[..., : self.voice, 0]).any(-1).long()
        matched = past.matched[..., self.voice, :]
        trust = self.trust[torch.stack((left, torch.full_like(left, 2)), -1), matched] * (matched > 0)
        labels = label_after(past.old[..., self.voice, None], past.recalled[..., self.voice, :], self.pitches)
        return labels, trust

    def paralleled(
        self, past: Past, motions: Int[Tensor, "batch steps above"]
    ) -> tuple[Int[Tensor, "batch steps above"], Float[Tensor, "batch steps above"]]:
        """The labels of moving like each voice above that moves, and by how much these are raised.

        So the network learns which intervals move in parallel: thirds and sixths often do, fifths and octaves must not.
        """
        old, mine = past.old[..., : self.voice], past.old[..., self.voice, None]
        moves = (motions < NONE) & (motions != WIDEST) & (mine > 0)
        above = torch.arange(self.voice, device=old.device)
        raised = self.parallel[above, (old - mine).abs() % OCTAVE] * moves
        return label_after(mine, motions, self.pitches), raised

    def forbidden(self, past: Past) -> Bool[Tensor, "batch steps labels"]:
        """Labels that cannot be: nothing is held at the beginning, and no rest follows a rest.

        Without repeated notes, no voice strikes the note that it holds.
        """
        mine = past.old[..., self.voice]
        labels = torch.arange(NOTE + self.pitches, device=mine.device)
        again = labels == mine[..., None] + REST
        if self.repeats:
            again = again & (mine[..., None] == 0)
        return torch.where(past.first[..., None], labels == HOLD, again)


class Chorale(nn.Module):
    """The network.

    Args:
        shape: Its size.
    """

    pairs: Tensor

    def __init__(self, shape: ChoraleShape) -> None:
        super().__init__()
        self.shape = shape
        self.register_buffer("pairs", torch.combinations(torch.arange(shape.voices)).T, persistent=False)
        sizes = [shape.pitches + 1, AGES, INTERVALS + 1] * shape.voices
        sizes += [INTERVALS + 1] * self.pairs.shape[1] + [LONGEST_BAR, LONGEST_BAR + 1, 2]
        self.features = Features(sizes, shape.width, shape.dropout)
        self.dropout = nn.Dropout(shape.dropout)
        self.heads = shape.width // 32
        # 8/3 of the width, in multiples of 32: as many weights as a feed-forward layer of four times the width.
        inner = 32 * round(shape.width / 12)
        block = GPTShape(1, 1, shape.depth, shape.width, self.heads, self.heads, inner, dropout=shape.dropout)
        self.blocks = nn.ModuleList(Block(block) for _ in range(shape.depth))
        self.norm = RMSNorm(shape.width)
        self.voices = nn.ModuleList(Voice(shape, voice) for voice in range(shape.voices))
        self.end = nn.Linear(shape.width, 1)
        self._initialise()

    def forward(
        self,
        past: Past,
        places: Places,
        codes: Codes,
        struck: Struck,
    ) -> tuple[Float[Tensor, "batch steps voices labels"], Float[Tensor, "batch steps"]]:
        """Logits of the label of each voice at each step, and of the piece having ended before the step.

        Args:
            past: What is known before each step.
            places: The place of each step in its bar, from 0, and the length of the bar, in steps.
            codes: The codes of the steps themselves; a voice sees only those of the voices above it.
            struck: Whether each begins there.
        """
        hidden = self.read(past, places)
        logits = [voice(hidden, past, codes, struck) for voice in self.voices]
        return torch.stack(logits, 2), self.ending(hidden)

    def read(
        self, past: Past, places: Places, cache: list[KVCache] | None = None
    ) -> Float[Tensor, "batch steps width"]:
        """The state of each step before anything is written in it; continues and extends `cache`."""
        old, age, moved = past.old, past.age, interval(past.old, past.older)
        voices = torch.stack((old, age, moved), -1).flatten(-2)
        between = interval(old[..., self.pairs[0]], old[..., self.pairs[1]])
        x = self.dropout(self.features(torch.cat((voices, between, places, past.first[..., None]), -1)))
        start = cache[0].length if cache else 0
        positions = torch.arange(start, start + x.shape[1], device=x.device)
        turn = rotary(positions, self.shape.width // self.heads)
        for layer, block in enumerate(self.blocks):
            x = block(x, turn, cache[layer] if cache else None)
        return self.norm(x)

    def write(
        self,
        voice: int,
        hidden: Float[Tensor, "batch steps width"],
        past: Past,
        codes: Codes,
        struck: Struck,
    ) -> Float[Tensor, "batch steps labels"]:
        """Logits of one voice, given the voices above it in the same step."""
        return self.voices[voice](hidden, past, codes, struck)

    def ending(self, hidden: Float[Tensor, "batch steps width"]) -> Float[Tensor, "batch steps"]:
        """Logits of the piece having ended before each step."""
        return self.end(hidden)[..., 0]

    def new_cache(self, room: int) -> list[KVCache]:
        """An empty cache for `room` steps."""
        return [KVCache(room) for _ in self.blocks]

    @torch.no_grad()
    def _initialise(self) -> None:
        for name, weight in self.blocks.named_parameters():
            if name.endswith(("attention.out.weight", "feed_forward.down.weight")):
                nn.init.zeros_(weight)
            elif weight.ndim == 2:
                nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
        nn.init.zeros_(self.end.weight)

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
the note that it holds or, after a rest and at the beginning, from the nearest sounding voice above. It predicts its
next note both as a pitch and as an interval, so that transposed music looks much the same.

Tables of learnt numbers raise or lower single logits, for what a network hardly learns from few pieces: `familiar`, for
notes by how often their pitch classes have sounded; `end_by_length`, for the end of a piece by its length so far; and
those of each voice (`models/chorale_voice.py`).
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.attention import KVCache
from genlab.layers.norms import RMSNorm
from genlab.layers.positions import rotary
from genlab.models.chorale_steps import (
    AGES,
    HOLD,
    INTERVALS,
    NOTE,
    OCTAVE,
    REST,
    Codes,
    Past,
    Struck,
    age_class,
    interval,
    label_after,
)
from genlab.models.chorale_voice import TABLE_SCALE, ChoraleShape, Features, State, Voice
from genlab.models.gpt import Block, GPTShape

Places = Int[Tensor, "batch steps 2"]
LONGEST_BAR = 32
"""Largest number of steps in a bar."""
STEP_EDGES, SHARE_EDGES = (4.0, 16.0, 64.0, 256.0), (0.001, 0.01, 0.02, 0.04, 0.08, 0.16)
"""Numbers of steps so far, and shares of the sounding cells so far, from which a pitch class is in the next class."""
RARE = -4.0
"""Logit of an end before training."""
LENGTH_UNIT = 16
"""Number of steps in which `end_by_length` counts the length of a piece."""


class Chorale(nn.Module):
    """The network.

    Args:
        shape: Its size.
    """

    pairs: Tensor
    labels: Tensor
    notes: Tensor
    step_edges: Tensor
    share_edges: Tensor

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
        self.blocks = nn.ModuleList(Block(block, window=shape.window) for _ in range(shape.depth))
        self.norm = RMSNorm(shape.width)
        self.voices = nn.ModuleList(Voice(shape, voice) for voice in range(shape.voices))
        self.end = nn.Linear(shape.width, 1)
        self.end_by_length = nn.Parameter(torch.zeros(AGES))
        """By how much the length so far raises the logit of an end, by its class."""
        self.familiar = nn.Parameter(torch.zeros(shape.voices, len(STEP_EDGES) + 1, len(SHARE_EDGES) + 1))
        """By how much the past of a pitch class raises the logits of its notes, by voice, length and share."""
        self.register_buffer("labels", torch.arange(shape.labels), persistent=False)
        self.register_buffer("notes", torch.arange(1, shape.pitches + 1), persistent=False)
        self.register_buffer("step_edges", torch.tensor(STEP_EDGES), persistent=False)
        self.register_buffer("share_edges", torch.tensor(SHARE_EDGES), persistent=False)
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
        state = self.read(past, places)
        logits = [voice(state, past, codes, struck) for voice in self.voices]
        return torch.stack(logits, 2), self.ending(state, past)

    def read(self, past: Past, places: Places, cache: list[KVCache] | None = None) -> State:
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
        recalled = label_after(old[..., None], past.recalled, self.shape.pitches)
        return State(self.norm(x), self.heard(past).masked_fill(self.forbidden(past), float("-inf")), recalled)

    def heard(self, past: Past) -> Float[Tensor, "batch steps voices labels"]:
        """Logits of the notes of each voice by how often their pitch classes have sounded."""
        shares = past.sounded / past.sounded.sum(-1, keepdim=True).clamp(min=1)
        often = torch.bucketize(shares, self.share_edges, right=True)
        late = torch.bucketize(past.steps.float(), self.step_edges, right=True)
        by_note = TABLE_SCALE * self.familiar[:, late[..., None], often][..., self.notes % OCTAVE]
        return rearrange(F.pad(by_note, (NOTE, 0)), "voices batch steps labels -> batch steps voices labels")

    def forbidden(self, past: Past) -> Bool[Tensor, "batch steps voices labels"]:
        """Labels that cannot be: nothing is held at the beginning, and no rest follows a rest.

        Without repeated notes, no voice strikes the note that it holds.
        """
        old = past.old[..., None]
        again = self.labels == old + REST
        if self.shape.repeats:
            again = again & (old == 0)
        return torch.where(past.first[..., None, None], self.labels == HOLD, again)

    def write(
        self, voice: int, state: State, past: Past, codes: Codes, struck: Struck, parallel_scale: float = 1.0
    ) -> Float[Tensor, "batch steps labels"]:
        """Logits of one voice, given the voices above it in the same step."""
        return self.voices[voice](state, past, codes, struck, parallel_scale)

    def ending(self, state: State, past: Past) -> Float[Tensor, "batch steps"]:
        """Logits of the piece having ended before each step."""
        return self.end(state.hidden)[..., 0] + TABLE_SCALE * self.end_by_length[age_class(past.steps // LENGTH_UNIT)]

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
        nn.init.constant_(self.end.bias, RARE)

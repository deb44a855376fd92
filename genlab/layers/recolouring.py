"""An output layer for changing drawings: each pixel is recoloured with a few learned colours per value.

Data flow, for an attribute (hair) that changes from one value (black) to another (blond), with k colours per value::

    logits (batch, 2k, side, side) -> softmax -> mixture of 2k candidates -> pictures (batch, channels, side, side)

The candidates are the k colours of the new value (paint), and the pixel plus the difference between the new and the old
value's first colours at k learned scales (shift), which keeps shades, blurred edges and what shines through, and which
the way back undoes exactly. Each attribute has its own candidates; those of an attribute that stays are masked. As in
`layers/palette.py`, the softmax saturates, so flat areas stay flat.
"""

import torch
from einops import einsum, rearrange, repeat
from jaxtyping import Float
from torch import Tensor, nn

from genlab.layers.palette import SHARPNESS

Pictures = Float[Tensor, "batch channels side side"]
Change = Float[Tensor, "batch values"]
MASKED = -1e4
"""Logit of a candidate that is masked; minus infinity would give NaN where all are."""
NEAR = 0.1
"""Length scale of the similarity of two colours, which falls to 1/e at this distance."""


class Recolouring(nn.Module):
    """Mixes each pixel of changed pictures from candidate colours.

    Args:
        channels: 1 for grey pictures, 3 for colour.
        counts: Number of values of each attribute.
        colours: Number of learned colours per value, and of learned scales.
    """

    belongs: Tensor

    def __init__(self, channels: int, counts: list[int], colours: int) -> None:
        super().__init__()
        self.similarities = colours * len(counts)
        self.candidates = 2 * self.similarities
        self.colours = nn.Parameter(torch.empty(sum(counts), colours, channels).uniform_(-1, 1))
        self.scales = nn.Parameter(torch.linspace(1, 0.5, colours).repeat(len(counts), 1))
        belongs = torch.block_diag(*(torch.ones(1, count) for count in counts))  # (attributes, values)
        self.register_buffer("belongs", belongs, persistent=False)

    def forward(
        self, logits: Float[Tensor, "batch candidates side side"], pictures: Pictures, change: Change
    ) -> Pictures:
        change = change[:, None] * self.belongs
        painted = self._palettes(change.clamp(min=0))
        shifted = self._palettes(change)[:, :, :1] * self.scales[:, :, None]
        candidates = rearrange(
            torch.stack((painted, shifted)),
            "way batch attribute colour channel -> batch (way attribute colour) channel",
        )
        changes = repeat(
            (change != 0).any(2), "batch attribute -> batch (way attribute colour) 1 1", way=2, colour=painted.shape[2]
        )
        with torch.autocast(pictures.device.type, enabled=False):  # shares in 16 bits would not add up to 1
            shares = torch.softmax((SHARPNESS * logits.float()).masked_fill(~changes, MASKED), 1)
            recoloured = einsum(
                candidates.float(), shares, "batch candidate channel, batch candidate h w -> batch channel h w"
            )
            return recoloured + shares[:, self.similarities :].sum(1, keepdim=True) * pictures.float()

    def similarity(self, pictures: Pictures, change: Change) -> Float[Tensor, "batch similarities side side"]:
        """How similar each pixel is to each colour of the values to replace: 1 if equal."""
        replaced = (-change).clamp(min=0)[:, None] * self.belongs
        old = rearrange(self._palettes(replaced), "batch attribute colour channel -> batch (attribute colour) channel")
        squares = (pictures[:, None] - old[..., None, None]).square().sum(2)
        changes = repeat(
            replaced.any(2), "batch attribute -> batch (attribute colour) 1 1", colour=self.colours.shape[1]
        )
        return torch.exp(-squares / NEAR**2) * changes

    def _palettes(
        self, weights: Float[Tensor, "batch attributes values"]
    ) -> Float[Tensor, "batch attributes colours channels"]:
        """The colours of each attribute, weighted by value."""
        return einsum(
            weights, self.colours, "batch attribute value, value colour channel -> batch attribute colour channel"
        )

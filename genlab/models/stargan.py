"""Changing one thing in a picture: one generator for all changes, one discriminator for all values.

Choi et al. (2018), "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation",
arXiv 1711.09020.

Data flow, for pictures of 32 x 32 and width w::

    pictures (batch, channels, 32, 32), change (batch, values) -> generator:
        (batch, w, 16, 16) -> (batch, 2w, 8, 8) -> (batch, 2w, 4, 4) -> residual blocks -> back up, with skips
        -> mask (batch, 1, 32, 32) and content (batch, channels, 32, 32)
        -> pictures + mask * (content - pictures)
    pictures -> discriminator -> (batch, 1 + 2 * values): a common score, a score of each value, a logit of each value

An attribute (hair) has several values (black, blond); `change` has, for the values of all attributes, 1 for a value to
set, -1 for the present value that it replaces, and 0 elsewhere. A change of zero returns the pictures exactly.

Departs from the paper: the generator gets the difference of values instead of the target's (STGAN: Liu et al. 2019,
arXiv 1904.09709, section 3.2), so that it need not recognise what to keep, and changes only what its mask selects
(Pumarola et al. 2018, arXiv 1807.09251, section 4.1); for drawings, the content recolours pixels with a few learned
colours per value; the discriminator is a projection discriminator with a relativistic loss and gradient penalties
(`models/gan.py`); no norms; the way back starts from pictures rounded to 8 bits, so that the change cannot hide the
original in their last bits (Chu et al. 2017, arXiv 1712.02950).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import einsum, rearrange, repeat
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.layers.palette import SHARPNESS
from genlab.layers.pyramid import SLOPE, Downsampler, initialise

Pictures = Float[Tensor, "batch channels side side"]
Change = Float[Tensor, "batch values"]
Values = Int[Tensor, "batch attributes"]
Scores = Float[Tensor, " batch"]
NEVER = -1e4
"""Logit of a way to recolour that is not on offer; minus infinity would give NaN where none is."""
NEAR = 0.1
"""Distance of two colours, 13 of 255 levels, at which they count as different."""


@dataclass(frozen=True)
class RestyleShape:
    """Shape of a network that changes pictures, or scores them."""

    channels: int
    """1 for grey pictures, 3 for colour."""
    pixels: int
    """Side of the pictures."""
    counts: list[int]
    """Number of values of each attribute."""

    @property
    def values(self) -> int:
        """Number of values of all attributes together."""
        return sum(self.counts)


# --- values and changes ---------------------------------------------------------------------------


def one_hot(values: Values, counts: list[int]) -> Change:
    """One-hot vectors of all attributes, side by side."""
    return torch.cat([F.one_hot(one, count) for one, count in zip(values.T, counts, strict=True)], 1).float()


def change_between(source: Values, target: Values, counts: list[int]) -> Change:
    """The change that turns the values `source` into `target`."""
    return one_hot(target, counts) - one_hot(source, counts)


# --- networks -------------------------------------------------------------------------------------


class Block(nn.Module):
    """Two convolutions and a shortcut; the change shifts the channels in between."""

    def __init__(self, width: int, values: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.change = nn.Linear(values, width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Float[Tensor, "batch width h w"], change: Change) -> Float[Tensor, "batch width h w"]:
        inner = self.first(F.leaky_relu(x, SLOPE)) + self.change(change)[:, :, None, None]
        return x + self.second(F.leaky_relu(inner, SLOPE))


class Content(nn.Module):
    """Turns logits into the content's pixels: any colour, or for drawings a mixture of a few ways to recolour a pixel.

    A pixel is painted in one of the new value's colours, or shifted by the difference of the new and the old value's
    colours, which keeps shades and blurred edges, and which the way back undoes exactly. What is near one of the old
    value's colours is the generator's first clue to where. Each attribute that changes offers its own ways and clues.

    Args:
        channels: 1 for grey pictures, 3 for colour.
        counts: Number of values of each attribute.
        colours: Number of learned colours per value; 0 for any colour.
    """

    belongs: Tensor

    def __init__(self, channels: int, counts: list[int], colours: int) -> None:
        super().__init__()
        values, self.clues = sum(counts), colours * len(counts)
        self.inputs = 2 * self.clues or channels
        self.colours = nn.Parameter(torch.empty(values, colours, channels).uniform_(-1, 1)) if colours else None
        belongs = torch.block_diag(*(torch.ones(1, count) for count in counts))  # (attributes, values)
        self.register_buffer("belongs", belongs, persistent=False)

    def forward(self, logits: Float[Tensor, "batch inputs side side"], pictures: Pictures, change: Change) -> Pictures:
        if self.colours is None:
            return logits
        change = change[:, None] * self.belongs
        painted, shifted = self._palettes(change.clamp(min=0)), self._palettes(change)
        ways = rearrange(
            torch.stack((painted, shifted)),
            "way batch attribute colour channel -> batch (way attribute colour) channel",
        )
        offered = repeat(
            (change != 0).any(2), "batch attribute -> batch (way attribute colour) 1 1", way=2, colour=painted.shape[2]
        )
        with torch.autocast(pictures.device.type, enabled=False):  # shares in 16 bits would not add up to 1
            shares = torch.softmax((SHARPNESS * logits.float()).masked_fill(~offered, NEVER), 1)
            recoloured = einsum(ways.float(), shares, "batch way channel, batch way h w -> batch channel h w")
            return recoloured + shares[:, self.clues :].sum(1, keepdim=True) * pictures.float()

    def nearness(self, pictures: Pictures, change: Change) -> Float[Tensor, "batch clues side side"]:
        """How near each pixel is to the colours of the values to replace: 1 if equal, 0 from a distance of `NEAR`."""
        if self.colours is None:
            return pictures[:, :0]
        replaced = (-change).clamp(min=0)[:, None] * self.belongs
        old = rearrange(self._palettes(replaced), "batch attribute colour channel -> batch (attribute colour) channel")
        squares = (pictures[:, None] - old[..., None, None]).square().sum(2)
        offered = repeat(
            replaced.any(2), "batch attribute -> batch (attribute colour) 1 1", colour=self.colours.shape[1]
        )
        return torch.exp(-squares / NEAR**2) * offered

    def _palettes(
        self, weights: Float[Tensor, "batch attributes values"]
    ) -> Float[Tensor, "batch attributes colours channels"]:
        """The colours of each attribute, weighted by value."""
        assert self.colours is not None
        return einsum(
            weights, self.colours, "batch attribute value, value colour channel -> batch attribute colour channel"
        )


class Generator(nn.Module):
    """Maps pictures and changes to changed pictures.

    Args:
        shape: Channels, side and values.
        width: Channels at half resolution.
        depth: Number of residual blocks.
        colours: Number of learned colours per value for drawings; 0 for any colour.
    """

    def __init__(self, shape: RestyleShape, width: int, depth: int, colours: int = 0) -> None:
        super().__init__()
        self.content = Content(shape.channels, shape.counts, colours)
        self.stem = nn.Conv2d(4 * (shape.channels + self.content.clues) + shape.values, width, 3, padding=1)
        self.quarter = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.eighth = nn.Conv2d(2 * width, 2 * width, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(2 * width, shape.values) for _ in range(depth))
        self.to_quarter = nn.ConvTranspose2d(2 * width, 2 * width, 4, stride=2, padding=1)
        self.to_half = nn.ConvTranspose2d(4 * width, width, 4, stride=2, padding=1)
        self.mix = nn.Conv2d(2 * width, width, 3, padding=1)
        self.change = nn.Linear(shape.values, width)
        self.out = nn.Conv2d(width, 4 * (1 + self.content.inputs), 3, padding=1)
        initialise(self)
        with torch.no_grad():  # the four pixels start alike: no checkerboard (Aitken et al. 2017, arXiv 1707.02937)
            self.out.weight.copy_(self.out.weight[::4].repeat_interleave(4, 0))

    def forward(self, pictures: Pictures, change: Change) -> Pictures:
        mask, content = self.edit(pictures, change)
        return pictures + mask * (content - pictures)

    def edit(self, pictures: Pictures, change: Change) -> tuple[Float[Tensor, "batch 1 side side"], Pictures]:
        """The mask, 0 where the pictures stay, and the content that replaces them where it is 1."""
        active = lambda x: F.leaky_relu(x, SLOPE)
        side = pictures.shape[2] // 2
        maps = change[:, :, None, None].expand(-1, -1, side, side)
        seen = torch.cat((pictures, self.content.nearness(pictures, change)), 1)
        half = self.stem(torch.cat((F.pixel_unshuffle(seen, 2), maps), 1))
        quarter = self.quarter(active(half))
        x = self.eighth(active(quarter))
        for block in self.blocks:
            x = block(x, change)
        x = self.to_quarter(active(x))
        x = self.to_half(active(torch.cat((x, quarter), 1)))
        x = self.mix(active(torch.cat((x, half), 1))) + self.change(change)[:, :, None, None]
        logits = F.pixel_shuffle(self.out(active(x)), 2)
        changed = (change != 0).any(1)[:, None, None, None]
        return changed * logits[:, :1].sigmoid(), self.content(logits[:, 1:], pictures, change)


class Discriminator(nn.Module):
    """Maps pictures to a common score, a score of each value and a logit of each value.

    Raises:
        InputError: the pictures' side is not a power of 2.
    """

    def __init__(self, shape: RestyleShape, width: int) -> None:
        super().__init__()
        self.down = Downsampler(shape.channels, shape.pixels, width, 1 + 2 * shape.values)

    def forward(self, pictures: Pictures) -> Float[Tensor, "batch outputs"]:
        return self.down(pictures)


def scores_of(outputs: Float[Tensor, "batch outputs"], values: Values, counts: list[int]) -> Scores:
    """The discriminator's scores of pictures with these values: the common score plus that of each value.

    A projection discriminator: Miyato and Koyama 2018, arXiv 1802.05637, eq. 3.
    """
    each = outputs[:, 1 : 1 + sum(counts)].float()
    return outputs[:, 0].float() + (each * one_hot(values, counts)).sum(1)


# --- losses ---------------------------------------------------------------------------------------


def value_loss(outputs: Float[Tensor, "batch outputs"], values: Values, counts: list[int]) -> Float[Tensor, ""]:
    """Cross-entropy of the discriminator's logits, summed over the attributes (Choi et al., eq. 2 and 3)."""
    logits = outputs[:, 1 + sum(counts) :].float().split(counts, 1)
    return torch.stack([F.cross_entropy(one, known) for one, known in zip(logits, values.T, strict=True)]).sum()


def rounded(pictures: Pictures) -> Pictures:
    """Pictures in [-1, 1] as 8 bits hold them; gradients pass as if they were not rounded."""
    clipped = pictures.clamp(-1, 1)
    return clipped + (((clipped + 1) * 127.5).round() / 127.5 - 1 - clipped).detach()

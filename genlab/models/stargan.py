"""Changing one thing in a picture: one generator for all changes, one discriminator for all values.

Choi et al. (2018), "StarGAN: Unified Generative Adversarial Networks for Multi-Domain Image-to-Image Translation",
arXiv 1711.09020.

Data flow, for pictures of 32 x 32 and width w::

    pictures (batch, channels, 32, 32), change (batch, values) -> generator:
        (batch, w, 16, 16) -> (batch, 2w, 8, 8) -> (batch, 2w, 4, 4) -> residual blocks -> back up, with skips
        -> masks (batch, edits, 32, 32) and contents (batch, edits, channels, 32, 32)
        -> pictures + sum over edits of mask * (content - pictures)
    pictures -> discriminator -> (batch, 1 + 2 * values): a common score, a score of each value, a logit of each value

An attribute (hair) has several values (black, blond); `change` has, for the values of all attributes, 1 for a value to
set, -1 for the present value that it replaces, and 0 elsewhere. A change of zero returns the pictures exactly.

Departs from the paper: the generator gets the difference of values instead of the target's (STGAN: Liu et al. 2019,
arXiv 1904.09709, section 3.2), so that it need not recognise what to keep, and changes only what its mask selects
(Pumarola et al. 2018, arXiv 1807.09251, section 4.1); no change returns the pictures exactly, so an identity loss would
be 0; for drawings, the content is the picture recoloured with a few learned colours per value
(`layers/recolouring.py`); for photographs, each attribute has a mask and a content (`PhotographHead`); the
discriminator is a projection discriminator with a relativistic loss and gradient penalties (`models/gan.py`); no norms;
the way back starts from pictures rounded to 8 bits, so that the change cannot hide the original in their last bits (Chu
et al. 2017, arXiv 1712.02950).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.layers.pyramid import SLOPE, Downsampler, UpsampleConv2d, initialise
from genlab.layers.recolouring import Recolouring

Pictures = Float[Tensor, "batch channels side side"]
Change = Float[Tensor, "batch values"]
Values = Int[Tensor, "batch attributes"]
Scores = Float[Tensor, " batch"]
Half = Float[Tensor, "batch width half half"]
Masks = Float[Tensor, "batch edits side side"]
Contents = Float[Tensor, "batch edits channels side side"]
GENTLE = 0.3
"""Factor on the initial output weights for photographs, so that the first changes are small."""


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


class DrawingHead(nn.Module):
    """The mask and the recoloured pixels of drawings, four for each position of half resolution.

    Args:
        shape: Channels, side and values.
        width: Channels at half resolution.
        colours: Number of learned colours per value.
    """

    def __init__(self, shape: RestyleShape, width: int, colours: int) -> None:
        super().__init__()
        self.recolouring = Recolouring(shape.channels, shape.counts, colours)
        self.similarities = self.recolouring.similarities
        self.out = nn.Conv2d(width, 4 * (1 + self.recolouring.candidates), 3, padding=1)
        initialise(self)
        with torch.no_grad():  # the four pixels start alike: no checkerboard (Aitken et al. 2017, arXiv 1707.02937)
            self.out.weight.copy_(self.out.weight[::4].repeat_interleave(4, 0))

    def forward(self, x: Half, pictures: Pictures, change: Change) -> tuple[Masks, Contents]:
        logits = F.pixel_shuffle(self.out(x), 2)
        return logits[:, :1].sigmoid(), self.recolouring(logits[:, 1:], pictures, change)[:, None]

    def seen(self, pictures: Pictures, change: Change) -> Float[Tensor, "batch inputs side side"]:
        """The pictures, and how similar each pixel is to the colours to replace."""
        return torch.cat((pictures, self.recolouring.similarity(pictures, change)), 1)


class PhotographHead(nn.Module):
    """The masks and contents of photographs, one per attribute.

    Each pixel becomes lighter or darker, which keeps the texture; the colour changes in the same way in all pixels of
    the mask: a generator that chooses the colour of each pixel makes coloured specks, which a small discriminator
    overlooks among the colours of photographs.

    Args:
        shape: Channels, side and values.
        width: Channels at half resolution.
    """

    similarities = 0
    belongs: Tensor

    def __init__(self, shape: RestyleShape, width: int) -> None:
        super().__init__()
        edits = len(shape.counts)
        belongs = torch.block_diag(*(torch.ones(1, count) for count in shape.counts))  # (attributes, values)
        self.register_buffer("belongs", belongs, persistent=False)
        self.full = UpsampleConv2d(width, width // 2)
        self.out = nn.Conv2d(width // 2 + shape.channels, 3 * edits, 3, padding=1)
        self.colour = nn.Linear(width, 2 * edits * shape.channels)
        initialise(self)
        with torch.no_grad():
            for layer in (self.out, self.colour):
                layer.weight.mul_(GENTLE)

    def forward(self, x: Half, pictures: Pictures, change: Change) -> tuple[Masks, Contents]:
        full = torch.cat((F.leaky_relu(self.full(x), SLOPE), pictures), 1)
        mask, contrast, light = self.out(full).chunk(3, 1)
        gain, offset = rearrange(
            self.colour(x.mean((2, 3))),
            "batch (part edit channel) -> part batch edit channel 1 1", part=2, edit=len(self.belongs),
        )  # fmt: skip
        shade = light + contrast * pictures.mean(1, keepdim=True)
        contents = pictures[:, None] * (1 + gain) + offset + shade[:, :, None]
        changes = (change[:, None] * self.belongs != 0).any(2)
        return changes[:, :, None, None] * mask.sigmoid(), contents

    def seen(self, pictures: Pictures, change: Change) -> Pictures:
        """The pictures."""
        return pictures


class Generator(nn.Module):
    """Maps pictures and changes to changed pictures.

    Args:
        shape: Channels, side and values.
        width: Channels at half resolution.
        depth: Number of residual blocks.
        colours: Number of learned colours per value for drawings; 0 for any colour.

    Raises:
        InputError: the pictures' side is not a multiple of 8.
    """

    def __init__(self, shape: RestyleShape, width: int, depth: int, colours: int = 0) -> None:
        super().__init__()
        if shape.pixels % 8:
            raise InputError(
                f"pixels: {shape.pixels} cannot be used; this generator needs a multiple of 8, and genlab's "
                "discriminator a power of 2: 16, 32, 64 ...",
                "pixels",
            )
        self.head = DrawingHead(shape, width, colours) if colours else PhotographHead(shape, width)
        self.stem = nn.Conv2d(4 * (shape.channels + self.head.similarities) + shape.values, width, 3, padding=1)
        self.quarter = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.eighth = nn.Conv2d(2 * width, 2 * width, 4, stride=2, padding=1)
        self.blocks = nn.ModuleList(Block(2 * width, shape.values) for _ in range(depth))
        self.to_quarter = nn.ConvTranspose2d(2 * width, 2 * width, 4, stride=2, padding=1)
        self.to_half = nn.ConvTranspose2d(4 * width, width, 4, stride=2, padding=1)
        self.mix = nn.Conv2d(2 * width, width, 3, padding=1)
        self.change = nn.Linear(shape.values, width)
        for name, layer in self.named_children():
            if name != "head":
                initialise(layer)

    def forward(self, pictures: Pictures, change: Change) -> Pictures:
        masks, contents = self.edit(pictures, change)
        return pictures + (masks[:, :, None] * (contents - pictures[:, None])).sum(1)

    def edit(self, pictures: Pictures, change: Change) -> tuple[Masks, Contents]:
        """The masks, 0 where the pictures stay, and the contents that replace them where they are 1."""
        active = lambda x: F.leaky_relu(x, SLOPE)
        side = pictures.shape[2] // 2
        maps = change[:, :, None, None].expand(-1, -1, side, side)
        half = self.stem(torch.cat((F.pixel_unshuffle(self.head.seen(pictures, change), 2), maps), 1))
        quarter = self.quarter(active(half))
        x = self.eighth(active(quarter))
        for block in self.blocks:
            x = block(x, change)
        x = self.to_quarter(active(x))
        x = self.to_half(active(torch.cat((x, quarter), 1)))
        x = self.mix(active(torch.cat((x, half), 1))) + self.change(change)[:, :, None, None]
        masks, contents = self.head(active(x), pictures, change)
        return (change != 0).any(1)[:, None, None, None] * masks, contents


class Discriminator(nn.Module):
    """Maps pictures to a common score, a score of each value and a logit of each value.

    Args:
        shape: Channels, side and values.
        width: Channels at half resolution.
        detail: First convolves at full resolution: for photographs.

    Raises:
        InputError: the pictures' side is not a power of 2.
    """

    def __init__(self, shape: RestyleShape, width: int, detail: bool = False) -> None:
        super().__init__()
        self.down = Downsampler(shape.channels, shape.pixels, width, 1 + 2 * shape.values, detail)

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


def total_variation(pictures: Pictures) -> Float[Tensor, ""]:
    """Mean difference between neighbouring pixels, in both directions.

    Rudin et al. (1992), "Nonlinear total variation based noise removal algorithms", eq. 2.1, in its anisotropic form.
    """
    return (pictures.diff(dim=2).abs().mean() + pictures.diff(dim=3).abs().mean()).float()


def rounded(pictures: Pictures) -> Pictures:
    """Pictures in [-1, 1] as 8 bits hold them; gradients pass as if they were not rounded."""
    clipped = pictures.clamp(-1, 1)
    return clipped + (((clipped + 1) * 127.5).round() / 127.5 - 1 - clipped).detach()

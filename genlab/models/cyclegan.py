"""The textbook's model of two looks: a generator for each direction, which must undo one another.

Zhu, Park, Isola and Efros (2017), "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
arXiv 1703.10593.

Data flow, for pictures of 128 x 128 and width 64::

    pictures (batch, channels, 128, 128) -> generator: (batch, 64, 128, 128) -> (batch, 128, 64, 64)
        -> (batch, 256, 32, 32) -> residual blocks -> back up -> pictures (batch, channels, 128, 128)
    pictures -> discriminator -> scores of overlapping patches (batch, 1, 14, 14)

The paper's G, F, D_Y and D_X are called to_second, to_first, discriminator_second and discriminator_first.

Departs from the paper: 6 residual blocks at every size (the paper takes 9 from 256 pixels); no enlarging and random
cropping; the identity loss for all pictures (the paper takes it for paintings); pairs that agree in other attributes
where these are known; the learning rate decays from the start (`engine/budget.py`); averaged weights.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.errors import InputError

Pictures = Float[Tensor, "batch channels side side"]
Scores = Float[Tensor, "batch 1 height width"]
SLOPE = 0.2
"""Slope of the discriminator's leaky ReLU below zero."""
WIDEST = 8
"""The discriminator's channels grow up to this multiple of its width."""
POOL = 50
"""Number of earlier pictures that a pool holds."""


# --- networks -------------------------------------------------------------------------------------


def normed(layer: nn.Module, channels: int) -> nn.Sequential:
    """The layer, instance normalisation and ReLU."""
    return nn.Sequential(layer, nn.InstanceNorm2d(channels), nn.ReLU())


class Block(nn.Module):
    """Two convolutions with instance normalisation, and a shortcut."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            normed(nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"), width),
            nn.Conv2d(width, width, 3, padding=1, padding_mode="reflect"),
            nn.InstanceNorm2d(width),
        )

    def forward(self, x: Float[Tensor, "batch width h w"]) -> Float[Tensor, "batch width h w"]:
        return x + self.layers(x)


class ResNetGenerator(nn.Module):
    """Maps pictures of one look to the other (section 7.2).

    Args:
        channels: 1 for grey pictures, 3 for colour.
        width: Channels at full resolution.
        depth: Number of residual blocks.
    """

    def __init__(self, channels: int, width: int, depth: int) -> None:
        super().__init__()
        up = lambda before, after: nn.ConvTranspose2d(before, after, 3, 2, padding=1, output_padding=1)
        self.layers = nn.Sequential(
            normed(nn.Conv2d(channels, width, 7, padding=3, padding_mode="reflect"), width),
            normed(nn.Conv2d(width, 2 * width, 3, 2, padding=1), 2 * width),
            normed(nn.Conv2d(2 * width, 4 * width, 3, 2, padding=1), 4 * width),
            *(Block(4 * width) for _ in range(depth)),
            normed(up(4 * width, 2 * width), 2 * width),
            normed(up(2 * width, width), width),
            nn.Conv2d(width, channels, 7, padding=3, padding_mode="reflect"),
            nn.Tanh(),
        )
        initialise(self)

    def forward(self, pictures: Pictures) -> Pictures:
        return self.layers(pictures)


class TwoGenerators(nn.Module):
    """Both directions, called as one generator of changes.

    Args:
        to_first: Maps pictures of the second look to the first.
        to_second: Maps pictures of the first look to the second.
    """

    def __init__(self, to_first: nn.Module, to_second: nn.Module) -> None:
        super().__init__()
        self.to_first, self.to_second = to_first, to_second

    def forward(self, pictures: Pictures, change: Float[Tensor, "batch 2"]) -> Pictures:
        """Changes each picture to the look whose entry in `change` is 1; returns it where there is none."""
        changed = pictures.clone()
        for look, generator in enumerate((self.to_first, self.to_second)):
            rows = change[:, look] > 0
            if rows.any():
                changed[rows] = generator(pictures[rows]).to(changed.dtype)
        return changed


class PatchDiscriminator(nn.Module):
    """Scores patches of 70 x 70 pixels (section 7.2; Isola et al. 2017, arXiv 1611.07004).

    Raises:
        InputError: the pictures' side is below 24 or not a multiple of 4.
    """

    def __init__(self, channels: int, pixels: int, width: int) -> None:
        super().__init__()
        if pixels < 24 or pixels % 4:
            raise InputError(f"pixels: {pixels} cannot be used; this model needs a multiple of 4, from 24.", "pixels")
        layers: list[nn.Module] = [nn.Conv2d(channels, width, 4, 2, padding=1), nn.LeakyReLU(SLOPE)]
        before = width
        for stride, factor in ((2, 2), (2, 4), (1, WIDEST)):
            after = width * factor
            layers += [nn.Conv2d(before, after, 4, stride, padding=1), nn.InstanceNorm2d(after), nn.LeakyReLU(SLOPE)]
            before = after
        self.layers = nn.Sequential(*layers, nn.Conv2d(before, 1, 4, padding=1))
        initialise(self)

    def forward(self, pictures: Pictures) -> Scores:
        return self.layers(pictures)


@torch.no_grad()
def initialise(network: nn.Module) -> None:
    """Weights with deviation 0.02, biases zero (section 7.1)."""
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            nn.init.normal_(layer.weight, 0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


# --- losses ---------------------------------------------------------------------------------------


def least_squares(scores: Float[Tensor, "*shape"], wanted: float) -> Float[Tensor, ""]:
    """Mean squared distance of the scores from 1 for real pictures, 0 for made ones (section 4, LSGAN)."""
    return F.mse_loss(scores.float(), torch.full_like(scores, wanted, dtype=torch.float32))


class Pool(nn.Module):
    """A history of made pictures for the discriminator (section 4; Shrivastava et al. 2017, arXiv 1612.07828).

    The first pictures fill the pool. Later, half of them go through it: a random earlier one is returned instead.
    """

    kept: Tensor
    count: Tensor

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.register_buffer("kept", torch.zeros(POOL, *shape))
        self.register_buffer("count", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def exchange(self, pictures: Pictures) -> Pictures:
        """Exchanges a batch with the pool: returns as many pictures, some of them earlier ones."""
        returned = pictures.detach().clone()
        held = int(self.count)  # once, because it waits for the GPU
        for row in range(len(returned)):
            if held < POOL:
                self.kept[held] = returned[row]
                held += 1
            elif torch.rand(()) < 0.5:
                place = int(torch.randint(POOL, ()))
                earlier = self.kept[place].clone()
                self.kept[place] = returned[row]
                returned[row] = earlier
        self.count.fill_(held)
        return returned

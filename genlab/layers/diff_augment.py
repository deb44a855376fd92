"""Differentiable augmentation for GANs on small data sets.

Zhao et al. (2020), "Differentiable Augmentation for Data-Efficient GAN Training", arXiv 2006.10738. The discriminator
sees only augmented pictures, real and fake ones, in its own update and in the generator's, whose gradients flow through
the augmentation. The generator still learns plain pictures: the augmented distributions match only if the plain ones
do.
"""

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

Pictures = Float[Tensor, "batch channels height width"]
SHIFT = 1 / 8
"""Largest translation, as a fraction of the side."""
CUT = 1 / 2
"""Side of the grey square, as a fraction of the picture's side."""


def diff_augment(pictures: Pictures, colour: bool = True, cut: bool = True) -> Pictures:
    """Augments each picture at random, with torch's global generator.

    Args:
        pictures: Pictures in [-1, 1].
        colour: Change brightness and contrast, and the saturation of colour pictures.
        cut: Set a random square to grey (cutout).
    """
    if colour:
        pictures = jitter(pictures)
    pictures = shift(pictures)
    return cutout(pictures) if cut else pictures


def jitter(pictures: Pictures) -> Pictures:
    """Brightness by up to a quarter of the range, saturation from 0 to 2, contrast from 0.5 to 1.5."""

    def chance() -> Float[Tensor, "batch 1 1 1"]:
        return torch.rand(len(pictures), 1, 1, 1, device=pictures.device)

    pictures = pictures + (chance() - 0.5)
    if pictures.shape[1] > 1:
        grey = pictures.mean(1, keepdim=True)
        pictures = grey + (pictures - grey) * 2 * chance()
    mean = pictures.mean((1, 2, 3), keepdim=True)
    return mean + (pictures - mean) * (0.5 + chance())


def shift(pictures: Pictures) -> Pictures:
    """Translates each picture by up to an eighth of its side in both directions; pixels outside repeat the border."""
    batch, _, height, width = pictures.shape
    down, right = round(SHIFT * height), round(SHIFT * width)
    padded = F.pad(pictures, (right, right, down, down), mode="replicate")
    tops = torch.randint(2 * down + 1, (batch, 1), device=pictures.device)
    lefts = torch.randint(2 * right + 1, (batch, 1), device=pictures.device)
    rows = (tops + torch.arange(height, device=pictures.device))[:, :, None]
    columns = (lefts + torch.arange(width, device=pictures.device))[:, None, :]
    which = torch.arange(batch, device=pictures.device)[:, None, None]
    return padded.permute(0, 2, 3, 1)[which, rows, columns].permute(0, 3, 1, 2)


def cutout(pictures: Pictures) -> Pictures:
    """Sets a square of each picture to 0, partly outside where its centre is near the border."""
    batch, _, height, width = pictures.shape

    def outside(side: int) -> Float[Tensor, "batch side"]:
        centre = torch.rand(batch, 1, device=pictures.device) * side
        return ((torch.arange(side, device=pictures.device) + 0.5 - centre).abs() >= CUT * side / 2).float()

    rows, columns = outside(height), outside(width)
    kept = (rows[:, :, None] + columns[:, None, :]).clamp(max=1)
    return pictures * kept[:, None]

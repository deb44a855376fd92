"""Draws what a picture attends to in its description: the picture, and a map of the attention to each word."""

import math
from typing import TYPE_CHECKING

import numpy as np
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Float, UInt8
from torch import Tensor

from genlab.engine.pipeline import AttentionMap

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMNS = 8
"""Largest number of panels in a row."""
PANEL = 1.5
"""Side of a panel in inches."""
STRENGTH = 0.8
"""Opacity of the largest weight."""


def word_maps(weights: Float[Tensor, "heads positions words"]) -> Float[Tensor, "words side side"]:
    """The weights of each word at the positions of a square picture, averaged over the heads."""
    side = math.isqrt(weights.shape[1])
    return rearrange(weights.mean(0), "(height width) words -> words height width", height=side)


def draw_words(figure: "Figure", one: AttentionMap, picture: UInt8[np.ndarray, "height width channels"]) -> None:
    """Draws the picture, and for each word the picture in grey under the weights of the word.

    All words share one scale, whose top is the largest weight of a word of the prompt. The first word is the start of
    the description, which positions attend to that need no other word.

    Args:
        figure: An empty figure, in the size of `size_of`.
        one: The map, whose rows are the positions of the picture and whose columns are words.
        picture: The picture.
    """
    maps = word_maps(one.weights)
    side = picture.shape[0]
    large = F.interpolate(maps[None].float(), (side, side), mode="bilinear", antialias=True)[0].clamp(0, 1).numpy()
    highest = max(float(maps[1:].max()) if len(maps) > 1 else 0.0, 1e-9)
    grey = picture.mean(2) / 255
    rows, columns = grid_of(one)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes in panels:
        axes.axis("off")
    panels[0].imshow(picture if picture.shape[2] == 3 else picture[..., 0], cmap="gray", vmin=0, vmax=255)
    panels[0].set_title("picture", size=8)
    for axes, word, weights, each in zip(panels[1:], one.columns, large, maps, strict=False):
        axes.imshow(0.4 + 0.6 * grey, cmap="gray", vmin=0, vmax=1)
        shown = np.minimum(weights / highest, 1)
        axes.imshow(shown, cmap="Reds", vmin=0, vmax=1, alpha=STRENGTH * shown)
        axes.set_title(f"{word}\n{each.mean():.0%}, at most {each.max():.0%}", size=8, parse_math=False)


def grid_of(one: AttentionMap) -> tuple[int, int]:
    """Rows and columns of panels: one for the picture, and one per word."""
    count = 1 + len(one.columns)
    return math.ceil(count / COLUMNS), min(count, COLUMNS)


def size_of(one: AttentionMap) -> tuple[float, float]:
    """Width and height of the figure, in inches."""
    rows, columns = grid_of(one)
    return columns * PANEL, rows * (PANEL + 0.45)

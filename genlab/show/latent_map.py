"""A map of a latent space: a grid of samples, beside the places of pictures in the same plane."""

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

SIDE = 7.0
"""Side of each half, in inches."""
NAMED = 20
"""Largest number of classes with a colour each."""


def latent_map(
    samples: UInt8[np.ndarray, "cells height width channels"],
    cells: int,
    reach: float,
    title: str,
    axes: Sequence[str],
    places: Float[np.ndarray, "pictures 2"],
    labels: Int[np.ndarray, " pictures"] | None,
    classes: Sequence[str],
) -> bytes:
    """Draws a PNG.

    Args:
        samples: The samples, row by row from the top left.
        cells: Samples per row.
        reach: The grid spans -reach to reach on both axes.
        title: What the samples are.
        axes: What the axes are: across and up.
        places: Coordinates of pictures on these axes.
        labels: Class index of each picture, which colours it; None without classes.
        classes: Names of the classes.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * SIDE, SIDE + 0.4), layout="constrained")
    grid, points = figure.subplots(1, 2)
    height, width, channels = samples.shape[1:]
    rows = len(samples) // cells
    whole = samples.reshape(rows, cells, height, width, channels).swapaxes(1, 2)
    whole = np.broadcast_to(whole.reshape(rows * height, cells * width, channels), (rows * height, cells * width, 3))
    edge = reach * (1 + 1 / (cells - 1))  # the outermost samples are centred on -reach and reach
    grid.imshow(whole, extent=(-edge, edge, -edge, edge), interpolation="nearest")
    grid.set_title(title, parse_math=False)
    points.set_title(f"{len(places):,} pictures, by the encoder's latent vectors")
    if labels is None or len(classes) > NAMED:
        points.scatter(*places.T, s=14, color="tab:grey")
    else:
        for index, name in enumerate(classes):
            some = places[labels == index]
            points.scatter(*some.T, s=14, color=_colour(index), label=name if len(name) <= 24 else f"{name[:23]}…")
        points.legend(loc="upper left", fontsize=8)
    points.set_aspect("equal", adjustable="datalim")
    points.grid(alpha=0.3)
    for one in (grid, points):
        one.set(xlabel=axes[0], ylabel=axes[1])
    canvas = FigureCanvasAgg(figure)
    file = io.BytesIO()
    canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


def _colour(index: int) -> tuple[float, float, float, float]:
    from matplotlib import colormaps

    red, green, blue, opaque = colormaps["tab20"]((2 * index % NAMED + 2 * index // NAMED) / NAMED + 0.001)
    return red, green, blue, opaque

"""A trained generator of points in the plane."""

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from genlab.engine.machine import Machine
from genlab.engine.pipeline import Pipeline, Saved
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.models.points_gan import Scale, sample
from genlab.tasks.points.options import PointsRequest
from genlab.tasks.shared.latents import latent_rows

SHOWN = 20_000
"""Largest number of points to draw."""


class PointsPipeline(Pipeline):
    """A generator of standardised points, and the scale of the data.

    Args:
        options: The model's options; `latent` is the size of the latent vector.
        generator: The network, which maps latent vectors to standardised points.
        scale: Maps standardised points to the data's unit; stays on the CPU.
        machine: The machine that the generator runs on.
    """

    def __init__(self, options: Any, generator: nn.Module, scale: Scale, machine: Machine) -> None:
        self.options, self.generator, self.scale, self.machine = options, generator, scale, machine
        self.networks = {"generator": generator, "scale": scale}

    def save(self, folder: Path) -> None:
        """Writes nothing: model.safetensors holds the scale too."""

    @classmethod
    def load(cls, saved: Saved) -> "PointsPipeline":
        generator = saved.build(saved.options, saved.networks)
        return cls(saved.options, generator.to(saved.machine.device), Scale(), saved.machine)

    # --- tensors ---

    def standardise(self, rows: Float64[np.ndarray, "points 2"]) -> Float[Tensor, "points 2"]:
        """Points in standardised units, in which the training points have mean 0 and variance 1."""
        mean, deviation = self.scale.mean.numpy(), self.scale.deviation.item()
        return torch.from_numpy(((rows - mean) / deviation).astype(np.float32))

    def sample(self, count: int, seed: int) -> Float[Tensor, "count 2"]:
        """New standardised points, on the CPU."""
        random = torch.Generator(self.machine.device).manual_seed(seed)
        with self.evaluating():
            return sample(self.generator, count, self.options.latent, random).float().cpu()

    # --- capabilities ---

    def generate(self, request: PointsRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Makes one sample of `request.n` points."""
        points = self.scale(self.sample(request.n, request.seed)).numpy()
        yield points_sample(points)

    def decode(self, latents: Any, label: str | None = None) -> Float64[np.ndarray, "points 2"]:
        """Points from latent vectors (points, latent).

        Raises:
            InputError: the latent vectors have the wrong shape, or a label is given.
        """
        rows = latent_rows(latents, self.options.latent)
        if label is not None:
            raise InputError("Points have no classes: omit label.", "label")
        with self.evaluating():
            return self.scale(self.generator(rows.to(self.machine.device)).float().cpu()).numpy()


def points_sample(points: np.ndarray) -> Sample:
    """Points as a table and as a scatter plot."""
    return Sample(Kind.POINTS, points, {"csv": csv_of(points), "png": picture_of(points[:SHOWN])})


def csv_of(points: Float64[np.ndarray, "points 2"]) -> bytes:
    """Writes the coordinates as CSV, to a millionth of their spread."""
    lines = io.BytesIO()
    decimals = int(np.clip(6 - np.floor(np.log10(points.std(0).max() + 1e-300)), 0, 18))
    np.savetxt(lines, points, fmt=f"%.{decimals}f", delimiter=",", header="x,y", comments="")
    return lines.getvalue()


def picture_of(points: Float64[np.ndarray, "points 2"]) -> bytes:
    """A scatter plot as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(points[:, 0], points[:, 1], s=3, alpha=0.4, linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel="x", ylabel="y")
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image)
    return image.getvalue()

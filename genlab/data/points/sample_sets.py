"""Sample sets of points: mixtures of Gaussians with known modes."""

import io
from collections.abc import Iterator

import numpy as np

Mixture = tuple[np.ndarray, np.ndarray, float]
"""Points, modes, and the standard deviation of each Gaussian."""


def ring() -> Mixture:
    """8 Gaussians on a circle of radius 2."""
    angles = np.arange(8) * (2 * np.pi / 8)
    return _gaussians(2 * np.stack((np.cos(angles), np.sin(angles)), axis=1), 0.02)


def grid() -> Mixture:
    """25 Gaussians on a 5 x 5 grid of spacing 2."""
    steps = np.arange(-4.0, 5.0, 2.0)
    return _gaussians(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), 0.05)


def _gaussians(modes: np.ndarray, deviation: float, count: int = 50_000) -> Mixture:
    random = np.random.default_rng(0)
    points = modes[random.integers(len(modes), size=count)] + deviation * random.standard_normal((count, 2))
    return points.astype(np.float32), modes.astype(np.float32), deviation


def files(content: Mixture) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the CSV file with these points."""
    rows = io.StringIO()
    np.savetxt(rows, content[0], "%.7g", ",", header="x,y", comments="")
    yield "points.csv", rows.getvalue().encode()

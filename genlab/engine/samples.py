"""What a run generates: content, and the files that show it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from genlab.engine.files import make_folder, write_atomically


class Kind(StrEnum):
    """What a sample is."""

    TEXT = "text"
    PICTURE = "picture"
    FILM = "film"
    MUSIC = "music"
    ROWS = "rows"
    POINTS = "points"


@dataclass(frozen=True)
class Sample:
    """One piece of new content."""

    kind: Kind
    content: Any
    """What Python code works with: a string, or an array."""
    files: dict[str, bytes] = field(repr=False)
    """The same as files that people open, by the ending of their names: txt, csv, png."""
    latent: np.ndarray | None = field(default=None, repr=False)
    """Latent vector of the content, (latent,)."""

    def __str__(self) -> str:
        return str(self.content)


def write_samples(samples: Iterable[Sample], folder: Path, name: str = "sample", first: int = 0) -> list[Path]:
    """Writes every file of every sample: name-000.txt, name-001.txt, and so on, counting from `first`."""
    make_folder(folder)
    paths = []
    for number, sample in enumerate(samples, first):
        for ending, data in sample.files.items():
            paths.append(folder / f"{name}-{number:03d}.{ending}")
            write_atomically(paths[-1], data)
    return paths

"""What a run generates: content, and the files that show it."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from genlab.engine.files import make_folder, write_atomically


@dataclass(frozen=True)
class Sample:
    """One piece of new content.

    `content` is what Python code works with (a str, an array); `files` shows the same to people, by the
    ending of its name: txt, csv, png.
    """

    content: Any
    files: dict[str, bytes] = field(repr=False)
    latent: np.ndarray | None = field(default=None, repr=False)
    """The latent vector that the content was made from, (latent,)."""

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

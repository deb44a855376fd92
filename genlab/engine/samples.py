"""Samples: generated content, and the files that show it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np

from genlab.engine.files import make_folder, write_atomically


class Kind(StrEnum):
    """Kind of content."""

    TEXT = "text"
    PICTURE = "picture"
    FILM = "film"
    MUSIC = "music"
    ROWS = "rows"
    POINTS = "points"


@dataclass(frozen=True)
class Sample:
    """One piece of generated content."""

    kind: Kind
    content: Any
    """The content in Python: a string or an array."""
    files: Mapping[str, bytes] = field(repr=False)
    """The content as files, by extension: txt, csv, png."""
    latent: np.ndarray | None = field(default=None, repr=False)
    """Latent vector of the content, (latent,)."""
    name: str | None = None
    """Name of its files, such as that of the picture that it was made from; None for one that the command chooses."""
    about: dict[str, Any] = field(default_factory=dict)
    """Facts to report with it, as JSON values."""
    panels: list[np.ndarray] | None = field(default=None, repr=False)
    """Pictures that a sheet shows instead of the content, side by side, such as before and after."""

    def __str__(self) -> str:
        return str(self.content)

    @property
    def facts(self) -> str:
        """The facts as text, without the names of groups: "source: photo.png, hair: black -> blond"."""
        groups = [value if isinstance(value, dict) else {name: value} for name, value in self.about.items()]
        return ", ".join(f"{name}: {value}" for group in groups for name, value in group.items())


def write_samples(samples: Iterable[Sample], folder: Path, name: str = "sample", first: int = 0) -> list[Path]:
    """Writes every file of every sample: name-000.txt, name-001.txt and so on, numbered from `first`."""
    make_folder(folder)
    paths = []
    for number, sample in enumerate(samples, first):
        for ending, data in sample.files.items():
            paths.append(folder / f"{name}-{number:03d}.{ending}")
            write_atomically(paths[-1], data)
    return paths

"""Pictures and tables for the tests of `data`."""

import io
import random
from pathlib import Path

import numpy as np
from PIL import Image

from genlab.data.pictures.picture_set import PictureSet, read_pictures

HEADER = ["height", "colour", "kind"]
"""Columns of the table."""


def noise(seed: int, side: int = 20, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, channels), dtype=np.uint8)


def picture(seed: int = 0, **options) -> Image.Image:
    pixels = noise(seed, **options)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def encoded(image: Image.Image, kind: str = "png", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def folder_of(path: Path, classes: dict[str, int], channels: int = 3) -> str:
    """A folder per class with this many pictures, all different; "" is the folder itself."""
    seed = 0
    for name, count in classes.items():
        (path / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (path / name / f"{number:03d}.png").write_bytes(encoded(picture(seed, channels=channels)))
            seed += 1
    return str(path)


def whole(data: str, **options) -> PictureSet:
    """All pictures of a folder or zip, as training data."""
    return read_pictures(data, "0", "0", pixels=20, **options)


def cells(count: int = 60, seed: int = 0) -> list[list[str]]:
    """Rows of a number, a colour and a kind."""
    chance = random.Random(seed)
    return [
        [f"{chance.gauss(10, 3):.3f}", chance.choice(["red", "green", "blue"]), chance.choice(["cat", "dog"])]
        for _ in range(count)
    ]


def write(path: Path, rows: list[list[str]], header: list[str] | None = HEADER, separator: str = ",") -> str:
    lines = [separator.join(row) for row in ([header] if header else []) + rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)

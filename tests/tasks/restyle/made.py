"""Drawn signs: a square in one of three colours, with a bar or without, on a background that differs for each."""

from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = {"blue": (30, 60, 200), "green": (40, 160, 60), "red": (210, 40, 30)}
SIDE = 16
HEADER = "file,colour,bar"


def sign(number: int, colour: str, bar: bool) -> np.ndarray:
    """One picture; the same number with another colour is the truth of changing the colour."""
    chance = np.random.default_rng(number)
    pixels = np.full((SIDE, SIDE, 3), chance.choice([[240, 240, 240], [220, 200, 160], [170, 190, 220]]), np.uint8)
    top, left = chance.integers(1, 8, 2)
    pixels[top : top + 6, left : left + 6] = COLOURS[colour]
    if bar:
        pixels[14:, 2:14] = (20, 20, 20)
    return pixels


def traits(number: int) -> tuple[str, bool]:
    return list(COLOURS)[number % 3], number % 7 < 3


def signs(folder: Path, count: int = 240) -> Path:
    """A folder of signs with attributes.csv."""
    folder.mkdir(parents=True)
    lines = [HEADER]
    for number in range(count):
        colour, bar = traits(number)
        Image.fromarray(sign(number, colour, bar)).save(folder / f"{number:03d}.png")
        lines.append(f"{number:03d}.png,{colour},{'yes' if bar else 'no'}")
    (folder / "attributes.csv").write_text("\n".join(lines) + "\n")
    return folder

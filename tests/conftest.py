"""Fixtures and helpers that the tests share."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from jaxtyping import install_import_hook
from PIL import Image

install_import_hook("genlab", "beartype.beartype")  # before genlab is imported: shapes are checked at run time
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # of the processes that tests start, too

STORY = (
    "the river runs below old stone bridges while seven grey herons wait and watch for silver fish that never come "
    "a miller counts his sacks at dawn his daughter sings of ships and salt and far white towers over the sea"
)


def sentences(characters: int, seed: int = 0) -> str:
    """Made-up sentences of `characters` in all, in lines and paragraphs; the same seed gives the same text."""
    chance, story, text = random.Random(seed), STORY.split(), ""
    while len(text) < characters:
        words = " ".join(chance.choice(story) for _ in range(chance.randint(4, 12)))
        text += words.capitalize() + chance.choice([". ", "!\n", ".\n", ",\n", ".\n\n"])
    return text[:characters]


SUBJECTS = {"miller": "meunier", "heron": "héron", "fish": "poisson", "ship": "navire", "bridge": "pont"}
MANNERS = {"old": "vieux", "grey": "gris", "silver": "argenté", "white": "blanc", "far": "lointain"}
DEEDS = {"waits": "attend", "watches": "regarde", "sings": "chante", "runs": "court", "sleeps": "dort"}
TIMES = {"now": "maintenant", "today": "aujourd'hui", "here": "ici", "never": "jamais", "again": "encore"}


def phrases(count: int) -> list[tuple[str, str]]:
    """The first `count` of 625 pairs of made-up sentences; French puts the adjective after the noun."""
    every = [
        (f"The {how} {who} {does} {when}.", f"Le {SUBJECTS[who]} {MANNERS[how]} {DEEDS[does]} {TIMES[when]}.")
        for how in MANNERS for who in SUBJECTS for does in DEEDS for when in TIMES
    ]  # fmt: skip
    random.Random(0).shuffle(every)
    return every[:count]


def tabbed(pairs: list[tuple[str, str]]) -> str:
    """Pairs as the lines of a file."""
    return "".join(f"{source}\t{target}\n" for source, target in pairs)


def squares_and_bars(folder: Path, count: int = 60, side: int = 16) -> Path:
    """Writes `count` grey pictures of each of two easily distinguished kinds, in a folder per kind."""
    chance = np.random.default_rng(0)
    for kind in ("bar", "square"):
        (folder / kind).mkdir(parents=True)
        for number in range(count):
            picture = chance.integers(0, 60, (side, side), dtype=np.uint8)
            height, width = (8, 2) if kind == "bar" else (4, 4)
            top, left = chance.integers(0, side - height), chance.integers(0, side - width)
            picture[top : top + height, left : left + width] = 255
            Image.fromarray(picture).save(folder / kind / f"{number:03d}.png")
    return folder


def recording(loss: Callable[..., torch.Tensor], seen: list[torch.Tensor]) -> Callable[..., torch.Tensor]:
    """The same loss, which also appends its arguments to `seen`."""

    def recorded(*scores: torch.Tensor) -> torch.Tensor:
        seen.extend(scores)
        return loss(*scores)

    return recorded


def genlab_process(*words: object, folder: Path, **options) -> subprocess.CompletedProcess:
    """Runs `python -m genlab ...` in `folder`."""
    command = [sys.executable, "-m", "genlab", *map(str, words)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="session", autouse=True)
def cache(tmp_path_factory) -> Path:
    """Token files of the tests, and of the processes that they start."""
    folder = tmp_path_factory.mktemp("cache")
    os.environ["GENLAB_CACHE"] = str(folder)
    return folder


@pytest.fixture(scope="session", autouse=True)
def _short_previews():
    """Previews of texts and music that cost little; the docs' commands, in their own processes, show whole ones."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genlab.tasks.text.recipe.PREVIEW_TOKENS", 3)
        patch.setattr("genlab.tasks.music.recipe.PREVIEW_BARS", 1)
        yield


@pytest.fixture(scope="session")
def book(tmp_path_factory) -> Path:
    """A text file of 20,000 characters."""
    path = tmp_path_factory.mktemp("book") / "book.txt"
    path.write_text(sentences(20_000), encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def trained(book, tmp_path_factory) -> Path:
    """The folder of a tiny GPT briefly trained on `book`. Tests only read it."""
    import genlab

    out = tmp_path_factory.mktemp("runs") / "tiny"
    genlab.train("text", book, steps=60, size="tiny", validation=0, out=out, quiet=True)
    return out


@pytest.fixture(scope="session")
def translator(tmp_path_factory) -> Path:
    """The folder of a tiny Transformer trained to translate 400 phrases. Tests only read it."""
    import genlab

    folder = tmp_path_factory.mktemp("translator")
    (folder / "pairs.tsv").write_text(tabbed(phrases(400)), encoding="utf-8")
    options = {"steps": 150, "size": "tiny", "batch": 512, "vocabulary": 300, "dropout": 0.0}
    genlab.train("translate", folder / "pairs.tsv", out=folder / "run", quiet=True, **options)
    return folder / "run"


@pytest.fixture
def copied(trained, tmp_path) -> Path:
    """A copy of `trained` that a test may damage."""
    import shutil

    return Path(shutil.copytree(trained, tmp_path / "copied"))


@pytest.fixture
def cli(capsys, monkeypatch, tmp_path):
    """Runs the command line in this process, in an empty folder; returns exit code, standard output and error."""
    from genlab.cli import main

    monkeypatch.chdir(tmp_path)

    def call(*words: object) -> tuple[int, str, str]:
        capsys.readouterr()
        with pytest.raises(SystemExit) as end:
            main([str(word) for word in words])
        out, err = capsys.readouterr()
        return end.value.code or 0, out, err

    return call


@pytest.fixture
def refused(cli, tmp_path):
    """Runs a command that must be refused; returns the sentence and the field."""

    def state() -> dict[str, bytes | None]:
        return {str(path): path.read_bytes() if path.is_file() else None for path in sorted(tmp_path.rglob("*"))}

    def call(*words: object) -> tuple[str, str | None]:
        before = state()
        code, out, err = cli(*words)
        assert code == 2, (out, err)
        assert out == ""
        assert "Traceback" not in err
        said = [line for line in err.splitlines() if not line.startswith(("Note: ", "measuring"))]
        assert len(said) == 1, err
        assert said[0].startswith("genlab: ")
        sentence = said[0].removeprefix("genlab: ")
        assert len(sentence) < 400
        assert sentence[-1] in ".;)"
        assert state() == before
        code, out, _ = cli(*words, "--json")
        assert code == 2
        (error,) = json.loads(out).values()
        assert error["message"] == sentence
        assert set(error) == {"message", "field"}
        return sentence, error["field"]

    return call

"""Pictures and tables that cannot be classified: one sentence, exit code 2, no file created or lost."""

import functools
import io
import json
import os
import re
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.errors import InputError
from tests.cli.test_bad_input import named
from tests.conftest import squares_and_bars

SHORT = ["--steps", 2]
ROWS = [f"{number * 7 % 13}.5,{'yes' if number % 2 else 'no'}" for number in range(40)]


def png(side: int = 16, colour: int = 0) -> bytes:
    file = io.BytesIO()
    Image.new("L", (side, side), colour).save(file, "png")
    return file.getvalue()


@functools.cache
def bomb() -> bytes:
    """A small file with a huge number of pixels."""
    file = io.BytesIO()
    Image.new("1", (14_000, 14_000)).save(file, "png")
    return file.getvalue()


def csv(path: Path, rows: list[str], header: str = "size,answer") -> None:
    path.write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """An untrained classifier of pictures. Tests only read it."""
    folder = tmp_path_factory.mktemp("run")
    data = squares_and_bars(folder / "data")
    return genlab.train("classify", data, out=folder / "run", quiet=True, steps=2, width=4, pixels=16, batch=4).path


@pytest.fixture
def places(tmp_path: Path, run: Path) -> Path:
    """All kinds of data that cannot be used."""
    (tmp_path / "empty").mkdir()
    pictures = {
        "one": {"cat/a.png": png()},
        "torn": {"cat/a.png": b"", "dog/b.png": png()[:45], "dog/c.jpg": b"hello"},
        "flat": {f"{number}.png": png(colour=number) for number in range(20)},
        "single": {**{f"cat/{number}.png": png(colour=number) for number in range(20)}, "dog/0.png": png(colour=99)},
        "same": {f"cat/{number}.png": png(colour=number) for number in range(20)},
    }
    for name, files in pictures.items():
        for file, content in files.items():
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_bytes(content)
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../evil.png", png())
    (tmp_path / "notes.zip").write_text("hello")
    (tmp_path / "bomb").mkdir()
    (tmp_path / "bomb" / "a.png").write_bytes(bomb())
    csv(tmp_path / "good.csv", ROWS)
    csv(tmp_path / "few.csv", ROWS[:4])
    csv(tmp_path / "header.csv", [])
    csv(tmp_path / "ragged.csv", [*ROWS[:5], "1.5,yes,more", *ROWS])
    csv(tmp_path / "price.csv", [f"{number},{number * 1.37:.2f}" for number in range(60)], "size,price")
    csv(tmp_path / "one.csv", [row.replace("no", "yes") for row in ROWS])
    csv(tmp_path / "rare.csv", [*ROWS, "3.5,perhaps"])
    (tmp_path / "nothing.csv").write_bytes(b"")
    (tmp_path / "picture.csv").write_bytes(png())
    (tmp_path / "sub.csv").mkdir()
    return tmp_path


TRAIN = [
    (["missing"], "There is no file or folder missing", "data"),
    (["empty"], r"no pictures in empty: genlab looks for .*\.png", "data"),
    (["one"], "one has only one readable picture: give at least 2", "data"),
    (["torn"], "^No picture of torn can be read", "data"),
    (["bomb"], "^No picture of bomb can be read: .*bomb", "data"),
    (["flat"], "pictures of flat have no classes: put each class into a folder", "data"),
    (["same"], "pictures of same have no classes|All pictures belong to one class", "data"),
    (["single"], "class dog has only one picture: add more, or remove the class", "data"),
    (["evil.zip"], "a file whose path points outside it", "data"),
    (["notes.zip"], "neither a folder nor a zip file", "data"),
    (["@ring"], "@ring holds points", "data"),
    (["flat", "--label", "hair"], "flat has no attributes.csv or list_attr_celeba.txt with a column hair", "label"),
    (["flat", "--pixels", 8], "pixels: 8 cannot be used.*from 16 up to 128", "pixels"),
    (["flat", "--augment", "all"], "augment: .*all.*is not a choice", "augment"),
    (["flat", "--learning-rate", "nan"], "learning_rate: nan", "learning_rate"),
    (["single", "--test", "gone"], "test: .*There is no file or folder gone|There is no file or folder gone", "test"),
    (["missing.csv"], "There is no file missing.csv", "data"),
    (["sub.csv"], "sub.csv is a folder", "data"),
    (["nothing.csv"], "nothing.csv is empty", "data"),
    (["header.csv"], "column names but no rows", "data"),
    (["picture.csv"], "picture.csv, line 1 is not text", "data"),
    (["ragged.csv"], "ragged.csv, line 7: 3 cells, but most lines have 2", "data"),
    (["few.csv"], "4 rows with a label: give at least 10", "data"),
    (["price.csv"], "price has 60 different numbers in 60 rows: .*is regression.*--label", "label"),
    (["one.csv"], "all rows of one.csv have the label yes", "label"),
    (["rare.csv"], "class perhaps has only one row", "data"),
    (["good.csv", "--label", "colour"], "good.csv has no column colour: choose from size, answer", "label"),
    (["good.csv", "--width", 0], "width: 0 cannot be used", "width"),
    (["good.csv", "--model", "cnn"], "neither a folder nor a zip file", "data"),
]


@pytest.mark.parametrize(("words", "message", "field"), TRAIN, ids=named)
def test_train(refused, places, words, message, field):
    sentence, where = refused("train", "classify", *words, *SHORT)
    assert re.search(message, sentence), sentence
    assert where == field


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        ([], "Name the inputs to label: genlab predict", "files"),
        (["missing.png"], "There is no file or folder missing.png", "files"),
        (["torn/cat/a.png"], "torn/cat/a.png cannot be read as a picture: empty file", "files"),
        (["bomb/a.png"], "cannot be read as a picture: .*bomb", "files"),
        (["empty"], "no pictures in empty", "files"),
        (["evil.zip"], "a file whose path points outside it", "files"),
        (["good.csv"], "good.csv cannot be read as a picture: not a picture", "files"),
    ],
    ids=named,
)
def test_predict(refused, places, run, words, message, field):
    sentence, where = refused("predict", run, *words)
    assert re.search(message, sentence), sentence
    assert where == field


def test_runs_of_another_kind(refused, run, trained, tmp_path):
    (tmp_path / "a.png").write_bytes(png())
    sentence, field = refused("predict", trained, "a.png")
    assert "is a gpt for text, which cannot predict labels" in sentence
    assert field == "run"
    sentence, field = refused("generate", run)
    assert "is a cnn for classify, which cannot generate: use genlab predict" in sentence
    assert field == "run"
    sentence, field = refused("predict", "nowhere", "a.png")
    assert "no run folder nowhere" in sentence


def test_rows_that_a_table_run_cannot_read(refused, places):
    table = genlab.train("classify", "good.csv", out="table", quiet=True, steps=2, width=4).path
    csv(places / "other.csv", ["1"] * 3, "answer")
    csv(places / "words.csv", ["many,yes"] * 3)
    csv(places / "none.csv", ["1,yes"] * 3, "weight,answer")
    for words, message in (
        (["gone.csv"], "There is no file gone.csv"),
        (["sub.csv"], "sub.csv is a folder"),
        (["other.csv"], "other.csv has no column size: this run needs size; the table has answer"),
        (["ragged.csv"], "line 7: 3 cells"),
        (["none.csv"], "none.csv has no column size: this run needs size"),
        (["words.csv"], "words.csv: most cells of column size are not numbers, such as 'many'"),
    ):
        sentence, field = refused("predict", table, *words)
        assert re.search(message, sentence), sentence
        assert field in ("files", "data")


@pytest.mark.parametrize("data", [np.zeros(4), np.zeros((2, 16, 16, 5)), np.full((2, 16, 16), 7.5), None, [], 3])
def test_arrays(run, data):
    with pytest.raises(InputError, match="give an array") as error:
        genlab.load(run).predict(data)
    assert error.value.field == "data"


def test_what_cannot_be_read_is_listed(places, cli):
    data = squares_and_bars(places / "mixed", 20)
    shutil.copy(places / "torn" / "dog" / "b.png", data / "bar" / "cut.png")
    (data / "bar" / "zero.png").write_bytes(b"")
    (data / "notes.txt").write_text("hello")
    words = ["--width", 4, "--pixels", 16, "--batch", 4, "--out", "run"]
    code, _, err = cli("train", "classify", data, *SHORT, *words)
    assert code == 0
    assert "3 files were left out" in err
    assert "zero.png: empty file" in err
    listed = (places / "run" / "left_out.txt").read_text()
    assert {line.partition(":")[0] for line in listed.splitlines()} == {"bar/cut.png", "bar/zero.png", "notes.txt"}


def test_names_links_and_splits_from_the_command_line(places, cli):
    """Classes whose names are not UTF-8, in linked folders, in folders that are splits."""
    store = squares_and_bars(places / "store", 20)
    for part in ("train", "test"):
        (places / "odd" / part).mkdir(parents=True)
        (places / "odd" / part / os.fsdecode(b"carr\xe9")).symlink_to(store / "square")
        (places / "odd" / part / "bar").symlink_to(store / "bar")
    (places / "odd" / "train" / "bar" / "gone.png").symlink_to("/nowhere")
    code, _, err = cli("train", "classify", "odd", *SHORT, "--width", 4, "--pixels", 16, "--batch", 4, "--out", "run")
    assert code == 0
    assert "the folders are splits: train for training, test for test" in err
    assert re.search(r"the test split shares \d+ pictures with the training split", err)
    assert json.loads((places / "run" / "labels.json").read_text())["classes"] == ["bar", r"carr\xe9"]
    assert json.loads((places / "run" / "run.json").read_text())["data"]["counts"]["test"]["pictures"] == 40
    assert "test/bar/gone.png: a broken link" in (places / "run" / "left_out.txt").read_text()
    assert cli("evaluate", "run")[0] == 0
    code, out, _ = cli("predict", "run", "odd/test", "--json")
    assert code == 0
    assert r"odd/test/carr\xe9/" in json.dumps(json.loads(out), ensure_ascii=False).replace("\\\\", "\\")


DAMAGES = {
    "labels.json": (b"{", "labels.json is damaged"),
    "no labels": (None, "labels.json is missing"),
    "one class": (json.dumps({"classes": ["a"], "channels": 1, "common": 0}).encode(), "damaged"),
    "more classes": (
        json.dumps({"classes": ["a", "b", "c"], "channels": 1, "common": 0}).encode(),
        "does not fit the run's config",
    ),
    "no object": (b"[1]", "damaged"),
    "no channels": (json.dumps({"classes": ["a", "b"]}).encode(), "damaged"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_runs(refused, run, tmp_path, damage):
    content, message = DAMAGES[damage]
    copied = Path(shutil.copytree(run, tmp_path / "copied"))
    (copied / "labels.json").unlink()
    if content is not None:
        (copied / "labels.json").write_bytes(content)
    (tmp_path / "a.png").write_bytes(png())
    sentence, field = refused("predict", copied, "a.png")
    assert re.search(message, sentence), sentence
    assert field == "run"


IMAGES = [
    (["missing"], "There is no file or folder missing", "data"),
    (["empty"], r"no pictures in empty", "data"),
    (["one"], "one has only one readable picture: give at least 2", "data"),
    (["torn"], "^No picture of torn can be read", "data"),
    (["evil.zip"], "a file whose path points outside it", "data"),
    (["@faces:none"], "'none' cannot be used; it must be a whole number from 1", "data"),
    (["@digits:7"], "The size of @digits cannot be chosen: remove :7", "data"),
    (["flat", "--pixels", 24], "pixels: 24 cannot be used; this model needs a power of 2", "pixels"),
    (["flat", "--features", "none"], "features: none cannot be used", "features"),
    (
        ["flat", "--model", "diffusion"],
        "images has no model diffusion: choose from gan, flow, wgan_gp, dcgan, vae",
        "model",
    ),
    (["flat", "--penalty", "-1"], "penalty: -1", "penalty"),
    (["flat", "--model", "dcgan", "--pixels", 18], "dcgan needs a multiple of 4", "pixels"),
]


@pytest.mark.parametrize(("words", "message", "field"), IMAGES, ids=named)
def test_train_images(refused, places, words, message, field):
    sentence, where = refused("train", "images", *words, *SHORT)
    assert re.search(message, sentence), sentence
    assert where == field

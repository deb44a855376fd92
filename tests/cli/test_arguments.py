"""Tasks that take two folders, and that change pictures which the command line names."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.catalog import places
from tests.cli import shade

SHORT = ["--steps", 2]


@pytest.fixture(autouse=True)
def _declared(monkeypatch):
    """Adds the task, as an entry point would."""
    monkeypatch.setitem(places(), "shade", f"{shade.HERE}:TASK")


def folder(path: Path, level: int, count: int = 3, side: int = 16) -> Path:
    """A folder of plain grey pictures, a.png and so on."""
    path.mkdir()
    for number in range(count):
        Image.fromarray(np.full((side, side), level + number, np.uint8)).save(path / f"{chr(97 + number)}.png")
    return path


@pytest.fixture
def two(tmp_path, monkeypatch) -> tuple[Path, Path]:
    """Two folders of pictures in the current folder."""
    monkeypatch.chdir(tmp_path)
    return folder(tmp_path / "night, late", 20), folder(tmp_path / "day", 200)


@pytest.fixture
def trained(two) -> str:
    genlab.train("shade", two, steps=2, out="run", quiet=True)
    return "run"


# --- two paths as data ---


def test_two_folders_on_the_command_line(cli, two):
    code, out, err = cli("train", "shade", *two, *SHORT)
    assert (code, out) == (0, "runs/shade-night-late-day-001\n"), err
    assert json.loads(Path(out.strip(), "run.json").read_text())["data"]["path"] == ",".join(map(str, two))
    code, out, _ = cli("look", "shade", *SHORT, "night, late", "day", "--json")
    assert (code, json.loads(out)["data"]) == (0, "night, late + day")
    assert cli("train", "shade", f"{two[0]},{two[1]}", *SHORT)[1] == "runs/shade-night-late-day-002\n"
    assert cli("train", "shade", two[0], *SHORT)[1] == "runs/shade-night-late-001\n"
    help_page = cli("train", "shade", "--help")[1]
    assert help_page.startswith("usage: genlab train shade DATA [DATA] [options]\n")
    assert "  DATA [DATA]               One folder of pictures, or two; or a sample set" in help_page
    assert "  --validation SHARE|PATH[,PATH]\n" in help_page


def test_two_folders_in_python(cli, two, trained):
    run = genlab.load(trained)
    assert genlab.look("shade", two).facts.name == "night, late + day"
    bright = pytest.approx(201 / 255)
    assert run.evaluate()["data"] == "night, late + day"
    assert run.evaluate(("day", "day"))["brightness"] == run.evaluate("day")["brightness"] == bright
    genlab.train("shade", two, steps=2, validation=two, test=("day", Path("day")), out="other", quiet=True)
    data = genlab.load("other").about["data"]
    assert (data["validation"], data["test"]) == (",".join(map(str, two)), f"{two[1]},{two[1]}")
    _, out, _ = cli("evaluate", trained, "--data", "day,day", "--json")
    assert json.loads(out)["brightness"] == bright
    assert "  --data PATH[,PATH] " in cli("evaluate", trained, "--help")[1]


def test_too_many_paths(refused, two, book):
    assert refused("train", "shade", *two, "dusk", *SHORT) == ("data: shade takes at most 2 paths, not 3.", "data")
    assert refused("train", "shade", *SHORT)[0] == "The data are missing: one folder of pictures, or two."
    assert refused("train", "text", book, "day", *SHORT)[0].startswith("Unexpected argument: day. ")
    with pytest.raises(genlab.InputError, match=r"^data: text takes one path, not 2\.$"):
        genlab.train("text", (book, book), steps=2)
    with pytest.raises(genlab.InputError, match=r"^test: shade takes at most 2 paths, not 3\.$"):
        genlab.train("shade", two, steps=2, test=[*two, "dusk"])


# --- files to generate from ---


def test_files_are_arguments(cli, trained, monkeypatch):
    seen = []
    monkeypatch.setattr(shade.ShadePipeline, "generate", lambda self, request, show: seen.append(request) or iter(()))
    code, _, err = cli("generate", trained, "day", "--set", "hair=blond", "night, late/a.png", "--set", "time=a=b")
    assert code == 0, err
    assert [[name for name, _ in request.pictures] for request in seen] == [["a", "b"], ["c", "a"]]
    assert {tuple(request.set.items()) for request in seen} == {(("hair", "blond"), ("time", "a=b"))}
    genlab.load(trained).generate(pictures=[], set={"hair": "blond"})
    assert seen[-1] == shade.ShadeRequest([], {"hair": "blond"})
    help_page = cli("generate", trained, "--help")[1]
    assert help_page.startswith(f"usage: genlab generate {trained} FILE... [options]\n")
    for line in ("arguments:\n  FILE...                   Pictures to change.",
                 "  --set NAME=VALUE          Attribute and its new value; can be repeated.\n",
                 "  --grid FILE.png           Show before, after and difference.\n"):  # fmt: skip
        assert line in help_page
    assert "latent" not in help_page


def test_bad_arguments(refused, trained):
    assert refused("generate", trained) == (f"Name the pictures: genlab generate {trained} FILE.", "files")
    form = "it must be of the form NAME=VALUE (in Python, a dict of strings)."
    for wrong in ("blond", "=blond"):
        assert refused("generate", trained, "day", "--set", wrong) == (f"set: '{wrong}' cannot be used; {form}", "set")
    with pytest.raises(genlab.InputError, match="NAME=VALUE"):
        genlab.load(trained).generate(pictures=[], set=["hair=blond"])


def test_files_take_the_names_of_the_pictures(cli, trained):
    Path("day/a.png").rename("day/A.png")
    Path("made").mkdir()
    Path("made/a-004.txt").write_text("mine")
    words = ["generate", trained, "day", "night, late", "--to", "made", "--set", "shade=light"]
    code, out, err = cli(*words)
    assert (code, out) == (0, "")
    made = ["A-005", "b-000", "c-000", "a-006", "b-001", "c-001"]
    assert err.splitlines() == [f"wrote made/{name}.png (source: {name[0]}, shade: dark -> light)" for name in made]
    assert (np.asarray(Image.open("made/A-005.png")) == 55).all()
    code, out, _ = cli(*words, "--json")
    report = json.loads(out)
    assert report["samples"][0] == {"source": "A", "shade": "dark -> light", "files": ["made/A-007.png"]}
    assert report["files"] == [file for sample in report["samples"] for file in sample["files"]]


def test_without_a_folder_named_pictures_go_to_the_samples(cli, trained):
    _, _, err = cli("generate", trained, "day")
    assert err.splitlines()[0] == f"wrote {trained}/samples/a-000.png (source: a)"
    assert sorted(path.name for path in Path(trained, "samples").iterdir()) == ["a-000.png", "b-000.png", "c-000.png"]


def test_facts_of_many_files_are_cut_short(cli, trained, tmp_path):
    folder(tmp_path / "many", 100, count=24)
    _, _, err = cli("generate", trained, "many", "--to", "made")
    lines = err.splitlines()
    assert len(lines) == 21
    assert lines[19] == "wrote made/t-000.png (source: t)"
    assert lines[20] == "wrote 24 files, made/a-000.png to made/x-000.png"


def test_a_sheet_of_panels(cli, trained, tmp_path):
    folder(tmp_path / "large", 100, side=40)
    code, _, err = cli("generate", trained, "day", "large", "--grid", "all.png")
    assert code == 0
    assert err.splitlines() == [*(f"{name} (source: {name})" for name in "abcabc"), "wrote all.png"]
    assert not list(Path(trained, "samples").iterdir())
    sheet = np.asarray(Image.open("all.png"))[..., 0]
    cell, gap = 4 * 16, 2  # the size of the first, enlarged
    assert sheet.shape == (3 * cell + 2 * gap, 6 * cell + 5 * gap + 6)
    assert [sheet[5, column * (cell + gap) + 5] for column in range(3)] == [200, 55, 145]  # before, after, difference
    assert [sheet[line * (cell + gap) + 5, -1] for line in range(3)] == [147, 55, 51]


def test_files_are_written_while_others_are_still_to_be_read(cli, trained, monkeypatch):
    read = shade.read_pictures

    def watched(paths):
        for number, chunk in enumerate(read(paths)):
            assert len(list(Path("made").glob("*.png"))) == 2 * number
            yield chunk

    monkeypatch.setattr(shade, "read_pictures", watched)
    assert cli("generate", trained, "day", "night, late", "--to", "made")[0] == 0
    assert len(list(Path("made").iterdir())) == 6


def test_example_commands_are_complete(cli, two):
    _, _, err = cli("train", "shade", *two, *SHORT, "--out", "new")
    assert err.splitlines()[-1] == "Next: genlab generate new photo.png --set shade=light, genlab evaluate new"
    assert "\n    genlab generate THIS_FOLDER photo.png --set shade=light\n" in Path("new/README.md").read_text()

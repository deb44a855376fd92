"""Whether pictures show what their descriptions say: the judge, its baselines, unseen combinations, other data."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.data.pictures.combinations import are_unseen
from genlab.data.pictures.description_source import DescriptionSource
from genlab.data.pictures.picture_set import read_pictures
from genlab.tasks.images import adherence
from genlab.tasks.images.adherence import prompt_adherence

COLOURS = {"red": (220, 30, 30), "green": (30, 200, 60), "blue": (40, 60, 230)}
SIDES = {"small": 4, "middling": 7, "large": 10}
COLUMNS = ("colour", "size", "frame")
OPTIONS = {"model": "flow", "width": 32, "depth": 1, "pixels": 16, "batch": 8, "features": "digits", "quiet": True}


def write_squares(folder: Path, count: int = 240) -> Path:
    """Squares of three colours and sizes, with a frame or without, and a table of them."""
    folder.mkdir()
    chance, lines = np.random.default_rng(0), ["file,colour,size,frame"]
    for number in range(count):
        colour, size, frame = chance.choice(list(COLOURS)), chance.choice(list(SIDES)), chance.choice(["yes", "no"])
        pixels = chance.integers(0, 40, (16, 16, 3))
        side = SIDES[size]
        top, left = chance.integers(1, 15 - side, 2)
        pixels[top : top + side, left : left + side] = COLOURS[colour]
        if frame == "yes":
            pixels[[0, -1]] = pixels[:, [0, -1]] = 250
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number:03d}.png")
        lines.append(f"{number:03d}.png,{colour},{size},{frame}")
    (folder / "attributes.csv").write_text("\n".join(lines))
    return folder


@pytest.fixture(scope="module", autouse=True)
def judging():
    """Shorter trainings of the judges."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genlab.tasks.shared.judges.STEPS", 150)
        yield


@pytest.fixture(scope="module")
def squares(tmp_path_factory) -> Path:
    return write_squares(tmp_path_factory.mktemp("squares") / "squares")


@pytest.fixture(scope="module")
def run(squares, tmp_path_factory) -> genlab.Run:
    """A run with unseen combinations, after three steps. Tests only read it."""
    out = tmp_path_factory.mktemp("runs") / "squares"
    return genlab.train("images", squares, steps=3, out=out, caption=COLUMNS, unseen=0.3, test="0.4", **OPTIONS)


def read(squares: Path, run: genlab.Run):
    descriptions = DescriptionSource(COLUMNS, unseen=0.3, attributes=run.pipeline.facts.attributes)
    return read_pictures(str(squares), "0.05", "0.4", pixels=16, descriptions=descriptions)


def test_a_model_that_knows_nothing_is_at_chance_and_real_pictures_are_read(run, squares, cli):
    code, out, _ = cli("evaluate", run.path, "--json")
    assert code == 0
    report = json.loads(out)
    found, bits = report["prompt_adherence"], report["bits_per_dimension"]
    test = read(squares, run).test
    assert bits["pictures"] == len(test)
    assert 0 < bits["independent_pixels"] < 8 < bits["model"]  # after three steps
    assert found["prompts"] == len(test)
    assert (found["guidance"], found["flow_steps"], found["sampler"]) == (2.0, 16, "heun")
    assert "colour" in found["example"] or any(colour in found["example"] for colour in COLOURS)
    assert found["each"].keys() == set(COLUMNS)
    for figures in (*found["each"].values(), found["all"]):
        assert figures.keys() == {"model", "real", "chance"}
        assert abs(figures["model"] - figures["chance"]) < 0.15
        assert figures["real"] > figures["chance"] + 0.2
    unseen = are_unseen(test.described, run.pipeline.facts.combinations)
    assert found["unseen"]["prompts"] == unseen.sum() > 0
    assert found["unseen"]["each"].keys() == set(COLUMNS)
    assert found["unseen"]["all"]["real"] > 0.5
    assert found["seen"]["prompts"] == (~unseen).sum() > 0
    for who in ("model", "real"):  # the figures of all descriptions mix both
        parts = [found[part]["prompts"] * found[part]["all"][who] for part in ("seen", "unseen")]
        assert found["all"][who] == pytest.approx(sum(parts) / found["prompts"])


def test_a_model_that_makes_the_real_pictures_is_as_good_as_they_are(run, squares, monkeypatch):
    found = read(squares, run)
    made = {}

    def cheating(latents, conditions, maker=None):
        order = np.random.default_rng(0).permutation(len(found.test))
        made["texts"] = conditions
        return found.test.array[found.test.rows[order]]

    monkeypatch.setattr(run.pipeline, "pixels", cheating)
    report = prompt_adherence(run.pipeline, found.test, [found.train, found.unseen])
    for figures in (*report["each"].values(), report["all"], report["unseen"]["all"]):
        assert figures["model"] == figures["real"] > figures["chance"]
    longest = max(len(row[row > 0]) for row in made["texts"])
    assert longest <= run.pipeline.facts.longest
    words = run.pipeline.maker.vocabulary.words
    for row, place in zip(made["texts"], np.random.default_rng(0).permutation(len(found.test)).tolist(), strict=True):
        text = [words[index - 2] for index in row.tolist() if index > 1]
        facts = found.test.described.of(place)
        assert facts["colour"] in text and facts["size"] in text and "frame" in text
        assert ("no" in text) == (facts["frame"] == "no")


def test_fewer_prompts_are_made_from_more_pictures(run, squares, monkeypatch):
    monkeypatch.setattr(adherence, "PROMPTS", 10)
    found = read(squares, run)
    assert prompt_adherence(run.pipeline, found.test, [found.train])["prompts"] == 10


def test_other_data_are_measured_with_their_own_judge_or_without_one(run, tmp_path):
    other = write_squares(tmp_path / "other", 100)
    table = (other / "attributes.csv").read_text()
    (other / "attributes.csv").write_text(table.replace("blue", "violet"))
    found = run.evaluate(str(other))
    assert 20 < found["prompt_adherence"]["prompts"] < 50  # violet is unknown
    (other / "attributes.csv").write_text(table.replace("size", "extent"))
    assert "prompt_adherence" not in run.evaluate(str(other))
    (other / "attributes.csv").unlink()
    assert run.evaluate(str(other))["pictures"] == 50


def test_runs_on_captions_have_no_attributes_to_judge(squares, tmp_path):
    (tmp_path / "data").mkdir()
    lines = ["file,caption"]
    for path in sorted(squares.glob("*.png"))[:100]:
        (tmp_path / "data" / path.name).write_bytes(path.read_bytes())
        lines.append(f"{path.name},a square")
    (tmp_path / "data" / "captions.csv").write_text("\n".join(lines))
    run = genlab.train("images", tmp_path / "data", steps=1, out=tmp_path / "run", test="0.3", **OPTIONS)
    report = run.evaluate()
    assert "prompt_adherence" not in report
    assert report["copying"]

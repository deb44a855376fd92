"""Evaluation of changed pictures, by generators whose faults are known."""

import csv
import shutil
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.picture_set import PictureSplit
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.tasks.restyle import evaluate as evaluating
from genlab.tasks.restyle.changes import changes_of, random_real, swapped, true_pictures
from genlab.tasks.restyle.options import StarGANOptions
from genlab.tasks.restyle.pipeline import RestyleFacts, RestylePipeline, TypicalCycleError
from genlab.tasks.shared.picture_features import Extractor

HAIR = {"black": (30, 25, 20), "blond": (240, 210, 70), "red": (210, 55, 30)}
ATTRIBUTES = [Attribute("hair", list(HAIR)), Attribute("hat", ["no", "yes"])]
SIDE = 16


def person(number: int, hair: str, hat: str) -> np.ndarray:
    """Hair at the top, two rows of it shaded; a hat is a white square at the bottom; one row differs by person."""
    pixels = np.full((SIDE, SIDE, 3), (220, 180, 130), np.uint8)
    pixels[:6] = HAIR[hair]
    pixels[4:6] //= 2
    pixels[8] = np.random.default_rng(number).integers(0, 256, (SIDE, 3))
    if hat == "yes":
        pixels[11:15, 5:9] = 255
    return pixels


def png(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, "png")
    return file.getvalue()


def values_of(number: int) -> dict[str, str]:
    random = np.random.default_rng(1000 + number)
    return {"hair": list(HAIR)[random.integers(3)], "hat": ("no", "yes")[random.integers(2)]}


def redraw(file: str, changes: dict[str, str]) -> bytes:
    number = int(file.removesuffix(".png"))
    return png(person(number, **{**values_of(number), **changes}))


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data") / "people"
    folder.mkdir()
    with (folder / "attributes.csv").open("w", newline="") as table:
        rows = csv.writer(table)
        rows.writerow(("file", *values_of(0)))
        for number in range(300):
            name = f"{number:03d}.png"
            (folder / name).write_bytes(redraw(name, {}))
            rows.writerow((name, *values_of(number).values()))
    return folder


class Painter(nn.Module):
    """Paints the hair in the new colour, shade included; faults are chosen."""

    def __init__(self, lazy: bool = False, stains: bool = False) -> None:
        super().__init__()
        self.lazy, self.stains = lazy, stains
        self.colours = torch.tensor(list(HAIR.values()), dtype=torch.float32)

    def forward(self, pictures: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        made = pictures.clone()
        if not self.lazy:
            colour = self.colours[change[:, :3].argmax(1)][:, :, None, None].expand(-1, -1, 6, SIDE).clone()
            colour[:, :, 4:] = (colour[:, :, 4:] / 2).floor()
            made[:, :, :6] = colour / 127.5 - 1
        if self.stains:
            made[:, :, 15] = -1  # a tenth of the pixels outside the hair
        return made


def opened(folder: Path, attributes: tuple[str, ...] = ("hair",), test: str = "0.3") -> AttributedSet:
    return read_attributed(str(folder), "0.05", test, pixels=SIDE, attributes=attributes)


def trained(folder: Path, painter: Painter | None = None, test: str = "0.3") -> tuple[RestylePipeline, Source]:
    """A painter of hair as a run trained on `folder`, and those data."""
    found = opened(folder, test=test)
    options = StarGANOptions(attribute=("hair",), pixels=SIDE)
    facts = RestyleFacts(found.name, 3, SIDE, found.attributes, found.kept)
    networks = {"generator": painter or Painter(), "reader": facts.reader(), "typical": TypicalCycleError()}
    pipeline = RestylePipeline(options, facts, networks, Machine("cpu"))
    return pipeline, Source(None, Place(str(folder), "0.05", test), found.fingerprint)


def evaluated(folder: Path, painter: Painter, data: Path | None = None, test: str = "0.3") -> Evaluation:
    """The evaluation of a painter of hair, as a run trained on `folder`."""
    pipeline, source = trained(folder, painter, test)
    return evaluating.evaluate(pipeline, replace(source, data=data and str(data)))


@pytest.fixture
def steps(monkeypatch):
    """Sets the number of the judge's training steps."""
    return lambda count: monkeypatch.setattr("genlab.tasks.shared.judges.STEPS", count)


def test_a_perfect_change_beside_the_baselines(folder, monkeypatch, steps):
    steps(100)
    monkeypatch.setattr(evaluating, "truth_of", lambda name: redraw)
    result = evaluated(folder, Painter())
    report = result.report
    assert report["split"] == "test"
    assert report["swap"] == "colour swap"
    assert min(report["judge"]["accuracy"].values()) > 0.97
    assert report["reader"]["accuracy"] == {"hair": pytest.approx(1 / 3)}  # untrained: it reads the same everywhere
    flips = report["flip_rate"]
    assert flips["reliable"]
    assert flips["model"] > 0.97
    assert flips["unchanged"] < 0.03
    assert len(flips["by_pair"]["hair"]) == 6
    assert report["kept"].keys() == {"hat"}  # the other column
    kept = report["kept"]["hat"]
    assert kept["model"] == kept["unchanged"] == 1
    assert kept["random_real"] < 0.8
    outside, inside, wrong = (report[key] for key in ("outside_changed", "inside_wrong", "wrong"))
    assert outside["model"] == inside["model"] == wrong["model"] == outside["above_2"]["model"] == 0
    assert inside["unchanged"] == 1
    assert inside["swap"] == pytest.approx(1 / 3)  # the shaded rows
    assert wrong["swap"] == pytest.approx(2 / SIDE, rel=0.01)
    assert outside["random_real"] > 0.08
    assert report["cycle_error"] == 0
    for distances in report["kernel_distance"]["hair"].values():
        assert abs(distances["model"]) < distances["unchanged"]
    assert result.pictures["best_and_worst.png"].startswith(b"\x89PNG")
    assert any("keeps nothing" in note for note in report["notes"])


def test_faults_are_found(folder, monkeypatch, steps):
    steps(1)
    monkeypatch.setattr(evaluating, "truth_of", lambda name: redraw)
    report = evaluated(folder, Painter(lazy=True, stains=True)).report
    assert report["outside_changed"]["model"] == pytest.approx(1 / 10)
    assert report["inside_wrong"]["model"] == 1
    assert report["cycle_error"] > 5
    assert not report["flip_rate"]["reliable"]  # after a single step
    assert any("unreliable" in note for note in report["notes"])


def test_a_missing_package_is_said_before_the_judge_is_trained(folder, monkeypatch):
    def missing(*arguments):
        raise InputError("The package is missing.")

    trained = []
    monkeypatch.setattr(evaluating, "extractor", missing)
    monkeypatch.setattr(evaluating, "train_judge", lambda *arguments: trained.append(arguments))
    with pytest.raises(InputError, match="missing"):
        evaluated(folder, Painter())
    assert not trained


def test_other_pictures_are_split_in_halves(folder, steps, tmp_path):
    steps(1)
    other = tmp_path / "other"
    other.mkdir()
    for path in sorted(folder.iterdir())[:80]:
        (other / path.name).write_bytes(path.read_bytes())
    (other / "attributes.csv").write_bytes((folder / "attributes.csv").read_bytes())
    report = evaluated(folder, Painter(), other).report
    assert report["split"] == "half"
    assert report["pictures"] == 40
    assert any("has only 40 pictures: its metrics are rough" in note for note in report["notes"])
    assert "inside_wrong" not in report  # the truth is unknown
    for path in sorted(other.glob("*.png"))[8:]:
        path.unlink()
    with pytest.raises(InputError, match="8 pictures are too few to measure on: give at least 10 with --data"):
        evaluated(folder, Painter(), other)


def test_a_note_says_that_the_training_data_have_changed(folder, monkeypatch, steps, tmp_path):
    """Their pictures, most of which were trained on, are measured as other data."""
    steps(1)
    means = Extractor("means", "", lambda pictures: pictures.mean((2, 3)), torch.device("cpu"))
    monkeypatch.setattr(evaluating, "extractor", lambda *given: means)
    here = Path(shutil.copytree(folder, tmp_path / "people"))
    pipeline, source = trained(here)
    (here / "300.png").write_bytes(redraw("300.png", {}))
    with (here / "attributes.csv").open("a") as table:
        table.write(f"300.png,{','.join(values_of(300).values())}\n")
    said = "people has changed since the run was trained on it"
    for data, notes in ((here, 1), (folder, 0)):
        report = evaluating.evaluate(pipeline, replace(source, data=str(data))).report
        assert len([note for note in report["notes"] if note.startswith(said)]) == notes


def test_copies_are_in_the_same_half(folder, monkeypatch, steps, tmp_path):
    """Else the judge would be measured on pictures that it learnt from."""
    steps(1)
    other = tmp_path / "other"
    other.mkdir()
    lines = ["file,hair,hat"]
    for number in range(120):
        (other / f"{number}.png").write_bytes(redraw(f"{number // 2}.png", {}))
        lines.append(f"{number}.png,{','.join(values_of(number // 2).values())}")
    (other / "attributes.csv").write_text("\n".join(lines))
    studied = []
    train = evaluating.train_judge
    monkeypatch.setattr(evaluating, "train_judge", lambda *given: studied.append(given[0]) or train(*given))
    measured = []
    changes = evaluating.changes_of
    monkeypatch.setattr(evaluating, "changes_of", lambda *given: measured.append(changes(*given)) or measured[0])
    report = evaluated(folder, Painter(), other).report
    assert report["pictures"] == 60
    learnt = {picture.tobytes() for picture in studied[0].array[studied[0].rows]}
    assert not learnt & {picture.tobytes() for picture in measured[0].pictures}


def test_the_report_says_which_look_each_folder_is_read_as(steps, tmp_path):
    steps(1)
    for look, names in (("black", ("black", "night")), ("red", ("red", "sunset"))):
        for name in names:
            (tmp_path / name).mkdir()
            for number in range(30):
                picture = png(person(number + 100 * len(name), look, "no"))
                (tmp_path / name / f"{number}.png").write_bytes(picture)
    trained, other = (f"{tmp_path}/{one},{tmp_path}/{two}" for one, two in (("black", "red"), ("night", "sunset")))
    found = read_attributed(trained, "0", "0.2", pixels=SIDE)
    facts = RestyleFacts(found.name, 3, SIDE, found.attributes, found.kept)
    networks = {"generator": Painter(lazy=True), "reader": facts.reader(), "typical": TypicalCycleError()}
    pipeline = RestylePipeline(StarGANOptions(pixels=SIDE), facts, networks, Machine("cpu"))
    for data, read_as in ((None, 0), (other, 1)):
        report = evaluating.evaluate(pipeline, Source(data, Place(trained, "0", "0.2"), found.fingerprint)).report
        said = [note for note in report["notes"] if note.startswith("night is read as black, and sunset as red: by")]
        assert len(said) == read_as


def test_the_truth_is_that_of_the_test_pictures(folder, monkeypatch, steps, tmp_path):
    """Of --test, not of the training data; none where the values are folders."""
    steps(1)
    other = tmp_path / "other"
    other.mkdir()
    for number in range(20):
        (other / f"p{number}.png").write_bytes(redraw(f"{400 + number}.png", {}))
    lines = [f"p{number}.png,{','.join(values_of(400 + number).values())}" for number in range(20)]
    (other / "attributes.csv").write_text("\n".join(["file,hair,hat", *lines]))
    known = {folder.name: redraw}
    monkeypatch.setattr(evaluating, "truth_of", known.get)
    report = evaluated(folder, Painter(), test=str(other)).report
    assert (report["split"], report["pictures"]) == ("test", 20)
    assert "inside_wrong" not in report
    known["other"] = lambda file, changes: redraw(f"{400 + int(file[1:-4])}.png", changes)
    assert evaluated(folder, Painter(), test=str(other)).report["inside_wrong"]["model"] == 0


def test_changes_take_each_attribute_in_turn(folder):
    found = opened(folder, ("hair", "hat"))
    assert found.test is not None
    changes = changes_of(found.test, found.attributes)
    assert len(changes) == 2 * len(found.test)
    assert np.ptp(np.bincount(changes.changed)) <= 1
    assert len({*zip(changes.names, changes.changed.tolist(), strict=True)}) == len(changes)
    assert (changes.present != changes.wanted).all()
    assert ((changes.source != changes.target).sum(1) == 1).all()
    true = true_pictures(changes, redraw)
    real, notes = random_real(changes, found.test, found.train)
    assert not notes
    made, name = swapped(changes, found.train)
    assert name == "colour swap"
    for row, index, value in changes.each():
        if index == 0:
            colour = HAIR[found.attributes[0].values[value]]
            for picture in (true[row], real[row], made[row]):
                assert picture[0, 0].tolist() == list(colour)
        else:
            assert (true[row, 12, 6] == 255).all() == (real[row, 12, 6] == 255).all() == (value == 1)


def test_random_real_pictures_are_held_out_where_any_has_the_value(folder):
    """The judge learns from these pictures, so its flip rate on them is its training accuracy."""
    found = opened(folder)
    assert found.test is not None
    held_out = {picture.tobytes() for picture in found.test.pictures.array[found.test.pictures.rows]}
    changes = changes_of(found.test, found.attributes)
    real, notes = random_real(changes, found.test, found.train)
    assert not notes
    assert {picture.tobytes() for picture in real} <= held_out
    assert (real != changes.pictures).any((1, 2, 3)).all()

    few = found.test.take(np.flatnonzero(found.test.values[:, 0] != 2))
    changes = changes_of(few, found.attributes)
    real, notes = random_real(changes, few, found.train)
    assert [picture[0, 0].tolist() for picture in real] == [list(list(HAIR.values())[to]) for to in changes.wanted]
    assert notes == [
        "No held-out picture has hair red: the random_real pictures of it are some that the judge learnt from."
    ]
    kept = {picture.tobytes() for picture in few.pictures.array[few.pictures.rows]}
    assert {picture.tobytes() for picture in real[changes.wanted != 2]} <= kept


@pytest.mark.parametrize("drawn", [True, False])
def test_the_swap_knows_a_value_of_few_pictures(drawn, monkeypatch):
    """Two of 60 pictures are red, at places that an even choice of every third picture misses."""
    monkeypatch.setattr("genlab.tasks.restyle.changes.SWAP_PICTURES", 20)
    values = np.where(np.isin(np.arange(60), (1, 31)), 2, np.arange(60) % 2)
    pictures = np.stack([person(number, list(HAIR)[value], "no") for number, value in enumerate(values)])
    if not drawn:
        noise = np.random.default_rng(0).integers(-15, 16, pictures.shape)
        pictures = (pictures + noise).clip(0, 255).astype(np.uint8)
    files = [str(number) for number in range(60)]
    whole = PictureSplit(pictures, np.arange(60), None, files)
    split = AttributedSplit("people", whole, values[:, None], np.empty((60, 0), int))
    changes = changes_of(split, ATTRIBUTES[:1])
    made, name = swapped(changes, split)
    assert name == ("colour swap" if drawn else "difference of mean pictures")
    red = np.abs(made[changes.wanted == 2, :4].astype(int) - HAIR["red"])
    assert red.mean() < (1 if drawn else 20)

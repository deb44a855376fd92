"""Directions in latent space, and edits along them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.data.pictures.attributes import Attribute
from genlab.engine.weights import read_tensors, tensors_to_bytes
from genlab.errors import InputError
from genlab.metrics.latents import LatentClassifier
from genlab.tasks.images.directions import FILE, JUDGE, MARGINS
from genlab.tasks.images.finding import MEASURE_SEED, TRY_SEED, _flips, _others, find_directions
from genlab.tasks.images.options import DirectionsRequest
from genlab.tasks.images.readers import Readers
from genlab.tasks.shared.judges import log_probabilities

pytestmark = pytest.mark.usefixtures("short")
SHADE, WIDE = Attribute("shade", ["dark", "light"]), Attribute("kind", ["bar", "square"])


def test_directions_of_what_a_reader_sees(copy):
    """A reader that reads one latent gives its direction; the other attribute is left alone, and flips are counted."""
    pipeline = copy.pipeline
    seen = iter([])

    def read(pictures):
        rows = next(seen)
        return [torch.stack((-rows[:, axis], rows[:, axis]), 1).log_softmax(1) for axis in (0, 1)]

    original = type(pipeline).pixels

    def pixels(self, latents, conditions, maker=None):
        nonlocal seen
        seen = iter([latents])
        return original(self, latents, conditions, maker)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(pipeline), "pixels", pixels)
        readers = Readers([SHADE, WIDE], 1, read, read, {})
        found = find_directions(pipeline, readers, DirectionsRequest(draws=500))
    assert [one.name for one in found.attributes] == ["shade"]
    assert found.report["agreement"] == {"shade": 1.0, "kind": 1.0}
    expected = torch.zeros(2, 6)
    expected[:, 0] = torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(found.classifiers["shade"].directions, expected, rtol=0, atol=0.05)
    for value, margin in zip(SHADE.values, found.margins["shade"], strict=True):
        measures = found.report["directions"]["shade"][value]
        assert margin <= 1
        assert 0.5 < measures["moved"] < 1.5  # the mean of |z| is 0.8
        assert measures["flips"] >= 0.9
        assert measures["others"].keys() == {"kind"}
        assert measures["others_flipped"] <= 0.1
        assert measures["other_class"] is None  # the classes are bar and square


def test_a_value_without_a_direction_leaves_the_others_theirs(copy, monkeypatch):
    """Two of three values get directions; the judge that measures reads the unchanged pictures once."""
    free = torch.zeros(3, 6)
    free[0, 0], free[2, 1] = 1, 1
    fit = LatentClassifier(torch.eye(6)[:3], torch.arange(3.0), free)
    monkeypatch.setattr("genlab.tasks.images.finding.fit_classifiers", lambda *_: [fit])
    read = []

    def reader(count):
        def reads(pictures):
            read.append((count, pictures.tobytes()))
            return [torch.eye(3)[torch.arange(len(pictures)) % 3].log_softmax(1)]

        return reads

    hair = Attribute("hair", ["black", "blond", "red"])
    readers = Readers([hair], 1, reader(20), reader(30), {})
    found = find_directions(copy.pipeline, readers, DirectionsRequest(draws=100))
    assert found.attributes == [Attribute("hair", ["black", "red"])]
    assert torch.equal(found.classifiers["hair"].free, free[[0, 2, 1]])
    assert torch.equal(found.classifiers["hair"].bias, torch.tensor([0.0, 2.0, 1.0]))
    assert found.margins.keys() == found.report["directions"].keys() == {"hair"}
    assert found.report["directions"]["hair"].keys() == {"black", "red"}
    (note,) = found.report["notes"]
    assert "no direction for hair blond that leaves the others unchanged" in note
    for count, seed in ((20, TRY_SEED), (30, MEASURE_SEED)):
        pictures = copy.pipeline.pixels(copy.pipeline.noise(count, seed), copy.pipeline.conditions(count))
        assert read.count((count, pictures.tobytes())) == 1
    found.save(copy.path)
    assert genlab.load(copy.path).directions()["hair"].keys() == {"black", "red"}


def test_no_direction_at_all_is_refused(copy, monkeypatch):
    nothing = LatentClassifier(torch.eye(6)[:2], torch.zeros(2), torch.zeros(2, 6))
    monkeypatch.setattr("genlab.tasks.images.finding.fit_classifiers", lambda *_: [nothing])
    read = lambda pictures: [torch.zeros(len(pictures), 2).log_softmax(1)]
    with pytest.raises(InputError, match="has no direction for shade dark") as error:
        find_directions(copy.pipeline, Readers([SHADE], 1, read, read, {}), DirectionsRequest(draws=100))
    assert error.value.field == "attribute"


def test_flips_count_only_pictures_without_the_value():
    before = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]])
    after = torch.tensor([[1, 0], [0, 0], [1, 1], [1, 1]])
    assert _flips(before, after, 0, 1) == 0.5
    assert _others(before, after, 0, 1, ["hair", "glasses"]) == {"glasses": 0.5}
    assert _flips(after[2:], before[2:], 0, 1) is None  # all have it
    assert _others(after[2:], before[2:], 0, 1, ["hair", "glasses"]) == {}


def test_the_other_class_is_a_baseline_where_the_classes_are_the_values(copy, labelled, cli):
    code, out, err = cli("latents", copy.path, "--data", labelled, "--attribute", "shape", "--draws", 200, "--json")
    assert code == 0, err
    report = json.loads(out)["latents"]
    assert report["accuracy_on_real"].keys() == {"shape", "shade"}
    for value in ("bar", "square"):
        measures = report["directions"]["shape"][value]
        assert measures["others"].keys() == (set() if measures["flips"] is None else {"shade"})  # None: all have it
        assert measures["other_class"].keys() == {"flips", "others_flipped", "others"}
    again = genlab.load(copy.path)
    found = again.directions()
    assert found["shape"].keys() == {"bar", "square"}
    for vector in found["shape"].values():
        assert np.linalg.norm(vector) == pytest.approx(1, abs=1e-5)
    np.testing.assert_allclose(found["shape"]["bar"], -found["shape"]["square"], atol=1e-5)
    code, out, _ = cli("latents", copy.path, "--json")  # shows what was found
    assert json.loads(out)["latents"] == report


def test_an_edit_moves_each_picture_as_far_as_the_judge_chooses(copy, labelled):
    """Of all margins the one after which the value and the other values are likeliest; so after loading, too."""
    copy.find_directions("shade", data=str(labelled), draws=200)
    latents = copy.pipeline.noise(12, 7)
    moved = copy.edit(latents.numpy(), {"shade": "dark"})
    directions = copy.pipeline.current_directions()
    found, finder = directions.classifiers["shade"], directions.finder
    assert [one.name for one in finder.attributes] == ["shade", "shape"]
    read = lambda rows: log_probabilities(
        finder.judge, copy.pipeline.pixels(rows, copy.pipeline.conditions(len(rows))), copy.pipeline.machine
    )
    before = read(latents)
    place, shape = directions.attributes[0].values.index("dark"), before[1].argmax(1)
    dark = finder.attributes[0].values.index("dark")

    def gain(rows):
        seen = read(rows)
        return seen[0][:, dark] + seen[1][torch.arange(12), shape]

    best = gain(torch.from_numpy(moved))
    for margin in MARGINS:
        assert (gain(latents + found.step(latents, place, margin)) <= best + 1e-4).all()
    again = genlab.load(copy.path)
    np.testing.assert_allclose(again.edit(latents.numpy(), {"shade": "dark"}), moved, atol=1e-5)
    tensors, notes = read_tensors(copy.path / FILE)
    del tensors[next(name for name in tensors if name.startswith(JUDGE))]
    (copy.path / FILE).write_bytes(tensors_to_bytes(tensors, notes))
    with pytest.raises(InputError, match="is damaged or from an earlier version: remove it"):
        genlab.load(copy.path).directions()


def test_directions_from_a_classifier(copy, folder, tmp_path):
    options = {"steps": 3, "quiet": True, "pixels": 16, "out": tmp_path / "judge"}
    genlab.train("classify", folder, model="cnn", **options)
    report = copy.find_directions("kind", classifier=tmp_path / "judge", draws=100)
    assert report["directions"]["kind"].keys() == {"bar", "square"}
    assert copy.directions()["kind"].keys() == {"bar", "square"}
    assert genlab.load(copy.path).directions()["kind"]["bar"].shape == (6,)


def test_directions_of_other_weights_are_refused(edited):
    (network,) = edited.pipeline.networks.values()
    with torch.no_grad():
        next(network.parameters()).add_(1)
    with pytest.raises(InputError, match="weights have changed"):
        edited.directions()


def test_damaged_directions(edited):
    file = edited.path / "directions.safetensors"
    file.write_bytes(file.read_bytes()[:-8])
    again = genlab.load(edited.path)
    assert len(again.generate(n=1)) == 1  # does not need them
    with pytest.raises(InputError, match="damaged or from an earlier version: remove it, and find the directions"):
        again.directions()
    with pytest.raises(InputError, match="damaged"):
        again.generate(n=1, edit={"shade": "light"})


# --- edits ----------------------------------------------------------------------------------------


def test_edit_moves_latents(edited):
    latents = np.zeros((2, 6), np.float32)
    latents[1] = 1
    moved = edited.edit(latents, {"shade": "light"})  # to a logit of 1.5, 3 more than that of dark
    np.testing.assert_array_equal(moved, [[1.5, 0, 0, 0, 0, 0], [1.5, 1, 1, 1, 1, 1]])
    latents[1] = 0
    both = edited.edit(latents, {"shade": "dark", "kind": "square"}, strength=2.0)
    np.testing.assert_array_equal(both, [[-2, 2, 0, 0, 0, 0]] * 2)


def test_a_row_from_a_picture_to_its_edit(edited, cli, tmp_path):
    plain = edited.generate(n=2, seed=3, class_="bar")
    rows = edited.generate(n=2, seed=3, class_="bar", edit={"shade": "light"}, strength=2)
    for before, row in zip(plain, rows, strict=True):
        assert len(row.panels) == 7
        assert np.array_equal(row.panels[0], before.content)
        np.testing.assert_allclose(row.latent - before.latent, [2, 0, 0, 0, 0, 0], atol=1e-6)
        assert np.array_equal(row.content, edited.sample(row.latent, "bar")[0])
        assert np.array_equal(row.panels[-1], row.content)
    words = ["--edit", "shade=light", "--strength", 2, "--n", 2, "--seed", 3, "--class", "bar"]
    assert cli("generate", edited.path, *words, "--grid", "rows.png")[0] == 0
    assert np.array_equal(np.load(tmp_path / "rows.npy"), np.stack([row.latent for row in rows]))
    assert Image.open(tmp_path / "rows.png").width > 7 * 64

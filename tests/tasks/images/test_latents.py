"""Directions in latent space, edits along them, latent vectors of given pictures, and the map."""

import csv
import dataclasses
import json
import shutil

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.picture_set import PictureSplit, read_pictures
from genlab.data.pictures.pixels import to_bytes
from genlab.engine.machine import Machine
from genlab.engine.weights import fingerprint
from genlab.errors import InputError
from genlab.tasks.images.directions import Directions
from genlab.tasks.images.finding import MEASURE_SEED, TRY_SEED, _flips, _others, find_directions
from genlab.tasks.images.inversion import invert
from genlab.tasks.images.making import OnePass
from genlab.tasks.images.options import DirectionsRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.readers import Readers, readers_from_table
from genlab.tasks.shared.judges import Judge

SHADE, WIDE = Attribute("shade", ["dark", "light"]), Attribute("kind", ["bar", "square"])


@pytest.fixture(autouse=True)
def short():
    """Short trainings of judges and encoders, and few pictures to measure with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genlab.tasks.shared.judges.STEPS", 3)
        patch.setattr("genlab.tasks.images.inversion.STEPS", 3)
        patch.setattr("genlab.tasks.images.finding.TRIED", 20)
        patch.setattr("genlab.tasks.images.finding.MEASURED", 30)
        yield


@pytest.fixture
def copy(run, tmp_path) -> genlab.Run:
    """A copy of the run, that a test may add to."""
    return genlab.load(shutil.copytree(run.path, tmp_path / "copy"))


@pytest.fixture
def edited(copy) -> genlab.Run:
    """A run with directions: the first latent makes `shade` light, the second makes `kind` square."""
    basis = torch.eye(6)
    Directions(
        [SHADE, WIDE],
        {"shade": torch.stack((-basis[0], basis[0])), "kind": torch.stack((-basis[1], basis[1]))},
        {"shade": [2.0, 3.0], "kind": [1.0, 1.0]},
        {"draws": 100},
        fingerprint(copy.pipeline.networks),
    ).save(copy.path)
    return genlab.load(copy.path)


@pytest.fixture
def labelled(folder, tmp_path):
    """The pictures with a table: their kind, and whether they are dark on the whole."""
    place = shutil.copytree(folder, tmp_path / "labelled")
    with open(place / "attributes.csv", "w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["file", "shape", "shade"])
        for path in sorted(place.rglob("*.png")):
            shade = "dark" if np.asarray(Image.open(path)).mean() < 43 else "light"
            rows.writerow([path.relative_to(place).as_posix(), path.parent.name, shade])
    return place


def pictures_of(run: genlab.Run, count: int = 2) -> np.ndarray:
    return np.stack([sample.content for sample in run.generate(n=count, seed=9)])


# --- directions -----------------------------------------------------------------------------------


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
    expected = torch.zeros(2, 6)
    expected[:, 0] = torch.tensor([-1.0, 1.0])
    torch.testing.assert_close(found.vectors["shade"], expected, rtol=0, atol=0.05)
    for value, strength in zip(SHADE.values, found.strengths["shade"], strict=True):
        measures = found.report["directions"]["shade"][value]
        assert measures["strength"] == strength
        assert 1 < strength < 3
        assert measures["flips"] >= 0.75
        assert measures["others"].keys() == {"kind"}
        assert measures["others_flipped"] <= 0.1
        assert measures["other_class"] is None  # the classes are bar and square


def test_a_value_without_a_direction_leaves_the_others_theirs(copy, monkeypatch):
    """Two of three values get directions; each judge reads the unchanged pictures once."""
    vectors = torch.zeros(3, 6)
    vectors[0, 0], vectors[2, 1] = 1, 1
    monkeypatch.setattr("genlab.tasks.images.finding.unit_directions", lambda _: [vectors])
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
    assert torch.equal(found.vectors["hair"], vectors[[0, 2]])
    assert found.strengths.keys() == found.report["directions"].keys() == {"hair"}
    assert found.report["directions"]["hair"].keys() == {"black", "red"}
    (note,) = found.report["notes"]
    assert "no direction for hair blond that leaves the others unchanged" in note
    for count, seed in ((20, TRY_SEED), (30, MEASURE_SEED)):
        pictures = copy.pipeline.pixels(copy.pipeline.noise(count, seed), copy.pipeline.conditions(count))
        assert read.count((count, pictures.tobytes())) == 1
    found.save(copy.path)
    assert genlab.load(copy.path).directions()["hair"].keys() == {"black", "red"}


def test_no_direction_at_all_is_refused(copy, monkeypatch):
    monkeypatch.setattr("genlab.tasks.images.finding.unit_directions", lambda _: [torch.zeros(2, 6)])
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


def attributed(files: list[str]) -> AttributedSet:
    """A bar and a square in files of these names."""
    pictures = PictureSplit(np.zeros((2, 16, 16, 1), np.uint8), np.arange(2), None, files)
    split = AttributedSplit("data", pictures, np.array([[0], [1]]), np.empty((2, 0), np.int64))
    return AttributedSet("data", "", split, None, None, [Attribute("shape", ["bar", "square"])], [], {})


@pytest.mark.parametrize(
    ("label", "files", "place"),
    [
        (None, ["bar/0.png", "train/square/1.png"], 0),
        (None, ["0.png", "1.png"], None),  # values of the same names as the folders that the run was trained on
        (None, ["square/0.png", "bar/1.png"], None),
        ("Shape", ["0.png", "1.png"], 0),
        ("shade", ["bar/0.png", "square/1.png"], None),
    ],
)
def test_another_class_is_the_baseline_of_one_attribute_alone(copy, monkeypatch, label, files, place):
    """Of the attribute that the classes are, not of another one with values of the same names, such as yes and no."""
    monkeypatch.setattr("genlab.tasks.images.readers.train_judge", lambda *_: None)
    copy.pipeline.options = dataclasses.replace(copy.pipeline.options, label=label)
    assert readers_from_table(copy.pipeline, attributed(files)).classes == place


def test_judges_read_some_pictures_at_a_time(copy, labelled, monkeypatch):
    """All held-out pictures at once would fill the memory, if there are many."""
    passes, forward = [], Judge.forward

    def recorded(self, pictures):
        passes.append((self.training, len(pictures)))
        return forward(self, pictures)

    monkeypatch.setattr(Judge, "forward", recorded)
    monkeypatch.setattr("genlab.tasks.shared.judges.PICTURES_PER_PASS", 7)
    found = read_attributed(str(labelled), "0.1", "0.3", pixels=16, attributes=("shape",))
    readers = readers_from_table(copy.pipeline, found)
    read = [count for training, count in passes if not training]
    assert max(read) == 7
    assert sum(read) == len(found.test)
    assert [each.shape for each in readers.measures(found.test.pictures.array[np.arange(9)])] == [(9, 2), (9, 2)]


def test_judges_study_a_limited_number_of_pictures(copy, monkeypatch):
    studied = []
    monkeypatch.setattr("genlab.tasks.images.readers.train_judge", lambda *given: studied.append(given[:2]))
    monkeypatch.setattr("genlab.tasks.images.readers.STUDIED", 1)
    found = attributed(["bar/0.png", "square/1.png"])
    readers_from_table(copy.pipeline, found)
    (one, other) = studied
    assert len(one[0]) == len(other[0]) == 1
    assert found.attributes[0].values[one[1].item()] == one[0].names[0].split("/")[0]  # values fit their pictures


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
    with pytest.raises(InputError, match="damaged: remove it, and find the directions again"):
        again.directions()
    with pytest.raises(InputError, match="damaged"):
        again.generate(n=1, edit={"shade": "light"})


# --- edits ----------------------------------------------------------------------------------------


def test_edit_moves_latents(edited):
    latents = np.zeros((2, 6), np.float32)
    moved = edited.edit(latents, {"shade": "light"})
    np.testing.assert_array_equal(moved, [[3, 0, 0, 0, 0, 0]] * 2)
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


# --- inversion ------------------------------------------------------------------------------------


def test_gradient_descent_finds_the_latents_of_a_known_generator():
    """Linear pictures of 4 x 4 pixels: the exact latents are found, from a wrong guess and of either class."""

    class Linear(torch.nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.map = torch.nn.Linear(3, 16)

        def forward(self, latents, labels):
            return (self.map(latents) * (1 - 0.5 * labels[:, None])).unflatten(1, (1, 4, 4)) / 4

    class Guess(torch.nn.Module):
        def forward(self, pictures):
            return torch.full((len(pictures), 3), 0.5), torch.tensor([[0.0, 1.0]]).expand(len(pictures), 2)

    maker = OnePass(Linear(), 3, ["one", "other"])
    latents, labels = torch.tensor([[1.0, -0.5, 0.3], [-1.0, 0.2, 0.8]]), torch.tensor([0, 1])
    pictures = to_bytes(maker.make(latents, labels))
    with torch.no_grad():
        found, classes = invert(maker, Guess(), pictures, labels, 300, Machine("cpu"))
        assert torch.equal(classes, labels)
        torch.testing.assert_close(found, latents, rtol=0, atol=0.15)  # the prior pulls towards zero
        guessed, classes = invert(maker, Guess(), pictures, None, 0, Machine("cpu"))
    assert classes.tolist() == [1, 1]
    assert torch.equal(guessed, torch.full((2, 3), 0.5))


def test_an_inversion_is_what_the_run_makes_of_its_latents(copy):
    for one in copy.invert(pictures_of(copy), optimise=2):
        assert np.array_equal(one.made, copy.sample(one.latent, one.label)[0])


def test_the_class_of_an_inversion(copy):
    assert {one.label for one in copy.invert(pictures_of(copy), class_="square")} == {"square"}


def test_a_damaged_encoder_is_learnt_again_and_said(copy, capsys):
    copy.invert(pictures_of(copy), optimise=0)
    file = copy.path / "encoder.safetensors"
    first = file.read_bytes()
    file.write_bytes(first[:100])  # damaged
    capsys.readouterr()
    again = genlab.load(copy.path)
    again.invert(pictures_of(copy), optimise=0)
    assert "encoder.safetensors is damaged: the encoder is trained again" in " ".join(capsys.readouterr().err.split())
    assert file.read_bytes() == first


def test_a_run_just_trained_keeps_its_encoder(copy):
    old = copy.pipeline
    new = genlab.Run(copy.folder, ImagesPipeline(old.options, old.facts, old.networks, old.machine))  # as from training
    new.invert(pictures_of(new), optimise=0)
    assert (copy.path / "encoder.safetensors").exists()


def test_command_line_inversion(copy, cli, tmp_path):
    for number, picture in enumerate(pictures_of(copy)):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"{number}.png")
    words = ["latents", copy.path, "--invert", "0.png", "--invert", "1.png", "--optimise", 2, "--to", "new"]
    code, out, err = cli(*words, "--json")
    assert code == 0, err
    report = json.loads(out)
    assert [one["picture"] for one in report["inversions"]] == ["0.png", "1.png"]
    for one in report["inversions"]:
        assert one["difference"] > 0
        assert one["nearest_training"] > 0
    assert report["files"] == ["new/inverted.png", "new/inverted.npy"]
    assert np.load(tmp_path / "new" / "inverted.npy").shape == (2, 6)
    assert Image.open(tmp_path / "new" / "inverted.png").height >= 64
    code, out, _ = cli(*words)
    assert "differs by" in out
    assert "nearest training picture" in out


def test_the_nearest_training_picture_of_one_is_itself(copy, folder):
    some = np.stack([np.asarray(Image.open(path)) for path in sorted(folder.rglob("*.png"))])[..., None]
    distances = copy.nearest(some)
    assert (distances == 0).mean() > 0.5  # the training pictures; the others are held out
    assert (distances > 0).mean() > 0.2


def test_a_film_between_two_pictures(copy, cli, tmp_path):
    for number, picture in enumerate(pictures_of(copy)):
        Image.fromarray(picture[..., 0]).save(tmp_path / f"{number}.png")
    code, _, err = cli("generate", copy.path, "--between", "0.png", "--between", "1.png", "--to", "film")
    assert code == 0, err
    assert "difference from 0.png" in err
    film = Image.open(tmp_path / "film" / "generated-000.gif")
    assert film.n_frames == 32
    (sample,) = copy.generate(ends=list(pictures_of(copy)))
    (one, other) = copy.invert(pictures_of(copy))
    assert np.array_equal(sample.content[0], one.made)
    assert np.array_equal(sample.content[16], other.made)


# --- the map --------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", [[], ["--axis", "shade=light", "--axis", "kind=square"]])
def test_map(edited, cli, tmp_path, words):
    code, _, err = cli("latents", edited.path, "--map", "new/map.png", *words)
    assert code == 0, err
    drawn = np.asarray(Image.open(tmp_path / "new" / "map.png"))
    assert drawn.shape[1] > 1.5 * drawn.shape[0]
    assert len(np.unique(drawn.reshape(-1, drawn.shape[2]), axis=0)) > 50


@pytest.mark.parametrize("count", [1, 2])
def test_a_map_of_few_test_pictures_shows_training_pictures(copy, folder, monkeypatch, count):
    """One or two pictures do not have two principal components."""
    shown = []
    monkeypatch.setattr("genlab.tasks.images.latents.latent_map", lambda *drawn: shown.append(len(drawn[4])) or b"")
    original = read_pictures

    def few(*place, **options):
        found = original(*place, **options)
        return dataclasses.replace(found, test=found.test.take(np.arange(count)))

    monkeypatch.setattr("genlab.tasks.images.latents.read_pictures", few)
    copy.latent_map()
    assert shown == [copy.about["data"]["counts"]["train"]["pictures"]]


def test_a_map_of_two_pictures_needs_axes(edited, folder, tmp_path, refused, cli):
    pair = tmp_path / "pair"
    for kind in ("bar", "square"):
        (pair / kind).mkdir(parents=True)
        shutil.copy(folder / kind / "000.png", pair / kind)
    said, field = refused("latents", edited.path, "--map", "map.png", "--data", pair)
    assert "pair has 2 pictures, too few for principal components: give at least 3" in said
    assert field == "data"
    words = ["--axis", "shade=light", "--axis", "kind=square"]
    assert cli("latents", edited.path, "--map", "map.png", "--data", pair, *words)[0] == 0


def test_a_map_needs_two_latents(copy, monkeypatch):
    monkeypatch.setattr(copy.pipeline, "maker", dataclasses.replace(copy.pipeline.maker, latent=1))
    with pytest.raises(InputError, match="latent vectors have only one number") as error:
        copy.latent_map()
    assert error.value.field == "map"


# --- bad input ------------------------------------------------------------------------------------


def test_what_a_run_without_directions_refuses(refused, copy):
    for words in (["generate", copy.path, "--edit", "shade=light"], ["latents", copy.path],
                  ["latents", copy.path, "--map", "map.png", "--axis", "a=b", "--axis", "c=d"]):  # fmt: skip
        assert "this run has no directions: find them with genlab latents" in refused(*words)[0]


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--edit", "shape=square"], "no directions for shape (perhaps shade?); it has some for shade, kind", "edit"),
        (["--edit", "shade=grey"], "shade has no value grey; it has dark, light", "edit"),
        (["--edit", "shade"], "of the form NAME=VALUE", "edit"),
        (["--edit", "shade=dark", "--strength", "nan"], "strength: nan cannot be used", "strength"),
        (["--edit", "shade=dark", "--walk", "3"], "--edit and --walk exclude each other", "walk"),
        (["--strength", "2"], "strength needs --edit: add --edit hair=blond", "strength"),
        (["--between", "small.png"], "give at least two pictures", "between"),
        (["--between", "missing.png"], "missing.png", "between"),
        (["--between", "small.png", "--between", "large.png"], "large.png has 20 x 20 pixels in grey", "pictures"),
        (["--between", "small.png", "--latent", "some.npy"], "exclude each other", "between"),
        (["--fit"], "no effect alone: add --between FILE", "fit"),
        (["--between", "small.png", "--between", "small.png", "--n", "2"], "no effect on a film", "n"),
        (["--between", "small.png", "--between", "small.png", "--seed", "2"], "no effect on a film", "seed"),
    ],
)
def test_edits_that_cannot_be_made(refused, edited, tmp_path, monkeypatch, words, message, field):
    """Nothing is learned first: an encoder takes a minute."""
    monkeypatch.delattr("genlab.tasks.images.inversion.learn_encoder")
    Image.new("L", (16, 16)).save(tmp_path / "small.png")
    Image.new("L", (20, 20)).save(tmp_path / "large.png")
    said, named = refused("generate", edited.path, *words)
    assert message in said
    assert named == field


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--invert", "large.png"], "20 x 20 pixels in grey, the run makes 16 x 16 in grey", "pictures"),
        (["--invert", "colour.png"], "16 x 16 pixels in colour, the run makes 16 x 16 in grey", "pictures"),
        (["--invert", "text.png"], "text.png cannot be read as a picture", "invert"),
        (["--invert", "missing.png"], "missing.png", "invert"),
        (["--invert", "small.png", "--class", "circle"], "no class circle; it has bar, square", "class"),
        (["--map", "map.pdf"], "must end in .png", "map"),
        (["--map", "map.png", "--axis", "shade=dark"], "give --axis twice", "axis"),
        (["--map", "map.png", "--axis", "shade=dark", "--axis", "x=y"], "no directions for x", "axis"),
        (["--map", "map.png", "--axis", "shade", "--axis", "x=y"], "of the form NAME=VALUE", "axis"),
        (["--axis", "shade=dark"], "add --map FILE.png", "axis"),
        (["--label", "shade"], "add --map FILE.png", "label"),
        (["--attribute", "hair"], "hair", "attribute"),
        (["--data", "."], "no effect alone: add --attribute COLUMN or --map FILE.png", "data"),
        (["--invert", "small.png", "--data", "."], "add --attribute COLUMN or --map FILE.png", "data"),
        (["--classifier", "nowhere", "--data", "."], "omit --data or --classifier", "data"),
        (["--classifier", "nowhere", "--encoding", "latin-1"], "add --attribute COLUMN or --map FILE.png", "encoding"),
        (["--optimise", "5"], "add --invert FILE", "optimise"),
        (["--fit"], "add --invert FILE", "fit"),
        (["--class", "bar"], "add --invert FILE", "class"),
        (["--map", "map.png", "--to", "new"], "add --invert FILE", "to"),
        (["--invert", "small.png", "--draws", "200"], "add --attribute COLUMN", "draws"),
        (["--classifier", "nowhere"], "nowhere", "run"),
    ],
)
def test_latents_that_cannot_be_found(refused, edited, tmp_path, words, message, field):
    Image.new("L", (16, 16)).save(tmp_path / "small.png")
    Image.new("L", (20, 20)).save(tmp_path / "large.png")
    Image.new("RGB", (16, 16), "red").save(tmp_path / "colour.png")
    (tmp_path / "text.png").write_text("no picture")
    said, named = refused("latents", edited.path, *words)
    assert message in said
    assert named == field


def test_pictures_of_another_size_fit_if_asked(copy):
    large = np.zeros((20, 24, 3), np.uint8)
    with pytest.raises(InputError, match="24 x 20 pixels in colour"):
        copy.invert(large)
    (found,) = copy.invert(large, fit=True, optimise=0)
    assert found.picture.shape == (16, 16, 1)


@pytest.mark.parametrize("pictures", [None, [], "photo.png", np.zeros((2, 5))])
def test_what_is_no_picture_is_refused(copy, pictures):
    with pytest.raises(InputError) as error:
        copy.invert(pictures)
    assert error.value.field == "pictures"


def test_runs_without_latents(refused, trained, tmp_path):
    copied = shutil.copytree(trained, tmp_path / "text")
    for words in (["--invert", "photo.png"], ["--attribute", "hair"], []):
        said, field = refused("latents", copied, *words)
        assert "is a gpt for text, which has no latent vectors to edit" in said
        assert field == "run"
    run = genlab.load(copied)
    for call in (run.directions, lambda: run.edit([[0.0]], {"hair": "red"}), lambda: run.invert([]), run.latent_map):
        with pytest.raises(InputError, match="has no latent vectors to edit"):
            call()

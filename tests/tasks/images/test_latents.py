"""The map of the latent space, and what the commands on latents refuse."""

import dataclasses
import shutil

import numpy as np
import pytest
from PIL import Image

import genlab
from genlab.data.pictures.picture_set import read_pictures
from genlab.errors import InputError

pytestmark = pytest.mark.usefixtures("short")


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
    monkeypatch.setattr("genlab.tasks.images.latents.latent_map", lambda *drawn: shown.append(len(drawn[5])) or b"")
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
        said, field = refused(*words)
        assert said.startswith("This run has no directions: find them with genlab latents RUN --attribute COLUMN")
        assert field == "run"


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--edit", "shape=square"], "no directions for shape (perhaps shade?); it has some for shade, kind", "edit"),
        (["--edit", "shade=grey"], "shade has no value grey; it has dark, light", "edit"),
        (["--edit", "shade"], "of the form NAME=VALUE", "edit"),
        (["--edit", "shade=dark", "--strength", "nan"], "strength: nan cannot be used", "strength"),
        (["--edit", "shade=dark", "--walk", "3"], "--edit and --walk exclude each other", "walk"),
        (["--strength", "2"], "strength needs --edit: add --edit hair=blond", "strength"),
        (["--between", "small.png"], "between: give at least two pictures", "between"),
        (["--between", "missing.png"], "missing.png", "between"),
        (["--between", "small.png", "--between", "large.png"], "between: large.png has 20 x 20 pixels in", "between"),
        (["--between", "small.png", "--latent", "some.npy"], "exclude each other", "between"),
        (["--fit"], "no effect alone: add --between FILE", "fit"),
        (["--between", "small.png", "--between", "small.png", "--n", "2"], "no effect on a film", "n"),
        (["--between", "small.png", "--between", "small.png", "--seed", "2"], "no effect on a film", "seed"),
        (["--latent", "some.npy", "--truncation", "0.5"], "no effect on given latent vectors", "truncation"),
        (["--latent", "some.npy", "--n", "3"], "no effect on given latent vectors", "n"),
    ],
)
def test_edits_that_cannot_be_made(refused, edited, tmp_path, monkeypatch, words, message, field):
    """Nothing is learned first: an encoder takes a minute."""
    monkeypatch.delattr("genlab.tasks.images.inversion.learn_encoder")
    Image.new("L", (16, 16)).save(tmp_path / "small.png")
    Image.new("L", (20, 20)).save(tmp_path / "large.png")
    np.save(tmp_path / "some.npy", np.zeros((2, edited.pipeline.maker.latent), np.float32))
    said, named = refused("generate", edited.path, *words)
    assert message in said
    assert named == field


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--invert", "large.png"], "invert: large.png has 20 x 20 pixels in grey, the run makes 16 x 16", "invert"),
        (["--invert", "colour.png"], "16 x 16 pixels in colour, the run makes 16 x 16 in grey", "invert"),
        (["--invert", "small.png", "--invert", "large.png"], "invert: large.png has 20 x 20 pixels", "invert"),
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
        (["--classifier", "nowhere"], "classifier: There is no run folder nowhere", "classifier"),
        (["--attribute", "shade", "--invert", "large.png"], "invert: large.png has 20 x 20 pixels", "invert"),
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

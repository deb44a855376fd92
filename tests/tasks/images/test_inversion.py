"""Latent vectors of given pictures, and films between them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.data.pictures.pixels import to_bytes
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.tasks.images.inversion import invert
from genlab.tasks.images.making import OnePass
from genlab.tasks.images.pipeline import ImagesPipeline
from tests.tasks.images.made import pictures_of

pytestmark = pytest.mark.usefixtures("short")


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
    assert report["files"] == ["new/inverted-000.png", "new/inverted-000.npy"]
    assert np.load(tmp_path / "new" / "inverted-000.npy").shape == (2, 6)
    assert Image.open(tmp_path / "new" / "inverted-000.png").height >= 64
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


def test_pictures_of_another_size_fit_if_asked(copy):
    large = np.zeros((20, 24, 3), np.uint8)
    with pytest.raises(InputError, match=r"^pictures: 0 has 24 x 20 pixels in colour") as error:
        copy.invert(large)
    assert error.value.field == "pictures"
    (found,) = copy.invert(large, fit=True, optimise=0)
    assert found.picture.shape == (16, 16, 1)


@pytest.mark.parametrize("pictures", [None, [], "photo.png", np.zeros((2, 5))])
def test_what_is_no_picture_is_refused(copy, pictures):
    with pytest.raises(InputError) as error:
        copy.invert(pictures)
    assert error.value.field == "pictures"


SMALL, LARGE = np.zeros((16, 16, 1), np.uint8), np.zeros((20, 24, 3), np.uint8)


@pytest.mark.parametrize(
    ("ends", "message"),
    [
        ([], "the list is empty"),
        ([SMALL], "give at least two pictures"),
        (["photo.png", SMALL], "photo.png is a path: open it with PIL.Image.open"),
        ([SMALL, LARGE], "1 has 24 x 20 pixels in colour, the run makes 16 x 16 in grey"),
        (np.zeros((2, 5)), "give at least two pictures"),
    ],
)
def test_ends_of_a_film_that_cannot_be_used(copy, ends, message):
    with pytest.raises(InputError, match=f"^ends: {message}") as error:
        copy.generate(ends=ends)
    assert error.value.field == "ends"

"""Pictures made from latent vectors, by class, on sheets and as films."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.errors import InputError
from genlab.tasks.images.walks import spherical
from tests.tasks.images.made import recipe
from tests.tasks.images.small import OPTIONS


def test_a_picture_can_be_made_again_from_its_latent_vector(run):
    one = run.generate(n=3, class_="bar", seed=7)
    assert [sample.content.shape for sample in one] == [(16, 16, 1)] * 3
    latents = np.stack([sample.latent for sample in one])
    again = run.sample(latents, "bar")
    assert np.array_equal(again, np.stack([sample.content for sample in one]))
    middle = run.sample(latents.mean(0), "bar")  # arithmetic on latents
    assert middle.shape == (1, 16, 16, 1)
    assert not np.array_equal(run.sample(latents, "square"), again)


@pytest.mark.parametrize("model", OPTIONS)
def test_samples_repeat_what_was_generated(folder, tmp_path, model):
    run = genlab.train("images", folder, model=model, steps=1, out=tmp_path / "run", quiet=True, **OPTIONS[model])
    (network,) = run.pipeline.networks.values()
    chance = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():  # one step leaves networks that ignore their input
            weight += 0.1 * torch.randn(weight.shape, generator=chance)
    for label in (None, "bar"):
        made = run.generate(n=3, class_=label, seed=7)
        again = run.sample(np.stack([one.latent for one in made]), label)
        assert np.array_equal(again, np.stack([one.content for one in made]))


def test_truncation_draws_latents_together(run):
    wide, narrow = (run.generate(n=20, truncation=truncation) for truncation in (1.0, 0.1))
    spread = [np.stack([sample.latent for sample in samples]).std() for samples in (wide, narrow)]
    assert spread[1] == pytest.approx(0.1 * spread[0])


def test_command_line_grid_folder_latent_and_walk(cli, run, tmp_path):
    assert cli("generate", run.path, "--n", 5, "--grid", "all.png", "--class", "bar")[0] == 0
    assert Image.open(tmp_path / "all.png").size == (3 * 66 - 2, 2 * 66 - 2)
    assert np.load(tmp_path / "all.npy").shape == (5, 6)
    code, out, _ = cli("generate", run.path, "--latent", "all.npy", "--class", "bar", "--to", "again", "--json")
    assert code == 0
    assert len(json.loads(out)["files"]) == 10
    first = np.asarray(Image.open(tmp_path / "again" / "generated-000.png"))
    assert np.array_equal(first, run.sample(np.load(tmp_path / "all.npy")[:1], "bar")[0, ..., 0])
    assert cli("generate", run.path, "--walk", 3, "--to", "film")[0] == 0
    assert Image.open(tmp_path / "film" / "generated-000.gif").n_frames == 48
    assert cli("generate", run.path)[0] == 0
    sheet = Image.open(run.path / "samples" / "generated-000.png")
    assert sheet.size == (8 * 66 - 2, 8 * 66 - 2)


@pytest.mark.parametrize(
    ("options", "message", "field"),
    [
        ({"class_": "circle"}, "no class circle; it has bar, square", "class"),
        ({"latents": [[1.0]]}, r"rows of 6 numbers, not an array of shape \(1, 1\)", "latent"),
        ({"n": 0}, "n: 0 cannot be used", "n"),
        ({"truncation": float("nan")}, "truncation: nan cannot be used", "truncation"),
    ],
)
def test_requests_that_cannot_be_met(run, options, message, field):
    with pytest.raises(InputError, match=message) as error:
        run.generate(**options)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((2, 5)), r"rows of 6 numbers, not an array of shape \(2, 5\)"),
        (np.full((1, 6), np.nan), "must be finite"),
        (["a"], "an array of numbers"),
        (np.zeros((0, 6)), r"not an array of shape \(0, 6\)"),
    ],
)
def test_latents_of_another_shape(run, latents, message):
    with pytest.raises(InputError, match=message):
        run.sample(latents)


def test_fewer_latents_of_a_seed_are_the_first_of_more(folder):
    made = recipe(folder, latent=10).pipeline
    many = made.noise(64, 3)
    assert all(torch.equal(made.noise(count, 3), many[:count]) for count in (1, 2, 3, 7))


def test_a_grid_makes_its_folder(cli, run, tmp_path):
    assert cli("generate", run.path, "--n", 2, "--grid", "new/all.png")[0] == 0
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"all.png", "all.npy"}


def test_spherical_keeps_the_length_on_the_way():
    torch.manual_seed(0)
    one, other = torch.randn(50), torch.randn(50)
    one, other = one / one.norm(), other / other.norm()
    way = spherical(one, other, torch.linspace(0, 1, 5))
    torch.testing.assert_close(way.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(way[0], one)
    torch.testing.assert_close(way[-1], other)
    torch.testing.assert_close(spherical(one, one, torch.tensor([0.5]))[0], one)

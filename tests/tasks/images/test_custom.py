"""GANs with custom networks and losses."""

import numpy as np
import pytest
import torch
from torch import nn

import genlab
from genlab.errors import InputError
from tests.tasks.images.made import SMALL, colour_folder


class Sheet(nn.Module):
    """A custom generator, which ignores the labels."""

    def __init__(self, pixels: int = 16) -> None:
        super().__init__()
        self.layer, self.pixels = nn.Linear(6, pixels**2), pixels

    def forward(self, latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.layer(latents).view(-1, 1, self.pixels, self.pixels)


def test_own_generator(folder, tmp_path):
    out, shapes = tmp_path / "run", []

    def sheet(shape) -> nn.Module:
        shapes.append(shape)
        return Sheet(shape.pixels)

    run = genlab.train("images", folder, steps=3, out=out, quiet=True, networks={"generator": sheet}, **SMALL)
    assert (shapes[0].latent, shapes[0].channels, shapes[0].pixels, shapes[0].classes) == (6, 1, 16, 2)
    with pytest.raises(InputError, match=r"custom networks.*\"generator\": lambda shape: Sheet\(\.\.\.\)"):
        genlab.load(out)
    again = genlab.load(out, networks={"generator": sheet})
    assert np.array_equal(run.generate(n=1)[0].content, again.generate(n=1)[0].content)


class Painter(nn.Module):
    """A custom generator of colour pictures, without a palette."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.layer, self.shape = nn.Linear(shape.latent, shape.channels * shape.pixels**2), shape

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        return self.layer(latents).view(-1, self.shape.channels, self.shape.pixels, self.shape.pixels)


def test_own_generator_of_drawings_gets_the_penalty_of_one_without_a_palette(tmp_path):
    """A palette or a learning rate that the user gives is kept."""
    data = colour_folder(tmp_path / "drawn", drawn=True)
    own = {"networks": {"generator": Painter}, "steps": 1, "quiet": True, "validation": 0, "test": 0, **SMALL}
    options = [
        genlab.train("images", data, out=tmp_path / f"run{number}", **{**own, **given}).pipeline.options
        for number, given in enumerate(({}, {"palette": 32}, {"learning_rate": 0.002}, {"networks": None}))
    ]
    assert [found.palette for found in options] == [0, 32, 0, 32]
    assert [found.learning_rate for found in options] == [3e-3, 3e-3, 2e-3, 3e-3]
    assert [found.penalty for found in options] == [1.0, 3.0, 1.0, 3.0]
    with pytest.raises(InputError, match="is finished"):
        genlab.train("images", data, out=tmp_path / "run0", resume=True, **own)  # it is the same command


class Normed(nn.Module):
    """A discriminator that behaves differently in training."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.norm, self.out = nn.BatchNorm2d(shape.channels), nn.Linear(shape.channels * shape.pixels**2, 1)
        self.modes: list[bool] = []

    def forward(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.training)
        return self.out(self.norm(pictures).flatten(1))


def test_own_discriminator_trains_in_training_mode(folder, tmp_path):
    """From the first step on, although measuring the budget and validating use it in evaluation mode."""
    made: list[Normed] = []

    def normed(shape) -> nn.Module:
        made.append(Normed(shape))
        return made[-1]

    options = {**SMALL, "minutes": 0.1, "out": tmp_path / "run", "quiet": True}
    genlab.train("images", folder, networks={"discriminator": normed}, **options)
    modes = made[-1].modes
    assert modes[0] is False  # the trial call
    assert modes[1:5] == [True] * 4
    assert False in modes[1:]  # validation
    assert modes.count(True) > modes.count(False)


def test_own_loss(folder, tmp_path):
    def hinge(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    options = {**SMALL, "steps": 2, "quiet": True}
    runs = [
        genlab.train("images", folder, losses=losses, out=tmp_path / name, **options)
        for name, losses in (("own", {"discriminator": hinge}), ("ours", {}))
    ]
    assert runs[0].folder.config()["losses"]["discriminator"].endswith("hinge")
    first, second = (
        [line["discriminator"] for line in run.folder.measures() if line["split"] == "train"] for run in runs
    )
    assert first != second
    with pytest.raises(InputError, match="has no loss cycle: choose from discriminator, generator"):
        genlab.train("images", folder, losses={"cycle": hinge}, out=tmp_path / "none", **options)


def test_mistakes_in_loading_own_networks(folder, tmp_path):
    """They are reported as those of the factory or of its name, not as damage of the run."""
    out = tmp_path / "run"
    own = {"generator": lambda shape: Sheet(shape.pixels)}
    genlab.train("images", folder, steps=1, out=out, quiet=True, networks=own, **SMALL)
    message = r"^networks: the factory of generator failed \(TypeError: .*__init__.*sides.*\)\.$"
    wrong = {"generator": lambda shape: Sheet(sides=shape.pixels)}
    with pytest.raises(InputError, match=message) as error:
        genlab.load(out, networks=wrong)
    assert error.value.field == "generator"
    assert isinstance(error.value.__cause__, TypeError)
    with pytest.raises(InputError, match=message):
        genlab.train("images", folder, steps=1, out=tmp_path / "other", quiet=True, networks=wrong, **SMALL)
    with pytest.raises(InputError, match=r"The images gan has no network genrator: .*perhaps generator\?") as error:
        genlab.load(out, networks={**own, "genrator": own["generator"]})
    assert error.value.field == "genrator"


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda shape: Sheet(8), r"maps \(2, 6\) and \(2,\) to \(2, 1, 8, 8\), but must return \(2, 1, 16, 16\)"),
        (lambda shape: nn.Linear(6, 256), r"rejects a batch of shape \(2, 6\) and \(2,\).*conditional=False"),
        (lambda shape: nn.ReLU(), "no trainable weights"),
        (lambda shape: "generator", "the factory of generator returned a str"),
    ],
)
def test_own_networks_that_do_not_fit(folder, tmp_path, factory, message):
    with pytest.raises(InputError, match=message):
        genlab.train(
            "images", folder, steps=3, out=tmp_path / "r", quiet=True, networks={"generator": factory}, **SMALL
        )

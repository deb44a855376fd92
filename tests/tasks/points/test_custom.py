"""Custom networks for points."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import genlab
from genlab.errors import InputError
from genlab.models.points_gan import PointDiscriminatorShape, PointGeneratorShape
from tests.tasks.points.made import train


class Mine(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))


class Judge(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 1), nn.Flatten(0))


def test_own_networks_round_trip(file: Path, tmp_path: Path) -> None:
    mine, judge = Mine(), Judge()
    before = [weight.clone() for weight in (*mine.parameters(), *judge.parameters())]
    shapes = []

    def make(shape: PointGeneratorShape | PointDiscriminatorShape) -> nn.Module:
        shapes.append(shape)
        return mine if isinstance(shape, PointGeneratorShape) else judge

    run = train(file, tmp_path / "own", latent=3, networks={"generator": make, "discriminator": make})
    assert shapes == [PointGeneratorShape(latent=3), PointDiscriminatorShape()]
    after = (*mine.parameters(), *judge.parameters())
    moved = [not torch.equal(was, now) for was, now in zip(before, after, strict=True)]
    assert sum(moved) >= len(moved) - 1  # a relativistic discriminator's last bias cancels
    points = run.generate(n=20)[0].content
    own = {"generator": lambda shape: Mine(), "discriminator": lambda shape: Judge()}
    again = genlab.load(tmp_path / "own", networks=own)
    assert np.array_equal(again.generate(n=20)[0].content, points)
    with pytest.raises(InputError, match="custom networks") as error:
        genlab.load(tmp_path / "own")
    assert '"generator": lambda shape: Mine(' in str(error.value)


def test_an_own_generator_beside_our_discriminator(file: Path, tmp_path: Path) -> None:
    run = train(file, tmp_path / "own", latent=3, networks={"generator": lambda shape: Mine()})
    again = genlab.load(run.path, networks={"generator": lambda shape: Mine()})
    assert isinstance(again.pipeline.generator, Mine)


@pytest.mark.parametrize(
    ("parts", "field", "said"),
    [
        (
            {"generator": nn.Linear(5, 2)},
            "generator",
            r"rejects a batch of shape \(2, 2\): if its latent size differs",
        ),
        ({"generator": nn.Linear(2, 3)}, "generator", r"maps \(2, 2\) to \(2, 3\), but must return \(2, 2\)"),
        ({"generator": nn.Identity()}, "generator", "has no trainable weights"),
        ({"discriminator": nn.Linear(2, 2)}, "discriminator", r"to \(2, 2\), but must return \(2,\) or \(2, 1\)"),
        ({"critic": nn.Linear(2, 1)}, "critic", "has no network critic: choose from generator, discriminator"),
    ],
)
def test_own_networks_that_do_not_fit(file: Path, tmp_path: Path, parts: dict, field: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        train(file, tmp_path / "bad", networks={name: lambda shape, part=part: part for name, part in parts.items()})
    assert error.value.field == field
    assert not (tmp_path / "bad").exists()

"""Small GANs on points."""

from pathlib import Path

import genlab
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import Place
from genlab.engine.recipe import Setup
from genlab.tasks.points.gan import PointsGANRecipe
from genlab.tasks.points.options import PointsGANOptions

SMALL = {"width": 16, "generator_depth": 2, "discriminator_depth": 2, "batch": 32}


def train(file: Path | str, out: Path, **options) -> genlab.Run:
    return genlab.train("points", file, out=out, quiet=True, **{"steps": 40, **SMALL, **options})


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def recipe_for(file: Path, losses: dict | None = None, **options) -> PointsGANRecipe:
    given = PointsGANOptions(**{**SMALL, **options})
    points, _ = PointsGANRecipe.read(given, Place(str(file), "0.2", "0.2"), None)
    seed_everything(0)
    return PointsGANRecipe(Setup(given, points, Machine("cpu"), losses=losses or {}))


def measured(recipe: PointsGANRecipe) -> dict[str, float]:
    with recipe.pipeline.evaluating():
        return recipe.test()

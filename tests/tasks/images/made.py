"""Options and recipes of the small GANs that tests train."""

from pathlib import Path

import numpy as np
from PIL import Image

import genlab
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.tasks.images.gan import GANRecipe
from genlab.tasks.images.options import GANOptions

SMALL = {"pixels": 16, "width": 8, "latent": 6, "features": "digits"}


def recipe(folder: Path, **options) -> GANRecipe:
    asked = GANOptions(**{**SMALL, **options})
    data, _ = GANRecipe.read(asked, Place(str(folder), "0.2", "0.2"), None)
    return GANRecipe(Setup(GANRecipe.resolve(asked, data, Speed(None, None, 1), None), data, Machine("cpu")))


def colour_folder(folder: Path, drawn: bool) -> Path:
    """Thirty colour pictures: bars of two colours each, or noise."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(30):
        pixels = random.integers(0, 256, (16, 16, 3))
        if drawn:
            pixels[:] = (200, 220, 240)
            pixels[:, number % 16 :] = [(180, 30, 40), (20, 60, 150)][number % 2]
            pixels[0, 0] = number  # no two are alike
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def pictures_of(run: genlab.Run, count: int = 2) -> np.ndarray:
    """Pictures that a run makes."""
    return np.stack([sample.content for sample in run.generate(n=count, seed=9)])

"""Options and recipes of the small GANs that tests train."""

from pathlib import Path

from genlab.engine.machine import Machine
from genlab.engine.recipe import Place, Setup, Speed
from genlab.tasks.images.gan import GANRecipe
from genlab.tasks.images.options import GANOptions

SMALL = {"pixels": 16, "width": 8, "latent": 6, "features": "digits"}


def recipe(folder: Path, **options) -> GANRecipe:
    asked = GANOptions(**{**SMALL, **options})
    data, _ = GANRecipe.read(asked, Place(str(folder), "0.2", "0.2"), None)
    return GANRecipe(Setup(GANRecipe.resolve(asked, data, Speed(None, None, 1), None), data, Machine("cpu")))

"""Options, recipes and data of the small classifiers that tests train."""

from pathlib import Path

from genlab.data.pictures.picture_set import PictureSet, read_pictures
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.tasks.classify.cnn import CNNRecipe
from genlab.tasks.classify.options import CNNOptions

SMALL = {"width": 4, "pixels": 16, "batch": 16, "dropout": 0.0}
ANY_TIME = Speed(None, None, 1)


def picture_recipe(data: Path, losses: dict | None = None, **options) -> CNNRecipe:
    given = CNNOptions(**{**SMALL, **options})
    pictures, _ = CNNRecipe.read(given, Place(str(data), "0.2", "0.2"), None)
    resolved = CNNRecipe.resolve(given, pictures, ANY_TIME, None)
    seed_everything(0)
    return CNNRecipe(Setup(resolved, pictures, Machine("cpu"), losses=losses or {}))


def split_of(pictures: Path) -> PictureSet:
    """The data of `trained`."""
    return read_pictures(str(pictures), "0.2", "0.2", pixels=SMALL["pixels"])

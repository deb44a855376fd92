"""Options, data and recipes of the small flows that tests train."""

from pathlib import Path

import torch
from torch import nn

from genlab.data.pictures.wording import START
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.tasks.images.flow import FlowRecipe
from genlab.tasks.images.options import FlowOptions
from tests.tasks.images.made import colour_folder

TINY = {"width": 32, "depth": 1, "pixels": 16, "batch": 8, "features": "digits"}
QUICK = {"model": "flow", "quiet": True, **TINY}


def write_table(folder: Path, count: int = 30) -> Path:
    """Pictures in `folder` with a table of two columns."""
    colour_folder(folder, drawn=True)
    write_columns(folder, count)
    return folder


def write_columns(folder: Path, count: int = 30) -> None:
    """A table of two columns, beside the pictures in `folder`."""
    rows = [f"{n}.png,{('red', 'blue')[n % 2]},{('yes', 'no')[n // 2 % 2]}" for n in range(count)]
    (folder / "attributes.csv").write_text("\n".join(["file,colour,wide", *rows]))


def write_captions(folder: Path) -> Path:
    """Pictures in `folder` with captions, two for the first."""
    colour_folder(folder, drawn=True)
    rows = [f"{n}.png,a {('red', 'blue')[n % 2]} bar" for n in range(30)]
    (folder / "captions.csv").write_text("\n".join(["file,caption", *rows, "0.png,something red"]))
    return folder


def recipe(data: Path, **options) -> FlowRecipe:
    asked = FlowOptions(**{**TINY, **options})
    read, _ = FlowRecipe.read(asked, Place(str(data), "0.2", "0.2"), None)
    return FlowRecipe(Setup(FlowRecipe.resolve(asked, read, Speed(None, None, 1), None), read, Machine("cpu"), seed=1))


def sentence(made: FlowRecipe, row: torch.Tensor) -> str:
    """The words of a row of indices."""
    return " ".join(made.maker.vocabulary.words[index - 2] for index in row.tolist() if index > START)


class Velocities(nn.Module):
    """A custom network: the mean of the words' embeddings, as a flat colour."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.words = nn.Embedding(max(1, shape.vocabulary), shape.channels)

    def forward(self, x: torch.Tensor, times: torch.Tensor, words: torch.Tensor | None = None) -> torch.Tensor:
        colour = self.words.weight.sum() if words is None else self.words(words).mean(1)[:, :, None, None]
        return x * times[:, None, None, None] + colour

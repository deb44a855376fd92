"""A task of another package: it takes one or two folders, and changes the brightness of the pictures it is given."""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import nn

from genlab.engine.pipeline import Evaluation, Pipeline
from genlab.engine.recipe import DataFacts, Recipe
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.options import two_paths
from genlab.show.sheets import png
from genlab.tasks.task import FileOption, Model, Task

HERE = "tests.cli.shade"
TASK = Task(
    name="shade",
    about="a change of brightness",
    models=(
        Model(
            "shift",
            "a single number",
            options=f"{HERE}:ShadeOptions",
            recipe=f"{HERE}:ShadeRecipe",
            network=f"{HERE}:build_network",
            requests={"generate": f"{HERE}:ShadeRequest"},
        ),
    ),
    pipeline=f"{HERE}:ShadePipeline",
    evaluate=f"{HERE}:evaluate",
    makes="picture",
    data="one folder of pictures, or two",
    paths=2,
    files={
        "generate": (FileOption("files", "pictures", f"{HERE}:read_pictures", "Pictures to change.", positional=True),)
    },
    sheet="Show before, after and difference.",
)


@dataclass(frozen=True)
class ShadeOptions:
    """Options of the only model."""

    rate: float = 0.5
    """Learning rate."""


@dataclass(frozen=True)
class ShadeRequest:
    """The pictures to change."""

    pictures: Any = None
    """The pictures."""
    set: Mapping[str, str] = field(default_factory=dict)
    """Attribute and its new value; can be repeated."""


class Original(NamedTuple):
    """A picture as the user gave it."""

    name: str
    pixels: np.ndarray


def files_of(folder: str) -> list[Path]:
    if not Path(folder).is_dir():
        raise InputError(f"There is no folder {folder}.", "data")
    return sorted(Path(folder).glob("*.png"))


def read_pictures(paths: tuple[str, ...]) -> Iterator[list[Original]]:
    """Yields the pictures in chunks of two."""
    files = [file for path in paths for file in (files_of(path) if Path(path).is_dir() else [Path(path)])]
    for start in range(0, len(files), 2):
        yield [Original(file.stem, np.asarray(Image.open(file))[..., None]) for file in files[start : start + 2]]


def read(data: str) -> tuple[list[float], DataFacts]:
    """The brightness of each folder."""
    folders = two_paths(data) or (data,)
    content = [file.read_bytes() for folder in folders for file in files_of(folder)]
    digest = hashlib.sha256(b"".join(content)).hexdigest()
    means = [np.mean([np.asarray(Image.open(file)) for file in files_of(folder)]) / 255 for folder in folders]
    name = " + ".join(Path(folder).name for folder in folders)
    return means, DataFacts(name, digest, {"train": {"pictures": len(content)}})


class Shift(nn.Module):
    """Adds a number."""

    def __init__(self) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(()))


def build_network(options, networks):
    return networks.build("network", None, lambda shape: Shift())


class ShadePipeline(Pipeline):
    arguments = {"generate": "photo.png --set shade=light"}

    def __init__(self, options, network, machine):
        self.options, self.machine, self.networks = options, machine, {"network": network.to(machine.device)}

    def save(self, folder):
        """Saves nothing: the weights are everything."""

    @classmethod
    def load(cls, saved):
        return cls(saved.options, saved.build(saved.options, saved.networks), saved.machine)

    def generate(self, request, show=None):
        for name, before in request.pictures:
            after = 255 - before
            difference = np.abs(after.astype(int) - before).astype(np.uint8)
            about = {"source": name, **{attribute: f"dark -> {value}" for attribute, value in request.set.items()}}
            panels = [before, after, difference]
            yield Sample(Kind.PICTURE, after, {"png": png(after)}, name=name, about=about, panels=panels)


class ShadeRecipe(Recipe):
    def __init__(self, setup):
        self.network = build_network(setup.options, setup.networks)
        adam = torch.optim.Adam(self.network.parameters(), setup.options.rate)
        pipeline = ShadePipeline(setup.options, self.network, setup.machine)
        super().__init__(setup, pipeline, pipeline.networks, {"network": [adam]})

    @classmethod
    def read(cls, options, place, start):
        means, facts = read(place.data)
        for separate in (place.validation, place.test):
            if not separate.replace(".", "").isdigit():
                read(separate)
        return means, facts

    def batch(self, step):
        return torch.tensor(self.data)

    def step(self, batch, progress):
        loss = (self.network.shift - (batch[-1] - batch[0])).square()
        self.update(self.network, loss)
        return {"loss": loss}

    @property
    def validates(self):
        return False

    def validate(self):
        return {}

    def test(self):
        return {}

    def preview(self):
        return []


def evaluate(pipeline, source):
    means, facts = read(source.data or source.trained_on.data)
    return Evaluation({"data": facts.name, "brightness": float(np.mean(means))})

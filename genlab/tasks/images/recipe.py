"""The base of the picture models' recipes: data, validation and previews."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.data.pictures.description_source import DescriptionSource
from genlab.data.pictures.picture_set import PictureSet, PictureSplit, read_pictures
from genlab.engine.custom import try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Place, Recipe, Setup, Speed
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.metrics.pictures import frechet_distance, kernel_distance
from genlab.show.sheets import sheet
from genlab.tasks.images.facts import PictureFacts
from genlab.tasks.images.features import conditions_of, generated_features
from genlab.tasks.images.making import Conditions
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.shared.drawings import are_photographs
from genlab.tasks.shared.picture_examples import picture_examples
from genlab.tasks.shared.picture_features import RealFeatures, extractor

Batch = tuple[Float[Tensor, "batch channels height width"], Conditions]
"""Pictures, and a class index each or the words of their descriptions."""
FEWEST = 6
"""Smallest number of pictures that a split can be measured on."""
WATCHED = 1000
"""Largest number of pictures of each kind to compare during training."""
SHOWN = 64
"""Number of pictures in a preview."""
COLLAPSED = 0.3
"""A model has collapsed if the spread of its pictures, relative to that of real ones, is below this."""


class ImagesRecipe(Recipe):
    """Trains a model of pictures; subclasses add the networks and the step."""

    steady = False
    tested: ClassVar[int] = WATCHED
    """Largest number of pictures of each kind to compare after training."""
    remedy: ClassVar[str] = "a lower --learning-rate"
    """Advice against a collapse."""
    data: PictureSet
    pipeline: ImagesPipeline

    def __init__(
        self,
        setup: Setup,
        pipeline: ImagesPipeline,
        networks: dict[str, nn.Module],
        optimizers: Mapping[str, Sequence[Optimizer]],
    ) -> None:
        super().__init__(setup, pipeline, networks, optimizers)
        self.classes = pipeline.facts.classes
        self.features = RealFeatures(extractor(self.options.features, self.data.name, self.machine))

    # --- data ---

    @classmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[PictureSet, DataFacts]:
        found = read_pictures(
            *place, pixels=options.pixels, label=options.label, descriptions=cls.description_source(options)
        )
        for part in ("validation", "test"):
            pictures: PictureSplit | None = getattr(found, part)
            if pictures is None:
                continue
            if found.classes and options.conditional and pictures.labels is None and pictures.described is None:
                raise InputError(f"{part}: its pictures have no classes, those of {found.name} do.", part)
            if len(pictures) < FEWEST:
                note = f"the {part} split has {len(pictures)} pictures, too few to measure on: it was left out."
                found = found.without(part, note)
        return found, DataFacts(found.name, found.fingerprint, found.counts(), found.notes, found.left_out)

    @classmethod
    def description_source(cls, options: Any) -> DescriptionSource | None:
        """Where descriptions come from; None for models without them.

        Raises:
            InputError: options contradict one another.
        """
        return None

    @classmethod
    def examples(cls, data: PictureSet) -> list[Sample]:
        """A sheet of training pictures, spread over the classes."""
        return picture_examples(data.train)

    @classmethod
    def resolve(cls, options: Any, data: PictureSet, speed: Speed, start: Pipeline | None) -> Any:
        """Keeps the size whatever the budget: a longer one only takes more steps."""
        return options

    def batch(self, step: int) -> Batch:
        train, picks = self.data.train, self.picks(step)
        labels = train.labels[picks] if self.classes and train.labels is not None else np.zeros(len(picks), np.int64)
        return train.tensor(picks), torch.from_numpy(labels)

    def picks(self, step: int) -> Int[np.ndarray, " batch"]:
        """The training pictures of a step."""
        random = np.random.default_rng((self.seed, step, self.machine.rank))
        return random.integers(len(self.data.train), size=self.pictures_per_step)

    @property
    def pictures_per_step(self) -> int:
        """Real pictures per step and process."""
        return self.options.batch

    def class_labels(self, labels: Int[Tensor, " batch"]) -> tuple[Int[Tensor, " batch"], ...]:
        """The arguments of the networks after pictures or latents: the labels, or none without classes."""
        return (labels,) if self.classes else ()

    def latents(self, real: Float[Tensor, "batch channels side side"]) -> Float[Tensor, "batch latent"]:
        """Latent vectors, one for each picture in `real`."""
        return torch.randn(len(real), self.options.latent, device=real.device)

    def conditions(self, pictures: PictureSplit, count: int) -> Conditions:
        """What generated pictures are made under: all classes in turn, or descriptions of real pictures."""
        return conditions_of(self.pipeline, pictures, count)

    # --- validation ---

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        """Distances to the validation pictures, and the spread of generated features relative to real ones."""
        assert self.data.validation is not None, "there is nothing to validate on"
        real = self.features.of(self.data.validation, WATCHED)
        made = generated_features(self.pipeline, self.features.extractor, WATCHED, 0)
        if not made.isfinite().all():
            return {"frechet_distance": math.inf}
        return {
            "frechet_distance": frechet_distance(real, made),
            "kernel_distance": kernel_distance(real, made),
            "spread": ((made.var(0).sum() / real.var(0).sum()) ** 0.5).item(),
        }

    def alarms(self, measures: dict[str, float]) -> list[str]:
        if measures.get("spread", 1.0) >= COLLAPSED:
            return []
        return [
            "the model has collapsed: its pictures are nearly all alike. The run keeps the best weights before that; "
            f"train again with {self.remedy}."
        ]

    def test(self) -> dict[str, float]:
        data = self.data
        count = 0 if data.test is None else min(len(data.test), len(data.train), self.tested)
        if data.test is None or count < FEWEST:
            return {}
        real, train = self.features.of(data.test, count), self.features.of(data.train, count)
        made = generated_features(self.pipeline, self.features.extractor, count, 1, self.conditions(data.test, count))
        return {
            "frechet_distance": frechet_distance(real, made),
            "frechet_distance_floor": frechet_distance(real, train),
            "kernel_distance": kernel_distance(real, made),
            "pictures": float(count),
        }

    def preview(self) -> list[Sample]:
        columns = max(8, min(len(self.classes), 16))
        count = SHOWN // columns * columns
        given = self.conditions(self.data.validation or self.data.train, count)
        made = self.pipeline.pixels(self.pipeline.noise(count, 0), given)
        return [Sample(Kind.PICTURE, made, {"png": sheet(list(made), columns)})]

    def warnings(self, steps: int) -> list[str]:
        count = len(self.data.train)
        return [f"{count} training pictures are few: expect the model to repeat them."] if count < 500 else []


def facts_of(setup: Setup) -> PictureFacts:
    """The facts about the training pictures that the model needs."""
    data: PictureSet = setup.data
    classes = data.classes if setup.options.conditional else []
    return PictureFacts(data.name, data.channels, classes, data.ranges, are_photographs(data.train))


def kept(setup: Setup, facts: PictureFacts, name: str, network: nn.Module) -> ImagesPipeline:
    """The pipeline of the network that a run saves."""
    return ImagesPipeline(setup.options, facts, {name: network}, setup.machine)


def some(pictures: PictureSplit) -> tuple[Float[Tensor, "some channels side side"], Int[Tensor, " some"]]:
    """At most WATCHED of the pictures, and their class indices."""
    picks = np.random.default_rng(0).permutation(len(pictures))[:WATCHED]
    labels = pictures.labels[picks] if pictures.labels is not None else picks
    return pictures.tensor(picks), torch.from_numpy(labels)


def try_networks(setup: Setup, facts: PictureFacts, generator: nn.Module, **judges: nn.Module) -> None:
    """Calls the custom networks once, on two latent vectors or two pictures.

    Raises:
        InputError: a network rejects its input or returns the wrong shape.
    """
    options, device = setup.options, setup.machine.device
    shape = (2, facts.channels, options.pixels, options.pixels)
    labels = (torch.zeros(2, dtype=torch.long, device=device),) if facts.classes else ()
    also = "; it also takes labels, unless conditional=False" if facts.classes else ""
    if "generator" in setup.networks:
        latents = torch.zeros(2, options.latent, device=device)
        hint = f"if its latent size differs, set latent={also}"
        try_network("generator", generator, (latents, *labels), [shape], hint)
    for name, network in judges.items():
        if name in setup.networks:
            hint = f"it must take pictures of that shape{also}"
            try_network(name, network, (torch.zeros(shape, device=device), *labels), [(2,), (2, 1)], hint)

"""Evaluates generated pictures: distances, precision and recall, usefulness and copying, beside their noise floors."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.description_source import DescriptionSource
from genlab.data.pictures.picture_set import PictureSet, PictureSplit, read_pictures
from genlab.data.pictures.pixels import to_tensor
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.metrics.pictures import copying, frechet_distance, kernel_distance, nearest, precision_recall
from genlab.show.sheets import sheet
from genlab.tasks.images.accuracy_score import accuracy_after
from genlab.tasks.images.adherence import prompt_adherence
from genlab.tasks.images.features import conditions_of, generated_features
from genlab.tasks.images.likelihood import picture_likelihood
from genlab.tasks.images.making import AlongFlow, Conditions
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.recipe import FEWEST, Batch
from genlab.tasks.shared.halves import halves
from genlab.tasks.shared.picture_features import RealFeatures, extractor
from genlab.tasks.shared.reopening import training_data

MEASURED = 10_000
"""Largest number of pictures of each kind to compare."""
NEIGHBOURS = 32
"""Largest number of generated pictures to show beside their nearest training pictures."""
SEED = 1
"""Seed of the latent vectors."""
REPEATED = 5_000
"""Largest number of a flow's pictures that a classifier learns from; new ones for every batch would take an hour."""
Draw = Callable[[int, int], Batch]
"""Maps a step and a count to that many pictures and their class indices."""


def evaluate(pipeline: ImagesPipeline, source: Source) -> Evaluation:
    """Evaluates on the run's test split, or on other pictures; nearest.png reveals copies of training pictures.

    Raises:
        InputError: the pictures cannot be read, are too few, or differ from the model's in colour channels.
    """
    options, facts = pipeline.options, pipeline.facts
    found, home = _opened(pipeline, source)
    if home and found.test is None:
        raise InputError("The run has no test split (--test 0): give pictures with --data.", "data")
    facts.check_kind(found.channels, found.name)
    held_out, reference = found.test, found.train
    if not home:
        held_out, reference = (found.train.take(half) for half in halves(found.train))
    assert held_out is not None
    count = min(len(held_out), len(reference), MEASURED)
    if count < FEWEST:
        raise InputError(f"{count} pictures are too few to measure on: give at least {FEWEST} with --data.", "data")
    features = RealFeatures(extractor(options.features, facts.name, pipeline.machine))
    real, other = features.of(held_out, count), features.of(reference, count)
    conditions = conditions_of(pipeline, held_out, count)
    made = generated_features(pipeline, features.extractor, count, SEED, conditions)
    report: dict[str, Any] = {
        "data": found.name,
        "split": "test" if home else "all",
        "pictures": count,
        "features": {"name": features.extractor.name, "sha256": features.extractor.hash},
    }
    for name, measure in (("frechet_distance", frechet_distance), ("kernel_distance", kernel_distance)):
        report[name] = {"generated": measure(real, made), "floor": measure(real, other)}
    for name, value in precision_recall(real, made).items():
        report[name] = {"generated": value}
    for name, value in precision_recall(real, other).items():
        report[name]["floor"] = value
    if adherence := prompt_adherence(pipeline, held_out, _others(found, held_out, reference)):
        report["prompt_adherence"] = adherence
    if not home:
        return Evaluation(report | {"copying": None})
    if likelihood := picture_likelihood(pipeline, held_out, found.train):
        report["bits_per_dimension"] = likelihood
    if facts.classes:
        report["classification_accuracy_score"] = _accuracy_score(pipeline, found)
    every = features.of(found.train, len(found.train))
    report["copying"] = copying(made, real, every)
    shown = _neighbours(pipeline, conditions[:NEIGHBOURS], found.train, made[:NEIGHBOURS], every)
    return Evaluation(report, {"nearest.png": shown})


def _opened(pipeline: ImagesPipeline, source: Source) -> tuple[PictureSet, bool]:
    """The pictures, with descriptions as in training where they have them, and whether they are the training data."""
    facts, options = pipeline.facts, pipeline.options
    descriptions = None
    if facts.attributes:
        names = tuple(one.name for one in facts.attributes)
        descriptions = DescriptionSource(names, False, options.unseen, facts.attributes, tuple(facts.subjects))
    elif facts.words and not facts.classes:
        descriptions = DescriptionSource(default=False)
    read = partial(read_pictures, pixels=options.pixels, label=options.label)
    if found := training_data(partial(read, descriptions=descriptions), source):
        return found, True
    assert source.data is not None, "without other data, the training data are there"
    place = (source.data, "0", "0", source.trained_on.encoding)
    try:
        return read(*place, descriptions=descriptions and replace(descriptions, unseen=0.0)), False
    except InputError as error:
        if error.field != "caption":
            raise
        return read(*place), False  # without the columns of the training data


def _others(found: PictureSet, held_out: PictureSplit, reference: PictureSplit) -> list[PictureSplit]:
    """Real pictures that are not held out, with combinations that training has not seen."""
    return [reference, *([found.unseen] if found.unseen is not None and held_out is found.test else [])]


def _accuracy_score(pipeline: ImagesPipeline, found: PictureSet) -> dict[str, float]:
    """The classification accuracy score of generated pictures, beside that of real ones."""
    train, test = found.train, found.test
    assert train.labels is not None and test is not None and test.labels is not None
    some = slice(MEASURED)
    known = (test.tensor(some), torch.from_numpy(test.labels[some]))
    labels = torch.from_numpy(train.labels)
    random = np.random.default_rng(0)

    def real(step: int, count: int) -> Batch:
        picks = random.integers(len(train), size=count)
        return train.tensor(picks), labels[picks]

    def generated(step: int, count: int) -> Batch:
        wanted: Tensor = labels[random.integers(len(labels), size=count)]  # classes as often as in the data
        with pipeline.evaluating():
            conditions = pipeline.maker.of_classes(wanted)
            made = pipeline.make(*pipeline.machine.place((pipeline.noise(count, 10_000 + step), conditions)))
        return made.float().clamp(-1, 1), wanted

    draw: Draw = generated
    if isinstance(pipeline.maker, AlongFlow):
        draw = _repeating(pipeline, labels[random.integers(len(labels), size=min(len(labels), REPEATED))])
    return {
        name: accuracy_after(source, len(train), known, len(pipeline.facts.classes), pipeline.machine)
        for name, source in (("generated", draw), ("real", real))
    }


def _repeating(pipeline: ImagesPipeline, wanted: Int[Tensor, " pictures"]) -> Draw:
    """Draws again and again from a picture of each of these classes."""
    made = pipeline.pixels(pipeline.noise(len(wanted), 10_000), pipeline.maker.of_classes(wanted))
    random = np.random.default_rng(0)

    def draw(step: int, count: int) -> Batch:
        picks = random.integers(len(wanted), size=count)
        return to_tensor(made[picks]), wanted[picks]

    return draw


def _neighbours(
    pipeline: ImagesPipeline,
    conditions: Conditions,
    train: PictureSplit,
    look: Float[Tensor, "generated features"],
    every: Float[Tensor, "training features"],
) -> bytes:
    """A sheet of the first generated pictures, with these features, each beside its nearest training picture."""
    made = pipeline.pixels(pipeline.noise(len(look), SEED), conditions)
    order = np.random.default_rng(0).permutation(len(train))  # of `every`
    _, places = nearest(look, every)
    pairs = []
    for picture, place in zip(made, places.tolist(), strict=True):
        pairs += [picture, train.array[train.rows[order[place]]]]
    return sheet(pairs, columns=8)

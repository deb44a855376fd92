"""Finds directions in latent space: what a judge reads from generated pictures, regressed on their latent vectors.

Data flow::

    real pictures with known values -> two judges, which differ in architecture and order of training
    latents -> pictures -> the first judge's log-odds -> ridge regression -> directions -> the default strengths
    other latents, moved along a direction -> pictures -> the second judge -> share of changes, and of side effects
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from genlab.data.pictures.attribute_set import AttributedSet
from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.pixels import to_tensor
from genlab.engine.machine import Machine
from genlab.engine.modes import evaluating
from genlab.engine.pipeline import Prediction
from genlab.engine.progress import say
from genlab.engine.weights import fingerprint
from genlab.errors import InputError
from genlab.metrics.latents import log_odds, slopes, unit_directions
from genlab.metrics.restyle import balanced_accuracy
from genlab.tasks.images.directions import Directions
from genlab.tasks.images.making import Conditions
from genlab.tasks.images.options import DirectionsRequest
from genlab.tasks.images.pipeline import PASS, ImagesPipeline
from genlab.tasks.shared.judges import READER, REPORTER, Judge, JudgeShape, train_judge

Pixels = UInt8[np.ndarray, "pictures height width channels"]
Reader = Callable[[Pixels], list[Float[Tensor, "pictures _values"]]]
"""Reads the log-probabilities of the values of each attribute, on the CPU."""
Values = Int[Tensor, "draws attributes"]
Classifier = Callable[[Pixels], list[Prediction]]

STRENGTHS = (1.0, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0)
"""Strengths to try for the default, in standard deviations."""
WANTED = 0.9
"""Share of pictures that the default strength changes, if any does."""
TRIED = 200
"""Number of pictures to choose strengths with."""
MEASURED = 500
"""Number of pictures to measure directions with."""
TRY_SEED, MEASURE_SEED = 30_001, 30_002
"""Added to the seed, so that strengths and measures have latent vectors of their own."""
SURE = 1e-6
"""Smallest probability that a classifier's log-odds are computed from."""


class Readers(NamedTuple):
    """Who reads what from pictures."""

    attributes: list[Attribute]
    """The attributes that get directions, then those that must not change."""
    edited: int
    """Number of those that get directions."""
    finds: Reader
    """Finds the directions."""
    measures: Reader
    """Measures them."""
    about: dict[str, Any]
    """Facts about both, for the report."""


# --- readers --------------------------------------------------------------------------------------


def readers_from_table(pipeline: ImagesPipeline, found: AttributedSet) -> Readers:
    """Trains two judges on the training pictures.

    Raises:
        InputError: the pictures differ from the model's in colour channels.
    """
    if found.channels != pipeline.facts.channels:
        kinds = {1: "grey", 3: "colour"}
        raise InputError(
            f"{found.name} has {kinds[found.channels]} pictures, the run makes {kinds[pipeline.facts.channels]} ones.",
            "data",
        )
    attributes = [*found.attributes, *found.kept]
    train = found.train
    pictures = train.pictures
    values = np.concatenate((train.values, train.kept), 1)
    counts = [len(one.values) for one in attributes]
    say("training two judges of the attributes ...")
    finder = _reader(train_judge(pictures, values, counts, len(counts), pipeline.machine, READER), pipeline.machine)
    order = np.random.default_rng(1).permutation(len(pictures))  # other batches: in effect, another seed
    shuffled = pictures.take(order)
    measurer = _reader(
        train_judge(shuffled, values[order], counts, len(counts), pipeline.machine, REPORTER),
        pipeline.machine,
    )
    held_out = found.test or found.validation
    accuracy: dict[str, float | None] = {}
    if held_out is not None:
        read = _values(measurer(held_out.pictures.array[held_out.pictures.rows])).numpy()
        known = np.concatenate((held_out.values, held_out.kept), 1)
        for place, one in enumerate(attributes):
            accuracy[one.name] = balanced_accuracy(read[:, place], known[:, place])
    about = {
        "data": found.name,
        "finder": _described(READER),
        "measured_by": _described(REPORTER),
        "accuracy_on_real": accuracy,
    }
    return Readers(attributes, len(found.attributes), finder, measurer, about)


def readers_from_classifier(classifier: Classifier, names: Sequence[str], sample: Pixels) -> Readers:
    """The classes of a classifier as one attribute; it finds the directions and measures them.

    Args:
        classifier: Predicts the classes of pictures.
        names: The name of the attribute, or none for `class`.
        sample: A picture, to learn the classes from.

    Raises:
        InputError: there are several names.
    """
    if len(names) > 1:
        raise InputError("attribute: a classifier has one attribute: give one name.", "attribute")
    classes = list(classifier(sample)[0].probabilities)

    def read(pictures: Pixels) -> list[Float[Tensor, "pictures _values"]]:
        rows = [[prediction.probabilities[name] for name in classes] for prediction in classifier(pictures)]
        return [torch.tensor(rows).float().clamp(SURE, 1 - SURE).log()]

    about = {"finder": "the classifier", "measured_by": "the classifier", "accuracy_on_real": {}}
    return Readers([Attribute((*names, "class")[0], classes)], 1, read, read, about)


def _reader(judge: Judge, machine: Machine) -> Reader:
    def read(pictures: Pixels) -> list[Float[Tensor, "pictures _values"]]:
        with evaluating(judge, machine):
            logits = judge(machine.place(to_tensor(pictures)))
        return [each.float().log_softmax(1).cpu() for each in logits]

    return read


def _described(shape: JudgeShape) -> str:
    return f"a judge of width {shape.width} and at most {shape.widest} x {shape.widest} positions"


def _values(log_probabilities: list[Float[Tensor, "pictures _values"]]) -> Int[Tensor, "pictures attributes"]:
    return torch.stack([each.argmax(1) for each in log_probabilities], 1)


def _read(
    pipeline: ImagesPipeline, read: Reader, latents: Float[Tensor, "draws latent"], conditions: Conditions
) -> list[Float[Tensor, "draws _values"]]:
    """What is read from the pictures of latent vectors."""
    parts = [
        read(pipeline.pixels(rows, given))
        for rows, given in zip(latents.split(PASS), conditions.split(PASS), strict=True)
    ]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


# --- directions -----------------------------------------------------------------------------------


def find_directions(pipeline: ImagesPipeline, readers: Readers, request: DirectionsRequest) -> Directions:
    """Finds the directions of all values, chooses their default strengths and measures them.

    Raises:
        InputError: a value has no direction that leaves the other attributes unchanged.
    """
    attributes = readers.attributes[: readers.edited]
    say(f"reading {request.draws:,} generated pictures ...")
    latents, conditions = pipeline.noise(request.draws, request.seed), pipeline.conditions(request.draws)
    seen = _read(pipeline, readers.finds, latents, conditions)
    groups = conditions if pipeline.facts.classes else None
    every = unit_directions([slopes(latents, log_odds(one), groups) for one in seen])
    for one, found in zip(attributes, every, strict=False):
        for value, vector in zip(one.values, found, strict=True):
            if not vector.any():
                raise InputError(
                    f"attribute: the latent space has no direction for {one.name} {value} that leaves the others "
                    f"unchanged: its {latents.shape[1]} numbers are too few, or the run's pictures never have it.",
                    "attribute",
                )  # fmt: skip
    vectors = {one.name: found for one, found in zip(attributes, every, strict=False)}
    say("choosing strengths and measuring ...")
    strengths = {
        one.name: [
            _strength(pipeline, readers.finds, vectors[one.name][value], place, value, request.seed)
            for value in range(len(one.values))
        ]
        for place, one in enumerate(attributes)
    }
    report = {**readers.about, "draws": request.draws, "pictures": MEASURED}
    report["directions"] = {
        one.name: {
            value: _measures(pipeline, readers, vectors[one.name][index], strengths[one.name][index], place, index,
                             request.seed)
            for index, value in enumerate(one.values)
        }
        for place, one in enumerate(attributes)
    }  # fmt: skip
    return Directions(attributes, vectors, strengths, report, fingerprint(pipeline.networks))


def _strength(
    pipeline: ImagesPipeline, read: Reader, vector: Float[Tensor, " latent"], place: int, value: int, seed: int
) -> float:
    """The smallest strength that changes `WANTED` of the pictures; if none does, the one that changes most."""
    latents, conditions = pipeline.noise(TRIED, seed + TRY_SEED), pipeline.conditions(TRIED)
    before = _values(_read(pipeline, read, latents, conditions))
    best, most = STRENGTHS[0], -1.0
    for strength in STRENGTHS:
        after = _values(_read(pipeline, read, latents + strength * vector, conditions))
        share = _flips(before, after, place, value)
        if share is None or share >= WANTED:
            return strength
        if share > most:
            best, most = strength, share
    return best


def _flips(before: Values, after: Values, place: int, value: int) -> float | None:
    """Share of the pictures without the value that have it afterwards; None if all have it."""
    without = before[:, place] != value
    return (after[without, place] == value).float().mean().item() if without.any() else None


def _others(before: Values, after: Values, place: int, value: int, names: list[str]) -> dict[str, float]:
    """Share of the pictures without the value whose other attributes read differently afterwards, by attribute.

    Returns:
        The shares; empty if all pictures have the value.
    """
    without = before[:, place] != value
    if not without.any():
        return {}
    changed = (before != after)[without].float().mean(0).tolist()
    return {name: share for other, (name, share) in enumerate(zip(names, changed, strict=True)) if other != place}


def _measures(
    pipeline: ImagesPipeline, readers: Readers, vector: Float[Tensor, " latent"], strength: float, place: int,
    value: int, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """The effects of a direction, and those of another class with the same latents where classes are the values."""
    latents, conditions = pipeline.noise(MEASURED, seed + MEASURE_SEED), pipeline.conditions(MEASURED)
    before = _values(_read(pipeline, readers.measures, latents, conditions))

    def effects(latents: Float[Tensor, "draws latent"], conditions: Conditions) -> dict[str, Any]:
        after = _values(_read(pipeline, readers.measures, latents, conditions))
        others = _others(before, after, place, value, [one.name for one in readers.attributes])
        mean = sum(others.values()) / len(others) if others else None
        return {"flips": _flips(before, after, place, value), "others_flipped": mean, "others": others}

    found = {"strength": strength, **effects(latents + strength * vector, conditions)}
    name, classes = readers.attributes[place].values[value], pipeline.facts.classes
    other = effects(latents, torch.full_like(conditions, classes.index(name))) if name in classes else None
    return {**found, "other_class": other}

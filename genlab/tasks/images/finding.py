"""Finds directions in latent space: what a judge reads from generated pictures, regressed on their latent vectors.

Data flow::

    real pictures with known values -> two judges, which differ in architecture and order of training
    latents -> pictures -> the first judge's log-odds -> ridge regression -> directions -> the default strengths
    other latents, moved along a direction -> pictures -> the second judge -> share of changes, and of side effects
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.engine.progress import say
from genlab.engine.weights import fingerprint
from genlab.errors import InputError
from genlab.metrics.latents import log_odds, slopes, unit_directions
from genlab.tasks.images.directions import Directions
from genlab.tasks.images.making import PASS, Conditions
from genlab.tasks.images.options import DirectionsRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.readers import Reader, Readers, likeliest

Values = Int[Tensor, "draws attributes"]
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


def _read(
    pipeline: ImagesPipeline, read: Reader, latents: Float[Tensor, "draws latent"], conditions: Conditions
) -> list[Float[Tensor, "draws _values"]]:
    """What is read from the pictures of latent vectors."""
    parts = [
        read(pipeline.pixels(rows, given))
        for rows, given in zip(latents.split(PASS), conditions.split(PASS), strict=True)
    ]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def _strength(
    pipeline: ImagesPipeline, read: Reader, vector: Float[Tensor, " latent"], place: int, value: int, seed: int
) -> float:
    """The smallest strength that changes `WANTED` of the pictures; if none does, the one that changes most."""
    latents, conditions = pipeline.noise(TRIED, seed + TRY_SEED), pipeline.conditions(TRIED)
    before = likeliest(_read(pipeline, read, latents, conditions))
    best, most = STRENGTHS[0], -1.0
    for strength in STRENGTHS:
        after = likeliest(_read(pipeline, read, latents + strength * vector, conditions))
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
    before = likeliest(_read(pipeline, readers.measures, latents, conditions))

    def effects(latents: Float[Tensor, "draws latent"], conditions: Conditions) -> dict[str, Any]:
        after = likeliest(_read(pipeline, readers.measures, latents, conditions))
        others = _others(before, after, place, value, [one.name for one in readers.attributes])
        mean = sum(others.values()) / len(others) if others else None
        return {"flips": _flips(before, after, place, value), "others_flipped": mean, "others": others}

    found = {"strength": strength, **effects(latents + strength * vector, conditions)}
    name, classes = readers.attributes[place].values[value], pipeline.facts.classes
    is_class = place == readers.classes and name in classes
    other = effects(latents, torch.full_like(conditions, classes.index(name))) if is_class else None
    return {**found, "other_class": other}

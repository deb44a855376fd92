"""Finds directions in latent space: what a judge reads from generated pictures, regressed on their latent vectors.

Data flow::

    real pictures with known values -> two judges, which differ in architecture and order of training
    latents -> pictures -> the first judge's log-odds -> ridge regression -> directions -> the default strengths
    other latents, moved along a direction -> pictures -> the second judge -> share of changes, and of side effects
"""

from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.attributes import Attribute
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


class Draws(NamedTuple):
    """Latent vectors, and what a judge reads from their pictures before any change."""

    pipeline: ImagesPipeline
    read: Reader
    latents: Float[Tensor, "draws latent"]
    conditions: Conditions
    before: Values

    @classmethod
    def of(cls, pipeline: ImagesPipeline, read: Reader, count: int, seed: int) -> "Draws":
        latents, conditions = pipeline.noise(count, seed), pipeline.conditions(count)
        return cls(pipeline, read, latents, conditions, likeliest(_read(pipeline, read, latents, conditions)))

    def after(self, change: Float[Tensor, " latent"]) -> Values:
        """What the judge reads when `change` is added to every latent vector."""
        return likeliest(_read(self.pipeline, self.read, self.latents + change, self.conditions))

    def under(self, label: int) -> Values:
        """What the judge reads from the same latent vectors under another class."""
        return likeliest(_read(self.pipeline, self.read, self.latents, torch.full_like(self.conditions, label)))


def find_directions(pipeline: ImagesPipeline, readers: Readers, request: DirectionsRequest) -> Directions:
    """Finds the directions of all values, chooses their default strengths and measures them.

    Values without a direction that leaves the other attributes unchanged are left out; the report's notes name them.

    Raises:
        InputError: no value has such a direction.
    """
    attributes = readers.attributes[: readers.edited]
    say(f"reading {request.draws:,} generated pictures ...")
    latents, conditions = pipeline.noise(request.draws, request.seed), pipeline.conditions(request.draws)
    seen = _read(pipeline, readers.finds, latents, conditions)
    groups = conditions if pipeline.facts.classes else None
    every = unit_directions([slopes(latents, log_odds(one), groups) for one in seen])[: readers.edited]
    lacking = [
        f"the latent space has no direction for {one.name} {value} that leaves the others unchanged: its "
        f"{latents.shape[1]} numbers are too few, or the run's pictures never have it."
        for one, found in zip(attributes, every, strict=True)
        for value, vector in zip(one.values, found, strict=True)
        if not vector.any()
    ]
    if not any(found.any() for found in every):
        raise InputError(f"attribute: {lacking[0]}", "attribute")
    say("choosing strengths and measuring ...")
    tried = Draws.of(pipeline, readers.finds, TRIED, request.seed + TRY_SEED)
    measured = Draws.of(pipeline, readers.measures, MEASURED, request.seed + MEASURE_SEED)
    kept, vectors, strengths, measures = [], {}, {}, {}
    for place, (one, found) in enumerate(zip(attributes, every, strict=True)):
        values = [value for value, vector in enumerate(found) if vector.any()]
        if values:
            kept.append(Attribute(one.name, [one.values[value] for value in values]))
            vectors[one.name] = found[values]
            strengths[one.name] = [_strength(tried, found[value], place, value) for value in values]
            measures[one.name] = {
                one.values[value]: _measures(measured, readers, found[value], strength, place, value)
                for value, strength in zip(values, strengths[one.name], strict=True)
            }
    report = {**readers.about, "draws": request.draws, "pictures": MEASURED, "directions": measures, "notes": lacking}
    return Directions(kept, vectors, strengths, report, fingerprint(pipeline.networks))


def _read(
    pipeline: ImagesPipeline, read: Reader, latents: Float[Tensor, "draws latent"], conditions: Conditions
) -> list[Float[Tensor, "draws _values"]]:
    """What is read from the pictures of latent vectors."""
    parts = [
        read(pipeline.pixels(rows, given))
        for rows, given in zip(latents.split(PASS), conditions.split(PASS), strict=True)
    ]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def _strength(tried: Draws, vector: Float[Tensor, " latent"], place: int, value: int) -> float:
    """The smallest strength that changes `WANTED` of the pictures; if none does, the one that changes most."""
    best, most = STRENGTHS[0], -1.0
    for strength in STRENGTHS:
        share = _flips(tried.before, tried.after(strength * vector), place, value)
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
    draws: Draws, readers: Readers, vector: Float[Tensor, " latent"], strength: float, place: int, value: int
) -> dict[str, Any]:
    """The effects of a direction, and those of another class with the same latents where classes are the values."""

    def effects(after: Values) -> dict[str, Any]:
        others = _others(draws.before, after, place, value, [one.name for one in readers.attributes])
        mean = sum(others.values()) / len(others) if others else None
        return {"flips": _flips(draws.before, after, place, value), "others_flipped": mean, "others": others}

    found = {"strength": strength, **effects(draws.after(strength * vector))}
    name, classes = readers.attributes[place].values[value], draws.pipeline.facts.classes
    is_class = place == readers.classes and name in classes
    return {**found, "other_class": effects(draws.under(classes.index(name))) if is_class else None}

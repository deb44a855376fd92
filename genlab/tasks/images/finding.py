"""Finds directions in latent space: what a judge reads from generated pictures, predicted from their latent vectors.

Data flow::

    real pictures with known values -> two judges, which differ in architecture and order of training
    latents -> pictures -> what the first judge reads -> logistic regression -> directions
    other latents, moved along directions, as far as the first judge chooses for each -> pictures
    -> the second judge -> share of changes, and of side effects

A classifier in place of the judges finds and measures; it is not kept, so that edits have one margin for each value.
"""

from functools import partial
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.attributes import Attribute
from genlab.engine.progress import say
from genlab.engine.weights import fingerprint
from genlab.errors import InputError
from genlab.metrics.latents import LatentClassifier, fit_classifiers
from genlab.tasks.images.directions import MARGINS, Directions, Finder, likeliest
from genlab.tasks.images.making import Conditions, per_pass
from genlab.tasks.images.options import DirectionsRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.readers import Reader, Readers

Values = Int[Tensor, "draws attributes"]
WANTED = 0.9
"""Share of pictures that the margin of a value changes, if any does."""
TRIED = 200
"""Number of pictures to choose margins with."""
MEASURED = 500
"""Number of pictures to measure directions with."""
TRY_SEED, MEASURE_SEED = 30_001, 30_002
"""Added to the seed, so that margins and measures have latent vectors of their own."""


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

    def after(self, steps: Float[Tensor, "draws latent"]) -> Values:
        """What the judge reads when the latent vectors have made these steps."""
        return likeliest(_read(self.pipeline, self.read, self.latents + steps, self.conditions))

    def under(self, label: int) -> Values:
        """What the judge reads from the same latent vectors under another class."""
        return likeliest(_read(self.pipeline, self.read, self.latents, torch.full_like(self.conditions, label)))


def find_directions(pipeline: ImagesPipeline, readers: Readers, request: DirectionsRequest) -> Directions:
    """Finds the directions of all values and measures edits along them.

    Values without a direction that leaves the other attributes unchanged are left out; the report's notes name them.

    Raises:
        InputError: no value has such a direction.
    """
    attributes = readers.attributes[: readers.edited]
    say(f"reading {request.draws:,} generated pictures ...")
    latents, conditions = pipeline.noise(request.draws, request.seed), pipeline.conditions(request.draws)
    seen = _read(pipeline, readers.finds, latents, conditions)
    groups = conditions if pipeline.facts.classes else None
    every = fit_classifiers(latents, seen, groups)[: readers.edited]
    lacking = [
        f"the latent space has no direction for {one.name} {value} that leaves the others unchanged: its "
        f"{latents.shape[1]} numbers are too few, or the run's pictures never have it."
        for one, found in zip(attributes, every, strict=True)
        for value, vector in zip(one.values, found.free, strict=True)
        if not vector.any()
    ]
    if not any(found.free.any() for found in every):
        raise InputError(f"attribute: {lacking[0]}", "attribute")
    say("measuring ...")
    finder = None
    if readers.judge is not None:
        finder = Finder(readers.judge, readers.attributes, pipeline.facts.channels, pipeline.options.pixels)
    tried = None if finder else Draws.of(pipeline, readers.finds, TRIED, request.seed + TRY_SEED)
    measured = Draws.of(pipeline, readers.measures, MEASURED, request.seed + MEASURE_SEED)
    kept, classifiers, margins, measures = [], {}, {}, {}
    for place, (one, found) in enumerate(zip(attributes, every, strict=True)):
        values = [value for value, vector in enumerate(found.free) if vector.any()]
        if values:
            order = [*values, *(value for value in range(len(one.values)) if value not in values)]
            kept.append(Attribute(one.name, [one.values[value] for value in values]))
            classifiers[one.name] = LatentClassifier(found.weight[order], found.bias[order], found.free[order])
            if tried is not None:
                margins[one.name] = [_margin(tried, found, place, value) for value in values]
                steps = [
                    found.step(measured.latents, value, margin)
                    for value, margin in zip(values, margins[one.name], strict=True)
                ]
            else:
                assert finder is not None, "without draws to try margins with, a judge chooses them"
                read = partial(_read, pipeline, readers.finds, conditions=measured.conditions)
                steps = [
                    finder.step(found, measured.latents, value, (one.name, one.values[value]), read) for value in values
                ]
            measures[one.name] = {
                one.values[value]: _measures(measured, readers, step, place, value)
                for value, step in zip(values, steps, strict=True)
            }
    report = {
        **readers.about,
        "agreement": _agreement(measured, readers),
        "draws": request.draws,
        "pictures": MEASURED,
        "directions": measures,
        "notes": lacking,
    }
    return Directions(kept, classifiers, margins, report, fingerprint(pipeline.networks), finder)


def _read(
    pipeline: ImagesPipeline, read: Reader, latents: Float[Tensor, "draws latent"], conditions: Conditions
) -> list[Float[Tensor, "draws _values"]]:
    """What is read from the pictures of latent vectors."""
    some = per_pass(pipeline.options.pixels)
    parts = [
        read(pipeline.pixels(rows, given))
        for rows, given in zip(latents.split(some), conditions.split(some), strict=True)
    ]
    return [torch.cat(each) for each in zip(*parts, strict=True)]


def _agreement(measured: Draws, readers: Readers) -> dict[str, float]:
    """Share of the unchanged pictures in which both judges read the same value, by attribute."""
    found = likeliest(_read(measured.pipeline, readers.finds, measured.latents, measured.conditions))
    shares = (found == measured.before).float().mean(0).tolist()
    return {one.name: share for one, share in zip(readers.attributes, shares, strict=True)}


def _margin(tried: Draws, found: LatentClassifier, place: int, value: int) -> float:
    """The smallest margin that changes `WANTED` of the pictures; if none does, the one that changes most."""
    best, most = MARGINS[0], -1.0
    for margin in MARGINS:
        share = _flips(tried.before, tried.after(found.step(tried.latents, value, margin)), place, value)
        if share is None or share >= WANTED:
            return margin
        if share > most:
            best, most = margin, share
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
    draws: Draws, readers: Readers, steps: Float[Tensor, "draws latent"], place: int, value: int
) -> dict[str, Any]:
    """The mean length and the effects of an edit, and the effects of another class where classes are the values."""

    def effects(after: Values) -> dict[str, Any]:
        others = _others(draws.before, after, place, value, [one.name for one in readers.attributes])
        mean = sum(others.values()) / len(others) if others else None
        return {"flips": _flips(draws.before, after, place, value), "others_flipped": mean, "others": others}

    without = draws.before[:, place] != value
    moved = steps[without].norm(dim=1).mean().item() if without.any() else None
    about = {"moved": moved, **effects(draws.after(steps))}
    name, classes = readers.attributes[place].values[value], draws.pipeline.facts.classes
    is_class = place == readers.classes and name in classes
    return {**about, "other_class": effects(draws.under(classes.index(name))) if is_class else None}

"""Evaluates generated points: every metric beside its noise floor, real points against real points."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from genlab.data.points.point_set import Modes, read_points
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.metrics.points import copying, energy_distance, modes_found, nearest_neighbour_accuracy, stray_share
from genlab.tasks.points.pipeline import PointsPipeline
from genlab.tasks.shared.reopening import reopened

MEASURED = 2500
"""Largest number of points of each kind to compare."""
COUNTED = 10_000
"""Number of generated points for counting modes."""
DRAWS = 3
"""Number of samples over which `evaluate` averages a metric and its floor."""


def evaluate(pipeline: PointsPipeline, source: Source) -> Evaluation:
    """Evaluates on the run's test split, or on all of other data.

    Raises:
        InputError: the data cannot be read, or the run has no test split.
    """
    points, home = reopened(read_points, source)
    if home:
        if points.test is None:
            raise InputError("The run has no test split (--test 0): give points with --data.", "data")
        reference, held_out = pipeline.standardise(points.train), pipeline.standardise(points.test)
    else:  # other points: one half is compared with the generated points, the other half gives the floor
        rows = pipeline.standardise(points.train)
        reference, held_out = some_of(rows, len(rows), 0).chunk(2)

    measured = some_of(held_out, min(MEASURED, len(reference)), 0)
    unit = pipeline.scale.deviation.item()
    mine = [compare(pipeline.sample(len(measured), seed), measured, unit) for seed in range(DRAWS)]
    real = [compare(some_of(reference, len(measured), seed), measured, unit) for seed in range(DRAWS)]
    report: dict[str, Any] = {"data": points.name, "split": "test" if home else "all", "points": len(measured)}
    for name in mine[0]:
        report[name] = {
            "generated": sum(measures[name] for measures in mine) / DRAWS,
            "floor": sum(measures[name] for measures in real) / DRAWS,
        }
    apart, distance = report["told_apart"], report["distance"]
    report["verdict"] = (
        f"A nearest-neighbour test separates generated from real points in {apart['generated']:.0%} of cases "
        f"(real from real: {apart['floor']:.0%}); generated points are {distance['generated'] / distance['floor']:.1f} "
        "times as far from real ones as real ones are from each other."
    )
    report |= count_modes(pipeline, points.modes)
    report["copying"] = None
    if home:
        check = copying(pipeline.sample(len(held_out), 0), held_out, reference)
        report["copying"] = check | {name: check[name] * unit for name in ("generated", "held_out")}
    return Evaluation(report)


def compare(points: Float[Tensor, "points 2"], held_out: Float[Tensor, "points 2"], unit: float) -> dict[str, float]:
    """Compares standardised points with the same number of held-out points.

    `told_apart` detects modes that are too wide or too narrow, `strays` points between modes, and `distance` (in the
    data's unit; a standardised unit is `unit` of those) modes with too many or too few points. `gap`, which selects
    the weights, is the sum of `told_apart` above chance, `strays`, and `distance` in standardised units.
    """
    measures = (nearest_neighbour_accuracy, stray_share, energy_distance)
    apart, stray, distance = (measure(points, held_out) for measure in measures)
    return {
        "gap": apart - 0.5 + stray + distance,
        "told_apart": apart,
        "strays": stray,
        "distance": distance * unit,
    }


def count_modes(pipeline: PointsPipeline, modes: Modes | None) -> dict[str, float | int]:
    """The number of modes found, and the share of points at a mode; empty if the modes are unknown."""
    if modes is None:
        return {}
    made = pipeline.scale(pipeline.sample(COUNTED, 0))
    found = modes_found(made, torch.from_numpy(modes.centres).double(), modes.deviation)
    return {"modes_found": found["found"], "good_share": found["good"]}


def some_of(points: Float[Tensor, "points 2"], count: int, seed: int) -> Float[Tensor, "some 2"]:
    """At most `count` points, sampled without replacement; the same seed gives the same sample."""
    random = torch.Generator().manual_seed(seed)
    return points[torch.randperm(len(points), generator=random)[:count]]

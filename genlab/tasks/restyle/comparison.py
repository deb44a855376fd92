"""Compares the pictures of a model with those of the baselines, by a judge's readings, pixels and features."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.attributes import Attribute
from genlab.metrics.pictures import kernel_distance
from genlab.metrics.restyle import EXACT, VISIBLE, balanced_accuracy, flip_rate, flip_rate_by_pair, kept, pixel_errors
from genlab.tasks.restyle.changes import Changes, Pixels

RELIABLE = 0.97
"""Balanced accuracy on real pictures below which a judge's flip rate is marked unreliable."""
NOTE = (
    "random_real, a random real picture of the new value, wins any kernel or Fréchet distance, but keeps nothing of "
    "the input."
)


def compared_values(
    readings: Mapping[str, Int[np.ndarray, "changes columns"]], changes: Changes, columns: list[Attribute]
) -> dict[str, Any]:
    """The judge's balanced accuracy, the flip rate and the share of other values kept.

    Args:
        readings: The values that the judge reads, by name of the output.
        changes: The changes.
        columns: Every column of the table.
    """
    accuracy = accuracies(readings["unchanged"], changes.recorded, columns)
    rows = np.arange(len(changes))
    flips: dict[str, Any] = {
        name: flip_rate(values[rows, changes.changed], changes.wanted) for name, values in readings.items()
    }
    flips["by_pair"] = {
        attribute.name: flip_rate_by_pair(
            readings["model"][some, index], changes.present[some], changes.wanted[some], attribute.values
        )
        for index, attribute in enumerate(changes.attributes)
        if (some := changes.changed == index).any()
    }
    unreliable = [one.name for one in changes.attributes if (accuracy[one.name] or 0) < RELIABLE]
    flips["reliable"] = not unreliable
    others = {}
    for index, column in enumerate(columns):
        some = changes.changed != index
        if some.any():
            recorded, before = changes.recorded[some, index], readings["unchanged"][some, index]
            others[column.name] = {
                name: kept(before, values[some, index], recorded) for name, values in readings.items()
            }
    notes = [NOTE]
    notes += [f"The flip rate of {name} is unreliable: the judge's balanced accuracy on real pictures is "
              f"{accuracy[name]:.1%}." for name in unreliable]  # fmt: skip
    return {"judge": {"accuracy": accuracy}, "flip_rate": flips, "kept": others, "notes": notes}


def accuracies(
    read: Int[np.ndarray, "changes columns"], recorded: Int[np.ndarray, "changes columns"], columns: list[Attribute]
) -> dict[str, float | None]:
    """The balanced accuracy of what is read on real pictures, by column; None where no value is known."""
    return {
        column.name: balanced_accuracy(*values) for column, *values in zip(columns, read.T, recorded.T, strict=True)
    }


def compared_pixels(outputs: Mapping[str, Pixels], changes: Changes, truth: Pixels) -> dict[str, Any]:
    """Pixel errors where the truth is known: visible ones (above 8/255), and under `above_2` those above 2/255."""
    visible, exact = (
        {name: pixel_errors(changes.pictures, made, truth, threshold) for name, made in outputs.items()}
        for threshold in (VISIBLE, EXACT)
    )
    return {
        key: {
            **{name: errors[key] for name, errors in visible.items()},
            f"above_{EXACT}": {name: errors[key] for name, errors in exact.items()},
        }
        for key in visible["model"]
    }


def kernel_distances(features: Mapping[str, Float[Tensor, "changes features"]], changes: Changes) -> dict[str, Any]:
    """Kernel distance of the pictures with a new value to real ones that have it, by attribute and value."""
    once = np.zeros(len(changes), bool)
    once[np.unique(changes.names, return_index=True)[1]] = True
    distances: dict[str, Any] = {}
    for index, attribute in enumerate(changes.attributes):
        distances[attribute.name] = {}
        for value, name in enumerate(attribute.values):
            real = np.flatnonzero(once & (changes.recorded[:, index] == value))
            made = np.flatnonzero((changes.changed == index) & (changes.wanted == value))
            if min(len(real), len(made)) > 1:
                distances[attribute.name][name] = {
                    output: kernel_distance(features["unchanged"][real], each[made])
                    for output, each in features.items()
                }
    return distances

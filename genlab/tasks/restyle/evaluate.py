"""Evaluates changed pictures by a judge that took no part in training, beside three baselines.

The baselines: the input unchanged; `swap`, a plain colour swap for drawings, or for photographs the difference of the
values' mean pictures; `random_real`, a random real picture of the new value, held out like the input.
"""

from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.pictures.dividing import ROUGH, rough
from genlab.data.pictures.pixels import to_bytes, to_tensor
from genlab.data.shared.sample_sets import truth_of
from genlab.engine.machine import Machine
from genlab.engine.pipeline import Evaluation, Source
from genlab.errors import InputError
from genlab.metrics.restyle import VISIBLE, differing
from genlab.show.sheets import sheet
from genlab.tasks.restyle.changes import Changes, Pixels, changes_of, random_real, swapped, true_pictures
from genlab.tasks.restyle.comparison import accuracies, compared_pixels, compared_values, kernel_distances
from genlab.tasks.restyle.pipeline import PICTURES_PER_PASS, RestylePipeline
from genlab.tasks.shared.halves import halves
from genlab.tasks.shared.judges import Judge, judged, most_likely, train_judge
from genlab.tasks.shared.picture_features import extractor
from genlab.tasks.shared.reopening import reopened

FEWEST = 5
"""Smallest number of pictures to measure on."""
JUDGE_PICTURES = 50_000
"""Largest number of pictures that the judge is trained on."""
SHOWN_CHANGES = 8
"""Number of changes of each kind on the sheet."""


def evaluate(pipeline: RestylePipeline, source: Source) -> Evaluation:
    """Evaluates on the run's test split, or on half of other pictures: the judge learns from the other half.

    Raises:
        InputError: the pictures cannot be read, are too few, or differ from the model's in colour channels.
    """
    machine = pipeline.machine
    found, held_out, studied = _opened(pipeline, source)
    look = extractor("efficientnet", found.name, machine)  # first, as its package may be missing
    columns = [*found.attributes, *found.kept]
    judge = judge_of(found, studied, machine)

    changes = changes_of(held_out, found.attributes)
    made, cycle_error = _made(pipeline, changes)
    baseline, method = swapped(changes, studied)
    outputs = {"model": made, "unchanged": changes.pictures, "swap": baseline}
    outputs["random_real"], lacking = random_real(changes, held_out, studied)
    chances = {name: judged(judge, each, machine) for name, each in outputs.items()}

    report: dict[str, Any] = {
        "data": found.name, "split": "test" if held_out is found.test else "half", "pictures": len(set(changes.names)),
        "changes": len(changes), "swap": method,
    }  # fmt: skip
    readings = {name: most_likely(each) for name, each in chances.items()}
    report |= compared_values(readings, changes, columns)
    report["notes"] += lacking
    report["reader"] = {"accuracy": accuracies(_read(pipeline, changes), changes.source, found.attributes)}
    if held_out is not found.test:  # those on the run's own data were said when it was trained
        report["notes"] += found.notes
        if _is_place_of_training(source):
            report["notes"].append(
                f"{found.name} has changed since the run was trained on it: the pictures that both have make the "
                "figures optimistic."
            )
        if len(held_out) < ROUGH:
            report["notes"].append(rough("held-out", len(held_out)))
    elsewhere = differing(made, changes.pictures, VISIBLE)
    truth = truth_of(held_out.name) if _plain(pipeline.options.attribute) else None
    if truth:
        true = true_pictures(changes, truth)
        report |= compared_pixels(outputs, changes, true)
        elsewhere &= ~differing(true, changes.pictures)
    report["cycle_error"] = cycle_error
    features = {name: look.features(len(each), partial(_part, each)) for name, each in outputs.items()}
    report["kernel_distance"] = kernel_distances(features, changes)

    certainty = np.array([chances["model"][a][row, value] for row, a, value in changes.each()])
    return Evaluation(report, {"best_and_worst.png": _sheet(changes, made, certainty, elsewhere.mean((1, 2)))})


def studied_of(split: AttributedSplit) -> AttributedSplit:
    """At most `JUDGE_PICTURES` random pictures of a split, always the same, for the judge to learn from."""
    return split.take(np.random.default_rng(0).permutation(len(split))[:JUDGE_PICTURES])


def judge_of(found: AttributedSet, studied: AttributedSplit, machine: Machine) -> Judge:
    """Trains the judge of every column of `found` on pictures of it, `studied`."""
    values = np.concatenate((studied.values, studied.kept), 1)
    counts = [len(one.values) for one in [*found.attributes, *found.kept]]
    return train_judge(studied.pictures, values, counts, len(found.attributes), machine)


def _opened(pipeline: RestylePipeline, source: Source) -> tuple[AttributedSet, AttributedSplit, AttributedSplit]:
    """The data, the pictures to change, and those that the judge learns from."""
    options, facts = pipeline.options, pipeline.facts
    read = partial(read_attributed, pixels=facts.pixels, attributes=options.attribute, known=facts.attributes,
                   ranges=facts.ranges or None)  # fmt: skip
    found, home = reopened(read, source)
    if home and found.test is None:
        raise InputError("The run has no test split (--test 0): give pictures with --data.", "data")
    if found.channels != facts.channels:
        kinds = {1: "grey", 3: "colour"}
        raise InputError(
            f"{found.name} has {kinds[found.channels]} pictures, the run changes {kinds[facts.channels]} ones.", "data"
        )
    if home:
        held_out, known = found.test, found.train
    else:
        held_out, known = (found.train.take(half) for half in halves(found.train.pictures))
    studied = studied_of(known)
    assert held_out is not None
    if min(len(held_out), len(studied)) < FEWEST:
        count, least = (len(held_out), FEWEST) if home else (len(found.train), 2 * FEWEST)
        raise InputError(f"{count} pictures are too few to measure on: give at least {least} with --data.", "data")
    for attribute, values in zip(found.attributes, studied.values.T, strict=True):
        if missing := set(range(len(attribute.values))) - set(values.tolist()):
            raise InputError(
                f"{found.name} has too few pictures with {attribute.name} {attribute.values[min(missing)]} to measure "
                "on: give more with --data.", "data",
            )  # fmt: skip
    return found, held_out, studied


def _is_place_of_training(source: Source) -> bool:
    """Whether the data to evaluate on are where the training data were."""
    given, trained = source.data or "", source.trained_on.data
    return given == trained or (Path(given).exists() and Path(trained).exists() and Path(given).samefile(trained))


def _made(pipeline: RestylePipeline, changes: Changes) -> tuple[Pixels, float]:
    """The model's pictures, and its cycle error: the mean difference, out of 255, after changing them back."""
    sources, targets = (torch.from_numpy(values) for values in (changes.source, changes.target))
    parts, error = [], 0.0
    with pipeline.evaluating():
        for first in range(0, len(changes), PICTURES_PER_PASS):
            part = slice(first, first + PICTURES_PER_PASS)
            given = to_tensor(changes.pictures[part]), sources[part], targets[part]
            before, source, target = pipeline.machine.place(given)
            parts.append(to_bytes(pipeline.restyle(before, source, target)))
            after = pipeline.machine.place(to_tensor(parts[-1]))
            back = to_bytes(pipeline.restyle(after, target, source))
            error += float(np.abs(back.astype(np.int16) - changes.pictures[part]).mean()) * len(back)
    return np.concatenate(parts), error / len(changes)


def _read(pipeline: RestylePipeline, changes: Changes) -> Int[np.ndarray, "changes attributes"]:
    """The present values that the reader reads; `generate` relies on them, the evaluation on the recorded ones."""
    chances = judged(pipeline.reader, changes.pictures, pipeline.machine)
    return most_likely(chances[: len(changes.attributes)])


def _plain(attributes: tuple[str, ...]) -> bool:
    """Whether the attributes are those of the data: neither looks nor composed of columns."""
    return bool(attributes) and not any("=" in item for item in attributes)


def _part(pictures: Pixels, part: slice) -> Float[Tensor, "some channels side side"]:
    return to_tensor(pictures[part])


def _sheet(changes: Changes, made: Pixels, certainty: np.ndarray, elsewhere: np.ndarray) -> bytes:
    """Before, after and difference of the best changes, the least recognised, and those that change most elsewhere.

    Args:
        changes: The changes.
        made: The model's pictures.
        certainty: The judge's probability of the new value. The best changes have at least 0.5, and change least
            elsewhere.
        elsewhere: Share of pixels that change visibly; where the truth is known, of those that should stay.
    """
    best = np.lexsort((elsewhere, certainty < 0.5))[:SHOWN_CHANGES]
    unrecognised = certainty.argsort(kind="stable")[:SHOWN_CHANGES]
    largest = (-elsewhere).argsort(kind="stable")[:SHOWN_CHANGES]
    panels = []
    for row in (*best, *unrecognised, *largest):
        before, after = changes.pictures[row], made[row]
        panels += [before, after, np.abs(after.astype(np.int16) - before).astype(np.uint8)]
    return sheet(panels, 3 * SHOWN_CHANGES // 2, 3)

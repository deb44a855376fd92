"""Who reads the attributes of generated pictures: two judges trained on a table, or a classifier."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit
from genlab.data.pictures.attributes import Attribute
from genlab.data.shared.names import simple
from genlab.engine.machine import Machine
from genlab.engine.pipeline import Prediction
from genlab.engine.progress import say
from genlab.errors import InputError
from genlab.metrics.restyle import balanced_accuracy
from genlab.tasks.images.adherence import STUDIED
from genlab.tasks.images.directions import likeliest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.shared.judges import READER, REPORTER, Judge, JudgeShape, log_probabilities, train_judge

Pixels = UInt8[np.ndarray, "pictures height width channels"]
Reader = Callable[[Pixels], list[Float[Tensor, "pictures _values"]]]
"""Reads the log-probabilities of the values of each attribute, on the CPU."""
Classifier = Callable[[Pixels], list[Prediction]]
NOISE = 0.1
"""Deviation of the noise that judges are trained with. Without it, two judges that read all real pictures correctly may
draw the line between two hair colours anywhere between them, and disagree on the colours that a model makes.
"""
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
    classes: int | None = None
    """Index of the attribute whose values are the model's classes; None if there is none."""
    judge: Judge | None = None
    """The judge that finds the directions; None if a classifier does."""


def readers_from_table(pipeline: ImagesPipeline, found: AttributedSet) -> Readers:
    """Trains two judges on the training pictures, at most `STUDIED` of them.

    Raises:
        InputError: the pictures differ from the model's in colour channels.
    """
    pipeline.facts.check_kind(found.channels, found.name)
    attributes = [*found.attributes, *found.kept]
    train = found.train
    if len(train) > STUDIED:
        train = train.take(np.sort(np.random.default_rng(0).permutation(len(train))[:STUDIED]))
    pictures = train.pictures
    values = np.concatenate((train.values, train.kept), 1)
    counts = [len(one.values) for one in attributes]
    say("training two judges of the attributes ...")
    machine = pipeline.machine
    finder = train_judge(pictures, values, counts, len(counts), machine, READER, NOISE)
    order = np.random.default_rng(1).permutation(len(pictures))  # other batches: in effect, another seed
    judge = train_judge(pictures.take(order), values[order], counts, len(counts), machine, REPORTER, NOISE)
    measurer = partial(_read, judge, machine)
    held_out = found.test or found.validation
    accuracy: dict[str, float | None] = {}
    if held_out is not None:
        read = likeliest(measurer(held_out.pictures.array[held_out.pictures.rows])).numpy()
        known = np.concatenate((held_out.values, held_out.kept), 1)
        for place, one in enumerate(attributes):
            accuracy[one.name] = balanced_accuracy(read[:, place], known[:, place])
    about = {
        "data": found.name,
        "finder": _described(READER),
        "measured_by": _described(REPORTER),
        "accuracy_on_real": accuracy,
    }
    own = [place for place, one in enumerate(found.attributes) if _are_classes(pipeline, one, train, place)]
    finds, classes = partial(_read, finder, machine), own[0] if own else None
    return Readers(attributes, len(found.attributes), finds, measurer, about, classes, finder)


def _are_classes(pipeline: ImagesPipeline, attribute: Attribute, train: AttributedSplit, place: int) -> bool:
    """Whether the values of the attribute in column `place` are the model's classes, not others of the same names.

    Without --label, the classes are folders: every picture must then lie in the folder of its value.
    """
    if pipeline.options.label is not None:
        return _is_label(pipeline, attribute.name)
    if attribute.values != pipeline.facts.classes:
        return False
    values = [attribute.values[value] for value in train.values[:, place]]
    return all(value in file.split("/")[:-1] for value, file in zip(values, train.pictures.names, strict=True))


def _is_label(pipeline: ImagesPipeline, name: str) -> bool:
    """Whether the model's classes come from the column `name`, which may differ in case and spaces."""
    label = pipeline.options.label
    return label is not None and bool(pipeline.facts.classes) and simple(label) == simple(name)


def readers_from_classifier(
    pipeline: ImagesPipeline, classifier: Classifier, names: Sequence[str], sample: Pixels
) -> Readers:
    """The classes of a classifier as one attribute; it finds the directions and measures them.

    Args:
        pipeline: The model that makes the pictures.
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
    attribute = Attribute((*names, "class")[0], classes)
    label = pipeline.options.label
    own = classes == pipeline.facts.classes if label is None else _is_label(pipeline, attribute.name)
    return Readers([attribute], 1, read, read, about, 0 if own else None)


def _read(judge: Judge, machine: Machine, pictures: Pixels) -> list[Float[Tensor, "pictures _values"]]:
    return log_probabilities(judge, pictures, machine)


def _described(shape: JudgeShape) -> str:
    return f"a judge of width {shape.width} and at most {shape.widest} x {shape.widest} positions"

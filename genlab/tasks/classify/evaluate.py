"""Evaluates a classifier: metrics beside their baselines, and pictures of its mistakes."""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.engine.pipeline import Evaluation, Source
from genlab.engine.samples import Sample
from genlab.metrics.classify import classification, confusion, fit_temperature
from genlab.models.classifier import class_logits, probabilities
from genlab.show.confusion import confusion_picture
from genlab.show.sheets import picture_sample
from genlab.tasks.classify.importance import importance
from genlab.tasks.classify.inputs import RowInputs
from genlab.tasks.classify.pipeline import ClassifyPipeline

WORST = 48
"""Number of mistakes on the sheet."""
NAMED = 5
"""Number of mistakes that the report lists."""


class Mistake(NamedTuple):
    """A wrong prediction."""

    place: int
    """Index of the example."""
    true: str
    predicted: str
    share: float
    """Probability of the wrong class."""


@dataclass(frozen=True)
class Judged:
    """A classifier's logits for labelled examples."""

    logits: Float[Tensor, "examples outputs"]
    labels: Int[Tensor, " examples"]
    classes: list[str]

    def temperature(self, calibrated: float) -> float:
        """The temperature that calibrates the probabilities on these examples, given the prior that it is 1."""
        return fit_temperature(self.logits, self.labels, calibrated)

    def probabilities(self, temperature: float) -> Float[Tensor, "examples classes"]:
        return probabilities(self.logits / temperature)

    def measures(self, temperature: float) -> dict[str, float]:
        """All metrics by name; the log-loss comes first and selects the best weights."""
        found = classification(self.probabilities(temperature), self.labels)
        return {name: found[name] for name in ("log_loss", "accuracy", "macro_f1", "calibration_error")}

    def report(self, temperature: float, common: int) -> dict[str, Any]:
        """Reports all metrics, each beside its baseline.

        Args:
            temperature: Temperature of the run.
            common: Index of the most frequent class of the training examples.
        """
        found = self.measures(temperature)
        raw = self.measures(1.0)
        matrix = self.confusion()
        accuracy = found["accuracy"]
        # Agresti and Coull 1998: with two hits and two misses more, the error is not 0 for a perfect score.
        share = (accuracy * len(self.labels) + 2) / (len(self.labels) + 4)
        error = math.sqrt(share * (1 - share) / (len(self.labels) + 4))
        baseline = (self.labels == common).double().mean().item()
        each = {
            name: {"examples": int(row.sum()), "right": int(row[number])}
            for number, (name, row) in enumerate(zip(self.classes, matrix, strict=True))
        }
        return {
            "accuracy": accuracy,
            "standard_error": error,
            "baseline_accuracy": baseline,
            "macro_f1": found["macro_f1"],
            "log_loss": found["log_loss"],
            "log_loss_before_temperature": raw["log_loss"],
            "calibration_error": found["calibration_error"],
            "calibration_error_before_temperature": raw["calibration_error"],
            "temperature": temperature,
            "classes": each,
            "verdict": (
                f"{accuracy:.1%} of {len(self.labels):,} predictions are correct (± {2 * error:.1%}); always "
                f"predicting {self.classes[common]} scores {baseline:.1%}. Confidence differs from accuracy by "
                f"{found['calibration_error']:.1%} on average."
            ),
        }

    def confusion(self) -> Int[np.ndarray, "classes classes"]:
        """Counts by true (row) and predicted (column) class."""
        return confusion(class_logits(self.logits).argmax(1), self.labels, len(self.classes)).numpy()

    def mistakes(self) -> list[Mistake]:
        """Wrong predictions, the most confident first."""
        shares, taken = self.probabilities(1.0).max(1)
        wrong = torch.nonzero(taken != self.labels).squeeze(1)
        return [
            Mistake(place, self.classes[int(self.labels[place])], self.classes[int(taken[place])], float(shares[place]))
            for place in wrong[shares[wrong].argsort(descending=True, stable=True)].tolist()
        ]

    def named(self, names: list[str], count: int) -> dict[str, str]:
        """The `count` most confident mistakes in words, by the example's name."""
        return {names[one.place]: f"{one.true}, taken for {one.predicted}" for one in self.mistakes()[:count]}


def judge(pipeline: ClassifyPipeline, split: Any) -> Judged:
    """Runs the classifier on a labelled split."""
    logits = pipeline.logits(pipeline.inputs.batches(split))
    return Judged(logits, torch.from_numpy(split.labels), pipeline.classes)


def pictures_of(pipeline: ClassifyPipeline, judged: Judged, split: Any) -> dict[str, Sample]:
    """The confusion matrix and, for pictures with mistakes, a sheet of the worst mistakes."""
    found = {"confusion": picture_sample(confusion_picture(judged.confusion(), judged.classes))}
    captions = {one.place: f"{one.true} as {one.predicted}" for one in judged.mistakes()[:WORST]}
    if mistakes := pipeline.inputs.captioned_sheet(split, captions):
        found["mistakes"] = mistakes
    return found


def evaluate(pipeline: ClassifyPipeline, source: Source) -> Evaluation:
    """Evaluates on the run's test split, or on all of other data.

    Raises:
        InputError: the data cannot be read or have no labels, or the run has no test split.
    """
    split, about = pipeline.inputs.measured(source, pipeline.options, pipeline.classes)
    judged = judge(pipeline, split)
    report = judged.report(pipeline.temperature.value.item(), pipeline.common)
    pictures: dict[str, bytes | None] = {"mistakes.png": None}
    for name, sample in pictures_of(pipeline, judged, split).items():
        pictures[f"{name}.png"] = sample.files["png"]
    report["worst_mistakes"] = judged.named(split.names, NAMED)
    if isinstance(pipeline.inputs, RowInputs):
        report["importance"] = importance(pipeline, pipeline.inputs, split)
    return Evaluation({**about, **report}, pictures)

"""What the classifiers share: which examples an update sees, measures, and pictures of what went wrong."""

import io
import math
import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image, ImageDraw
from torch import Tensor, nn

from genlab.data.pictures.picture_set import PictureSet
from genlab.data.tables.table_set import TableSet
from genlab.engine.files import make_folder, write_atomically
from genlab.engine.pipeline import Prediction
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.metrics.classify import classification, confusion, fit_temperature
from genlab.models.classifier import class_logits, probabilities

IMBALANCE = 3.0
"""How many times as many examples the largest class may have as the smallest before they are drawn unevenly."""
NAMED = 30
"""Most classes whose names and counts a confusion picture shows."""

CELL = 64
"""Least side of a picture on a sheet, in pixels, and ..."""
CAPTION = 14
"""... the height of its caption."""

Data = TypeVar("Data", PictureSet, TableSet)


# --- networks -------------------------------------------------------------------------------------


def outputs(classes: list[str]) -> int:
    """Logits of a network for so many classes: two share one."""
    return 1 if len(classes) == 2 else len(classes)


def adamw(network: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW for the network's weights; norms and biases are not pulled towards zero."""
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    groups = [
        {"params": [weight for weight in trained if weight.ndim > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in trained if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.99), fused=True)


# --- what an update sees --------------------------------------------------------------------------


@dataclass(frozen=True)
class Draw:
    """How often each class is drawn in training, beside its share of the data."""

    labels: Int[np.ndarray, " examples"]
    """Of each training example."""
    chances: Float[np.ndarray, " examples"] | None
    """Of each example to be drawn; None where all are seen equally often."""
    shift: Float[Tensor, " classes"]
    """Log of how many times as often as in the data a class is drawn."""

    def picks(self, step: int, batch: int, seed: int, rank: int, processes: int) -> Int[np.ndarray, " batch"]:
        """Which examples a process sees in an update: a function of these numbers alone.

        Without `chances` the training goes through all examples, in a new order each time, before one comes again.
        """
        if self.chances is not None:
            return np.random.default_rng((seed, step, rank)).choice(len(self.labels), batch, p=self.chances)
        first = (step * processes + rank) * batch
        rounds, places = np.divmod(np.arange(first, first + batch), len(self.labels))
        picks = np.empty(batch, np.int64)
        for one in np.unique(rounds).tolist():
            picks[rounds == one] = order(seed, one, len(self.labels))[places[rounds == one]]
        return picks


@lru_cache(maxsize=2)
def order(seed: int, one: int, count: int) -> Int[np.ndarray, " count"]:
    """In which order a round goes through all examples."""
    return np.random.default_rng((seed, one)).permutation(count)


def draw(labels: Int[np.ndarray, " examples"], classes: int) -> Draw:
    """Where one class has `IMBALANCE` times the examples of another, those are drawn with chances in proportion to the
    square roots of their shares: the small ones are seen often enough to be learnt, without being worn out.
    """
    share = np.bincount(labels, minlength=classes) / len(labels)
    if share.max() < IMBALANCE * share.min():
        return Draw(labels, None, torch.zeros(classes))
    drawn = np.sqrt(share) / np.sqrt(share).sum()
    chances = (drawn / share)[labels]
    shift = torch.from_numpy(np.log(drawn / share)).float()
    return Draw(labels, chances / chances.sum(), shift)


def check_classes(labels: Int[np.ndarray, " examples"], whole: dict[str, int], what: str) -> list[str]:
    """Whether there is something to tell apart; gives notes.

    Args:
        labels: Of the training examples, as numbers of the classes in `whole`.
        whole: Examples of each class in all of the data.
        what: What an example is called: picture, row.

    Raises:
        InputError: there are fewer than two classes, or one with a single example or none to train on.
    """
    if len(whole) < 2:
        raise InputError(
            f"All {what}s are of one class, {next(iter(whole))}: give at least two classes to tell apart.", "data"
        )
    for name, count in whole.items():
        if count < 2:
            raise InputError(
                f"The class {name} has one {what} only: give it more, or take it out; a class needs at least two.",
                "data",
            )
    counts = np.bincount(labels, minlength=len(whole))
    for name, count in zip(whole, counts.tolist(), strict=True):
        if not count:
            raise InputError(
                f"No {what} of the class {name} is left to train on: give it more, or hold out less "
                "(--validation, --test).", "data",
            )  # fmt: skip
    least, most = int(counts.argmin()), int(counts.argmax())
    names = list(whole)
    if counts[most] < IMBALANCE * counts[least]:
        return []
    return [
        f"the classes are out of balance ({counts[least]:,} of {names[least]}, {counts[most]:,} of {names[most]}): "
        "small ones are drawn more often in training; probabilities keep the data's shares."
    ]


# --- measures -------------------------------------------------------------------------------------


class Mistake(NamedTuple):
    """An example taken for another class than it is."""

    place: int
    """Among those judged."""
    true: str
    taken: str
    share: float
    """Probability that was given to the wrong class."""


@dataclass(frozen=True)
class Judged:
    """A classifier's logits for examples whose classes are known."""

    logits: Float[Tensor, "examples outputs"]
    labels: Int[Tensor, " examples"]
    classes: list[str]

    def temperature(self) -> float:
        """What makes these logits' probabilities believable."""
        return fit_temperature(self.logits, self.labels)

    def probabilities(self, temperature: float) -> Float[Tensor, "examples classes"]:
        return probabilities(self.logits / temperature)

    def measures(self, temperature: float) -> dict[str, float]:
        """log_loss first: it picks the best weights."""
        found = classification(self.probabilities(temperature), self.labels)
        return {name: found[name] for name in ("log_loss", "accuracy", "macro_f1", "calibration_error")}

    def report(self, temperature: float, common: int) -> dict[str, Any]:
        """All measures, each beside what it must be read against.

        Args:
            temperature: Of the run.
            common: The most frequent class of the training examples.
        """
        found = self.measures(temperature)
        raw = self.measures(1.0)
        matrix = self.confusion()
        accuracy = found["accuracy"]
        error = math.sqrt(max(accuracy * (1 - accuracy), 0.0) / len(self.labels))
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
                f"{accuracy:.1%} of {len(self.labels):,} are right (give or take {2 * error:.1%}); always saying "
                f"{self.classes[common]} is right in {baseline:.1%}. Stated confidence misses accuracy by "
                f"{found['calibration_error']:.1%} on average."
            ),
        }

    def confusion(self) -> Int[np.ndarray, "classes classes"]:
        """Counts by true (row) and predicted (column) class."""
        return confusion(class_logits(self.logits).argmax(1), self.labels, len(self.classes)).numpy()

    def mistakes(self) -> list[Mistake]:
        """The surest wrong ones first."""
        shares, taken = self.probabilities(1.0).max(1)
        wrong = torch.nonzero(taken != self.labels).squeeze(1)
        return [
            Mistake(place, self.classes[int(self.labels[place])], self.classes[int(taken[place])], float(shares[place]))
            for place in wrong[shares[wrong].argsort(descending=True, stable=True)].tolist()
        ]

    def told(self, names: list[str], count: int) -> dict[str, str]:
        """The `count` worst mistakes in words, by the example's name."""
        return {names[one.place]: f"{one.true}, taken for {one.taken}" for one in self.mistakes()[:count]}


def predictions(names: list[str], chances: Float[Tensor, "examples classes"], classes: list[str]) -> list[Prediction]:
    """Each example's likeliest class and the probabilities of all."""
    return [
        Prediction(name, classes[int(np.argmax(row))], dict(zip(classes, row, strict=True)))
        for name, row in zip(names, chances.double().tolist(), strict=True)
    ]


def as_paths(data: Any) -> list[str] | None:
    """The paths that `data` names; None where it is no path and no list of paths."""
    if isinstance(data, (str, os.PathLike)):
        return [os.fspath(data)]
    if isinstance(data, (list, tuple)) and data and all(isinstance(one, (str, os.PathLike)) for one in data):
        return [os.fspath(one) for one in data]
    return None


# --- pictures -------------------------------------------------------------------------------------


def confusion_picture(matrix: Int[np.ndarray, "classes classes"], classes: list[str]) -> bytes:
    """A PNG of who is taken for whom: shares of each true class as shades, with counts where they can be read."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    count = len(classes)
    shares = matrix / np.maximum(matrix.sum(1, keepdims=True), 1)
    side = min(12.0, 2.5 + 0.45 * min(count, NAMED))
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.add_subplot()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(xlabel="predicted", ylabel="true", title=f"{matrix.trace():,} of {matrix.sum():,} right")
    if count <= NAMED:
        names = [name if len(name) <= 16 else f"{name[:15]}…" for name in classes]
        axes.set_xticks(range(count), names, rotation=90 if max(map(len, names)) > 2 else 0)
        axes.set_yticks(range(count), names)
        for true, predicted in zip(*np.nonzero(matrix), strict=True):
            shade = "white" if shares[true, predicted] > 0.5 else "black"
            axes.text(predicted, true, str(matrix[true, predicted]), ha="center", va="center", color=shade, size=8)
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image)
    return image.getvalue()


def captioned(picture: UInt8[np.ndarray, "height width channels"], text: str) -> UInt8[np.ndarray, "taller wider 3"]:
    """The picture, enlarged where it is small, over a line of text."""
    scale = max(1, CELL // picture.shape[0])
    large = np.broadcast_to(picture, (*picture.shape[:2], 3)).repeat(scale, 0).repeat(scale, 1)
    strip = Image.new("RGB", (large.shape[1], CAPTION), "white")
    ImageDraw.Draw(strip).text((2, 1), text, "black")
    return np.concatenate((large, np.asarray(strip)))


def write_evaluation(pictures: list[Sample], samples: Path) -> None:
    """confusion.png and, if there are mistakes to show, mistakes.png."""
    make_folder(samples)
    (samples / "mistakes.png").unlink(missing_ok=True)
    for name, sample in zip(("confusion", "mistakes"), pictures, strict=False):
        write_atomically(samples / f"{name}.png", sample.files["png"])

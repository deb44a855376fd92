"""Training a CNN to tell the classes of pictures.

Read it with `models/cnn.py` (the network), `layers/augment.py` (how pictures are moved in training) and
`recipes/classify.py` (what classifiers share).
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from genlab.data.pictures.arrays import open_pictures
from genlab.data.pictures.picture_set import PictureSet, PictureSplit, read_pictures
from genlab.data.pictures.pixels import picture_rows, to_tensor
from genlab.engine.files import read_json, write_json
from genlab.engine.pipeline import Prediction, Predicts
from genlab.engine.progress import say
from genlab.engine.recipe import DataFacts, Metrics, Recipe
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.layers.augment import Warp, warped
from genlab.layers.average import Average
from genlab.models.classifier import Temperature, classification_loss, probabilities
from genlab.models.cnn import CNN
from genlab.show.sheets import sheet
from genlab.tasks.classify.options import CNNOptions
from genlab.tasks.classify.recipe import (
    Judged,
    adamw,
    as_paths,
    captioned,
    check_classes,
    confusion_picture,
    draw,
    outputs,
    predictions,
    write_evaluation,
)
from genlab.tasks.shared.custom_networks import try_part
from genlab.tasks.shared.reopening import reopened, write_left_out

WARPS = {"move": Warp(), "mirror": Warp(flip=True), "none": None}
WIDTHS = (16, 24, 32, 48, 64)
USUAL_WIDTH = 32
READINGS = 30
"""Times that a training should see every picture before it takes a wider network."""
REACHED = 0.35
"""Share of the speed of large matrix products that convolutions of this size reach."""
ROWS = 250
"""Pictures that go through the network at once when it is not trained."""
WORST = 48
"""Mistakes on the sheet, and ..."""
TOLD = 5
"""... how many of them are told in words."""
SHOWN = 500
"""Validation pictures that a preview in training looks at."""


class CNNRecipe(Recipe, Predicts):
    """A classifier of the user's pictures."""

    task = "classify"
    name = "cnn"
    replaceable = ("classifier",)
    config: CNNOptions
    pictures: PictureSet | None = None
    folder: Path | None = None

    # --- data ---

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        pictures = self.pictures = read_pictures(data, validation, test, self.config.pixels, self.config.label)
        self.classes, self.channels = pictures.classes, pictures.channels
        labels = _labels(pictures.train, data, "data")
        everywhere = [labels]
        for part, place, held_out in (("validation", validation, pictures.validation), ("test", test, pictures.test)):
            if held_out is not None:
                everywhere.append(_labels(held_out, place, part))
        counts = np.bincount(np.concatenate(everywhere), minlength=len(self.classes)).tolist()
        notes = check_classes(labels, dict(zip(self.classes, counts, strict=True)), "picture")
        self.draw = draw(labels, len(self.classes))
        self.common = int(np.bincount(labels).argmax())
        return DataFacts(pictures.name, pictures.fingerprint, pictures.counts(), [*pictures.notes, *notes])

    def batch(self, step: int) -> tuple[Float[Tensor, "batch channels height width"], Int[Tensor, " batch"]]:
        assert self.pictures is not None
        machine = self.machine
        picks = self.draw.picks(step, self.config.batch, self.seed, machine.rank, machine.processes)
        return self.pictures.train.tensor(picks), torch.from_numpy(self.draw.labels[picks])

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        """The widest network with which the time is enough to see every picture `READINGS` times."""
        width = self.config.width or USUAL_WIDTH
        if self.config.width is None and seconds is not None and speed is not None:
            width = WIDTHS[0]
            for wider in WIDTHS[1:]:
                operations = 3 * self._operations(wider)  # backwards costs twice what forwards does
                if READINGS * operations * len(self.draw.labels) < REACHED * speed * seconds:
                    width = wider
        self.config = replace(self.config, width=width)

    def _operations(self, width: int) -> int:
        """Of the network for a picture."""
        side = self.config.pixels
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            self._network(width).eval()(torch.zeros(1, self.channels, side, side))
        return counter.get_total_flops()

    def _network(self, width: int) -> CNN:
        config = self.config
        return CNN(self.channels, len(self.classes), config.pixels, width, config.depth, config.dropout)

    # --- networks and optimisers ---

    def build(self) -> None:
        config = self.config
        assert config.width is not None
        classifier = self.parts.get("classifier") or self._network(config.width)
        self.classifier = classifier.to(self.machine.device)
        if "classifier" in self.parts:
            pictures = torch.zeros(2, self.channels, config.pixels, config.pixels, device=self.machine.device)
            try_part("classifier", classifier, (pictures,), [(2, outputs(self.classes))], "make it do so")
        self.average = Average(classifier, config.average).to(self.machine.device)
        self.temperature = Temperature().to(self.machine.device)
        self.networks = {"classifier": classifier, "average": self.average, "temperature": self.temperature}
        if self.pictures is not None:
            self.shift = self.draw.shift.to(self.machine.device)

    def build_optimizers(self) -> None:
        config = self.config
        self.optimizers = {"classifier": [adamw(self.classifier, config.learning_rate, config.weight_decay)]}

    # --- the method ---

    def step(self, batch: tuple[Float[Tensor, "batch channels height width"], Int[Tensor, " batch"]]) -> Metrics:
        pictures, labels = batch
        warp = WARPS[self.config.augment]
        if warp is not None:
            pictures = warped(pictures, warp)
        logits = self.classifier(pictures)
        loss = classification_loss(logits, labels, self.shift)
        self.update(self.classifier, loss)
        self.average.update(self.classifier)
        return {"loss": loss}

    @property
    def validates(self) -> bool:
        return self.pictures is not None and self.pictures.validation is not None

    def validate(self) -> dict[str, float]:
        """Fits the temperature as well: it is kept with the weights that it belongs to."""
        assert self.pictures is not None and self.pictures.validation is not None
        judged = self._judge(self.pictures.validation)
        temperature = judged.temperature()
        self.temperature.value.fill_(temperature)
        return judged.measures(temperature)

    def test(self) -> dict[str, float]:
        if self.pictures is None or self.pictures.test is None:
            return {}
        return self._judge(self.pictures.test).measures(self.temperature.value.item())

    def _judge(self, pictures: PictureSplit) -> Judged:
        assert pictures.labels is not None
        return Judged(self._logits(pictures.array, pictures.rows), torch.from_numpy(pictures.labels), self.classes)

    @torch.no_grad()
    def _logits(
        self, array: UInt8[np.ndarray, "all height width channels"], rows: Int[np.ndarray, " some"]
    ) -> Float[Tensor, "some outputs"]:
        """Of the pictures at `rows`, on the CPU."""
        network, device = self.average.network.eval(), self.machine.device
        parts = [rows[start : start + ROWS] for start in range(0, len(rows), ROWS)]
        return torch.cat([network(to_tensor(array[part]).to(device)).float().cpu() for part in parts])

    @torch.no_grad()
    def features(self, pictures: Float[Tensor, "some channels height width"]) -> Float[Tensor, "some features"]:
        """What the trained network knows of pictures in [-1, 1] before it decides; measures of pictures compare it."""
        network: Any = self.average.network.eval()
        parts = pictures.split(ROWS)
        return torch.cat([network.features(part.to(self.machine.device)).float().cpu() for part in parts])

    def warnings(self, steps: int) -> list[str]:
        readings = steps * self.config.batch * self.machine.processes / len(self.draw.labels)
        if readings < 3:
            return [f"the training sees each picture {readings:.1f} times: give it more time."]
        return []

    # --- a finished run ---

    def saved(self) -> dict[str, nn.Module]:
        return {"classifier": self.average.network, "temperature": self.temperature}

    def save_files(self, folder: Path) -> None:
        assert self.pictures is not None
        self.folder = folder
        write_json(folder / "labels.json", {"classes": self.classes, "channels": self.channels, "common": self.common})
        write_left_out(folder, self.pictures.left_out)

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        labels = read_json(folder / "labels.json")
        self.classes, self.channels, self.common = labels["classes"], labels["channels"], labels["common"]
        assert isinstance(self.classes, list) and len(self.classes) > 1, "labels.json has no classes"

    def predict(self, data: Any) -> list[Prediction]:
        """Of each picture the likeliest class and the probabilities of all.

        Args:
            data: A path, a list of paths (pictures, folders, zips), or pictures as an array or tensor: bytes
                (pictures, height, width, channels), or numbers in [-1, 1]; other sizes are brought to the run's.

        Raises:
            InputError: something is no picture.
        """
        paths = as_paths(data)
        if paths is None:
            array = picture_rows(data, self.config.pixels, self.channels)
            names = [str(number) for number in range(len(array))]
        else:
            names, array, left_out, notes = open_pictures(paths, self.config.pixels, self.channels)
            for note in notes:
                say(f"Note: {note}")
            for file, why in left_out.items():
                say(f"Note: {file} was left out: {why}")
        logits = self._logits(array, np.arange(len(array)))
        return predictions(names, probabilities(logits / self.temperature.value.item()), self.classes)

    def preview(self) -> list[Sample]:
        """Confusions and worst mistakes among some of the validation pictures."""
        if self.pictures is None or self.pictures.validation is None:
            return []
        held_out = self.pictures.validation
        some = held_out.take(np.unique(np.linspace(0, len(held_out) - 1, SHOWN).astype(int)))
        return self._pictures(self._judge(some), some)

    def _pictures(self, judged: Judged, pictures: PictureSplit) -> list[Sample]:
        matrix = judged.confusion()
        found = [Sample(matrix, {"png": confusion_picture(matrix, self.classes)})]
        if worst := judged.mistakes()[:WORST]:
            rows = [pictures.rows[one.place] for one in worst]
            cells = [
                captioned(pictures.array[row], f"{one.true} as {one.taken}")
                for row, one in zip(rows, worst, strict=True)
            ]
            found.append(Sample(cells, {"png": sheet(cells)}))
        return found

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        config = self.config

        def read(data: str, validation: str, test: str) -> PictureSet:
            return read_pictures(data, validation, test, config.pixels, config.label)

        pictures, home = reopened(read, data, trained_on, fingerprint)
        if home:
            if pictures.test is None:
                raise InputError("The run kept no test data (--test 0): give pictures with --data.", "data")
            measured = pictures.test
        else:
            assert data is not None
            pictures = read_pictures(data, "0", "0", config.pixels, config.label, self.channels, self.classes)
            measured = pictures.train
            _labels(measured, data, "data")
        judged = self._judge(measured)
        split = {"data": pictures.name, "split": "test" if home else "all", "pictures": len(measured)}
        if self.folder is not None:
            with suppress(InputError):  # a folder that may only be read
                write_evaluation(self._pictures(judged, measured), self.folder / "samples")
        report = judged.report(self.temperature.value.item(), self.common)
        return {**split, **report, "worst_mistakes": judged.told(measured.names, TOLD)}


def _labels(pictures: PictureSplit, data: str, option: str) -> Int[np.ndarray, " pictures"]:
    if pictures.labels is None:
        raise InputError(
            f"The pictures of {data} have no classes: put those of each class into a folder of its name, or name a "
            "column of attributes.csv with --label.", option,
        )  # fmt: skip
    return pictures.labels

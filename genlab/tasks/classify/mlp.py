"""Training a perceptron to tell the classes of table rows.

Read it with `models/classifier.py` (the network and its loss), `data/columns.py` (how cells become numbers) and
`recipes/classify.py` (what classifiers share).
"""

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.tables.columns import Encoder
from genlab.data.tables.files import read_table, table_of
from genlab.data.tables.table_set import Examples, TableSet, read_examples, read_table_set
from genlab.engine.files import read_json, write_json
from genlab.engine.pipeline import Prediction, Predicts
from genlab.engine.recipe import DataFacts, Metrics, Recipe
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.layers.average import Average
from genlab.models.classifier import RowClassifier, Temperature, classification_loss, probabilities
from genlab.tasks.classify.options import MLPOptions
from genlab.tasks.classify.recipe import (
    Judged,
    adamw,
    as_paths,
    check_classes,
    confusion_picture,
    draw,
    outputs,
    predictions,
    write_evaluation,
)
from genlab.tasks.shared.custom_networks import try_part
from genlab.tasks.shared.reopening import reopened

SIZES = {1000: (32, 0.5, 3.0, 64), 4000: (128, 0.3, 1.0, 64), 10**12: (256, 0.2, 0.3, 256)}
"""Width, dropout, weight decay and batch up to so many training rows."""
ROWS = 16_384
"""Rows that go through the network at once when it is not trained."""
TOLD = 5
"""Mistakes that an evaluation tells."""


class MLPRecipe(Recipe, Predicts):
    """A classifier of the user's rows."""

    task = "classify"
    name = "mlp"
    replaceable = ("classifier",)
    config: MLPOptions
    table: TableSet | None = None
    folder: Path | None = None

    # --- data ---

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        table = self.table = read_table_set(data, validation, test, self.config.label)
        self.encoder = table.encoder
        labels, classes = table.train.labels, table.encoder.classes
        splits = [part.labels for part in (table.train, table.validation, table.test) if part is not None]
        counts = np.bincount(np.concatenate(splits), minlength=len(classes)).tolist()
        notes = check_classes(labels, dict(zip(classes, counts, strict=True)), "row")
        self.draw = draw(labels, len(classes))
        self.common = int(np.bincount(labels).argmax())
        return DataFacts(table.name, table.fingerprint, table.counts(), [*table.notes, *notes])

    def batch(self, step: int) -> tuple[Float[Tensor, "batch features"], Int[Tensor, " batch"]]:
        assert self.table is not None and self.config.batch is not None
        machine = self.machine
        picks = self.draw.picks(step, self.config.batch, self.seed, machine.rank, machine.processes)
        return torch.from_numpy(self.table.train.rows[picks]), torch.from_numpy(self.draw.labels[picks])

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        """By the number of rows, for every time the same: a longer one makes more steps."""
        fitted: Any = next(size for most, size in SIZES.items() if len(self.draw.labels) < most)
        for name, value in zip(("width", "dropout", "weight_decay", "batch"), fitted, strict=True):
            if getattr(self.config, name) is None:
                self.config = replace(self.config, **{name: value})

    # --- network and optimiser ---

    def build(self) -> None:
        config = self.config
        assert config.width is not None and config.dropout is not None and config.weight_decay is not None
        classes = len(self.encoder.classes)
        classifier = self.parts.get("classifier") or RowClassifier(
            self.encoder.features, classes, config.width, config.depth, config.dropout
        )
        self.classifier = classifier.to(self.machine.device)
        if "classifier" in self.parts:
            rows = torch.zeros(2, self.encoder.features, device=self.machine.device)
            try_part("classifier", classifier, (rows,), [(2, outputs(self.encoder.classes))], "make it do so")
        self.average = Average(classifier, config.average).to(self.machine.device)
        self.temperature = Temperature().to(self.machine.device)
        self.networks = {"classifier": classifier, "average": self.average, "temperature": self.temperature}
        if self.table is not None:
            self.shift = self.draw.shift.to(self.machine.device)

    def build_optimizers(self) -> None:
        config = self.config
        assert config.weight_decay is not None
        self.optimizers = {"classifier": [adamw(self.classifier, config.learning_rate, config.weight_decay)]}

    # --- the method ---

    def step(self, batch: tuple[Float[Tensor, "batch features"], Int[Tensor, " batch"]]) -> Metrics:
        rows, labels = batch
        loss = classification_loss(self.classifier(rows), labels, self.shift)
        self.update(self.classifier, loss)
        self.average.update(self.classifier)
        return {"loss": loss}

    @property
    def validates(self) -> bool:
        return self.table is not None and self.table.validation is not None

    def validate(self) -> dict[str, float]:
        """Fits the temperature as well: it is kept with the weights that it belongs to."""
        assert self.table is not None and self.table.validation is not None
        judged = self._judge(self.table.validation)
        temperature = judged.temperature()
        self.temperature.value.fill_(temperature)
        return judged.measures(temperature)

    def test(self) -> dict[str, float]:
        if self.table is None or self.table.test is None:
            return {}
        return self._judge(self.table.test).measures(self.temperature.value.item())

    def _judge(self, examples: Examples) -> Judged:
        return Judged(self._logits(examples.rows), torch.from_numpy(examples.labels), self.encoder.classes)

    @torch.no_grad()
    def _logits(self, rows: np.ndarray) -> Float[Tensor, "rows outputs"]:
        """On the CPU."""
        network, device = self.average.network.eval(), self.machine.device
        return torch.cat([network(part.to(device)).float().cpu() for part in torch.from_numpy(rows).split(ROWS)])

    # --- a finished run ---

    def saved(self) -> dict[str, nn.Module]:
        return {"classifier": self.average.network, "temperature": self.temperature}

    def save_files(self, folder: Path) -> None:
        self.folder = folder
        write_json(folder / "table.json", {**self.encoder.to_json(), "common": self.common})

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        saved = read_json(folder / "table.json")
        self.encoder, self.common = Encoder.from_json(saved), saved["common"]

    def predict(self, data: Any) -> list[Prediction]:
        """Of each row the likeliest class and the probabilities of all.

        Args:
            data: A path or a list of paths of CSV files that have the run's columns, in any order; or rows: dicts by
                column, a data frame, or an array with the run's columns in their order.

        Raises:
            InputError: a column is missing, or a cell is no number where it should be.
        """
        paths = as_paths(data)
        if paths is None:
            table = table_of(data, self.encoder.names)
            names, rows = [str(number) for number in table.lines], self.encoder.encode(table, "data")
        else:
            tables = [read_table(path, "files") for path in paths]
            names = [f"{path}:{line}" for path, table in zip(paths, tables, strict=True) for line in table.lines]
            rows = np.concatenate([self.encoder.encode(table, path) for path, table in zip(paths, tables, strict=True)])
        logits = self._logits(rows) / self.temperature.value.item()
        return predictions(names, probabilities(logits), self.encoder.classes)

    def preview(self) -> list[Sample]:
        """Confusions among the validation rows."""
        if self.table is None or self.table.validation is None:
            return []
        return self._pictures(self._judge(self.table.validation))

    def _pictures(self, judged: Judged) -> list[Sample]:
        matrix = judged.confusion()
        return [Sample(matrix, {"png": confusion_picture(matrix, self.encoder.classes)})]

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        def read(data: str, validation: str, test: str) -> TableSet:
            return read_table_set(data, validation, test, self.encoder.label)

        table, home = reopened(read, data, trained_on, fingerprint)
        measured = table.test if home else read_examples(data or "", self.encoder)
        if measured is None:
            raise InputError("The run kept no test data (--test 0): give a table with --data.", "data")
        judged = self._judge(measured)
        split = {"data": table.name, "split": "test" if home else "all", "rows": len(measured)}
        if self.folder is not None:
            with suppress(InputError):  # a folder that may only be read
                write_evaluation(self._pictures(judged), self.folder / "samples")
        report = judged.report(self.temperature.value.item(), self.common)
        return {**split, **report, "worst_mistakes": judged.told(measured.names, TOLD)}

"""Training a perceptron to classify table rows.

Read it with `models/classifier.py` (the network and its loss) and `data/tables/columns.py` (how cells become numbers);
`recipe.py` has what all classifiers share: batches, calibration, validation.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.tables.columns import CategoryColumn
from genlab.data.tables.table_set import TableSet, read_table_set
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup, Speed
from genlab.engine.samples import Kind, Sample
from genlab.models.classifier import RowClassifier, RowClassifierShape
from genlab.tasks.classify.inputs import RowInputs
from genlab.tasks.classify.options import MLPOptions
from genlab.tasks.classify.recipe import ClassifyRecipe
from genlab.tasks.classify.sampling import check_classes

SIZES: dict[int, dict[str, Any]] = {
    1000: {"width": 32, "dropout": 0.5, "weight_decay": 3.0, "batch": 64},
    4000: {"width": 128, "dropout": 0.3, "weight_decay": 1.0, "batch": 64},
    10**12: {"width": 256, "dropout": 0.2, "weight_decay": 0.3, "batch": 256},
}
"""Default options for tables with fewer training rows than the key."""


def build_network(options: MLPOptions, shape: RowClassifierShape, networks: Networks) -> nn.Module:
    """Builds the classifier."""
    width, dropout = options.width, options.dropout
    assert width is not None and dropout is not None, "resolved options have a width and a dropout"
    build = lambda shape: RowClassifier(shape.features, shape.classes, width, options.depth, dropout)
    return networks.build("classifier", shape, build)


class MLPRecipe(ClassifyRecipe):
    """Trains a classifier of table rows."""

    data: TableSet

    def __init__(self, setup: Setup) -> None:
        encoder = setup.data.encoder
        inputs = RowInputs(encoder, setup.options.encoding)
        classifier = build_network(setup.options, inputs.shape(len(encoder.classes)), setup.networks)
        super().__init__(setup, classifier, inputs, encoder.classes)

    # --- data ---

    @classmethod
    def read(cls, options: MLPOptions, place: Place, start: Pipeline | None) -> tuple[TableSet, DataFacts]:
        table = read_table_set(*place, options.label, options.types, options.encoding)
        classes = table.encoder.classes
        labels = [split.labels for split in (table.train, table.validation, table.test) if split is not None]
        counts = np.bincount(np.concatenate(labels), minlength=len(classes)).tolist()
        notes = check_classes(labels[0], dict(zip(classes, counts, strict=True)), "row")
        return table, DataFacts(table.name, table.fingerprint, table.counts(), [*table.notes, *notes])

    @classmethod
    def examples(cls, data: TableSet) -> list[Sample]:
        """Describes how each column is read."""
        lines = []
        columns = {column.name: column for column in data.encoder.columns}
        for name, kind in data.types.items():
            column = columns.get(name)
            values = (
                f": {', '.join(value or '(missing)' for value in column.values[:8])}"
                if isinstance(column, CategoryColumn)
                else ""
            )
            lines.append(f"{name}: {kind if column else f'left out ({kind})'}{values}")
        lines.append(f"{data.encoder.label}: the label, one of {', '.join(data.encoder.classes[:8])}")
        text = "\n".join(lines)
        return [Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")})]

    @classmethod
    def resolve(cls, options: MLPOptions, data: TableSet, speed: Speed, start: Pipeline | None) -> MLPOptions:
        """Fits the size to the number of rows, whatever the budget: a longer one only takes more steps."""
        fitted = next(size for most, size in SIZES.items() if len(data.train) < most)
        return replace(options, **{name: size for name, size in fitted.items() if getattr(options, name) is None})

    def batch(self, step: int) -> tuple[Float[Tensor, "batch features"], Int[Tensor, " batch"]]:
        picks = self.picks(step)
        return torch.from_numpy(self.data.train.rows[picks]), torch.from_numpy(self.draw.labels[picks])

    # --- the method ---

    def step(self, batch: tuple[Float[Tensor, "batch features"], Int[Tensor, " batch"]], progress: float) -> Metrics:
        rows, labels = batch
        loss = self.loss(self.classifier(rows), labels, self.shift)
        self.update(self.classifier, loss)
        self.average.update(self.classifier)
        return {"loss": loss}

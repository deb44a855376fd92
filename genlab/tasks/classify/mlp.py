"""Training an ensemble of perceptrons to classify table rows.

Read it with `models/row_ensemble.py` (the network), `additive_start.py` (the regression that it corrects) and
`data/tables/columns.py` (how cells become numbers); `recipe.py` has what all classifiers share: batches, calibration,
validation.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.shared.delimited import carried
from genlab.data.tables.bins import bin_edges
from genlab.data.tables.columns import CategoryColumn
from genlab.data.tables.table_set import TableSet, read_table_set
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup, Speed
from genlab.engine.samples import Kind, Sample
from genlab.models.classifier import RowClassifier, RowClassifierShape
from genlab.models.row_ensemble import RowEnsemble, per_member
from genlab.tasks.classify.additive_start import fit_additive_part
from genlab.tasks.classify.inputs import RowInputs
from genlab.tasks.classify.options import MLPOptions
from genlab.tasks.classify.recipe import ClassifyRecipe
from genlab.tasks.classify.sampling import check_classes

SIZES: dict[int, dict[str, Any]] = {
    1_000: {"members": 8, "bins": 16, "dropout": 0.5, "weight_decay": 10.0, "batch": 64},
    5_000: {"members": 8, "bins": 16, "dropout": 0.5, "weight_decay": 3.0, "batch": 256},
    20_000: {"members": 8, "bins": 32, "dropout": 0.1, "weight_decay": 1.0, "batch": 256},
    10**12: {"members": 8, "bins": 128, "dropout": 0.3, "weight_decay": 2.0, "batch": 512},
}
"""Default options for tables with less evidence than the key."""
POSITIONS = 8192
"""Most bins of all numbers together by default, which bounds the memory and the time of a step."""
RARE = 10
"""A table's evidence is its number of training rows, or this multiple of its second-largest class if that is less."""
SHOWN = 8
"""Number of values of a column to show."""


def build_network(options: MLPOptions, shape: RowClassifierShape, networks: Networks) -> nn.Module:
    """Builds the classifier; runs from before the ensemble have no members."""
    dropout = options.dropout
    assert dropout is not None, "resolved options have a dropout"

    def build(shape: RowClassifierShape) -> nn.Module:
        if options.members is None:
            return RowClassifier(shape.features, shape.classes, options.width, options.depth, dropout)
        return RowEnsemble(shape, options.width, options.depth, options.members, dropout)

    return networks.build("classifier", shape, build)


class MLPRecipe(ClassifyRecipe):
    """Trains a classifier of table rows."""

    data: TableSet
    rebalances = False  # it costs log-loss on tables
    calibrated = 0.999  # a few hundred validation rows mislead more often than a regularised ensemble (docs/log.md)

    def __init__(self, setup: Setup) -> None:
        encoder, train = setup.data.encoder, setup.data.train
        edges = bin_edges(train.rows, encoder.numeric, train.labels, setup.options.bins or 0)
        inputs = RowInputs(encoder, edges)
        classifier = build_network(setup.options, inputs.shape(len(encoder.classes)), setup.networks)
        super().__init__(setup, classifier, inputs, encoder.classes)

    # --- data ---

    @classmethod
    def read(cls, options: MLPOptions, place: Place, start: Pipeline | None) -> tuple[TableSet, DataFacts]:
        table = read_table_set(*place, label=options.label, types=options.types)
        classes = table.encoder.classes
        labels = [split.labels for split in (table.train, table.validation, table.test) if split is not None]
        counts = np.bincount(np.concatenate(labels), minlength=len(classes)).tolist()
        with carried(table.notes):
            notes = check_classes(labels[0], dict(zip(classes, counts, strict=True)), "row", cls.rebalances)
        return table, DataFacts(table.name, table.fingerprint, table.counts(), [*table.notes, *notes])

    @classmethod
    def examples(cls, data: TableSet) -> list[Sample]:
        """Describes how each column is read."""
        lines = []
        columns = {column.name: column for column in data.encoder.columns}
        for name, kind in data.types.items():
            column = columns.get(name)
            values = f": {_some(column.values)}" if isinstance(column, CategoryColumn) else ""
            lines.append(f"{name}: {kind if column else f'left out ({kind})'}{values}")
        lines.append(f"{data.encoder.label}: the label, one of {_some(data.encoder.classes)}")
        text = "\n".join(lines)
        return [Sample(Kind.TEXT, text, {"txt": text.encode("utf-8", "replace")})]

    @classmethod
    def resolve(cls, options: MLPOptions, data: TableSet, speed: Speed, start: Pipeline | None) -> MLPOptions:
        """Fits the size to the evidence in the table, whatever the budget: a longer one only takes more steps."""
        counts = np.bincount(data.train.labels, minlength=len(data.encoder.classes))
        evidence = min(len(data.train), RARE * int(np.sort(counts)[-2]))
        fitted = next(size for most, size in SIZES.items() if evidence < most)
        fitted = {**fitted, "bins": min(fitted["bins"], POSITIONS // max(1, len(data.encoder.numeric)))}
        return replace(options, **{name: size for name, size in fitted.items() if getattr(options, name) is None})

    def prepare(self) -> None:
        if isinstance(self.classifier, RowEnsemble):
            train = self.data.train
            fit_additive_part(self.classifier, torch.from_numpy(train.rows), torch.from_numpy(train.labels))
            self.machine.share([self.classifier.additive_weight, self.classifier.additive_bias])

    def batch(self, step: int) -> tuple[Float[Tensor, "batch features"], Int[Tensor, " batch"]]:
        picks = self.picks(step)
        return torch.from_numpy(self.data.train.rows[picks]), torch.from_numpy(self.draw.labels[picks])

    # --- the method ---

    def step(self, batch: tuple[Float[Tensor, "batch features"], Int[Tensor, " batch"]], progress: float) -> Metrics:
        rows, labels = batch
        if isinstance(self.classifier, RowEnsemble):  # each member has its own loss
            logits, labels = per_member(self.classifier.members(rows), labels)
        else:
            logits = self.classifier(rows)
        loss = self.loss(logits, labels, self.shift)
        self.update(self.classifier, loss)
        self.average.update(self.classifier)
        return {"loss": loss}


def _some(values: list[str]) -> str:
    """The first values of a column, and how many there are if these are not all."""
    shown = ", ".join(value or "(missing)" for value in values[:SHOWN])
    return shown if len(values) <= SHOWN else f"{shown}, ... ({len(values)})"

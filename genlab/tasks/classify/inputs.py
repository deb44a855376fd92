"""Inputs of a classifier: pictures or table rows, from files or from Python."""

import os
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor

from genlab.data.pictures.arrays import open_pictures
from genlab.data.pictures.picture_set import PictureSplit, read_pictures
from genlab.data.pictures.pixels import notes_on_numbers, picture_rows, to_tensor
from genlab.data.pictures.ranges import Ranges
from genlab.data.shared.delimited import carried, read_cells
from genlab.data.tables.columns import Encoder
from genlab.data.tables.rows import cells_of
from genlab.data.tables.table_set import Examples, read_examples, read_table_set
from genlab.engine.files import read_json, write_json
from genlab.engine.options import Place
from genlab.engine.pipeline import Source
from genlab.engine.progress import say
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.models.classifier import RowClassifierShape
from genlab.models.cnn import PictureClassifierShape
from genlab.show.confusion import captioned
from genlab.show.sheets import sheet
from genlab.tasks.classify.options import CNNOptions, MLPOptions
from genlab.tasks.shared.reopening import training_data

PICTURES = 250
"""Pictures per forward pass."""
ROWS = 16_384
"""Most rows per forward pass."""
POSITIONS = 1 << 23
"""Most positions in bins per forward pass: 32 MB each time that the network copies them."""

Batches = Iterator[Float[Tensor, "batch ..."]]


class Opened(NamedTuple):
    """Inputs to classify."""

    names: list[str]
    batches: Batches
    notes: list[str]
    """Notes for the user, such as files that were left out."""


class Measured(NamedTuple):
    """Examples to evaluate on."""

    split: Any
    """PictureSplit or Examples, with labels."""
    about: dict[str, Any]
    """Name of the data, name of the split, and its size."""


class Inputs(ABC):
    """Turns one kind of input into tensors for the network."""

    noun: ClassVar[str]
    """Word for one input in messages: picture, row."""

    @abstractmethod
    def shape(self, classes: int) -> Any:
        """The shape that a classifier of these inputs is built for: a dataclass with `outputs`."""

    @abstractmethod
    def blank(self, count: int) -> Float[Tensor, "count ..."]:
        """A batch of zeros."""

    @abstractmethod
    def open(self, inputs: Any, encoding: str | None) -> Opened:
        """Opens a path, a list of paths, or inputs in memory; `encoding` is that of tables that are not UTF-8.

        Raises:
            InputError: the inputs cannot be read.
        """

    @abstractmethod
    def measured(self, source: Source, options: Any, classes: list[str]) -> Measured:
        """Opens labelled data to evaluate on.

        Args:
            source: The data to evaluate on.
            options: Options of the run.
            classes: Classes of the model.

        Raises:
            InputError: the data cannot be read or have no labels, or there is no test split.
        """

    @abstractmethod
    def batches(self, split: Any) -> Batches:
        """The examples of a split, as tensors for the network."""

    @abstractmethod
    def captioned_sheet(self, split: Any, captions: Mapping[int, str]) -> Sample | None:
        """A sheet of the examples at these indices of the split; None if they cannot be shown."""

    @abstractmethod
    def save(self, folder: Path, classes: list[str], common: int) -> None:
        """Writes the files that `load` of the same class reads."""


# --- pictures -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class PictureInputs(Inputs):
    """Pictures, cropped and scaled to one size."""

    noun = "picture"
    pixels: int
    """Side of the square that every picture is resized to."""
    channels: int
    """1 for grey, 3 for colour."""
    ranges: Ranges = field(default_factory=dict)
    """Black and white level of training pictures with more than 8 bits per channel."""

    def shape(self, classes: int) -> PictureClassifierShape:
        return PictureClassifierShape(classes, self.channels, self.pixels)

    def blank(self, count: int) -> Float[Tensor, "count channels pixels pixels"]:
        return torch.zeros(count, self.channels, self.pixels, self.pixels)

    def open(self, inputs: Any, encoding: str | None) -> Opened:
        """Opens paths of pictures, folders and zips, or an array or tensor: bytes (pictures, height, width, channels),
        or numbers in [-1, 1]; pictures of another size are resized.
        """
        paths = paths_of(inputs)
        if paths is None:
            array = picture_rows(inputs, self.pixels, self.channels)
            notes = notes_on_numbers([inputs])
            return Opened([str(number) for number in range(len(array))], picture_batches(array), notes)
        found = open_pictures(paths, self.pixels, self.channels, self.ranges or None)
        notes = [*found.notes, *(f"{file} was left out: {why}" for file, why in found.left_out.items())]
        return Opened(found.names, picture_batches(found.array), notes)

    def measured(self, source: Source, options: Any, classes: list[str]) -> Measured:
        read = partial(read_pictures, pixels=self.pixels, label=options.label)
        if home := training_data(read, source):
            if home.test is None:
                raise InputError("The run has no test split (--test 0): give pictures with --data.", "data")
            return Measured(home.test, {"data": home.name, "split": "test", "pictures": len(home.test)})
        assert source.data is not None, "data other than the run's own have a path"
        whole = Place(source.data, "0", "0", source.trained_on.encoding)
        pictures = read(*whole, channels=self.channels, classes=classes, ranges=self.ranges or None)
        labels_of(pictures.train, source.data, "data")
        return Measured(pictures.train, {"data": pictures.name, "split": "all", "pictures": len(pictures.train)})

    def batches(self, split: PictureSplit) -> Batches:
        return picture_batches(split.array, split.rows)

    def captioned_sheet(self, split: PictureSplit, captions: Mapping[int, str]) -> Sample | None:
        if not captions:
            return None
        cells = [captioned(split.array[split.rows[place]], caption) for place, caption in captions.items()]
        return Sample(Kind.PICTURE, cells, {"png": sheet(cells)})

    def save(self, folder: Path, classes: list[str], common: int) -> None:
        labels = {"classes": classes, "channels": self.channels, "common": common}
        write_json(folder / "labels.json", labels | ({"ranges": self.ranges} if self.ranges else {}))

    @classmethod
    def load(cls, folder: Path, options: CNNOptions) -> "tuple[PictureInputs, list[str], int]":
        """The inputs, the classes, and the index of the most frequent class."""
        saved = read_json(folder / "labels.json")
        assert isinstance(saved["classes"], list) and len(saved["classes"]) > 1, "labels.json has no classes"
        assert saved["channels"] in (1, 3), "labels.json has no channels"
        return cls(options.pixels, saved["channels"], saved.get("ranges", {})), saved["classes"], saved["common"]


def picture_batches(
    array: UInt8[np.ndarray, "all height width channels"], rows: Int[np.ndarray, " some"] | None = None
) -> Batches:
    """Batches of the pictures at `rows` (by default all), in [-1, 1]."""
    rows = np.arange(len(array)) if rows is None else rows
    for start in range(0, len(rows), PICTURES):
        yield to_tensor(array[rows[start : start + PICTURES]])


def labels_of(pictures: PictureSplit, data: str, option: str) -> Int[np.ndarray, " pictures"]:
    """The labels of pictures.

    Raises:
        InputError: the pictures have no labels.
    """
    if pictures.labels is None:
        raise InputError(
            f"The pictures of {data} have no classes: put each class into a folder of its name, or name a column of "
            "attributes.csv with --label.", option,
        )  # fmt: skip
    return pictures.labels


# --- table rows -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class RowInputs(Inputs):
    """Table rows, encoded as numbers."""

    noun = "row"
    encoder: Encoder
    edges: list[list[float]] = field(default_factory=list)
    """Edges of the bins of each number, for its embedding; none for one without bins, or in runs without embeddings."""

    def shape(self, classes: int) -> RowClassifierShape:
        return RowClassifierShape(self.encoder.features, classes, self.encoder.numeric, self.edges)

    def blank(self, count: int) -> Float[Tensor, "count features"]:
        return torch.zeros(count, self.encoder.features)

    def open(self, inputs: Any, encoding: str | None) -> Opened:
        """Opens paths of CSV files with the run's columns in any order; or rows: a data frame, a dict of values or
        of lists, a list of dicts, or an array or a list of rows with the run's columns in order.
        """
        paths = paths_of(inputs)
        if paths is None:
            table = cells_of(inputs, self.encoder.names)
            rows, notes = self.encoder.encode_other(table, "the rows")
            return Opened([str(number) for number in table.lines], self.passes(rows), notes)
        notes, names, parts = [], [], []
        for path in paths:
            with carried(notes):
                table = read_cells(path, "files", encoding, self.encoder.names)
                notes += table.notes
                rows, odd = self.encoder.encode_other(table, path)
            notes += odd
            names += [f"{path}:{line}" for line in table.lines]
            parts.append(rows)
        return Opened(names, self.passes(np.concatenate(parts)), list(dict.fromkeys(notes)))

    def measured(self, source: Source, options: Any, classes: list[str]) -> Measured:
        read = partial(read_table_set, label=self.encoder.label, types=options.types, encoder=self.encoder)
        if home := training_data(read, source):
            if home.test is None:
                raise InputError("The run has no test split (--test 0): give a table with --data.", "data")
            return Measured(home.test, {"data": home.name, "split": "test", "rows": len(home.test)})
        assert source.data is not None, "data other than the run's own have a path"
        notes: list[str] = []
        split, _ = read_examples(source.data, self.encoder, "data", source.trained_on.encoding, notes)
        for note in notes:
            say(f"Note: {note}")
        return Measured(split, {"data": Path(source.data).name, "split": "all", "rows": len(split)})

    def batches(self, split: Examples) -> Batches:
        return self.passes(split.rows)

    def passes(self, rows: Float[np.ndarray, "rows features"]) -> Batches:
        """Batches of all rows; smaller ones if the network spreads many numbers over many bins."""
        binned = [len(own) for own in self.edges if own]
        positions = len(binned) * max(binned, default=0)
        yield from torch.from_numpy(rows).split(max(1, min(ROWS, POSITIONS // max(1, positions))))

    def captioned_sheet(self, split: Examples, captions: Mapping[int, str]) -> Sample | None:
        return None

    def save(self, folder: Path, classes: list[str], common: int) -> None:
        write_json(folder / "table.json", {**self.encoder.to_json(), "common": common, "edges": self.edges})

    @classmethod
    def load(cls, folder: Path, options: MLPOptions) -> "tuple[RowInputs, list[str], int]":
        """The inputs, the classes, and the index of the most frequent class."""
        saved = read_json(folder / "table.json")
        encoder = Encoder.from_json(saved)
        assert isinstance(encoder.classes, list) and len(encoder.classes) > 1, "table.json has no classes"
        return cls(encoder, saved.get("edges", [])), encoder.classes, saved["common"]


# --- paths ----------------------------------------------------------------------------------------


def paths_of(inputs: Any) -> list[str] | None:
    """The paths in `inputs`; None if they are in memory."""
    if isinstance(inputs, (str, os.PathLike)):
        return [os.fspath(inputs)]
    if isinstance(inputs, (list, tuple)) and inputs and all(isinstance(one, (str, os.PathLike)) for one in inputs):
        return [os.fspath(one) for one in inputs]
    return None

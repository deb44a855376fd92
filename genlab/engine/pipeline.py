"""A finished model: what a run folder holds, and what it can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.engine.modes import evaluating
from genlab.engine.samples import Sample


@dataclass(frozen=True)
class Saved:
    """A run folder, as a pipeline is loaded from it."""

    path: Path
    options: Any
    """The model's options, as training resolved them."""
    about: Mapping[str, Any]
    """run.json."""
    build: Callable[..., Any]
    """The model's `network` function, from its declaration."""
    machine: Machine
    networks: Networks
    """Builds the networks, the user's own where the run was trained with them."""


class Pipeline(ABC):
    """Networks plus what it takes to use them: a tokenizer, labels, a palette.

    A pipeline knows no training data, no optimiser and no loss. A task has one class of pipelines, whose
    capabilities are the protocols below; which of them a model supports is in the task's declaration.
    """

    options: Any
    """The model's options."""
    machine: Machine
    networks: dict[str, nn.Module]
    """What model.safetensors holds, by the prefix of its tensors."""

    def evaluating(self, seed: int | None = None) -> AbstractContextManager[None]:
        """Inside, the networks are used, not trained: see `modes.evaluating`."""
        return evaluating(self.networks.values(), self.machine, seed)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the files that `load` reads, apart from the weights."""

    @classmethod
    @abstractmethod
    def load(cls, saved: Saved) -> "Pipeline":
        """The pipeline of a run folder, with networks whose weights are still to be read.

        Raises:
            InputError: a file is missing or damaged.
        """


@dataclass(frozen=True)
class Source:
    """Data to evaluate on."""

    data: str | None
    """Path; None for the run's own test split."""
    trained_on: Mapping[str, str]
    """The run's own path and splits."""
    fingerprint: str
    """Of the data that the run was trained on; empty for an imported run."""


@dataclass(frozen=True)
class Evaluation:
    """What a task's `evaluate` found."""

    report: dict[str, Any]
    """Every measure beside its floor and its baseline."""
    pictures: dict[str, bytes | None] = field(default_factory=dict)
    """PNGs for the run's samples folder, by file name; None removes that of an earlier evaluation."""


class Prediction(NamedTuple):
    """The label of one input."""

    file: str
    """Its file, or its position among the inputs."""
    label: str
    """The most likely class."""
    probabilities: dict[str, float]
    """Of every class."""


@dataclass(frozen=True)
class AttentionMap:
    """The attention weights of one layer, with the tokens they belong to."""

    name: str
    """Which attention of the network: self, or a translator's encoder, decoder or cross."""
    layer: int
    """Counted from 0, as in the code."""
    heads: list[int]
    """Their numbers, from 0."""
    weights: Float[Tensor, "heads queries keys"]
    """Weight of each key for each query; a row sums to 1."""
    rows: list[str]
    """The query tokens, in readable form."""
    columns: list[str]
    """The key tokens."""
    entropy: list[float]
    """Of each head, in bits."""
    distance: list[float] | None
    """Of each head, in tokens; None where rows and columns are two sequences."""
    even: tuple[float, float | None]
    """Entropy and distance of a head that attends evenly to all that it may see."""

    def only(self, head: int) -> "AttentionMap":
        """The map of one head."""
        distance = None if self.distance is None else [self.distance[head]]
        return replace(
            self, heads=[head], weights=self.weights[head, None], entropy=[self.entropy[head]], distance=distance
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, weights to six decimals."""
        weights = [[[round(weight, 6) for weight in row] for row in head] for head in self.weights.tolist()]
        return {**vars(self), "weights": weights}


# --- capabilities ---------------------------------------------------------------------------------


@runtime_checkable
class Generates(Protocol):
    """Makes new content."""

    def generate(self, request: Any, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Makes what `request` describes; `show` receives text piece by piece as it is written."""


@runtime_checkable
class Decodes(Protocol):
    """Makes content from latent vectors."""

    def decode(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Content from `latents`, an array (pieces, latent), of one class where there are classes."""


@runtime_checkable
class Predicts(Protocol):
    """Predicts labels, with probabilities."""

    def predict(self, request: Any) -> list[Prediction]:
        """One prediction per input."""


@runtime_checkable
class Explains(Protocol):
    """Shows what its attention attends to."""

    def explain(self, request: Any) -> list[AttentionMap]:
        """The attention weights of every layer, as the network reads `request`."""


@runtime_checkable
class Embeds(Protocol):
    """Turns pictures into feature vectors, by which other pictures can be compared."""

    def embed(self, pictures: Float[Tensor, "pictures channels height width"]) -> Float[Tensor, "pictures features"]:
        """Features of pictures in [-1, 1] of any size and any number of channels."""


@runtime_checkable
class Exports(Protocol):
    """Writes itself for other people's tools."""

    def export(self, to: str, place: Path, card: str) -> None:
        """Writes the format `to`, one that the declaration lists, to a file or folder, with the model card.

        Raises:
            InputError: the format cannot hold this model, or `place` cannot be written; nothing is left half-written.
        """

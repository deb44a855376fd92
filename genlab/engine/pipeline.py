"""Pipelines: trained models as run folders hold them, and their capabilities."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.engine.modes import evaluating
from genlab.engine.options import Place
from genlab.engine.samples import Sample


@dataclass(frozen=True)
class Saved:
    """The parts of a run folder that a pipeline is loaded from."""

    path: Path
    options: Any
    """The model's resolved options."""
    about: Mapping[str, Any]
    """Content of run.json."""
    build: Callable[..., Any]
    """The function `network` of the model's declaration."""
    machine: Machine
    networks: Networks
    """Builds the networks, custom ones included."""


class Pipeline(ABC):
    """Networks plus everything needed to use them: a tokenizer, labels, a palette.

    A pipeline knows no training data, no optimiser and no loss. A task has one pipeline class, whose capabilities are
    the protocols below; the task's declaration lists those that each model supports.
    """

    options: Any
    """The model's options."""
    machine: Machine
    networks: dict[str, nn.Module]
    """The networks in model.safetensors, by the prefix of their tensors."""
    folder: Path | None = None
    """The run folder, set by `Run`; None while a recipe trains. What is learnt about a run later is kept there."""
    arguments: Mapping[str, str] = {"predict": "FILE"}
    """Arguments of example commands on the run, as typed in a shell, by capability: "photo.png --set hair=blond"."""

    def evaluating(self, seed: int | None = None) -> AbstractContextManager[None]:
        """Context for using the networks: see `modes.evaluating`."""
        return evaluating(self.networks.values(), self.machine, seed)

    @abstractmethod
    def save(self, folder: Path) -> None:
        """Writes the files that `load` reads, except the weights."""

    @classmethod
    @abstractmethod
    def load(cls, saved: Saved) -> "Pipeline":
        """Builds the pipeline of a run folder; the caller reads the weights afterwards.

        Raises:
            InputError: a file is missing or damaged.
        """


@dataclass(frozen=True)
class Source:
    """Data to evaluate on."""

    data: str | None
    """Path; None for the run's own test split."""
    trained_on: Place
    """The training data; their encoding is also that of `data`."""
    fingerprint: str
    """Fingerprint of the training data; empty for an imported run."""


@dataclass(frozen=True)
class Evaluation:
    """The result of a task's `evaluate`."""

    report: dict[str, Any]
    """Every metric beside its noise floor and its baseline."""
    pictures: dict[str, bytes | None] = field(default_factory=dict)
    """PNGs for the run's samples folder, by file name; None removes that of an earlier evaluation."""


class Prediction(NamedTuple):
    """The label of one input."""

    file: str
    """File of the input, or its position among the inputs."""
    label: str
    """The most likely class."""
    probabilities: dict[str, float]
    """Probability of every class."""


class Inversion(NamedTuple):
    """The latent vector of one picture."""

    name: str
    """File of the picture, or its position among the pictures."""
    picture: UInt8[np.ndarray, "height width channels"]
    """The picture, as the model sees it."""
    made: UInt8[np.ndarray, "height width channels"]
    """What the model makes from the latent vector."""
    latent: Float[np.ndarray, " latent"]
    label: str | None
    """The class that it is made of; None without classes."""
    difference: float
    """Mean absolute difference of the two pictures, out of 255."""


@dataclass(frozen=True)
class AttentionMap:
    """The attention weights of one layer, with their tokens."""

    name: str
    """Which attention of the network: self, or a translator's encoder, decoder or cross."""
    layer: int
    """Index of the layer, from 0."""
    heads: list[int]
    """Indices of the heads, from 0."""
    weights: Float[Tensor, "heads queries keys"]
    """Weight of each key for each query; a row sums to 1."""
    rows: list[str]
    """The query tokens, in readable form."""
    columns: list[str]
    """The key tokens."""
    entropy: list[float]
    """Entropy of each head, in bits."""
    distance: list[float] | None
    """Mean distance of each head, in tokens; None if rows and columns are different sequences."""
    even: tuple[float, float | None]
    """Entropy and distance of a head that attends uniformly to all allowed tokens."""
    picture: UInt8[np.ndarray, "height width channels"] | None = None
    """The picture whose positions, row by row, are the queries; None for text."""

    def only(self, head: int) -> "AttentionMap":
        """The map of one head."""
        distance = None if self.distance is None else [self.distance[head]]
        return replace(
            self, heads=[head], weights=self.weights[head, None], entropy=[self.entropy[head]], distance=distance
        )

    def as_json(self) -> dict[str, Any]:
        """The map as JSON values, weights rounded to six decimals."""
        weights = [[[round(weight, 6) for weight in row] for row in head] for head in self.weights.tolist()]
        return {name: value for name, value in vars(self).items() if name != "picture"} | {"weights": weights}


# --- capabilities ---------------------------------------------------------------------------------


@runtime_checkable
class Generates(Protocol):
    """Makes new content."""

    def generate(self, request: Any, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields the samples for `request`; `show` receives text piece by piece while it is generated."""


@runtime_checkable
class Decodes(Protocol):
    """Makes content from latent vectors."""

    def decode(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Makes content from `latents`, an array (samples, latent); `label` chooses a class, if there are classes."""


@runtime_checkable
class Edits(Protocol):
    """Edits latent vectors, and finds those of given pictures."""

    def directions(self) -> dict[str, dict[str, np.ndarray]]:
        """The direction (latent,) of each value, by attribute: of length 1, in standard deviations of the latents.

        Raises:
            InputError: no directions have been found for the run's weights.
        """

    def measured(self) -> dict[str, Any]:
        """What was measured when the directions were found.

        Raises:
            InputError: no directions have been found for the run's weights.
        """

    def edit(self, latents: Any, changes: Mapping[str, str], strength: float | None = None) -> np.ndarray:
        """Latent vectors (samples, latent), moved along the direction of each change: by `strength`, or far enough."""

    def invert(self, request: Any) -> list[Inversion]:
        """Finds the latent vector of each picture of the request."""


@runtime_checkable
class Predicts(Protocol):
    """Predicts labels, with probabilities."""

    def predict(self, request: Any) -> list[Prediction]:
        """Returns one prediction per input."""


@runtime_checkable
class Explains(Protocol):
    """Shows what its attention attends to."""

    def explain(self, request: Any) -> list[AttentionMap]:
        """The attention map of every layer for `request`."""


@runtime_checkable
class Embeds(Protocol):
    """Computes feature vectors for comparing pictures."""

    def embed(self, pictures: Float[Tensor, "pictures channels height width"]) -> Float[Tensor, "pictures features"]:
        """Features of pictures in [-1, 1], of any size and number of channels."""


@runtime_checkable
class Exports(Protocol):
    """Exports itself for other tools."""

    def export(self, to: str, place: Path, card: str) -> None:
        """Writes the model in the format `to`, which the declaration lists, to a file or folder, with the model card.

        Raises:
            InputError: the format does not support this model, or writing fails, which leaves no partial file.
        """

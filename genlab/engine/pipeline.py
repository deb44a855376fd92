"""What a finished run can do."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import numpy as np
from jaxtyping import Float
from torch import Tensor

from genlab.engine.samples import Sample


@dataclass(frozen=True)
class AttentionMap:
    """What the heads of one layer look at."""

    name: str
    """Which attention of the network: self, or a translator's encoder, decoder or cross."""
    layer: int
    """Counted from 0, as in the code."""
    heads: list[int]
    """Their numbers, from 0."""
    weights: Float[Tensor, "heads queries keys"]
    """What share of its look each position gives to each key: a row sums to 1."""
    rows: list[str]
    """The tokens that ask, as people read them."""
    columns: list[str]
    """The tokens that are looked at."""
    entropy: list[float]
    """Of each head, in bits."""
    distance: list[float] | None
    """Of each head, in tokens; None where rows and columns are two sequences."""
    even: tuple[float, float | None]
    """Entropy and distance of a head that looks evenly at all that it may see."""

    def only(self, head: int) -> "AttentionMap":
        """The same of one head."""
        distance = None if self.distance is None else [self.distance[head]]
        return replace(
            self, heads=[head], weights=self.weights[head, None], entropy=[self.entropy[head]], distance=distance
        )

    def as_json(self) -> dict[str, Any]:
        """Plain values, weights to six decimals."""
        weights = [[[round(weight, 6) for weight in row] for row in head] for head in self.weights.tolist()]
        return {**vars(self), "weights": weights}


class Generates(ABC):
    """Makes new content."""

    request_type: ClassVar[type]
    """Dataclass of the options of `generate`."""

    @abstractmethod
    def generate(self, request: Any, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Makes new content; `show` gets content that is text piece by piece, as it is written."""


class Continues(ABC):
    """Can begin with the weights of another run."""

    @abstractmethod
    def take_over(self, other: Any) -> None:
        """Before anything is read: takes from a loaded recipe of the same class what fixes the weights' shapes.

        Raises:
            InputError: another shape was asked for.
        """


class Exports(ABC):
    """Can be written for other people's tools."""

    formats: ClassVar[tuple[str, ...]]
    """What `export` can write."""

    @abstractmethod
    def export(self, to: str, place: Path, card: str) -> None:
        """Writes the trained model as `to`, one of `formats`, to a file or folder; `card` tells of the run.

        Raises:
            InputError: this model cannot be written so, or not there; nothing is left half-written.
        """


class Decodes(ABC):
    """Makes content out of latent vectors."""

    @abstractmethod
    def sample(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Content from `latents`, (pieces, latent), of a class where there are classes."""


class Prediction(NamedTuple):
    """What a classifier says of one piece of content."""

    file: str
    """Its file, or its place among the rows given."""
    label: str
    """The likeliest class."""
    probabilities: dict[str, float]
    """Of every class."""


class Predicts(ABC):
    """Tells labels, with probabilities."""

    @abstractmethod
    def predict(self, data: Any) -> list[Prediction]:
        """One prediction for each piece of `data`: paths of files or folders, or an array."""


class Explains(ABC):
    """Shows what its attention looks at."""

    explain_type: ClassVar[type]
    """Dataclass of the options of `explain`."""

    @abstractmethod
    def explain(self, request: Any) -> list[AttentionMap]:
        """What every head of every layer looks at when the network reads `request`."""

"""Directions of a run's latent space, one per value of an attribute, as a file of the run folder keeps them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlab.data.pictures.attributes import Attribute
from genlab.engine.files import write_atomically
from genlab.engine.weights import fingerprint, read_tensors, tensors_to_bytes
from genlab.errors import InputError
from genlab.options import perhaps_meant

FILE = "directions.safetensors"


@dataclass(frozen=True)
class Directions:
    """Directions by attribute."""

    attributes: list[Attribute]
    vectors: dict[str, Float[Tensor, "_values latent"]] = field(repr=False)
    """The direction of each value, of length 1, in standard deviations of the latents."""
    strengths: dict[str, list[float]]
    """The default strength of each direction."""
    report: dict[str, Any]
    """What `genlab latents` reports."""
    weights: str
    """Fingerprint of the weights that they belong to."""

    def save(self, folder: Path) -> None:
        """Writes them to a run folder, as one file, so that vectors and facts always fit each other."""
        about = {
            "attributes": [vars(one) for one in self.attributes],
            "strengths": self.strengths,
            "report": self.report,
            "weights": self.weights,
        }
        write_atomically(folder / FILE, tensors_to_bytes(self.vectors, {"about": json.dumps(about)}))

    @classmethod
    def load(cls, folder: Path, latent: int) -> "Directions | None":
        """Reads those of a run folder; None if it has none.

        Raises:
            InputError: the file is damaged, or does not fit a latent vector of size `latent`.
        """
        if not (folder / FILE).exists():
            return None
        try:
            vectors, notes = read_tensors(folder / FILE)
            about = json.loads(notes["about"])
            attributes = [Attribute(**one) for one in about["attributes"]]
            for one in attributes:
                assert vectors[one.name].shape == (len(one.values), latent), one.name
                assert len(about["strengths"][one.name]) == len(one.values), one.name
            return cls(attributes, vectors, about["strengths"], about["report"], about["weights"])
        except (KeyError, TypeError, ValueError, AssertionError):
            raise InputError(
                f"{folder / FILE} is damaged: remove it, and find the directions again with genlab latents.", "run"
            ) from None

    def arrays(self) -> dict[str, dict[str, Float[np.ndarray, " latent"]]]:
        """The direction of each value, by attribute."""
        return {one.name: dict(zip(one.values, self.vectors[one.name].numpy(), strict=True)) for one in self.attributes}

    def of(self, attribute: str, value: str, option: str = "edit") -> tuple[Float[Tensor, " latent"], float]:
        """The direction of a value and its default strength.

        Raises:
            InputError: the attribute or the value is unknown; the message names `option`.
        """
        names = [one.name for one in self.attributes]
        if attribute not in names:
            raise InputError(
                f"{option}: this run has no directions for {attribute}{perhaps_meant(attribute, names)}; it has some "
                f"for {', '.join(names)}.", option,
            )  # fmt: skip
        values = self.attributes[names.index(attribute)].values
        if value not in values:
            raise InputError(
                f"{option}: {attribute} has no value {value}{perhaps_meant(value, values)}; it has "
                f"{', '.join(values)}.", option,
            )  # fmt: skip
        place = values.index(value)
        return self.vectors[attribute][place], self.strengths[attribute][place]

    def change(self, changes: Mapping[str, str], strength: float | None) -> Float[Tensor, " latent"]:
        """The vector to add to a latent vector for all `changes` together, each of `strength` or its default.

        Raises:
            InputError: there are no changes, or an attribute or value is unknown.
        """
        if not changes:
            raise InputError("edit: name an attribute and its new value, such as hair=blond.", "edit")
        moves = []
        for attribute, value in changes.items():
            vector, own = self.of(attribute, value)
            moves.append((own if strength is None else strength) * vector)
        return torch.stack(moves).sum(0)


def current(found: Directions | None, networks: dict[str, nn.Module]) -> Directions:
    """The directions that were found for the weights of the networks.

    Raises:
        InputError: none have been found, or the weights have changed since.
    """
    advice = "find them with genlab latents RUN --attribute COLUMN, or with --classifier"
    if found is None:
        raise InputError(f"This run has no directions: {advice}.", "run")
    if found.weights != fingerprint(networks):
        raise InputError(f"The run's weights have changed since its directions were found: {advice}.", "run")
    return found

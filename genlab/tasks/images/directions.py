"""Directions of a run's latent space, one per value of an attribute, as a file of the run folder keeps them."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.pictures.attributes import Attribute
from genlab.engine.files import write_atomically
from genlab.engine.weights import fingerprint, read_tensors, tensors_to_bytes
from genlab.errors import InputError
from genlab.metrics.latents import LatentClassifier, best_step
from genlab.options import perhaps_meant
from genlab.tasks.shared.judges import READER, Judge

FILE = "directions.safetensors"
PARTS = [each.name for each in fields(LatentClassifier)]
JUDGE = "finder:"
"""Before the names of the judge's tensors."""
MARGINS = (0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 10.0, 12.0)
"""Margins that edits try: differences of logits."""
Read = Callable[[Float[Tensor, "rows latent"]], list[Float[Tensor, "rows _values"]]]
"""Reads the log-probabilities of the values of each attribute from the pictures of latent vectors."""


@dataclass(frozen=True)
class Finder:
    """The judge that found the directions; it also chooses how far an edit moves each latent vector."""

    judge: Judge = field(repr=False)
    attributes: list[Attribute]
    """What it reads."""
    channels: int
    pixels: int

    @classmethod
    def of(cls, attributes: list[Attribute], channels: int, pixels: int) -> "Finder":
        """One that is not trained yet."""
        counts = [len(one.values) for one in attributes]
        return cls(Judge(channels, counts, pixels, READER).requires_grad_(False).eval(), attributes, channels, pixels)

    def step(
        self, found: LatentClassifier, latents: Float[Tensor, "rows latent"], value: int, change: tuple[str, str],
        read: Read,
    ) -> Float[Tensor, "rows latent"]:  # fmt: skip
        """The steps after which the judge most likely reads the new value, and of all other attributes the old ones.

        Args:
            found: Makes steps.
            latents: Latent vectors.
            value: The index of the new value in `found`.
            change: The attribute and its new value.
            read: What the judge reads.
        """
        wanted = likeliest(read(latents))
        place = [one.name for one in self.attributes].index(change[0])
        wanted[:, place] = self.attributes[place].values.index(change[1])

        def gain(moved: Float[Tensor, "rows latent"]) -> Float[Tensor, " rows"]:
            each = zip(read(moved), wanted.T, strict=True)
            return torch.stack([one.gather(1, index[:, None])[:, 0] for one, index in each]).sum(0)

        return best_step(found, latents, value, MARGINS, gain)


@dataclass(frozen=True)
class Directions:
    """Directions by attribute."""

    attributes: list[Attribute]
    """The values with a direction, of each attribute that has any."""
    classifiers: dict[str, LatentClassifier] = field(repr=False)
    """Of each attribute: first the values with a direction, in order, then the others."""
    margins: dict[str, list[float]]
    """By how much the logit of each value leads after an edit without `strength`, if there is no `finder`."""
    report: dict[str, Any]
    """What `genlab latents` reports."""
    weights: str
    """Fingerprint of the weights that they belong to."""
    finder: Finder | None = None
    """None if a classifier found the directions."""

    def save(self, folder: Path) -> None:
        """Writes them to a run folder, as one file, so that vectors and facts always fit each other."""
        about = {
            "attributes": [vars(one) for one in self.attributes],
            "margins": self.margins,
            "report": self.report,
            "weights": self.weights,
            "finder": None,
        }
        tensors = {f"{name}.{part}": each for name, one in self.classifiers.items() for part, each in vars(one).items()}
        if self.finder is not None:
            one = self.finder
            attributes = [vars(each) for each in one.attributes]
            about["finder"] = {"attributes": attributes, "channels": one.channels, "pixels": one.pixels}
            tensors |= {f"{JUDGE}{name}": tensor for name, tensor in one.judge.state_dict().items()}
        write_atomically(folder / FILE, tensors_to_bytes(tensors, {"about": json.dumps(about)}))

    @classmethod
    def load(cls, folder: Path, latent: int) -> "Directions | None":
        """Reads those of a run folder; None if it has none.

        Raises:
            InputError: the file is damaged, is from an earlier version, or does not fit latent vectors of size
                `latent`.
        """
        if not (folder / FILE).exists():
            return None
        try:
            tensors, notes = read_tensors(folder / FILE)
            about = json.loads(notes["about"])
            attributes = [Attribute(**one) for one in about["attributes"]]
            classifiers = {
                one.name: LatentClassifier(*(tensors[f"{one.name}.{part}"] for part in PARTS)) for one in attributes
            }
            for one in attributes:
                found = classifiers[one.name]
                count = len(found.bias)
                assert found.weight.shape == found.free.shape == (count, latent), one.name
                assert len(one.values) <= count, one.name
            finder = None
            if about["finder"] is not None:
                read = [Attribute(**one) for one in about["finder"].pop("attributes")]
                finder = Finder.of(read, **about["finder"])
                names = [name for name in tensors if name.startswith(JUDGE)]
                finder.judge.load_state_dict({name.removeprefix(JUDGE): tensors[name] for name in names})
            else:
                assert all(len(about["margins"][one.name]) == len(one.values) for one in attributes), "margins"
            return cls(attributes, classifiers, about["margins"], about["report"], about["weights"], finder)
        except (KeyError, TypeError, ValueError, AssertionError, RuntimeError):
            raise InputError(
                f"{folder / FILE} is damaged or from an earlier version: remove it, and find the directions again with "
                "genlab latents.", "run",
            ) from None  # fmt: skip

    def arrays(self) -> dict[str, dict[str, Float[np.ndarray, " latent"]]]:
        """The direction of each value, by attribute."""
        found = ((one, self.classifiers[one.name].directions.numpy()) for one in self.attributes)
        return {one.name: dict(zip(one.values, vectors, strict=False)) for one, vectors in found}

    def of(self, attribute: str, value: str, option: str = "edit") -> Float[Tensor, " latent"]:
        """The direction of a value, of length 1, in standard deviations of the latents.

        Raises:
            InputError: the attribute or the value is unknown; the message names `option`.
        """
        place = self._place(attribute, value, option)
        return self.classifiers[attribute].directions[place]

    def edited(
        self, latents: Float[Tensor, "rows latent"], changes: Mapping[str, str], strength: float | None, read: Read
    ) -> Float[Tensor, "rows latent"]:
        """Latent vectors after all `changes` together.

        Args:
            latents: Latent vectors.
            changes: The new value of each attribute to change.
            strength: How far to move along each direction; None for as far as each picture needs.
            read: What the judge of `finder` reads.

        Raises:
            InputError: there are no changes, or an attribute or value is unknown.
        """
        if not changes:
            raise InputError("edit: name an attribute and its new value, such as hair=blond.", "edit")
        moved = latents
        for attribute, value in changes.items():
            place, found = self._place(attribute, value, "edit"), self.classifiers[attribute]
            if strength is not None:
                moved = moved + strength * found.directions[place]
            elif self.finder is not None:
                moved = moved + self.finder.step(found, latents, place, (attribute, value), read)
            else:
                moved = moved + found.step(latents, place, self.margins[attribute][place])
        return moved

    def _place(self, attribute: str, value: str, option: str) -> int:
        """The index of a value of an attribute; errors as for `of`."""
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
        return values.index(value)


def likeliest(log_probabilities: list[Float[Tensor, "rows _values"]]) -> Int[Tensor, "rows attributes"]:
    """The index of the value with the highest log-probability."""
    return torch.stack([each.argmax(1) for each in log_probabilities], 1)


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

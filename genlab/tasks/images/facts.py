"""What the models of pictures know about their training pictures, and the shapes that their networks are built for."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from genlab.data.pictures.attributes import Attribute
from genlab.errors import InputError

KINDS = {1: "grey", 3: "colour"}
"""What errors call pictures, by their number of channels."""


@dataclass(frozen=True)
class PictureFacts:
    """Facts about the training pictures that a trained model needs."""

    name: str
    """Name of the data."""
    channels: int
    """1 for grey, 3 for colour."""
    classes: list[str] = field(default_factory=list)
    """Names of the classes that the model was trained with; empty without classes."""
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """Black and white level of pictures with more than 8 bits per channel, by kind of picture."""
    photographs: bool = False
    """Whether they are photographs in colour, for which the GAN has more layers."""
    colours: int = 0
    """Number of learned colours that a flow mixes each pixel from; 0 for any colour."""
    words: list[str] = field(default_factory=list)
    """The words of descriptions that the model knows, sorted."""
    longest: int = 1
    """Largest number of words of a description, including its start."""
    attributes: list[Attribute] = field(default_factory=list)
    """The columns that descriptions were written from."""
    subjects: list[str] = field(default_factory=list)
    """What those descriptions call the subject."""
    combinations: list[list[int]] = field(default_factory=list)
    """Combinations of values, an index per attribute, that were held out of training."""

    def check_kind(self, channels: int, name: str) -> None:
        """Checks that the pictures of the data `name` have the model's number of channels.

        Raises:
            InputError: they have another one.
        """
        if channels != self.channels:
            raise InputError(
                f"{name} has {KINDS[channels]} pictures, the run makes {KINDS[self.channels]} ones.", "data"
            )


@dataclass(frozen=True)
class GeneratorShape:
    """The shape that a generator of pictures is built for."""

    latent: int
    channels: int
    pixels: int
    """Side of the pictures."""
    classes: int
    """Number of classes; if not 0, the generator also takes labels."""


@dataclass(frozen=True)
class DiscriminatorShape:
    """The shape that a discriminator of pictures is built for."""

    channels: int
    pixels: int
    """Side of the pictures."""
    classes: int
    """Number of classes; if not 0, the discriminator also takes labels."""

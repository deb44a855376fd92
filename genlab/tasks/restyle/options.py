"""Options of the models that change pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le

from genlab.options import DATA, TRAINING, Shown

Batch = Annotated[int, Ge(2), Le(65_536), TRAINING]
Rate = Annotated[float, Gt(0), Le(1), TRAINING]
Weight = Annotated[float, Ge(0), Le(1_000), TRAINING]


@dataclass(frozen=True)
class RestyleOptions:
    """Options of every model that changes pictures."""

    attribute: Annotated[tuple[str, ...], DATA, Shown("COLUMN")] = ()
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) to change; can be repeated. NAME=COLUMN,COLUMN
    combines yes/no columns into one attribute: hair=Black_Hair,Blond_Hair. Two folders, or sub-folders without this
    option, are the values of the attribute `look`."""
    pixels: Annotated[int, Ge(16), Le(512), DATA] | None = None
    """Side of the training pictures, which are cropped to their central square and resized; a power of 2. By default 64
    where most pictures are at least that large, else 32."""
    flip: Annotated[bool, TRAINING, Shown(off="Train without mirror images.")] = True
    """Also train on mirror images."""
    average: Annotated[float, Gt(0), Le(1), TRAINING] = 0.05
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class StarGANOptions(RestyleOptions):
    """Options of the StarGAN."""

    width: Annotated[int, Ge(4), Le(1024)] = 24
    """Channels of the generator at half resolution; lower resolutions have twice as many."""
    colours: Annotated[int, Ge(0), Le(64)] | None = None
    """Number of learned colours per value that pixels are recoloured with; 0 for any colour. By default 3 where the
    training pictures have few colours."""
    batch: Batch = 16
    """Pictures per update and process."""
    learning_rate: Rate | None = None
    """Peak learning rate of Adam, for both networks; by default 0.002 with learned colours, else 0.001."""
    penalty: Annotated[float, Ge(0), Le(10_000), TRAINING] | None = None
    """Weight gamma of the gradient penalties on real (R1) and changed (R2) pictures at the peak learning rate; by
    default 0.3 with learned colours, else 3."""
    recognition: Weight | None = None
    """Weight of the loss by which changed pictures must be recognised as having the new values; by default 1 with
    learned colours, else 0.3."""
    cycle: Weight = 1.0
    """Weight of the cycle loss: changing a picture there and back must return it. It rises during the first half of
    training."""
    sparsity: Weight = 0.5
    """Weight of the mean difference between pictures and changed pictures. It rises during training."""
    smoothness: Weight | None = None
    """Weight of the total variation of that difference: higher keeps more of the texture. It rises during training. By
    default 0 with learned colours, else 1."""


@dataclass(frozen=True)
class CycleGANOptions(RestyleOptions):
    """Options of the CycleGAN, with the defaults of its paper."""

    pixels: Annotated[int, Ge(24), Le(512), DATA] | None = None
    """Side of the training pictures, which are cropped to their central square and resized; a multiple of 4. By default
    64 where most pictures are at least that large, else 32."""

    width: Annotated[int, Ge(4), Le(1024)] = 64
    """Channels of the generators at full resolution; lower resolutions have twice and four times as many."""
    depth: Annotated[int, Ge(1), Le(64)] = 6
    """Number of residual blocks of each generator."""
    batch: Annotated[int, Ge(1), Le(65_536), TRAINING] = 1
    """Pictures of each look per update and process."""
    learning_rate: Rate = 2e-4
    """Peak learning rate of Adam, for all networks."""
    cycle: Weight = 10.0
    """Weight of the cycle loss: changing a picture there and back must return it."""
    identity: Weight = 5.0
    """Weight of the identity loss: a picture that already has the look must stay."""


@dataclass(frozen=True)
class RestyleRequest:
    """The pictures to change, and how."""

    pictures: Any = None
    """A picture, an array of pictures, or a list of pictures (of Pillow, or arrays) of any size; or an iterator of
    these."""
    set: Mapping[str, str] = field(default_factory=dict)
    """Value to give an attribute, such as hair=blond; can be repeated. With two looks, each picture gets the other one
    by default."""
    strength: Annotated[float, Ge(0), Le(2)] = 1.0
    """Strength of the change: 0 returns the picture, 1 is the full change, more exaggerates it."""
    full_size: bool = False
    """Apply the change, enlarged, to the original picture instead of its square in the size of the training
    pictures."""

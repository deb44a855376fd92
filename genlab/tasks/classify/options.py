"""Options of the classifiers."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt


@dataclass(frozen=True)
class CNNOptions:
    """Options of the classifier of pictures."""

    label: str | None = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) that is the class; by default the sub-folders are."""
    pixels: Annotated[int, Ge(16), Le(128)] = 32
    """Side of the square that every picture is brought to."""
    width: Annotated[int, Ge(4), Le(512)] | None = None
    """Features of the first stage, each later one has twice as many; by default fitted to the time."""
    depth: Annotated[int, Ge(1), Le(16)] = 1
    """Residual blocks in each of the three stages."""
    augment: Literal["move", "mirror", "none"] = "move"
    """move turns, shears, stretches, shifts and bends the pictures a little each time; mirror also swaps left and
    right, which digits, letters and other things with a right way round do not bear."""
    batch: Annotated[int, Ge(2), Le(65_536)] = 64
    """Pictures in an update (of one process)."""
    learning_rate: Annotated[float, Gt(0), Le(1)] = 3e-3
    """Peak step length of AdamW."""
    weight_decay: Annotated[float, Ge(0), Le(10)] = 0.05
    """Pull of the weights towards zero, per unit of learning rate."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.2
    """Share of the last features dropped in training."""
    average: Annotated[float, Gt(0), Le(1)] = 0.02
    """Half of the weight of the network that is kept is on this share of the updates, the last ones."""


@dataclass(frozen=True)
class MLPOptions:
    """Options of the classifier of table rows."""

    label: str | None = None
    """Column to predict; by default one named label, class, target, species or the like, else the last."""
    width: Annotated[int, Ge(1), Le(8192)] | None = None
    """Features of a hidden layer; by default fitted to the number of rows, as the next three are."""
    dropout: Annotated[float, Ge(0), Lt(1)] | None = None
    """Share of hidden features dropped in training: few rows need more of it."""
    weight_decay: Annotated[float, Ge(0), Le(10)] | None = None
    """Pull of the weights towards zero, per unit of learning rate: few rows need more of it."""
    batch: Annotated[int, Ge(2), Le(65_536)] | None = None
    """Rows in an update (of one process)."""
    depth: Annotated[int, Ge(1), Le(32)] = 2
    """Hidden layers."""
    learning_rate: Annotated[float, Gt(0), Le(1)] = 1e-3
    """Peak step length of AdamW."""
    average: Annotated[float, Gt(0), Le(1)] = 0.1
    """Half of the weight of the network that is kept is on this share of the updates, the last ones."""


@dataclass(frozen=True)
class PredictRequest:
    """What a classifier predicts the classes of."""

    inputs: Any
    """A path or a list of paths (pictures, folders, zips; CSV files), or inputs in memory (an array or tensor of
    pictures; rows as dicts, a data frame or an array)."""

"""Options of the classifiers."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from genlab.options import DATA, TRAINING, Shown

Label = Annotated[str | None, DATA, Shown("COLUMN")]
Batch = Annotated[int, Ge(2), Le(65_536), TRAINING]
Rate = Annotated[float, Gt(0), Le(1), TRAINING]
Decay = Annotated[float, Ge(0), Le(10), TRAINING]
Dropout = Annotated[float, Ge(0), Lt(1), TRAINING]
Average = Annotated[float, Gt(0), Le(1), TRAINING]


@dataclass(frozen=True)
class CNNOptions:
    """Options of the classifier of pictures."""

    label: Label = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) with the classes; by default sub-folders are the
    classes."""
    pixels: Annotated[int, Ge(16), Le(128), DATA] = 32
    """Side of the square that pictures are resized to."""
    width: Annotated[int, Ge(4), Le(512)] | None = None
    """Channels of the first stage, doubled at each later stage; by default fitted to the time."""
    depth: Annotated[int, Ge(1), Le(16)] = 1
    """Residual blocks in each of the three stages."""
    augment: Annotated[Literal["move", "mirror", "none"], TRAINING] = "move"
    """move rotates, shears, scales, shifts and warps the pictures a little; mirror also swaps left and right, which
    is wrong for digits and letters."""
    batch: Batch = 64
    """Pictures per update and process."""
    learning_rate: Rate = 3e-3
    """Peak learning rate of AdamW."""
    weight_decay: Decay = 0.05
    """Decoupled weight decay."""
    dropout: Dropout = 0.2
    """Dropout before the last layer."""
    average: Average = 0.02
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class MLPOptions:
    """Options of the classifier of table rows."""

    label: Label = None
    """Column to predict; by default one with a usual name (label, class, target, species...), else the last."""
    types: Annotated[str | None, DATA, Shown("COLUMN=TYPE,...")] = None
    """Corrects how columns are read: number, category, date (or date:%d/%m/%Y), or ignore."""
    width: Annotated[int, Ge(1), Le(8192)] = 128
    """Units per hidden layer."""
    members: Annotated[int, Ge(1), Le(256)] | None = None
    """Members of the ensemble, which share most weights; by default 8."""
    bins: Annotated[int, Ge(0), Le(1024)] | None = None
    """Maximum number of bins of each numeric column; 0 omits them. By default fitted to the number of rows and the size
    of the second-largest class, as are dropout, weight decay and batch; more than 64 numbers share 8,192 bins."""
    dropout: Dropout | None = None
    """Dropout after each hidden layer: smaller tables need more."""
    weight_decay: Decay | None = None
    """Decoupled weight decay: smaller tables need more."""
    batch: Batch | None = None
    """Rows per update and process."""
    depth: Annotated[int, Ge(1), Le(32)] = 2
    """Hidden layers."""
    learning_rate: Rate = 2e-3
    """Peak learning rate of AdamW."""
    average: Average = 0.1
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class PredictRequest:
    """The inputs to classify."""

    inputs: Any
    """A path or a list of paths (pictures, folders, zips; CSV files), or inputs in memory (an array or tensor of
    pictures; rows as dicts, a data frame or an array)."""
    encoding: str | None = None
    """Encoding of tables that are not UTF-8."""

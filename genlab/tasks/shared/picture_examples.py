"""Examples of training pictures, to inspect before training."""

import numpy as np

from genlab.data.pictures.picture_set import PictureSplit
from genlab.engine.samples import Kind, Sample
from genlab.show.sheets import sheet

EXAMPLES = 64
"""Number of pictures on the sheet."""


def picture_examples(pictures: PictureSplit) -> list[Sample]:
    """A sheet of training pictures, spread evenly over the files and so over the classes."""
    rows = pictures.rows[np.unique(np.linspace(0, len(pictures) - 1, EXAMPLES).round().astype(int))]
    shown = pictures.array[rows]
    return [Sample(Kind.PICTURE, shown, {"png": sheet(list(shown))})]

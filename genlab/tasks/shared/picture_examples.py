"""Examples of training pictures, to inspect before training."""

import numpy as np

from genlab.data.pictures.picture_set import PictureSet
from genlab.engine.samples import Kind, Sample
from genlab.show.sheets import sheet

SHOWN = 64
"""Number of pictures on the sheet."""


def picture_examples(data: PictureSet) -> list[Sample]:
    """A sheet of training pictures, spread evenly over the files and so over the classes."""
    rows = data.train.rows[np.unique(np.linspace(0, len(data.train) - 1, SHOWN).round().astype(int))]
    pictures = data.train.array[rows]
    return [Sample(Kind.PICTURE, pictures, {"png": sheet(list(pictures))})]

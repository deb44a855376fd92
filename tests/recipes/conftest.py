"""Photographs that more than one recipe learns from."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    """A folder of 100 photographs of faces and 100 of other things, PNG and JPEG, in a sub-folder each.

    Crops of 25 x 25 in grey out of Labeled Faces in the Wild, as they come with scikit-image: faces first.
    """
    from skimage.data import lfw_subset

    folder = tmp_path_factory.mktemp("photographs") / "crops"
    crops = (255 * lfw_subset()).round().astype(np.uint8)
    for kind, some in (("face", crops[:100]), ("other", crops[100:])):
        (folder / kind).mkdir(parents=True)
        for number, crop in enumerate(some):
            ending = ("png", "jpg")[number % 2]
            Image.fromarray(crop).save(folder / kind / f"{number:03d}.{ending}")
    return folder

"""Sheets of pictures."""

import io

import numpy as np
from PIL import Image

from genlab.engine.samples import Kind, Sample
from genlab.show.sheets import Sheet, picture_sample, together


def plain(height: int, width: int, level: int, channels: int = 1) -> np.ndarray:
    return np.full((height, width, channels), level, np.uint8)


def drawn(sheet: Sheet) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(sheet.files()["png"])))


def test_pictures_are_fitted_to_the_first():
    """Other proportions get white borders; colour and grey mix."""
    sheet = Sheet()
    for picture in (plain(64, 64, 10), plain(100, 50, 20, 3), plain(8, 8, 30), plain(64, 128, 40)):
        sheet.add(picture_sample(picture))
    made = drawn(sheet)
    assert made.shape == (130, 130, 3)
    assert [made[32, 32, 0], made[32, 98, 1], made[98, 32, 0], made[98, 98, 2]] == [10, 20, 30, 40]
    assert made[32, 68, 0] == made[68, 98, 0] == 255


def test_large_pictures_are_reduced():
    sheet = Sheet()
    sheet.add(picture_sample(plain(300, 1024, 7)))
    assert sheet.pictures[0].shape == (150, 512, 1)
    assert drawn(sheet).shape == (150, 512, 3)


def test_samples_with_panels_keep_a_row_each():
    sheet = Sheet()
    for level in range(4):
        panels = [plain(64, 64, 50 * level + part) for part in range(3)]
        sheet.add(Sample(Kind.PICTURE, panels[1], {}, panels=panels))
    made = drawn(sheet)[..., 0]
    assert made.shape == (2 * 66 - 2, 6 * 66 - 2 + 6)
    assert [made[5, left] for left in (0, 66, 132, 204, 270, 336)] == [0, 1, 2, 50, 51, 52]
    assert (made[:64, 196:204] == 255).all()
    assert made[-1, -1] == 152


def test_latent_vectors_go_with_the_sheet_if_every_sample_has_one():
    pictures = [picture_sample(plain(8, 8, 0), np.full(3, number, np.float32)) for number in range(2)]
    (one,) = together(pictures)
    assert np.load(io.BytesIO(one.files["npy"])).tolist() == [[0, 0, 0], [1, 1, 1]]
    (two,) = together([*pictures, picture_sample(plain(8, 8, 0))])
    assert two.files.keys() == {"png"}

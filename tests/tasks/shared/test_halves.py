"""Halves of other people's pictures: what belongs together is in one of them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures.attribute_set import read_attributed
from genlab.data.pictures.picture_set import PictureSplit, read_pictures
from genlab.tasks.shared.halves import halves
from tests.data.made import noise

GROUPED = 24
"""Pictures in groups of three; the others have no group."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Sixty pictures: most in groups of variants, two twice with other bytes, and a copy across two groups."""
    folder = tmp_path_factory.mktemp("data") / "signs"
    folder.mkdir()
    lines, groups = ["file,colour"], ["file,group"]
    for number in range(60):
        name = f"{number:02d}.png"
        pixels = noise({50: 51, 52: 53, 0: 5}.get(number, number), 16)
        Image.fromarray(pixels).save(folder / name, compress_level=1 + number % 9)
        lines.append(f"{name},{'red' if number % 2 else 'blue'}")
        if number < GROUPED:
            groups.append(f"{name},{number // 3}")
    (folder / "attributes.csv").write_text("\n".join(lines))
    (folder / "groups.csv").write_text("\n".join(groups))
    return folder


@pytest.mark.parametrize("task", ["restyle", "images"])
def test_groups_and_copies_are_in_one_half(folder, task):
    if task == "restyle":
        pictures = read_attributed(str(folder), "0", "0", pixels=16, attributes=("colour",)).train.pictures
    else:
        pictures = read_pictures(str(folder), "0", "0", pixels=16).train
    first, second = halves(pictures)
    assert sorted((*first, *second)) == list(range(60))
    assert len(first) == len(second) == 30
    half = {pictures.names[pick]: place for place, picks in enumerate((first, second)) for pick in picks}
    for number in range(GROUPED):
        assert half[f"{number:02d}.png"] == half[f"{number // 3 * 3:02d}.png"]
    for one, other in (("50", "51"), ("52", "53"), ("00", "05")):
        assert half[f"{one}.png"] == half[f"{other}.png"]
    again = halves(pictures.take(np.arange(60)[::-1]))
    assert {pictures.names[59 - pick] for pick in again[0]} == {pictures.names[pick] for pick in first}


def test_pictures_without_files_are_divided_by_their_pixels():
    pictures = np.stack([noise(number // 2, 16) for number in range(22)])
    first, second = halves(PictureSplit(pictures, np.arange(22), None, []))
    assert (len(first), len(second)) == (12, 10)
    assert {pick ^ 1 for pick in first.tolist()} == set(first.tolist())

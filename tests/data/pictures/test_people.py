"""The people of @faces and @portraits: redrawn with other attributes, everything else stays the same."""

import io
from itertools import combinations

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures.arrays import read_array
from genlab.data.pictures.people import FACES, HAIR, PORTRAITS, SKIN, People
from genlab.data.shared.sample_sets import truth_of

pytest.importorskip("dicebear")
pytest.importorskip("resvg_py")
NUMBERS = (0, 3, 11)
both = pytest.mark.parametrize("people", [FACES, PORTRAITS], ids=["faces", "portraits"])


def drawn(people: People, number: int, **changes: str) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(people.redraw(f"{number:06d}.png", changes))).convert("RGB")).astype(int)


@pytest.mark.parametrize(("name", "side"), [("@faces", 32), ("@faces-1", 32), ("@portraits", 64)])
def test_a_set_holds_the_drawings_that_are_the_truth(name, side):
    found = read_array(f"{name}:5", side, 3, "data")
    redraw = truth_of(f"{name}:5")
    assert redraw is not None
    for file, picture in zip(found.names, found.array, strict=True):
        assert (np.asarray(Image.open(io.BytesIO(redraw(file, {}))).convert("RGB")) == picture).all()
    larger = read_array(f"{name}:6", side, 3, "data")
    assert larger.digests[:5] == found.digests


def test_other_data_have_no_truth():
    assert truth_of("@digits") is None
    assert truth_of("faces") is None


@both
@pytest.mark.parametrize("number", NUMBERS)
def test_only_the_hair_and_the_beard_change_with_the_hair_colour(people, number):
    bearded = [drawn(people, number, hair=hair, beard="yes") for hair in HAIR]
    shaved = [drawn(people, number, hair=hair, beard="no") for hair in HAIR]
    hair = np.any([(one != other).any(2) for one, other in combinations(shaved, 2)], axis=0)
    beard = np.any([(one != other).any(2) for one, other in zip(bearded, shaved, strict=True)], axis=0)
    assert 0.01 < hair.mean() < 0.6
    assert 0.005 < beard.mean() < 0.2
    for pictures in (bearded, shaved):
        for one, other in combinations(pictures, 2):
            assert not (one != other).any(2)[~hair & ~beard].any()
            assert np.abs(one - other).max(2)[hair].mean() > 30


@both
@pytest.mark.parametrize("skin", SKIN)
@pytest.mark.parametrize("hair", HAIR)
def test_beards_and_hair_differ_from_every_skin(people, hair, skin):
    """In the first version of @faces, brown hair had nearly the colour of dark skin, and black beards did not show."""
    bearded, shaved = (drawn(people, 4, hair=hair, skin=skin, beard=beard) for beard in ("yes", "no"))
    changed = np.abs(bearded - shaved).max(2)
    assert changed[changed > 0].mean() > 30
    colours = np.array([[int(code[place : place + 2], 16) for place in (1, 3, 5)] for code in (HAIR[hair], SKIN[skin])])
    assert np.abs(colours[0] - colours[1]).max() > 50


@both
@pytest.mark.parametrize("change", [{"glasses": "yes"}, {"skin": "dark"}, {"beard": "yes"}])
def test_other_attributes_change_little_else(people, change):
    before = {"glasses": "no", "skin": "light", "beard": "no"}
    one, other = drawn(people, 7, **before), drawn(people, 7, **{**before, **change})
    assert 0.01 < (one != other).any(2).mean() < 0.6

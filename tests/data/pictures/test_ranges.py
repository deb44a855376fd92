"""Pictures with more than 8 bits per channel: one range of values per data set, reported in a note and saved."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures.arrays import open_pictures
from genlab.data.pictures.picture_set import read_pictures
from genlab.data.pictures.ranges import Span, infer_ranges, value_range
from genlab.errors import InputError
from tests.data.made import encoded, noise, whole

GREY = [noise(number, channels=1)[..., 0] for number in range(6)]
"""Pictures as everybody should read them, from 0 to 255."""


def saved(folder: Path, pixels: list[np.ndarray]) -> str:
    folder.mkdir()
    for number, each in enumerate(pixels):
        (folder / f"{number:02d}.tif").write_bytes(encoded(Image.fromarray(each), "tiff"))
    return str(folder)


DEPTHS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], str]] = {
    "16 bits": (lambda grey: grey.astype(np.uint16) * 257, ""),
    "12 bits in 16": (lambda grey: (grey * (4095 / 255)).round().astype(np.uint16), "16-bit.*read as 12 bits"),
    "8 bits in 16": (lambda grey: grey.astype(np.uint16), "16-bit.*read as 8 bits, 0 black and 255 white"),
    "8 bits in 32": (lambda grey: grey.astype(np.int32), "32-bit integer.*read as 8 bits"),
    "24 bits in 32": (lambda grey: grey.astype(np.int32) * 65793, "0 black and 1.67772e"),
    "signed": (lambda grey: grey.astype(np.int32) * 8 - 1024, "from -1,024 to 1,016: read as -1,024 black and 1,016"),
    "of one": (lambda grey: (grey / 255).astype(np.float32), ""),
    "around zero": (lambda grey: (grey / 127.5 - 1).astype(np.float32), "read as -1 black and 1 white"),
    "of 255": (lambda grey: grey.astype(np.float32), "floating-point.*read as 8 bits"),
    "of 4,095": (lambda grey: (grey * (4095 / 255)).astype(np.float32), "floating-point.*read as 12 bits"),
    "of 65,535": (lambda grey: (grey * 257.0).astype(np.float32), "floating-point.*read as 16 bits"),
    "of 1.2": (lambda grey: (grey * (1.2 / 255)).astype(np.float32), "read as 0 black and 1.2 white"),
    "calcium": (lambda grey: (grey * (900 / 255) - 297).astype(np.float32), "read as -297 black and 603 white"),
    "kelvin": (lambda grey: (grey / 10 + 280).astype(np.float32), "read as 280 black and 305.5 white"),
}


@pytest.mark.parametrize("depth", DEPTHS)
def test_every_depth_gives_the_same_pixels(tmp_path: Path, depth: str) -> None:
    deepen, said = DEPTHS[depth]
    found = whole(saved(tmp_path / "deep", [deepen(grey) for grey in GREY]))
    assert np.abs(found.train.array[..., 0].astype(int) - np.stack(GREY)).max() <= 1
    if said:
        (note,) = found.notes
        assert re.search(said, note), note
    else:
        assert found.notes == []


@pytest.mark.parametrize("deepen", [lambda grey: grey.astype(np.uint16) * 16, lambda grey: (grey / 1).astype("f4")])
def test_dark_pictures_stay_dark_beside_bright_ones(tmp_path: Path, deepen: Callable) -> None:
    """The range is determined once for the whole set, not for each picture."""
    dark = [grey // 8 for grey in GREY]
    found = whole(saved(tmp_path / "deep", [deepen(grey) for grey in (*GREY, *dark)]))
    read = found.train.array[..., 0].astype(int)
    assert np.abs(read - np.stack([*GREY, *dark])).max() <= 1


def test_the_same_note_comes_out_of_the_cache(tmp_path: Path) -> None:
    data = saved(tmp_path / "deep", [grey.astype(np.uint16) * 16 for grey in GREY])
    first, again = whole(data), whole(data)
    assert first.notes == again.notes
    assert "the 16-bit pictures hold values from 0 to 4,080: read as 12 bits, 0 black and 4,095 white." in again.notes
    assert dict(first.ranges) == {"16-bit": [0.0, 4095.0]}


def test_a_trained_model_reads_other_pictures_by_its_own_range(tmp_path: Path) -> None:
    trained = whole(saved(tmp_path / "trained", [grey.astype(np.uint16) * 16 for grey in GREY]))
    ranges = json.loads(json.dumps(trained.ranges))  # as a run keeps them
    dark = saved(tmp_path / "dark", [(grey // 20).astype(np.uint16) * 16 for grey in GREY])
    expected = np.stack([grey // 20 for grey in GREY])
    for paths in ([dark], sorted(map(str, Path(dark).iterdir()))):
        opened = open_pictures(paths, 20, 1, ranges)
        assert np.abs(opened.array[..., 0].astype(int) - expected).max() <= 1
        assert any("read as 12 bits" in note for note in opened.notes)
        assert any(note.startswith("6 of 6 16-bit pictures use less than a tenth") for note in opened.notes)
        alone = open_pictures(paths, 20, 1)
        assert alone.array.max() > 150  # without the range, by that of these pictures
    of_set = read_pictures(dark, "0", "0", pixels=20, ranges=ranges)
    assert np.array_equal(of_set.train.array, open_pictures([dark], 20, 1, ranges).array)
    assert of_set.fingerprint == whole(dark).fingerprint
    other = read_pictures(str(tmp_path / "trained"), "0", dark, pixels=20)
    assert other.test is not None
    assert other.test.array.max() <= 13


def test_values_outside_a_known_range_are_noted(tmp_path: Path) -> None:
    data = saved(tmp_path / "deep", [(grey * 257.0 + 2).astype(np.float32) for grey in GREY])
    opened = open_pictures([data], 20, 1, {"floating-point": [0.0, 1.0]})
    assert opened.array.min() == 255
    assert "read as 0 black and 1 white; values outside are clipped." in opened.notes[0]
    assert "the pictures are nearly white (100.0% of their pixels): check how they were saved." in opened.notes


def test_one_bright_pixel_that_darkens_all_is_noted(tmp_path: Path) -> None:
    deep = [grey.astype(np.uint16) * 16 for grey in GREY]
    deep[0][0, 0] = 65535
    notes = whole(saved(tmp_path / "deep", deep)).notes
    assert any(note.startswith("5 of 6 16-bit pictures use less than a tenth of the values from 0") for note in notes)
    assert any("nearly black" in note for note in notes)


def test_numbers_that_are_not_finite_do_not_set_the_range(tmp_path: Path) -> None:
    deep = [(grey / 255).astype(np.float32) for grey in GREY]
    deep[0][3, 3], deep[1][2, 2] = np.nan, np.inf
    found = whole(saved(tmp_path / "deep", deep))
    assert set(found.left_out.values()) == {"has values that are not finite numbers"}
    assert len(found.train) == 4
    assert found.train.array.max() > 250
    with pytest.raises(InputError, match=r"01.tif cannot be read as a picture: has values that are not finite"):
        open_pictures([str(tmp_path / "deep" / "01.tif")], 20, 1)


@pytest.mark.parametrize(
    ("low", "high", "range_"),
    [(0, 0, (0, 1)), (0, 1, (0, 1)), (-1, 1, (-1, 1)), (-0.01, 1, (-0.01, 1)), (0, 256, (0, 1023)), (0, 20, (0, 20)),
     (7, 7, (0, 255)), (-5, -5, (-5, -4)), (30_000, 32_000, (30_000, 32_000)), (1e9, 1e9, (1e9, 1e9 + 1))],
)  # fmt: skip
def test_ranges_of_few_values(low: float, high: float, range_: tuple[float, float]) -> None:
    assert value_range(float(low), float(high)) == range_


def test_known_ranges_hold_and_others_are_inferred() -> None:
    spans = [Span("16-bit", 0.0, 4000.0), Span("floating-point", 0.0, 0.5)]
    ranges, _ = infer_ranges(spans, {"16-bit": [0.0, 65535.0]})
    assert {kind: tuple(both) for kind, both in ranges.items()} == {"16-bit": (0, 65535), "floating-point": (0, 1)}

"""Opening pictures at full size: upright, some at a time, from files, folders, zips and sample sets."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures import originals
from genlab.data.pictures.originals import Original, open_originals, original_of
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, noise, picture


def opened(*paths: object, notes: list[str] | None = None, **options) -> list[Original]:
    chunks = open_originals(map(str, paths), [] if notes is None else notes, "files", **options)
    return [original for chunk in chunks for original in chunk]


def test_files_keep_their_size_and_channels(tmp_path: Path) -> None:
    wide, grey = noise(0)[:7], noise(1, channels=1)
    Image.fromarray(wide).save(tmp_path / "wide.png")
    Image.fromarray(grey[..., 0]).save(tmp_path / "grey.png")
    first, second = opened(tmp_path / "wide.png", tmp_path / "grey.png")
    assert first.name == str(tmp_path / "wide.png")
    assert np.array_equal(first.pixels, wide)
    assert np.array_equal(second.pixels, grey)


def test_pictures_are_upright_over_white(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    wide = noise(0)[:7]
    Image.fromarray(wide).save(tmp_path / "turned.png", exif=exif)
    Image.new("RGBA", (3, 2), (0, 0, 0, 128)).save(tmp_path / "clear.png")
    turned, clear = opened(tmp_path / "turned.png", tmp_path / "clear.png")
    assert np.array_equal(turned.pixels, np.rot90(wide, -1))
    assert (clear.pixels == np.full((2, 3, 3), 127)).all()


def test_deep_pictures_take_the_range_of_the_model_or_of_all_paths(tmp_path: Path) -> None:
    for name, top in (("a", 4095), ("b", 1000)):
        Image.fromarray(np.array([[0, top]], np.uint16)).save(tmp_path / f"{name}.png")
    assert [one.pixels.ravel().tolist() for one in opened(tmp_path)] == [[0, 255], [0, 62]]
    for files in (["a.png", "b.png"], ["b.png", "a.png"]):  # one range for all paths
        found = {Path(one.name).name: one.pixels.max() for one in opened(*(tmp_path / file for file in files))}
        assert found == {"a.png": 255, "b.png": 62}
    ranges = {"16-bit": (0.0, 65535.0)}
    assert [one.pixels.ravel().tolist() for one in opened(tmp_path, ranges=ranges)] == [[0, 16], [0, 4]]


def test_folders_zips_and_sample_sets(tmp_path: Path) -> None:
    folder_of(tmp_path / "in", {"": 2, "more": 1})
    with zipfile.ZipFile(tmp_path / "in.zip", "w") as archive:
        for file in ("000.png", "001.png", "more/000.png"):
            archive.write(tmp_path / "in" / file, file)
    folder, packed = opened(tmp_path / "in"), opened(tmp_path / "in.zip")
    for path, found in ((f"{tmp_path}/in", folder), (f"{tmp_path}/in.zip", packed)):
        assert [one.name for one in found] == [f"{path}/{name}" for name in ("000.png", "001.png", "more/000.png")]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(folder, packed, strict=True))
    pytest.importorskip("dicebear")
    assert [(one.name, one.pixels.shape) for one in opened("@faces:2")] == [
        (f"00000{number}.png", (32, 32, 3)) for number in range(2)
    ]


def test_pictures_of_pillow_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "whole.jpg").write_bytes(encoded(picture(), "jpeg"))
    (tmp_path / "torn.jpg").write_bytes(encoded(picture(), "jpeg")[:-200])
    with Image.open(tmp_path / "whole.jpg") as closed:
        pass
    for given, message in [
        (Image.open(tmp_path / "torn.jpg"), r"damaged \(image file is truncated"),
        (Image.fromarray(np.full((4, 4), np.nan, np.float32)), "has values that are not finite numbers"),
        (closed, "its file is closed"),
    ]:
        with pytest.raises(InputError, match=f"^pictures: item 7 cannot be read as a picture: {message}") as error:
            original_of(given, "7", 3)
        assert error.value.field == "pictures"


def test_few_pictures_are_open_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = folder_of(tmp_path, {"": 7})
    monkeypatch.setattr(originals, "MOST", 3)
    assert [len(chunk) for chunk in open_originals([data], [], "files")] == [3, 3, 1]
    monkeypatch.setattr(originals, "PIXELS", 2 * 20 * 20)
    assert [len(chunk) for chunk in open_originals([data], [], "files")] == [2, 2, 2, 1]
    decoded = []
    monkeypatch.setattr(originals, "decode_whole", lambda *_: decoded.append(1) or noise(0))
    next(open_originals([data], [], "files"))
    assert len(decoded) == 2


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "torn.png").write_bytes(encoded(picture())[:60])
    (tmp_path / "in" / "whole.png").write_bytes(encoded(picture()))
    (tmp_path / "none").mkdir()
    (tmp_path / "none" / "a.jpg").write_bytes(b"hello")
    notes: list[str] = []
    assert [one.name for one in opened(tmp_path / "in", notes=notes)] == [f"{tmp_path}/in/whole.png"]
    assert len(notes) == 1
    assert notes[0].startswith(f"{tmp_path}/in/torn.png was left out: damaged (")
    for paths, message in [
        ([tmp_path / "in" / "torn.png"], r"torn\.png cannot be read as a picture: damaged"),
        ([tmp_path / "none"], "^No picture of .*none can be read: not a picture"),
        ([tmp_path / "missing.png"], "There is no file or folder .*missing"),
        (["@face"], "There is no sample set @face: .*perhaps @faces"),
        ([], "Name the pictures"),
    ]:
        with pytest.raises(InputError, match=message) as error:
            opened(*paths)
        assert error.value.field == "files"

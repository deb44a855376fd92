"""All pictures as one array: channels, the cache, and what is left out."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures import arrays as picture_arrays
from genlab.data.pictures.arrays import open_pictures
from genlab.data.pictures.image_decoding import decode
from genlab.data.pictures.picture_set import read_pictures
from genlab.data.shared.cache import cache_folder
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, noise, picture, whole


def test_grey_pictures_have_one_channel_unless_told_otherwise(tmp_path: Path) -> None:
    grey = folder_of(tmp_path / "grey", {"": 3}, channels=1)
    assert whole(grey).channels == 1
    assert whole(grey, channels=3).channels == 3
    colour = folder_of(tmp_path / "colour", {"": 3})
    assert whole(colour).channels == 3
    assert whole(colour, channels=1).channels == 1
    (tmp_path / "grey" / "colour.png").write_bytes(encoded(picture(9)))
    assert whole(grey).channels == 3


def test_nothing_is_dropped_silently(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"cat": 3, "dog": 3})
    (tmp_path / "cat" / "empty.png").write_bytes(b"")
    (tmp_path / "cat" / "cut.jpg").write_bytes(encoded(picture(), "jpeg")[:300])
    (tmp_path / "cat" / "text.gif").write_text("hello")
    (tmp_path / "dog" / "notes.txt").write_text("hello")
    (tmp_path / ".hidden").write_text("hello")
    found = whole(data)
    assert len(found.train) == 6
    assert set(found.left_out) == {"cat/empty.png", "cat/cut.jpg", "cat/text.gif", "dog/notes.txt"}
    assert "4 files were left out" in found.notes[0]
    assert "cat/empty.png: empty file" in found.notes[0]


@pytest.mark.parametrize("channels", [1, 3])
def test_rows_belong_to_their_names(tmp_path: Path, monkeypatch, channels: int) -> None:
    """Pictures in several chunks and blocks, with an unreadable file in the middle."""
    monkeypatch.setattr(picture_arrays, "CHUNK", 3)
    monkeypatch.setattr(picture_arrays, "BLOCK", 6)
    data = folder_of(tmp_path, {"": 16}, channels)
    (tmp_path / "004.png").write_bytes(b"torn")
    found = picture_arrays.read_array(data, 20, None, "data")
    assert found.names == [f"{number:03d}.png" for number in range(16) if number != 4]
    assert found.left_out == {"004.png": "not a picture"}
    for name, pixels, digest in zip(found.names, found.array, found.digests, strict=True):
        assert np.array_equal(pixels, noise(int(name[:3]), channels=channels))
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()


def test_the_cache_is_used_and_never_stale(tmp_path: Path, monkeypatch) -> None:
    data = folder_of(tmp_path, {"": 4})
    first = whole(data)
    calls = []
    original = decode
    monkeypatch.setattr(picture_arrays, "decode", lambda *given: (calls.append(1), original(*given))[1])
    again = whole(data)
    assert not calls
    assert again.fingerprint == first.fingerprint
    changed = noise(77)
    (tmp_path / "001.png").write_bytes(encoded(Image.fromarray(changed)))
    other = whole(data)
    assert len(calls) == 4
    assert other.fingerprint != first.fingerprint
    assert np.array_equal(other.train.array[1], changed)
    assert read_pictures(data, "0", "0", pixels=16).train.array.shape == (4, 16, 16, 3)


def test_a_torn_cache_is_made_anew(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 7})
    before = set(cache_folder().iterdir()) if cache_folder().exists() else set()
    first = np.array(whole(data).train.array)
    (made,) = set(cache_folder().iterdir()) - before
    (made / "pictures").write_bytes((made / "pictures").read_bytes()[:100])
    assert np.array_equal(whole(data).train.array, first)


def test_single_pictures_and_folders_are_opened_alike(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "set", {"cat": 2})
    (tmp_path / "set" / "torn.png").write_bytes(b"")
    names, array, left_out, notes = open_pictures([data, f"{data}/cat/001.png"], 20, 3)
    assert names == [f"{data}/cat/000.png", f"{data}/cat/001.png", f"{data}/cat/001.png"]
    assert np.array_equal(array[1], array[2])
    assert np.array_equal(array[1], noise(1))
    assert left_out == {f"{data}/torn.png": "empty file"}
    assert notes == []
    grey = open_pictures([data], 20, 1).array
    assert grey.shape == (2, 20, 20, 1)
    with pytest.raises(InputError, match=r"torn.png cannot be read as a picture: empty file"):
        open_pictures([f"{data}/torn.png"], 20, 3)

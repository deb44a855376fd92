"""Reading pictures: formats, classes, splits, the cache, arrays, and what is left out."""

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.data.cache import cache_folder
from genlab.data.pictures import (
    Unreadable,
    decode,
    open_pictures,
    picture_rows,
    read_pictures,
    to_bytes,
    to_tensor,
)
from genlab.errors import InputError


def noise(seed: int, side: int = 20, channels: int = 3) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (side, side, channels), dtype=np.uint8)


def picture(seed: int = 0, **options) -> Image.Image:
    pixels = noise(seed, **options)
    return Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)


def encoded(image: Image.Image, kind: str = "png", **options) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def folder_of(path: Path, classes: dict[str, int], channels: int = 3) -> str:
    """So many pictures in a folder for each class; "" for none."""
    seed = 0
    for name, count in classes.items():
        (path / name).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            (path / name / f"{number:03d}.png").write_bytes(encoded(picture(seed, channels=channels)))
            seed += 1
    return str(path)


def whole(data: str, **options):
    return read_pictures(data, "0", "0", 20, **options)


# --- one picture ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "webp", "gif", "bmp", "tiff", "jpeg"])
def test_formats(kind: str) -> None:
    smooth = Image.fromarray(np.tile(np.linspace(0, 255, 20).astype(np.uint8)[:, None, None], (1, 20, 3)))
    options = {"webp": {"lossless": True}, "jpeg": {"quality": 98}}.get(kind, {})
    found = decode(encoded(smooth, kind, **options), 20)
    assert found.shape == (20, 20, 3)
    assert found.dtype == np.uint8
    assert np.abs(found.astype(int) - np.asarray(smooth)).max() <= (6 if kind == "jpeg" else 0)


def test_grey_palette_and_two_colours() -> None:
    grey = picture(channels=1)
    assert np.array_equal(decode(encoded(grey), 20), np.repeat(np.asarray(grey)[..., None], 3, 2))
    palette = picture().quantize(16)
    assert np.array_equal(decode(encoded(palette), 20), np.asarray(palette.convert("RGB")))
    black_white = grey.convert("1")
    assert set(np.unique(decode(encoded(black_white), 20))) == {0, 255}


def test_transparency_lies_over_white() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    clear.putpixel((0, 0), (255, 0, 0, 255))
    found = decode(encoded(clear), 8)
    assert found[0, 0].tolist() == [255, 0, 0]
    assert found[4, 4].tolist() == [255, 255, 255]
    half = decode(encoded(Image.new("RGBA", (4, 4), (0, 0, 0, 128))), 4)
    assert half[0, 0].tolist() == [127, 127, 127]
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([0, 0, 0, 9, 9, 9])
    assert decode(encoded(palette, transparency=1), 4)[0, 0].tolist() == [255, 255, 255]


@pytest.mark.parametrize("kind", ["png", "tiff"])
def test_sixteen_bits(kind: str) -> None:
    deep = np.array([[0, 65535], [32768, 257]], np.uint16)
    found = decode(encoded(Image.fromarray(deep), kind), 2)
    assert found[..., 0].tolist() == [[0, 255], [128, 1]]


def test_fractions_are_of_one() -> None:
    found = decode(encoded(Image.fromarray(np.array([[0.0, 1.0], [0.5, 0.25]], np.float32)), "tiff"), 2)
    assert found[..., 0].tolist() == [[0, 255], [128, 64]]


def test_exif_rotation_is_followed() -> None:
    upright = picture()
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    assert np.array_equal(decode(encoded(turned, exif=exif), 20), np.asarray(upright))


def test_the_middle_square_is_cut_out() -> None:
    wide = np.zeros((10, 30, 3), np.uint8)
    wide[:, 10:20] = noise(0, 10)
    assert np.array_equal(decode(encoded(Image.fromarray(wide)), 10), noise(0, 10))
    assert np.array_equal(
        decode(encoded(Image.fromarray(wide.transpose(1, 0, 2))), 10), noise(0, 10).transpose(1, 0, 2)
    )


def test_shrinking_looks_at_all_pixels() -> None:
    checks = ((np.indices((64, 64)).sum(0) % 2) * 255).astype(np.uint8)
    found = decode(encoded(Image.fromarray(checks)), 16).astype(int)
    assert np.abs(found - 127).max() <= 8


def test_the_first_frame_of_an_animation() -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    animated = encoded(frames[0], "gif", save_all=True, append_images=frames[1:])
    assert decode(animated, 8)[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not a picture"),
        (encoded(picture())[:200], "damaged"),
        (encoded(picture())[:40] + b"\0" * 400, "not a picture"),
        (encoded(picture(), "jpeg")[:300], "damaged"),
    ],
    ids=["empty", "text", "cut", "zeros", "cut jpeg"],
)
def test_what_is_no_picture(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        decode(content, 20)


def test_a_decompression_bomb_is_not_opened() -> None:
    bomb = encoded(Image.new("1", (14_000, 14_000)))
    assert len(bomb) < 100_000
    with pytest.raises(Unreadable, match="decompression bomb"):
        decode(bomb, 20)


# --- a set ----------------------------------------------------------------------------------------


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    found = whole(folder_of(tmp_path, {"cat": 3, "dog/big": 2, "dog/small": 2}))
    assert found.classes == ["cat", "dog"]
    assert found.train.labels is not None
    assert found.train.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert found.train.names[0] == "cat/000.png"
    assert found.train.array.shape == (7, 20, 20, 3)
    assert found.counts() == {"train": {"pictures": 7, "classes": {"cat": 3, "dog": 4}}}


def test_a_folder_around_all_is_no_class(tmp_path: Path) -> None:
    folder_of(tmp_path / "data" / "set", {"cat": 2, "dog": 2})
    assert whole(str(tmp_path / "data")).classes == ["cat", "dog"]


def test_pictures_beside_folders_have_no_classes(tmp_path: Path) -> None:
    found = whole(folder_of(tmp_path, {"": 2, "cat": 2}))
    assert found.classes == []
    assert found.train.labels is None


def test_grey_pictures_have_one_channel_unless_told_otherwise(tmp_path: Path) -> None:
    grey = folder_of(tmp_path / "grey", {"": 3}, channels=1)
    assert whole(grey).channels == 1
    assert whole(grey, channels=3).channels == 3
    colour = folder_of(tmp_path / "colour", {"": 3})
    assert whole(colour).channels == 3
    assert whole(colour, channels=1).channels == 1
    (tmp_path / "grey" / "colour.png").write_bytes(encoded(picture(9)))
    assert whole(grey).channels == 3


def test_a_table_names_classes(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 3})
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,grey\n002.png,red\n")
    found = whole(data, label="hair")
    assert found.classes == ["grey", "red"]
    assert found.train.labels is not None
    assert found.train.labels.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="has no column beard; it has file, hair"):
        whole(data, label="beard")
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,grey\n")
    with pytest.raises(InputError, match=r"gives 002.png no hair"):
        whole(data, label="hair")


def test_a_zip_is_a_folder(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "set", {"cat": 3, "dog": 2})
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(Path(data).rglob("*.png")):
            archive.write(file, file.relative_to(data))
        archive.writestr("__MACOSX/cat/._000.png", b"x")
    one, other = whole(data), whole(str(tmp_path / "set.zip"))
    assert other.classes == one.classes
    assert np.array_equal(other.train.array, one.train.array)
    assert other.left_out == {}


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "C:/evil.png", "a/../../evil.png", "..\\evil.png"])
def test_a_zip_that_names_files_outside_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(name, encoded(picture()))
    with pytest.raises(InputError, match="a file outside of itself"):
        whole(str(tmp_path / "set.zip"))


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


# --- splits ---------------------------------------------------------------------------------------


def sides(found) -> list[set[str]]:
    return [set(part.names) if part is not None else set() for part in (found.train, found.validation, found.test)]


def test_splits_share_out_the_pictures_and_stay_when_some_are_added(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 200})
    few = sides(read_pictures(data, "0.1", "0.2", 20))
    for number in range(40):
        (tmp_path / f"new-{number}.png").write_bytes(encoded(picture(1000 + number)))
    many = sides(read_pictures(data, "0.1", "0.2", 20))
    assert sum(map(len, many)) == 240
    assert len(many[1]) == pytest.approx(24, abs=15)
    assert len(many[2]) == pytest.approx(48, abs=20)
    for before, after in zip(few, many, strict=True):
        assert before <= after


def test_copies_are_on_one_side(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"one": 40})
    for file in list((tmp_path / "one").iterdir()):
        (tmp_path / f"copy of {file.name}").write_bytes(file.read_bytes())
    for side in sides(read_pictures(data, "0.2", "0.2", 20)):
        assert {name.replace("copy of ", "one/") for name in side} == {name for name in side if "one/" in name}


def test_splits_of_their_own(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "train", {"cat": 5, "dog": 5})
    test = folder_of(tmp_path / "test", {"dog": 3})
    found = read_pictures(data, "0", test, 20)
    assert found.validation is None
    assert found.test is not None
    assert found.test.labels is not None
    assert found.test.labels.tolist() == [1, 1, 1]
    assert found.fingerprint != whole(data).fingerprint
    bird = folder_of(tmp_path / "bird", {"bird": 2, "cat": 2})
    with pytest.raises(InputError, match="has a class bird that is not known: there are cat, dog") as error:
        read_pictures(data, "0", bird, 20)
    assert error.value.field == "test"


# --- the cache ------------------------------------------------------------------------------------


def test_the_cache_is_used_and_never_stale(tmp_path: Path, monkeypatch) -> None:
    import genlab.data.pictures as module

    data = folder_of(tmp_path, {"": 4})
    first = whole(data)
    calls = []
    original = decode
    monkeypatch.setattr(module, "decode", lambda *given: (calls.append(1), original(*given))[1])
    again = whole(data)
    assert not calls
    assert again.fingerprint == first.fingerprint
    changed = noise(77)
    (tmp_path / "001.png").write_bytes(encoded(Image.fromarray(changed)))
    other = whole(data)
    assert len(calls) == 4
    assert other.fingerprint != first.fingerprint
    assert np.array_equal(other.train.array[1], changed)
    assert read_pictures(data, "0", "0", 16).train.array.shape == (4, 16, 16, 3)


def test_a_torn_cache_is_made_anew(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 7})
    before = set(cache_folder().iterdir()) if cache_folder().exists() else set()
    first = np.array(whole(data).train.array)
    (made,) = set(cache_folder().iterdir()) - before
    (made / "pictures.npy").write_bytes((made / "pictures.npy").read_bytes()[:100])
    assert np.array_equal(whole(data).train.array, first)


# --- numbers and arrays ---------------------------------------------------------------------------


def test_bytes_and_numbers_round_trip() -> None:
    pixels = noise(0)[None]
    numbers = to_tensor(pixels)
    assert numbers.shape == (1, 3, 20, 20)
    assert numbers.min() >= -1
    assert numbers.max() <= 1
    assert np.array_equal(to_bytes(numbers), pixels)


def test_single_pictures_and_folders_are_opened_alike(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "set", {"cat": 2})
    (tmp_path / "set" / "torn.png").write_bytes(b"")
    names, array, left_out = open_pictures([data, f"{data}/cat/001.png"], 20, 3)
    assert names == [f"{data}/cat/000.png", f"{data}/cat/001.png", f"{data}/cat/001.png"]
    assert np.array_equal(array[1], array[2])
    assert np.array_equal(array[1], noise(1))
    assert left_out == {f"{data}/torn.png": "empty file"}
    grey = open_pictures([data], 20, 1)[1]
    assert grey.shape == (2, 20, 20, 1)
    with pytest.raises(InputError, match=r"torn.png cannot be read as a picture: empty file"):
        open_pictures([f"{data}/torn.png"], 20, 3)


@pytest.mark.parametrize("channels", [1, 3])
def test_arrays_in_all_layouts(channels: int) -> None:
    pixels = np.stack([noise(seed, channels=channels) for seed in range(2)])
    numbers = to_tensor(pixels)
    given = [pixels, torch.from_numpy(pixels), pixels.astype(np.int64), numbers, numbers.numpy(), list(pixels)]
    given += [numbers.permute(0, 2, 3, 1), numbers.double()]
    if channels == 1:
        given += [pixels[..., 0], numbers[:, 0]]
    for one in given:
        assert np.array_equal(picture_rows(one, 20, channels), pixels)
    assert np.array_equal(picture_rows(pixels[0], 20, channels), pixels[:1])


def test_arrays_of_another_size_or_depth_are_brought_to_the_runs_own() -> None:
    pixels = noise(0, side=30)
    from_file = decode(encoded(Image.fromarray(pixels)), 16)
    assert np.array_equal(picture_rows(pixels, 16, 3)[0], from_file)
    grey = picture_rows(noise(0, channels=1), 20, 3)
    assert (grey == grey[..., :1]).all()
    assert picture_rows(noise(0), 20, 1).shape == (1, 20, 20, 1)


@pytest.mark.parametrize(
    "data",
    [
        np.zeros(5),
        np.zeros((2, 20, 20, 4)),
        np.zeros((0, 20, 20, 1)),
        np.zeros((1, 1, 1, 1, 1)),
        np.full((1, 20, 20, 1), np.nan),
        np.full((1, 20, 20, 1), 3.5),
        np.full((1, 20, 20, 1), 256),
        np.full((1, 20, 20, 1), -1),
        np.full((1, 20, 20, 1), "x"),
        [noise(0), noise(1, side=21)],
        None,
        [],
        {"a": 1},
    ],
    ids=lambda data: f"{getattr(data, 'dtype', '')}{getattr(data, 'shape', type(data))}",
)
def test_arrays_that_are_no_pictures(data) -> None:
    with pytest.raises(
        InputError, match=r"no pictures \(number, height, width, 3\) of bytes, or of numbers in"
    ) as error:
        picture_rows(data, 20, 3)
    assert error.value.field == "data"


def test_a_trained_models_classes_number_other_pictures(tmp_path: Path) -> None:
    known = ["ant", "cat", "dog"]
    both = whole(folder_of(tmp_path / "both", {"cat": 2, "dog": 2}), classes=known)
    assert both.train.labels is not None
    assert both.train.labels.tolist() == [1, 1, 2, 2]
    one = whole(folder_of(tmp_path / "one", {"dog": 2}), classes=known)
    assert one.train.labels is not None
    assert one.train.labels.tolist() == [2, 2]
    assert whole(folder_of(tmp_path / "none", {"other": 2}), classes=known).train.labels is None
    with pytest.raises(InputError, match="a class bird that is not known: there are ant, cat, dog"):
        whole(folder_of(tmp_path / "bird", {"bird": 2, "cat": 2}), classes=known)

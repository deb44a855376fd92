"""Decoding one picture: formats, modes, transparency, rotation, cropping, and files that are not pictures."""

from contextlib import suppress

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures.image_decoding import Unreadable, decode
from tests.data.made import encoded, noise, picture


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


def test_only_formats_of_pictures_are_opened() -> None:
    """Pillow would run Ghostscript for an EPS file, whatever its name."""
    for kind in ("eps", "ppm", "pcx"):
        content = encoded(picture(), kind)
        with pytest.raises(Unreadable, match="not a picture"):
            decode(content, 20)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", ["png", "jpeg", "gif", "bmp", "webp", "tiff", "avif"])
def test_damaged_files_end_in_a_sentence(kind: str) -> None:
    if kind.upper() not in Image.SAVE:
        pytest.skip(f"Pillow has no {kind}")
    sound, chance = encoded(picture(), kind), np.random.default_rng(0)
    for _ in range(150):
        damaged = bytearray(sound)
        for place in chance.integers(min(len(sound), 300), size=4):
            damaged[place] = chance.integers(256)
        with suppress(Unreadable):
            assert decode(bytes(damaged), 16).shape == (16, 16, 3)

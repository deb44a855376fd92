"""Decodes a picture file into an upright square of bytes."""

import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from genlab.data.pictures.ranges import KINDS, Ranges, Span, value_range

warnings.filterwarnings("ignore", module=r"PIL\.")  # damaged pictures and bombs are reported as files left out

Image.init()
FORMATS = tuple(name for name in ("AVIF", "BMP", "GIF", "JPEG", "PNG", "TIFF", "WEBP") if name in Image.OPEN)
"""Formats to open, regardless of the file name. Pillow supports more, but one of them (EPS) runs a program."""
PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


FAULTS = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, ArithmeticError, RuntimeError, struct.error,
    zlib.error,
)  # fmt: skip
"""Errors of Pillow for damaged pictures."""


class Unreadable(Exception):
    """Raised for a file that is not a usable picture; the message is the reason."""


def decode(data: bytes, pixels: int, ranges: Ranges | None = None) -> UInt8[np.ndarray, "pixels pixels 3"]:
    """Decodes the content of a file into an upright RGB square.

    Applies the EXIF rotation, composites transparency over white, takes the first frame of an animation, and scales
    more than 8 bits per channel to 8. Crops the largest centred square and resizes it with an antialiased Lanczos
    filter.

    Args:
        data: The content.
        pixels: Side of the square.
        ranges: Black and white level by kind of picture; a missing kind is inferred from this picture.

    Raises:
        Unreadable: the content is not a picture, is damaged, or is dangerously large.
    """
    with _opened(data) as picture:
        if picture.format == "JPEG":
            picture.draft("RGB", (2 * pixels, 2 * pixels))  # JPEG decodes at a smaller scale if that is enough
        ImageOps.exif_transpose(picture, in_place=True)
        return np.asarray(square(picture, pixels, ranges))


def decode_whole(data: bytes, ranges: Ranges | None = None) -> UInt8[np.ndarray, "height width channels"]:
    """Like `decode`, but the whole picture at its full size; with one channel if it is grey.

    Raises:
        Unreadable: as for `decode`.
    """
    with _opened(data) as picture:
        return whole(picture, ranges)


def whole(picture: Image.Image, ranges: Ranges | None = None) -> UInt8[np.ndarray, "height width channels"]:
    """The pixels of a picture, upright and over white; one channel if it is grey, else three.

    Raises:
        Unreadable: the picture is damaged or closed, or has values that are not finite.
    """
    try:
        pixels = np.asarray(_flattened(ImageOps.exif_transpose(picture), ranges))
    except (*FAULTS, AssertionError) as error:  # Pillow asserts that the file is open
        raise Unreadable(f"damaged ({error})" if str(error) else "its file is closed") from None
    return pixels if pixels.ndim == 3 else pixels[..., None]


def may_be_deep(data: bytes) -> bool:
    """Whether the picture can have more than 8 bits per channel, according to its first bytes."""
    return data[24:25] == b"\x10" if data.startswith(PNG) else data.startswith(TIFF)


def span(data: bytes) -> Span | None:
    """The smallest and the largest value of a picture; None for 8 bits per channel.

    Raises:
        Unreadable: as for `decode`.
    """
    with _opened(data) as picture:
        if picture.mode not in KINDS:
            return None
        values = _values(picture)
        return Span(KINDS[picture.mode], float(values.min()), float(values.max()))


def describe(data: bytes) -> tuple[str, tuple[int, int]]:
    """The format of a picture, such as "PNG", and its width and height.

    Raises:
        Unreadable: as for `decode`.
    """
    with _opened(data) as picture:
        assert picture.format is not None, "it was opened from a file"
        return picture.format, picture.size


@contextmanager
def _opened(data: bytes) -> Iterator[Image.Image]:
    """Opens an image that is safe to decode; errors inside the context raise `Unreadable`."""
    if not data:
        raise Unreadable("empty file")
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as picture:
            width, height = picture.size
            if width * height > (Image.MAX_IMAGE_PIXELS or 1 << 27):
                raise Unreadable(f"{width} x {height} pixels are too many: a decompression bomb?")
            yield picture
    except Image.DecompressionBombError:
        raise Unreadable("too many pixels: a decompression bomb?") from None
    except Image.UnidentifiedImageError:
        raise Unreadable("not a picture") from None
    except FAULTS as error:
        raise Unreadable(f"damaged ({error})") from None


def square(picture: Image.Image, pixels: int, ranges: Ranges | None = None) -> Image.Image:
    """The largest centred square in RGB, over white, resized to `pixels`."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    picture = _flattened(picture, ranges)
    if side != pixels or box != (0, 0, pixels, pixels):
        picture = picture.resize((pixels, pixels), Image.Resampling.LANCZOS, box)
    return picture.convert("RGB")


def _flattened(picture: Image.Image, ranges: Ranges | None) -> Image.Image:
    """The picture over white, with 8 bits per channel: grey if it is and has no transparency, else RGB."""
    picture = _to_eight_bits(picture, ranges or {})
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    return picture


def _to_eight_bits(picture: Image.Image, ranges: Ranges) -> Image.Image:
    """Scales a picture with more than 8 bits per channel to 8; returns any other unchanged."""
    if picture.mode not in KINDS:
        return picture
    values = _values(picture)
    black, white = ranges.get(KINDS[picture.mode]) or value_range(float(values.min()), float(values.max()))
    return Image.fromarray((255 * ((values - black) / (white - black)).clip(0, 1)).round().astype(np.uint8))


def _values(picture: Image.Image) -> np.ndarray:
    values = np.asarray(picture).astype(np.float64)
    if not np.isfinite(values).all():
        raise Unreadable("has values that are not finite numbers")
    return values


def grey(pictures: UInt8[np.ndarray, "some height width 3"]) -> UInt8[np.ndarray, "some height width 1"]:
    """Luma of each pixel (ITU-R 601, as in Pillow)."""
    return (pictures @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)[..., None]

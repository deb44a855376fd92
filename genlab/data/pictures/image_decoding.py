"""A picture's file -> an upright square of bytes."""

import io
import warnings
import zlib

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

warnings.filterwarnings(
    "ignore", category=Image.DecompressionBombWarning
)  # such pictures are left out, with a sentence


class Unreadable(Exception):
    """A file is no picture that can be used; the message is the reason."""


def decode(data: bytes, pixels: int) -> UInt8[np.ndarray, "pixels pixels 3"]:
    """A file's content as an upright RGB square.

    EXIF rotation is followed, transparency laid over white, the first frame of an animation taken, 16 bits
    brought to 8; then the largest square in the middle is cut out and resized with Lanczos's filter over
    all pixels that it covers.

    Raises:
        Unreadable: it is no picture, damaged, or dangerously large.
    """
    if not data:
        raise Unreadable("empty file")
    try:
        with Image.open(io.BytesIO(data)) as picture:
            width, height = picture.size
            if width * height > (Image.MAX_IMAGE_PIXELS or 1 << 27):
                raise Unreadable(f"{width} x {height} pixels are too many: a decompression bomb?")
            if picture.format == "JPEG":
                picture.draft("RGB", (2 * pixels, 2 * pixels))  # decodes at a smaller scale where that is enough
            ImageOps.exif_transpose(picture, in_place=True)
            return np.asarray(square(picture, pixels))
    except Image.DecompressionBombError:
        raise Unreadable("too many pixels: a decompression bomb?") from None
    except Image.UnidentifiedImageError:
        raise Unreadable("not a picture") from None
    except (OSError, ValueError, SyntaxError, EOFError, IndexError, TypeError, zlib.error) as error:
        raise Unreadable(f"damaged ({error})") from None


def square(picture: Image.Image, pixels: int) -> Image.Image:
    """The largest square in the middle as RGB, over white, `pixels` wide."""
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    box = (left, top, left + side, top + side)
    picture = _eight_bits(picture)
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    if picture.mode not in ("RGB", "L"):
        picture = picture.convert("RGB")
    if side != pixels or box != (0, 0, pixels, pixels):
        picture = picture.resize((pixels, pixels), Image.Resampling.LANCZOS, box)
    return picture.convert("RGB")


def _eight_bits(picture: Image.Image) -> Image.Image:
    """Modes of 16 or 32 bits a channel in 8: whole numbers are 16 bits, fractions are of 1 unless one is larger."""
    if picture.mode not in ("I", "F", "I;16", "I;16L", "I;16B", "I;16N"):
        return picture
    values = np.asarray(picture).astype(np.float64)
    if not np.isfinite(values).all():
        raise Unreadable("has values that are no numbers")
    top = 65535.0 if picture.mode != "F" else 1.0 if values.max(initial=0) <= 1 else 255.0
    return Image.fromarray((255 * (values / top).clip(0, 1)).round().astype(np.uint8))


def grey(pictures: UInt8[np.ndarray, "some height width 3"]) -> UInt8[np.ndarray, "some height width 1"]:
    """Luma of each pixel (ITU-R 601, as in Pillow)."""
    return (pictures @ np.array([0.299, 0.587, 0.114])).round().astype(np.uint8)[..., None]

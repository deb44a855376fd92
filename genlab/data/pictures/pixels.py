"""Converts pixels between bytes and floats, and reads pictures from arrays."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from genlab.data.pictures.image_decoding import grey, square
from genlab.errors import InputError


def to_tensor(pixels: UInt8[np.ndarray, "some height width channels"]) -> Float[Tensor, "some channels height width"]:
    """Converts bytes to floats in [-1, 1], channels last in memory."""
    return torch.from_numpy(np.ascontiguousarray(pixels)).permute(0, 3, 1, 2).float().div_(127.5).sub_(1)


def to_bytes(pictures: Float[Tensor, "some channels height width"]) -> UInt8[np.ndarray, "some height width channels"]:
    """Converts floats in [-1, 1] to bytes; clips values outside."""
    scaled = pictures.detach().float().clamp(-1, 1).add(1).mul(127.5).round().to(torch.uint8)
    return scaled.permute(0, 2, 3, 1).cpu().numpy()


def commonest_colours(
    pixels: UInt8[np.ndarray, "some height width channels"], count: int
) -> tuple[UInt8[np.ndarray, "colours channels"], Float[np.ndarray, " colours"]]:
    """The commonest colours, at most `count`, the commonest first, and the fraction of the pixels that has each."""
    codes = pixels[..., 0].astype(np.int32)
    for channel in range(1, pixels.shape[3]):
        codes <<= 8
        codes |= pixels[..., channel]
    codes = codes.ravel()
    codes.sort()  # np.unique would copy them first
    last = np.append(np.flatnonzero(codes[1:] != codes[:-1]), codes.size - 1)
    found, counts = codes[last], np.diff(last, prepend=-1)
    most = counts.argsort(kind="stable")[::-1][:count]
    shifts = 8 * np.arange(pixels.shape[3])[::-1]
    return (found[most, None] >> shifts & 255).astype(np.uint8), counts[most] / codes.size


def picture_rows(data: Any, pixels: int, channels: int) -> UInt8[np.ndarray, "pictures pixels pixels channels"]:
    """Converts an array or a tensor to pictures for a trained model.

    Args:
        data: As for `whole_pictures`.
        pixels: Side of the square to crop and resize to, as for files.
        channels: 1 for grey, 3 for colour.

    Raises:
        InputError: the array has another shape or other values.
    """
    array = whole_pictures(data, channels)
    if array.shape[1:3] != (pixels, pixels):
        each = (Image.fromarray(one.squeeze(-1) if one.shape[2] == 1 else one) for one in array)
        array = np.stack([np.asarray(square(one, pixels)) for one in each])
    if array.shape[3] == channels:
        return array
    return grey(array) if channels == 1 else array.repeat(3, 3)


def notes_on_numbers(pictures: Iterable[Any]) -> list[str]:
    """A note if pictures that `whole_pictures` takes hold numbers from 0 to 1 alone: perhaps 0 is black in them.

    Args:
        pictures: Arrays, tensors and lists; everything else is ignored.
    """
    arrays = [_array(one) for one in pictures if isinstance(one, np.ndarray | Tensor | list | tuple)]
    numbers = [array for array in arrays if array.dtype.kind == "f"]
    low, high = (min(array.min() for array in numbers), max(array.max() for array in numbers)) if numbers else (0, 0)
    if not 0 <= low < high <= 1:
        return []
    return [
        f"all numbers of the pictures are from 0 to 1 ({low:.3g} to {high:.3g}), but -1 is black and 1 is white: if 0 "
        "is black, give 2 * pictures - 1."
    ]


def _array(data: Any) -> np.ndarray:
    return np.asarray(data.detach().cpu().numpy() if isinstance(data, Tensor) else data)


def whole_pictures(data: Any, channels: int, option: str = "data") -> UInt8[np.ndarray, "pictures height width depth"]:
    """Converts an array or a tensor to pictures of its size.

    Args:
        data: Bytes or numbers in [-1, 1]: (pictures, height, width, channels), (pictures, channels, height, width),
            or (pictures, height, width) for grey ones; a single picture needs no first axis.
        channels: 1 for grey, 3 for colour, where the shape allows both.
        option: The option that gave `data`.

    Raises:
        InputError: the array has another shape or other values.
    """
    wanted = f"give an array (number, height, width, {channels}) of bytes, or of numbers in [-1, 1]"
    try:
        array = _array(data)
    except ValueError:
        raise InputError(f"{option}: these pictures differ in shape; {wanted}.", option) from None
    shape = array.shape
    if array.ndim == 3 and shape[0] == channels == 3 and shape[2] not in (1, 3):  # one picture, channels first
        array = array.transpose(1, 2, 0)
    if array.ndim in (3, 4) and array.shape[-1] in (2, 4) and array.shape[-3] not in (1, 3):
        raise InputError(
            f"{option}: an array of shape {shape} holds transparency, which cannot be used; {wanted}.", option
        )
    if array.ndim == 2 or (array.ndim == 3 and array.shape[2] not in (1, 3)):  # grey, without an axis for it
        array = array[..., None]
        array = array[None] if array.ndim == 3 else array
    elif array.ndim == 3:
        array = array[None]
    if array.ndim == 4 and array.shape[3] not in (1, 3) and array.shape[1] in (1, 3):
        array = array.transpose(0, 2, 3, 1)
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape:
        raise InputError(f"{option}: an array of shape {shape} does not hold pictures; {wanted}.", option)
    if array.dtype.kind == "f" and np.abs(array).max() <= 1:  # False for NaN
        array = to_bytes(torch.from_numpy(array.astype(np.float32)).permute(0, 3, 1, 2))
    elif array.dtype.kind in "iu" and array.min() >= 0 and array.max() <= 255:
        array = array.astype(np.uint8)
    else:
        span = f" from {array.min()} to {array.max()}" if array.dtype.kind in "fiu" else ""
        raise InputError(f"{option}: values of {array.dtype}{span} are not pixels; {wanted}.", option)
    return array

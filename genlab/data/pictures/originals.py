"""Opens pictures at their full size, for a model that changes them.

A picture is decoded only when it is reached, so a large folder needs no more memory than a few pictures.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from genlab.data.pictures.arrays import HEAD
from genlab.data.pictures.files import File, find_pictures, inside, is_file, printable, read_file
from genlab.data.pictures.image_decoding import Unreadable, decode_whole, may_be_deep, span, whole
from genlab.data.pictures.pixels import whole_pictures
from genlab.data.pictures.ranges import Ranges, Span, infer_ranges
from genlab.errors import InputError

MOST = 100
"""Largest number of pictures to open at a time."""
PIXELS = 1 << 25
"""Number of pixels from which no further picture is opened at a time."""


@dataclass(frozen=True)
class Original:
    """A picture as its file holds it, upright."""

    name: str
    """Its file."""
    pixels: UInt8[np.ndarray, "height width channels"] = field(repr=False)
    """One channel if the file is grey, else three."""
    option: str = "pictures"
    """The option or argument that gave it, for errors."""


def original_of(
    picture: Any, name: str, channels: int, ranges: Ranges | None = None, option: str = "pictures"
) -> Original:
    """A picture of Pillow, or an array as `whole_pictures` takes it.

    Args:
        picture: The picture.
        name: Its name.
        channels: 1 for grey, 3 for colour, where the shape of an array allows both.
        ranges: Value ranges of the model's training data; None infers them from the picture.
        option: The argument that gave it.

    Raises:
        InputError: it cannot be read, is something else, or is several pictures.
    """
    if isinstance(picture, Image.Image):
        try:
            return Original(name, whole(picture, ranges), option)
        except Unreadable as error:
            raise InputError(
                f"{option}: item {name} cannot be read as a picture: {error}; give open pictures without damage.",
                option,
            ) from None
    if isinstance(picture, (str, Path)):
        raise InputError(
            f"{option}: {picture} is a path: open it with PIL.Image.open, or use the command line.", option
        )
    found = whole_pictures(picture, channels, option)
    if len(found) > 1:
        raise InputError(
            f"{option}: item {name} of the list has the shape of {len(found)} pictures: give a list of single pictures "
            "(of 1 or 3 channels), or one array.", option,
        )  # fmt: skip
    return Original(name, found[0], option)


def open_originals(
    paths: Iterable[str], notes: list[str], option: str, ranges: Ranges | None = None
) -> Iterator[list[Original]]:
    """Yields the pictures, some at a time.

    Args:
        paths: Files, folders, zips and @samples.
        notes: Receives a note for each file that is left out.
        option: The option that gave `paths`.
        ranges: Value ranges of the model's training data; None infers them from all pictures.

    Raises:
        InputError: a path does not exist, a file cannot be read as a picture, or no picture in a folder can.
    """
    paths = list(paths)
    if not paths:
        raise InputError("Name the pictures: files or folders.", option)
    found = [_files(path, notes, option) for path in paths]
    deep = [each for files in found for each in map(_span, files) if each is not None]
    known, said = infer_ranges(deep, ranges or {})
    notes += said
    chunk: list[Original] = []
    for path, files in zip(paths, found, strict=True):
        for original in _opened(path, files, known, notes, option):
            chunk.append(original)
            if len(chunk) == MOST or sum(each.pixels[..., 0].size for each in chunk) >= PIXELS:
                yield chunk
                chunk = []
    if chunk:
        yield chunk


def _files(path: str, notes: list[str], option: str) -> list[File]:
    """The pictures of one path."""
    if is_file(path):
        return [(printable(path), partial(read_file, path))]
    found = find_pictures(path, option)
    notes += found.notes
    return [(f"{inside(path)}{name}", read) for name, read in found.pictures]


def _opened(path: str, files: list[File], ranges: Ranges, notes: list[str], option: str) -> Iterator[Original]:
    """Yields the pictures of one path."""
    count, reason = 0, ""
    for name, read in files:
        try:
            yield Original(name, decode_whole(read(), ranges), option)
            count += 1
        except Unreadable as error:
            reason = str(error)
            if is_file(path):
                raise InputError(f"{path} cannot be read as a picture: {error}.", option) from None
            notes.append(f"{name} was left out: {error}.")
    if not count:
        raise InputError(f"No picture of {path} can be read: {reason}.", option)


def _span(file: File) -> Span | None:
    """The value span of a readable picture with more than 8 bits per channel."""
    _, read = file
    try:
        return span(read()) if may_be_deep(read(head=HEAD)) else None
    except Unreadable:
        return None

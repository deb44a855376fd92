"""Writes pictures as files: single ones, or many on a sheet."""

import io
import math
from collections.abc import Sequence

import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageOps

from genlab.engine.samples import Kind, Sample

GAP = 2
"""Pixels between the pictures on a sheet."""
CELL = 512
"""Largest side of a picture on a sheet of samples, in pixels."""


def picture_sample(pixels: UInt8[np.ndarray, "height width channels"], latent: np.ndarray | None = None) -> Sample:
    """A sample of one picture: a PNG, and its latent vector as .npy."""
    files = {"png": png(pixels)}
    if latent is not None:
        files["npy"] = npy(latent)
    return Sample(Kind.PICTURE, pixels, files, latent)


DRAWN = (Kind.PICTURE, Kind.MUSIC)
"""Kinds of content with one picture per sample."""


class Sheet:
    """A sheet of many samples: for each its picture, or its panels side by side, in the size of the first.

    It keeps only what it shows, so that large pictures take little memory.
    """

    def __init__(self) -> None:
        self.pictures: list[UInt8[np.ndarray, "height width _"]] = []
        self._panels, self._size = 1, (0, 0)
        self._latents: list[np.ndarray] = []

    def add(self, sample: Sample) -> None:
        """Adds the picture of a sample, or its panels."""
        panels = sample.panels or [_picture_of(sample)]
        if not self.pictures:
            self._panels, self._size = len(panels), _cell(panels[0])
        assert len(panels) == self._panels, "all samples have the same number of panels"
        self.pictures += [_fitted(panel, self._size) for panel in panels]
        if sample.latent is not None:
            self._latents.append(sample.latent)

    def files(self) -> dict[str, bytes]:
        """The sheet as a PNG and, if every sample has one, the latent vectors as .npy."""
        count = len(self.pictures) // self._panels
        columns = self._panels * math.ceil((count / self._panels) ** 0.5)
        files = {"png": sheet(self.pictures, columns, self._panels)}
        if len(self._latents) == count:
            files["npy"] = npy(np.stack(self._latents))
        return files


def together(samples: list[Sample]) -> list[Sample]:
    """Combines pictures of one size on a sheet, with all their latent vectors; returns other samples unchanged."""
    sizes = {sample.content.shape if sample.kind is Kind.PICTURE else None for sample in samples}
    if len(samples) < 2 or len(sizes) > 1 or None in sizes:
        return samples
    made = Sheet()
    for sample in samples:
        made.add(sample)
    return [Sample(Kind.PICTURE, [sample.content for sample in samples], made.files())]


def sheet(pictures: list[UInt8[np.ndarray, "height width _"]], columns: int | None = None, group: int = 1) -> bytes:
    """A PNG of all pictures, grey or RGB, in rows of `columns` (by default a square sheet); enlarges small pictures.

    In each row, `group` pictures belong together: the space after them is wider.
    """
    columns = columns or math.ceil(len(pictures) ** 0.5)
    rows = math.ceil(len(pictures) / columns)
    scale = max(1, 64 // pictures[0].shape[0])
    height, width = (scale * side + GAP for side in pictures[0].shape[:2])
    space = 0 if group == 1 else 3 * GAP
    across = columns * width + (columns - 1) // group * space - GAP
    whole = np.full((rows * height - GAP, across, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        large = picture.repeat(scale, 0).repeat(scale, 1)
        row, column = divmod(place, columns)
        top, left = row * height, column * width + column // group * space
        whole[top : top + large.shape[0], left : left + large.shape[1]] = large
    return png(whole)


def pairs(found: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> dict[str, bytes]:
    """A sheet of pictures before and after, and their latent vectors: files by extension.

    Args:
        found: For each, the two pictures (height, width, channels) and the latent vector (latent,).
    """
    pictures = [picture for before, after, _ in found for picture in (before, after)]
    columns = 2 * max(1, round(len(found) ** 0.5))
    return {"png": sheet(pictures, columns, 2), "npy": npy(np.stack([latent for *_, latent in found]))}


def _picture_of(sample: Sample) -> UInt8[np.ndarray, "height width _"]:
    """The content of a picture, or the picture of other content: the piano roll of music."""
    if sample.kind is Kind.PICTURE:
        return sample.content
    return np.array(Image.open(io.BytesIO(sample.files["png"])).convert("RGB"))


def _cell(picture: UInt8[np.ndarray, "height width channels"]) -> tuple[int, int]:
    """Height and width of a picture on a sheet of samples."""
    height, width = picture.shape[:2]
    shrink = max(1.0, max(height, width) / CELL)
    return max(1, round(height / shrink)), max(1, round(width / shrink))


def _fitted(
    picture: UInt8[np.ndarray, "height width channels"], size: tuple[int, int]
) -> UInt8[np.ndarray, "fitted_height fitted_width channels"]:
    """Scales a picture to fit `size`, with white borders where its proportions differ."""
    if picture.shape[:2] == size:
        return picture
    image = Image.fromarray(picture[..., 0] if picture.shape[2] == 1 else picture)
    return np.asarray(ImageOps.pad(image, size[::-1], color="white")).reshape(*size, -1)


def png(pixels: UInt8[np.ndarray, "height width channels"]) -> bytes:
    """Encodes a grey or RGB picture as PNG."""
    file = io.BytesIO()
    Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels).save(file, "png")
    return file.getvalue()


def npy(array: np.ndarray) -> bytes:
    """Encodes an array in numpy's format, without pickle."""
    file = io.BytesIO()
    np.save(file, array, allow_pickle=False)
    return file.getvalue()

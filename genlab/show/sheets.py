"""Writes pictures as files: single ones, or many on a sheet."""

import io
import math

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from genlab.engine.samples import Kind, Sample


def picture_sample(pixels: UInt8[np.ndarray, "height width channels"], latent: np.ndarray | None = None) -> Sample:
    """A sample of one picture: a PNG, and its latent vector as .npy."""
    files = {"png": png(pixels)}
    if latent is not None:
        files["npy"] = npy(latent)
    return Sample(Kind.PICTURE, pixels, files, latent)


def together(samples: list[Sample]) -> list[Sample]:
    """Combines pictures of one size on a sheet, with all their latent vectors; returns other samples unchanged."""
    sizes = {sample.content.shape if sample.kind is Kind.PICTURE else None for sample in samples}
    if len(samples) < 2 or len(sizes) > 1 or None in sizes:
        return samples
    return [sheet_of(samples)]


def sheet_of(pictures: list[Sample]) -> Sample:
    """A sample of all pictures on one sheet, with their latent vectors, if any, as .npy."""
    files = {"png": sheet([picture.content for picture in pictures])}
    latents = [picture.latent for picture in pictures if picture.latent is not None]
    if len(latents) == len(pictures):
        files["npy"] = npy(np.stack(latents))
    return Sample(Kind.PICTURE, [picture.content for picture in pictures], files)


def sheet(
    pictures: list[UInt8[np.ndarray, "height width channels"]], columns: int | None = None, gap: int = 2
) -> bytes:
    """A PNG of all pictures in rows of `columns` (by default a square sheet); enlarges small pictures."""
    columns = columns or math.ceil(len(pictures) ** 0.5)
    rows = math.ceil(len(pictures) / columns)
    scale = max(1, 64 // pictures[0].shape[0])
    height, width = (scale * side + gap for side in pictures[0].shape[:2])
    whole = np.full((rows * height - gap, columns * width - gap, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        large = picture.repeat(scale, 0).repeat(scale, 1)
        top, left = place // columns * height, place % columns * width
        whole[top : top + large.shape[0], left : left + large.shape[1]] = large
    return png(whole)


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

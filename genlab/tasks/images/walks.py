"""Walks through latent space: rows of pictures along a direction, and films from one latent vector to the next."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor

from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.show.sheets import npy, sheet
from genlab.tasks.images.making import Conditions, Latents
from genlab.tasks.images.options import LatentPicturesRequest, PicturesRequest

MakePixels = Callable[[Latents, Conditions], UInt8[np.ndarray, "pictures height width channels"]]
"""Makes pictures as bytes."""
COLUMNS = 7
"""Pictures in a row."""
FRAMES = 16
"""Frames from one latent vector to the next."""


def check(request: LatentPicturesRequest) -> None:
    """Checks that the parts of a request fit each other.

    Raises:
        InputError: two of them exclude each other, or one has no effect without another.
    """
    ways = {"edit": bool(request.edit), "between": request.ends is not None, "walk": request.walk is not None}
    given = [name for name, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise InputError(f"--{given[0]} and --{given[1]} exclude each other: use one of them.", given[1])
    if request.strength is not None and not request.edit:
        raise InputError("strength needs --edit: add --edit hair=blond.", "strength")
    if request.fit and request.ends is None:
        raise InputError("fit: it has no effect alone: add --between FILE.", "fit")
    if request.ends is not None and request.latents is not None:
        raise InputError("ends: these pictures give the latent vectors: omit latents.", "ends")


def check_drawn(request: PicturesRequest) -> None:
    """Checks that no option says how to draw latent vectors that are given.

    Raises:
        InputError: one does.
    """
    ends = isinstance(request, LatentPicturesRequest) and request.ends is not None
    if not ends and request.latents is None:
        return
    for name in ("n", "seed", "truncation"):
        if hasattr(request, name) and getattr(request, name) != getattr(type(request), name):
            given = "on a film between pictures" if ends else "on given latent vectors"
            raise InputError(f"{name}: it has no effect {given}: omit it.", name)


def edited_rows(pixels: MakePixels, latents: Latents, ends: Latents, conditions: Conditions) -> Iterator[Sample]:
    """For each latent vector a row of pictures, from itself to its end."""
    shares = torch.linspace(0, 1, COLUMNS)[:, None]
    for latent, end, condition in zip(latents, ends, conditions, strict=True):
        moved = latent + shares * (end - latent)
        row = list(pixels(moved, condition.expand(COLUMNS, *condition.shape)))
        last = moved[-1].numpy()
        yield Sample(Kind.PICTURE, row[-1], {"png": sheet(row, COLUMNS), "npy": npy(last)}, last, panels=row)


def film(pixels: MakePixels, latents: Float[Tensor, "stops latent"], conditions: Conditions) -> Sample:
    """A film from each latent vector to the next and back to the first, on arcs around the origin.

    Each frame has the conditions of the nearer end.
    """
    shares = torch.arange(FRAMES) / FRAMES
    legs = [spherical(one, other, shares) for one, other in zip(latents, latents.roll(-1, 0), strict=True)]
    half = FRAMES // 2
    ends = zip(conditions, conditions.roll(-1, 0), strict=True)
    given = torch.stack([end for one, other in ends for end in [one] * (half + 1) + [other] * (half - 1)])
    frames = pixels(torch.cat(legs), given)
    scale = max(1, 128 // frames.shape[1])
    large = frames.repeat(scale, 1).repeat(scale, 2)
    shown = [Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in large]
    file = io.BytesIO()
    shown[0].save(file, "gif", save_all=True, append_images=shown[1:], duration=60, loop=0)
    return Sample(Kind.FILM, frames, {"gif": file.getvalue()})


def spherical(
    one: Float[Tensor, " latent"], other: Float[Tensor, " latent"], shares: Float[Tensor, " steps"]
) -> Float[Tensor, "steps latent"]:
    """Spherical interpolation between two latent vectors: a straight line would pass too close to the origin.

    White (2016), "Sampling Generative Networks", arXiv 1609.04468, section 2.1.
    """
    angle = torch.arccos((one @ other / (one.norm() * other.norm()).clamp(min=1e-12)).clamp(-1, 1))
    shares = shares[:, None]
    if angle.sin() < 1e-4:
        return one + shares * (other - one)
    return (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()

"""Latent vectors from the user."""

from collections.abc import Iterator
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlab.errors import InputError


def latent_rows(latents: Any, size: int) -> Float[Tensor, "rows size"]:
    """Converts latent vectors to rows of a float32 tensor; a single vector becomes one row.

    Raises:
        InputError: the values are not finite numbers, or a row does not have `size` of them.
    """
    try:
        rows = torch.as_tensor(latents).to(torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"latent: give an array of numbers, {size} per row.", "latent") from None
    rows = rows[None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != size or not len(rows):
        raise InputError(
            f"latent: this run takes rows of {size} numbers, not an array of shape {tuple(rows.shape)}.", "latent"
        )
    if not rows.isfinite().all():
        raise InputError("latent: all numbers must be finite.", "latent")
    return rows


def read_latents(path: str) -> Iterator[np.ndarray]:
    """Yields the array of latent vectors in a .npy file, for the command line.

    Raises:
        InputError: the file does not exist, or is not a .npy file of numbers.
    """
    try:
        latents = np.load(path, allow_pickle=False)
    except FileNotFoundError:
        raise InputError(f"There is no file {path} with latent vectors.", "latent") from None
    except (OSError, ValueError, EOFError, BadZipFile):
        raise InputError(
            f"{path} is not a .npy file of numbers: give one that --to or --grid wrote.", "latent"
        ) from None
    if not isinstance(latents, np.ndarray):
        raise InputError(f"{path} is not a .npy file but an archive: give one that --to or --grid wrote.", "latent")
    yield latents

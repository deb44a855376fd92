"""Latent vectors as users give them: arrays, tensors, or a .npy file."""

import os
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlab.errors import InputError


def latent_rows(latents: Any, size: int) -> Float[Tensor, "rows size"]:
    """Latent vectors as rows of a float32 tensor; one vector alone is one row.

    Raises:
        InputError: they are no finite numbers, or not `size` of them in a row.
    """
    if isinstance(latents, (str, os.PathLike)):
        try:
            latents = np.load(latents, allow_pickle=False)
        except FileNotFoundError:
            raise InputError(f"There is no file {latents} with latent vectors.", "latent") from None
        except (OSError, ValueError, EOFError):
            raise InputError(f"{latents} is no .npy file of numbers: --to and --grid write such.", "latent") from None
    try:
        rows = torch.as_tensor(latents).to(torch.float32)
    except (TypeError, ValueError, RuntimeError):
        raise InputError(f"latent: it is an array of numbers, {size} in a row.", "latent") from None
    rows = rows[None] if rows.ndim == 1 else rows
    if rows.ndim != 2 or rows.shape[1] != size or not len(rows):
        raise InputError(f"latent: this run takes rows of {size} numbers, not an array {tuple(rows.shape)}.", "latent")
    if not rows.isfinite().all():
        raise InputError("latent: some of its numbers are not finite; make it anew.", "latent")
    return rows

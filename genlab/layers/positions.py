"""Position encodings: rotary (Su et al. 2021, arXiv 2104.09864) and sinusoidal (Vaswani et al. 2017)."""

import torch
from jaxtyping import Float, Int, Real
from torch import Tensor


def angles(positions: Real[Tensor, " time"], width: int, base: float = 10_000.0) -> Float[Tensor, "time half"]:
    """position · base^(-2i / width), i < width / 2 (Su et al. 2021, eq. 15)."""
    exponents = torch.arange(0, width, 2, device=positions.device).float() / width
    return positions.float()[:, None] * base**-exponents


def rotary(
    positions: Int[Tensor, " time"], head_width: int, base: float = 10_000.0
) -> tuple[Float[Tensor, "time depth"], Float[Tensor, "time depth"]]:
    """Cosines and sines for `rotate`, for both halves of a head's features."""
    turn = angles(positions, head_width, base)
    cosine, sine = turn.cos(), turn.sin()
    return torch.cat((cosine, cosine), dim=-1), torch.cat((-sine, sine), dim=-1)


def rotate(
    x: Float[Tensor, "batch heads time depth"], cosine: Float[Tensor, "time depth"], sine: Float[Tensor, "time depth"]
) -> Float[Tensor, "batch heads time depth"]:
    """Rotates each pair of features i and i + depth/2 by the angle of its position, so that query · key depends only on
    the distance (eq. 34; pairs are split in halves, as in Llama and Qwen, not interleaved)."""
    other_half = x.roll(x.shape[-1] // 2, dims=-1)
    return torch.addcmul(x * cosine.to(x.dtype), other_half, sine.to(x.dtype))


def sinusoids(positions: Real[Tensor, " time"], width: int) -> Float[Tensor, "time width"]:
    """Sines, then cosines, with wavelengths from 2 pi to 10,000 · 2 pi positions (Vaswani et al. 2017, arXiv
    1706.03762, section 3.5, where they are interleaved)."""
    turn = angles(positions, width)
    return torch.cat((turn.sin(), turn.cos()), dim=-1)

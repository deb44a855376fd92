"""Where a token stands: rotary positions (Su et al. 2021, arXiv 2104.09864) and sinusoids (Vaswani et al. 2017)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def rotary(
    positions: Int[Tensor, " time"], head_width: int, base: float = 10_000.0
) -> tuple[Float[Tensor, "time half"], Float[Tensor, "time half"]]:
    """Cosines and sines of the angles position · base^(-2i / head_width), i < head_width / 2 (eq. 15)."""
    exponents = torch.arange(0, head_width, 2, device=positions.device).float() / head_width
    angles = positions.float()[:, None] * base**-exponents
    return angles.cos(), angles.sin()


def rotate(
    x: Float[Tensor, "batch heads time depth"], cosine: Float[Tensor, "time half"], sine: Float[Tensor, "time half"]
) -> Float[Tensor, "batch heads time depth"]:
    """Turns feature i together with feature i + depth/2 by its position's angle (eq. 34, halves split
    as in Llama and Qwen instead of interleaved), so that query · key depends on the distance alone."""
    first, second = x.chunk(2, dim=-1)
    cosine, sine = cosine.to(x.dtype), sine.to(x.dtype)
    return torch.cat((first * cosine - second * sine, second * cosine + first * sine), dim=-1)


def sinusoids(positions: Int[Tensor, " time"], width: int) -> Float[Tensor, "time width"]:
    """Sines and cosines of wavelengths from 2 pi to 10,000 · 2 pi positions (Vaswani et al. 2017, arXiv 1706.03762,
    section 3.5; all sines before all cosines)."""
    cosine, sine = rotary(positions, width)
    return torch.cat((sine, cosine), dim=-1)

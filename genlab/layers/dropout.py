"""Dropout with cheap random numbers."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class Dropout(nn.Module):
    """Drops activations at random in training (Srivastava et al. 2014, "Dropout", section 4).

    torch draws a random number per activation, which on a CPU costs as much as a matrix product. Here each activation
    takes one byte, so that a 64-bit number serves eight.

    Args:
        share: Dropout probability, rounded to 1/256; the other activations are scaled up to keep the mean.
    """

    def __init__(self, share: float) -> None:
        super().__init__()
        self.bytes = round(256 * share)

    def forward(self, x: Float[Tensor, "*batch"]) -> Float[Tensor, "*batch"]:
        if not self.training or not self.bytes:
            return x
        numbers = torch.empty(-(-x.numel() // 8), dtype=torch.int64, device=x.device).random_(-(2**63), None)
        kept = numbers.view(torch.uint8)[: x.numel()].view(x.shape) >= self.bytes
        return x * (kept * (256 / (256 - self.bytes))).to(x.dtype)

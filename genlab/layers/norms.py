"""Normalisations that several models share."""

import torch
from jaxtyping import Float
from torch import Tensor, nn


class RMSNorm(nn.Module):
    """x / rms(x) · weight, over the last axis: Zhang and Sennrich (2019), arXiv 1910.07467, eq. 4."""

    epsilon: Tensor

    def __init__(self, width: int, epsilon: float = 1e-6) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))
        self.register_buffer("epsilon", torch.tensor(epsilon), persistent=False)

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch width"]:
        # Written out it has fewer passes over memory than torch's own on CPUs, where that is not one kernel. Epsilon
        # is a tensor because a number of Python's would cost more than the sum.
        squares = torch.linalg.vecdot(x, x).unsqueeze(-1)
        return x * torch.add(self.epsilon, squares, alpha=1 / x.shape[-1]).rsqrt() * self.weight

"""Normalisation layers."""

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
        # On CPUs torch's own RMSNorm is not one kernel and passes over memory more often. Epsilon is a tensor because
        # converting a Python number would cost more than the addition.
        squares = torch.linalg.vecdot(x, x).unsqueeze(-1)
        return x * torch.add(self.epsilon, squares, alpha=1 / x.shape[-1]).rsqrt() * self.weight

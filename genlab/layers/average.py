"""Weight averaging (EMA)."""

import copy

import torch
from torch import Tensor, nn


class Average(nn.Module):
    """A copy of a network whose weights are a running average over training.

    At any time, half of the average comes from the last `share` of the updates so far: a power-function average as in
    Karras et al. (2024, arXiv 2312.02696, eq. 1), which fits every training length, unlike a half-life in steps.

    Args:
        network: The network to train.
        share: Fraction of the updates, counted from the end, from which half of the average comes.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, share: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.share = share
        self.register_buffer("updates", torch.zeros(()))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Adds the weights of `network` after an update; the first update replaces the average."""
        self.updates += 1
        fresh = 1 - 0.5 ** (1 / (self.share * (self.updates - 1)))
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, fresh)
        for held, newest in zip(self.network.buffers(), network.buffers(), strict=True):
            if held.is_floating_point():  # batch norm statistics are averaged like the weights they belong to
                held.lerp_(newest, fresh)
            else:
                held.copy_(newest)

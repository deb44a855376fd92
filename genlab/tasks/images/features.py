"""What pictures are measured by: the features of a frozen network, named and hashed in every report."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from genlab.data.pictures import pretrained as weights
from genlab.engine.machine import Machine
from genlab.engine.run_folder import RunFolder
from genlab.errors import InputError
from genlab.models.efficientnet import EfficientNet
from genlab.options import make
from genlab.tasks.classify.cnn import CNNRecipe
from genlab.tasks.classify.options import CNNOptions

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
        state, digest = weights.efficientnet()
        network = EfficientNet()
        network.load_state_dict(state)
        network = network.to(machine.device).eval().requires_grad_(False)
        return Extractor(f"EfficientNet-Lite0, ImageNet, at {network.pixels} pixels", digest, network, machine.device)
    if name == "inception":
        return _inception(machine)
    path = Path(str(files("genlab"))) / "assets" / "digits" if name == "digits" else Path(name)
    if not path.is_dir():
        raise InputError(
            f"features: {name} cannot be used, it is auto, digits, efficientnet, inception or a run of the task "
            "classify.", "features",
        )  # fmt: skip
    return _classifier(path, machine)


def _classifier(path: Path, machine: Machine) -> Extractor:
    """The pooled features of a run of the task classify, before it decides."""
    folder = RunFolder.open(path)
    config = folder.config()
    if (config["task"], config["model"]) != ("classify", "cnn"):
        raise InputError(f"features: {path} is no classifier of pictures: give a run of the task classify.", "features")
    recipe = CNNRecipe(make(CNNOptions, config["config"]))
    recipe.machine = machine
    recipe.load_files(path, folder.about())
    recipe.build()
    folder.read_model(recipe.saved())
    pixels, channels = recipe.config.pixels, recipe.channels

    def look(pictures: Pictures) -> Float[Tensor, "pictures features"]:
        if pictures.shape[-1] != pixels:
            pictures = F.interpolate(pictures, (pixels, pixels), mode="bicubic", antialias=True)
        if pictures.shape[1] > channels:
            pictures = pictures.mean(1, keepdim=True)
        return recipe.features(pictures.expand(-1, channels, -1, -1))

    name = "classifier of @digits" if path.parent.name == "assets" else f"classifier {path.name}"
    return Extractor(name, hashlib.sha256(folder.weights.read_bytes()).hexdigest(), look, machine.device)


def _inception(machine: Machine) -> Extractor:
    """The usual InceptionV3 of Fréchet distances, where the user has torch-fidelity and its weights."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ModuleNotFoundError:
        raise InputError("features: inception needs torch-fidelity: pip install torch-fidelity.", "features") from None
    try:
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]).to(machine.device)
    except OSError as error:
        raise InputError(f"features: the weights of inception cannot be downloaded ({error}).", "features") from None

    def look(pictures: Pictures) -> Float[Tensor, "pictures features"]:
        pixels = pictures.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        return network(pixels.expand(-1, 3, -1, -1))[0]

    digest = hashlib.sha256()
    for weight in network.state_dict().values():
        digest.update(weight.cpu().numpy().tobytes())
    return Extractor("InceptionV3, ImageNet (torch-fidelity)", digest.hexdigest(), look, machine.device)

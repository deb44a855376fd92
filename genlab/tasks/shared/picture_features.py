"""Features for comparing pictures, from a frozen network that every report names with its hash."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from genlab.data.pictures import pretrained
from genlab.data.pictures.picture_set import PictureSplit
from genlab.engine.machine import Machine
from genlab.engine.opening import open_with
from genlab.engine.pipeline import Embeds
from genlab.errors import InputError
from genlab.models.efficientnet import EfficientNet

Pictures = Float[Tensor, "pictures channels height width"]
Rows = Float[Tensor, "pictures features"]
PICTURES_PER_PASS = 250
"""Pictures per forward pass."""


@dataclass(frozen=True)
class Extractor:
    """A frozen network that maps pictures in [-1, 1] to features."""

    name: str
    hash: str
    """SHA-256 of its weights."""
    look: Callable[[Pictures], Rows]
    device: torch.device

    def features(self, count: int, pictures: Callable[[slice], Pictures]) -> Float[Tensor, "count features"]:
        """Features of `count` pictures, on the CPU; `pictures` loads one slice at a time, to save memory."""
        parts = [slice(first, min(first + PICTURES_PER_PASS, count)) for first in range(0, count, PICTURES_PER_PASS)]
        with torch.no_grad(), torch.autocast(self.device.type, enabled=False):
            return torch.cat([self.look(pictures(part).to(self.device).float()).float().cpu() for part in parts])


@dataclass(frozen=True)
class RealFeatures:
    """Features of real pictures, each computed once."""

    extractor: Extractor
    computed: dict[tuple[int, int, int], tuple[PictureSplit, Rows]] = field(default_factory=dict, repr=False)

    def of(self, pictures: PictureSplit, most: int, seed: int = 0) -> Rows:
        """Features of at most `most` pictures, sampled without replacement; the same seed gives the same sample."""
        key = (id(pictures), most, seed)
        if key not in self.computed:
            picks = np.random.default_rng(seed).permutation(len(pictures))[:most]
            rows = self.extractor.features(len(picks), lambda part: pictures.tensor(picks[part]))
            self.computed[key] = (pictures, rows)  # keeps the pictures alive, so that their id stays unique
        return self.computed[key][1]


@lru_cache(maxsize=2)
def extractor(name: str, data: str, machine: Machine) -> Extractor:
    """The extractor called `name`; "auto" is the classifier of @digits for @digits, else EfficientNet-Lite0.

    Raises:
        InputError: there is no such extractor, or its package is missing.
    """
    if name == "auto":
        name = "digits" if data == "@digits" else "efficientnet"
    if name == "efficientnet":
        state, digest = pretrained.efficientnet()
        network = EfficientNet()
        network.load_state_dict(state)
        network = network.to(machine.device).eval().requires_grad_(False)
        return Extractor(f"EfficientNet-Lite0, ImageNet, at {network.pixels} pixels", digest, network, machine.device)
    if name == "inception":
        return _inception(machine)
    path = Path(str(files("genlab"))) / "assets" / "digits" if name == "digits" else Path(name)
    if not path.is_dir():
        raise InputError(
            f"features: {name} cannot be used; choose auto, digits, efficientnet, inception or the run folder of a "
            "classifier of pictures.",
            "features",
        )
    folder, classifier = open_with(path, machine, Embeds, "features", "the run folder of a classifier of pictures")
    assert isinstance(classifier, Embeds)
    shown = "classifier of @digits" if path.parent.name == "assets" else f"classifier {path.name}"
    digest = hashlib.sha256(folder.weights.read_bytes()).hexdigest()
    return Extractor(shown, digest, classifier.embed, machine.device)


def _inception(machine: Machine) -> Extractor:
    """The standard InceptionV3 for Fréchet distances, from torch-fidelity; downloads its weights once."""
    try:
        from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3
    except ModuleNotFoundError:
        raise InputError("features: inception needs torch-fidelity: pip install torch-fidelity.", "features") from None
    try:
        network = FeatureExtractorInceptionV3("inception-v3-compat", ["2048"]).to(machine.device)
    except OSError as error:
        raise InputError(f"features: cannot download the weights of inception ({error}).", "features") from None

    def look(pictures: Pictures) -> Rows:
        pixels = pictures.add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)
        return network(pixels.expand(-1, 3, -1, -1))[0]

    digest = hashlib.sha256()
    for weight in network.state_dict().values():
        digest.update(weight.cpu().numpy().tobytes())
    return Extractor("InceptionV3, ImageNet (torch-fidelity)", digest.hexdigest(), look, machine.device)

"""A finished model of pictures: from latent vectors, and the number of a class where there are classes, to pictures."""

import io
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor, nn

from genlab.data.pictures.pixels import to_bytes
from genlab.engine.files import read_json, write_json
from genlab.engine.machine import Machine
from genlab.engine.pipeline import Pipeline, Saved
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.show.sheets import picture_sample
from genlab.tasks.images.options import PicturesRequest
from genlab.tasks.shared.latents import latent_rows

Pictures = Float[Tensor, "batch channels side side"]
Latents = Float[Tensor, "batch latent"]
Labels = Int[Tensor, " batch"]
PASS = 250
"""Pictures that go through a network together."""
FRAMES = 16
"""Frames of a walk between two latent vectors."""


@dataclass(frozen=True)
class PictureFacts:
    """What a model of pictures must know of the pictures it was trained on."""

    name: str
    """Of the data."""
    channels: int
    """1 for grey, 3 for colour."""
    classes: list[str] = field(default_factory=list)
    """Names of the classes that the model was trained with; empty for none."""
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """Values that are black and white in pictures with more than 8 bits per channel, by kind of picture."""


@dataclass(frozen=True)
class GeneratorShape:
    """What a generator of pictures is built for."""

    latent: int
    channels: int
    pixels: int
    """Side of the pictures."""
    classes: int
    """0 for none; otherwise the generator is called with labels too."""


@dataclass(frozen=True)
class DiscriminatorShape:
    """What a discriminator of pictures is built for."""

    channels: int
    pixels: int
    """Side of the pictures."""
    classes: int
    """0 for none; otherwise the discriminator is called with labels too."""


@runtime_checkable
class Autoencoder(Protocol):
    """A network that makes pictures with `decode`; others do so when they are called."""

    def decode(self, latents: Latents, labels: Labels | None = None) -> Pictures: ...


class ImagesPipeline(Pipeline):
    """A generator of pictures.

    Args:
        options: The model's options; `latent` is the size of the latent vector.
        facts: About the training pictures.
        networks: The one network that makes pictures, by the prefix of its tensors.
        machine: Where it runs.
    """

    def __init__(self, options: Any, facts: PictureFacts, networks: dict[str, nn.Module], machine: Machine) -> None:
        self.options, self.facts, self.networks, self.machine = options, facts, networks, machine
        (network,) = networks.values()
        self._decode: Callable[..., Pictures] = network.decode if isinstance(network, Autoencoder) else network

    def save(self, folder: Path) -> None:
        write_json(folder / "pictures.json", asdict(self.facts))

    @classmethod
    def load(cls, saved: Saved) -> "ImagesPipeline":
        facts = PictureFacts(**read_json(saved.path / "pictures.json"))
        assert facts.channels in (1, 3) and isinstance(facts.classes, list), "pictures.json is damaged"
        networks = saved.build(saved.options, facts, saved.networks)
        return cls(
            saved.options, facts, {name: net.to(saved.machine.device) for name, net in networks.items()}, saved.machine
        )

    # --- tensors ---

    def make(self, latents: Latents, labels: Labels) -> Pictures:
        """Pictures in [-1, 1]; `labels` are ignored where there are no classes."""
        return self._decode(latents, *((labels,) if self.facts.classes else ()))

    def noise(self, count: int, seed: int) -> Float[Tensor, "count latent"]:
        """Latent vectors on the CPU; with the same seed, fewer are the first of more."""
        numbers = count * self.options.latent
        whole = 16 * -(-numbers // 16)  # torch draws the last ones anew where 16 does not divide their number
        drawn = torch.randn(whole, generator=torch.Generator().manual_seed(seed))
        return drawn[:numbers].view(count, self.options.latent)

    def class_numbers(self, count: int, label: str | None = None) -> Int[Tensor, " count"]:
        """The number of one class, or of all classes in turn.

        Raises:
            InputError: there is no such class.
        """
        classes = self.facts.classes
        if label is None:
            return torch.arange(count) % max(1, len(classes))
        if label not in classes:
            there = f"it has {', '.join(classes)}" if classes else "it was trained without classes"
            raise InputError(f"class: this run has no class {label}; {there}.", "class")
        return torch.full((count,), classes.index(label))

    def pixels(
        self, latents: Float[Tensor, "pictures latent"], labels: Int[Tensor, " pictures"]
    ) -> UInt8[np.ndarray, "pictures height width channels"]:
        """Pictures as bytes."""
        parts = zip(latents.split(PASS), labels.split(PASS), strict=True)
        with self.evaluating():
            return np.concatenate([to_bytes(self.make(*self.machine.place(part))) for part in parts])

    # --- capabilities ---

    def generate(self, request: PicturesRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Pictures one by one, each with its latent vector, or a film of a walk through latent space."""
        if request.latents is not None:
            latents = latent_rows(request.latents, self.options.latent)
        else:
            latents = request.truncation * self.noise(request.walk or request.n, request.seed)
        labels = self.class_numbers(len(latents), request.class_)
        if request.walk is not None:
            yield self._walk(latents, labels)
            return
        for rows, numbers in zip(latents.split(PASS), labels.split(PASS), strict=True):
            for latent, picture in zip(rows.numpy(), self.pixels(rows, numbers), strict=True):
                yield picture_sample(picture, latent)

    def _walk(self, latents: Float[Tensor, "stops latent"], labels: Int[Tensor, " stops"]) -> Sample:
        """From each latent vector to the next, and from the last back to the first, on arcs around the origin."""
        shares = torch.arange(FRAMES) / FRAMES
        legs = [spherical(one, other, shares) for one, other in zip(latents, latents.roll(-1, 0), strict=True)]
        frames = self.pixels(torch.cat(legs), labels[:1].expand(FRAMES * len(legs)))
        scale = max(1, 128 // frames.shape[1])
        large = frames.repeat(scale, 1).repeat(scale, 2)
        shown = [Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in large]
        film = io.BytesIO()
        shown[0].save(film, "gif", save_all=True, append_images=shown[1:], duration=60, loop=0)
        return Sample(Kind.FILM, frames, {"gif": film.getvalue()})

    def decode(self, latents: Any, label: str | None = None) -> UInt8[np.ndarray, "pictures height width channels"]:
        """Pictures from latent vectors (pictures, latent), of one class or of all in turn."""
        rows = latent_rows(latents, self.options.latent)
        return self.pixels(rows, self.class_numbers(len(rows), label))


def spherical(
    one: Float[Tensor, " latent"], other: Float[Tensor, " latent"], shares: Float[Tensor, " steps"]
) -> Float[Tensor, "steps latent"]:
    """Points between two latent vectors, on an arc: the straight line passes nearer to the origin than noise lies.

    White (2016), "Sampling Generative Networks", arXiv 1609.04468, section 2.1.
    """
    angle = torch.arccos((one @ other / (one.norm() * other.norm()).clamp(min=1e-12)).clamp(-1, 1))
    shares = shares[:, None]
    if angle.sin() < 1e-4:
        return one + shares * (other - one)
    return (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()

"""A trained generator of pictures: maps latent vectors, and class indices if it has classes, to pictures."""

import io
import random
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from PIL import Image
from torch import Tensor, nn

from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.descriptions import Vocabulary, describe
from genlab.data.pictures.pixels import to_bytes
from genlab.engine.files import read_json, write_json
from genlab.engine.machine import Machine
from genlab.engine.pipeline import AttentionMap, Pipeline, Saved
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.models.flow import LOWEST, Flow
from genlab.show.sheets import picture_sample
from genlab.tasks.images.export import export_pictures
from genlab.tasks.images.making import AlongFlow, Conditions, Maker, OnePass
from genlab.tasks.images.options import FlowAttentionRequest, FlowOptions, FlowRequest, PicturesRequest
from genlab.tasks.shared.attention_maps import attention_map
from genlab.tasks.shared.latents import latent_rows

Pictures = Float[Tensor, "batch channels side side"]
Latents = Float[Tensor, "batch latent"]
PASS = 250
"""Pictures per forward pass."""
BEGINNING = "(start)"
"""Name of the index that every description begins with."""
FRAMES = 16
"""Frames of a walk from one latent vector to the next."""


@dataclass(frozen=True)
class PictureFacts:
    """Facts about the training pictures that a trained model needs."""

    name: str
    """Name of the data."""
    channels: int
    """1 for grey, 3 for colour."""
    classes: list[str] = field(default_factory=list)
    """Names of the classes that the model was trained with; empty without classes."""
    ranges: Mapping[str, Any] = field(default_factory=dict)
    """Black and white level of pictures with more than 8 bits per channel, by kind of picture."""
    photographs: bool = False
    """Whether they are photographs in colour, for which the GAN has more layers."""
    words: list[str] = field(default_factory=list)
    """The words of descriptions that the model knows, sorted."""
    longest: int = 1
    """Largest number of words of a description, including its start."""
    attributes: list[Attribute] = field(default_factory=list)
    """The columns that descriptions were written from."""
    subjects: list[str] = field(default_factory=list)
    """What those descriptions call the subject."""
    combinations: list[list[int]] = field(default_factory=list)
    """Combinations of values, an index per attribute, that were held out of training."""


@dataclass(frozen=True)
class GeneratorShape:
    """The shape that a generator of pictures is built for."""

    latent: int
    channels: int
    pixels: int
    """Side of the pictures."""
    classes: int
    """Number of classes; if not 0, the generator also takes labels."""


@dataclass(frozen=True)
class DiscriminatorShape:
    """The shape that a discriminator of pictures is built for."""

    channels: int
    pixels: int
    """Side of the pictures."""
    classes: int
    """Number of classes; if not 0, the discriminator also takes labels."""


def maker_of(options: Any, facts: PictureFacts, network: nn.Module) -> Maker:
    """The maker of a model's network."""
    if isinstance(options, FlowOptions):
        picture = (facts.channels, options.pixels, options.pixels)
        return AlongFlow(network, picture, Vocabulary(facts.words), facts.longest, facts.classes)
    return OnePass(network, options.latent, facts.classes)


class ImagesPipeline(Pipeline):
    """A generator of pictures.

    Args:
        options: The model's options.
        facts: About the training pictures.
        networks: The network that makes pictures, by the prefix of its tensors.
        machine: The machine that it runs on.
    """

    def __init__(self, options: Any, facts: PictureFacts, networks: dict[str, nn.Module], machine: Machine) -> None:
        self.options, self.facts, self.networks, self.machine = options, facts, networks, machine
        (network,) = networks.values()
        self.maker = maker_of(options, facts, network)
        if facts.attributes:
            some = {one.name: one.values[0] for one in facts.attributes[:2]}
            example = describe(some, random.Random(0), facts.subjects, omitted=0.0)
            self.arguments = {"generate": f"--prompt {shlex.quote(example)}"}

    def save(self, folder: Path) -> None:
        write_json(folder / "pictures.json", asdict(self.facts))

    @classmethod
    def load(cls, saved: Saved) -> "ImagesPipeline":
        about = read_json(saved.path / "pictures.json")
        about["attributes"] = [Attribute(**one) for one in about.get("attributes", [])]
        facts = PictureFacts(**about)
        assert facts.channels in (1, 3) and isinstance(facts.classes, list), "pictures.json is damaged"
        networks = saved.build(saved.options, facts, saved.networks)
        return cls(
            saved.options, facts, {name: net.to(saved.machine.device) for name, net in networks.items()}, saved.machine
        )

    # --- tensors ---

    def make(self, latents: Latents, conditions: Conditions) -> Pictures:
        """Pictures in [-1, 1]."""
        return self.maker.make(latents, conditions)

    def noise(self, count: int, seed: int) -> Float[Tensor, "count latent"]:
        """Latent vectors on the CPU; for one seed, a smaller `count` gives a prefix of a larger one."""
        numbers = count * self.maker.latent
        whole = 16 * -(-numbers // 16)  # torch redraws the last numbers unless 16 divides their count
        drawn = torch.randn(whole, generator=torch.Generator().manual_seed(seed))
        return drawn[:numbers].view(count, self.maker.latent)

    def conditions(self, count: int) -> Conditions:
        """All classes in turn, or empty descriptions."""
        return self.maker.conditions(count)

    def pixels(
        self, latents: Latents, conditions: Conditions, maker: Maker | None = None
    ) -> UInt8[np.ndarray, "pictures height width channels"]:
        """Pictures as bytes."""
        maker = maker or self.maker
        parts = zip(latents.split(PASS), conditions.split(PASS), strict=True)
        with self.evaluating():
            return np.concatenate([to_bytes(maker.make(*self.machine.place(part))) for part in parts])

    # --- capabilities ---

    def generate(self, request: PicturesRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields pictures one by one, each with its latent vector, or a film of a walk through latent space."""
        maker = self.maker.asked(request)
        if request.latents is not None:
            latents = latent_rows(request.latents, maker.latent)
        else:
            latents = request.truncation * self.noise(request.walk or request.n, request.seed)
        conditions = maker.conditions(len(latents), request)
        if request.walk is not None:
            yield self._walk(maker, latents, conditions)
            return
        for rows, given in zip(latents.split(PASS), conditions.split(PASS), strict=True):
            for latent, picture in zip(rows.numpy(), self.pixels(rows, given, maker), strict=True):
                yield picture_sample(picture, latent)

    def _walk(self, maker: Maker, latents: Float[Tensor, "stops latent"], conditions: Conditions) -> Sample:
        """A film from each latent vector to the next and back to the first, on arcs around the origin."""
        shares = torch.arange(FRAMES) / FRAMES
        legs = [spherical(one, other, shares) for one, other in zip(latents, latents.roll(-1, 0), strict=True)]
        frames = self.pixels(torch.cat(legs), conditions[:1].repeat_interleave(FRAMES * len(legs), 0), maker)
        scale = max(1, 128 // frames.shape[1])
        large = frames.repeat(scale, 1).repeat(scale, 2)
        shown = [Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in large]
        film = io.BytesIO()
        shown[0].save(film, "gif", save_all=True, append_images=shown[1:], duration=60, loop=0)
        return Sample(Kind.FILM, frames, {"gif": film.getvalue()})

    def decode(self, latents: Any, label: str | None = None) -> UInt8[np.ndarray, "pictures height width channels"]:
        """Makes pictures from latent vectors (pictures, latent), of one class or of all in turn."""
        rows = latent_rows(latents, self.maker.latent)
        return self.pixels(rows, self.maker.conditions(len(rows), PicturesRequest(class_=label)))

    def export(self, to: str, place: Path, card: str) -> None:
        (network,) = self.networks.values()
        export_pictures(network, self.options, self.facts, place)

    # --- attention ---

    def explain(self, request: FlowAttentionRequest) -> list[AttentionMap]:
        """What the positions of a generated picture attend to in its description, at one time of the flow.

        Raises:
            InputError: no word of the prompt is known, or the network is custom.
        """
        assert isinstance(self.maker, AlongFlow), "only flows declare this request"
        network = self.maker.network
        if not isinstance(network, Flow):
            raise InputError("A custom network has no attention to show.", "run")
        maker = self.maker.asked(FlowRequest(guidance=request.guidance, flow_steps=request.flow_steps))
        words = self.maker.words([self.maker.known(request.prompt)])
        with self.evaluating(), watch(network) as seen:
            made = maker.make(*self.machine.place((self.noise(1, request.seed), words)))
        step = min(int(request.time * request.flow_steps), request.flow_steps - 1)
        weights = seen["attention.cross_attention"][2 * step][0]  # Heun's method calls it twice per step
        rows = [f"{row},{column}" for row in range(LOWEST) for column in range(LOWEST)]
        shown = attention_map("cross", 0, weights, rows, [BEGINNING, *self.maker.read_words(words[0])])
        return [replace(shown, picture=to_bytes(made)[0])]


def spherical(
    one: Float[Tensor, " latent"], other: Float[Tensor, " latent"], shares: Float[Tensor, " steps"]
) -> Float[Tensor, "steps latent"]:
    """Spherical interpolation between two latent vectors: a straight line would pass too close to the origin.

    White (2016), "Sampling Generative Networks", arXiv 1609.04468, section 2.1.
    """
    angle = torch.arccos((one @ other / (one.norm() * other.norm()).clamp(min=1e-12)).clamp(-1, 1))
    shares = shares[:, None]
    if angle.sin() < 1e-4:
        return one + shares * (other - one)
    return (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()

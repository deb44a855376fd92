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
from genlab.engine.pipeline import AttentionMap, Inversion, Pipeline, Saved
from genlab.engine.samples import Kind, Sample
from genlab.engine.weights import fingerprint
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.models.encoder import Encoder, EncoderShape
from genlab.models.flow import LOWEST, Flow
from genlab.show.sheets import npy, picture_sample, sheet
from genlab.tasks.images.directions import Directions, check
from genlab.tasks.images.export import export_pictures
from genlab.tasks.images.inversion import difference, encoder_for, fitting, invert, originals
from genlab.tasks.images.making import AlongFlow, Conditions, Maker, OnePass
from genlab.tasks.images.options import (
    FlowAttentionRequest,
    FlowOptions,
    FlowRequest,
    InvertRequest,
    LatentPicturesRequest,
    PicturesRequest,
)
from genlab.tasks.shared.attention_maps import attention_map
from genlab.tasks.shared.latents import latent_rows

Pictures = Float[Tensor, "batch channels side side"]
Latents = Float[Tensor, "batch latent"]
PASS = 250
"""Pictures per forward pass."""
BEGINNING = "(start)"
"""Name of the index that every description begins with."""
COLUMNS = 7
"""Pictures in the row of an edit."""
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
    colours: int = 0
    """Number of learned colours that a flow mixes each pixel from; 0 for any colour."""
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
        self.home: Path | None = None
        self.found: Directions | None = None
        self._encoder: Encoder | None = None

    def save(self, folder: Path) -> None:
        write_json(folder / "pictures.json", asdict(self.facts))

    @classmethod
    def load(cls, saved: Saved) -> "ImagesPipeline":
        about = read_json(saved.path / "pictures.json")
        about["attributes"] = [Attribute(**one) for one in about.get("attributes", [])]
        facts = PictureFacts(**about)
        assert facts.channels in (1, 3) and isinstance(facts.classes, list), "pictures.json is damaged"
        networks = saved.build(saved.options, facts, saved.networks)
        device = saved.machine.device
        pipeline = cls(saved.options, facts, {name: net.to(device) for name, net in networks.items()}, saved.machine)
        pipeline.home = saved.path
        if isinstance(pipeline.maker, OnePass):
            pipeline.found = Directions.load(saved.path, pipeline.maker.latent)
        return pipeline

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
        """Yields pictures one by one, each with its latent vector, rows of edits, or a film through latent space."""
        maker = self.maker.asked(request)
        if isinstance(request, LatentPicturesRequest):
            check(request)
            if request.ends is not None:
                yield self._between(request)
                return
        if request.latents is not None:
            latents = latent_rows(request.latents, maker.latent)
        else:
            latents = request.truncation * self.noise(request.walk or request.n, request.seed)
        conditions = maker.conditions(len(latents), request)
        if isinstance(request, LatentPicturesRequest) and request.edit:
            yield from self._rows(latents, conditions, self.chosen().change(request.edit, request.strength))
            return
        if request.walk is not None:
            yield self._walk(maker, latents, conditions)
            return
        for rows, given in zip(latents.split(PASS), conditions.split(PASS), strict=True):
            for latent, picture in zip(rows.numpy(), self.pixels(rows, given, maker), strict=True):
                yield picture_sample(picture, latent)

    def _rows(
        self, latents: Latents, conditions: Conditions, change: Float[Tensor, " latent"]
    ) -> Iterator[Sample]:  # fmt: skip
        """For each latent vector a row of pictures, from itself to the changed one."""
        shares = torch.linspace(0, 1, COLUMNS)
        for latent, condition in zip(latents, conditions, strict=True):
            moved = latent + shares[:, None] * change
            row = list(self.pixels(moved, condition.expand(COLUMNS, *condition.shape)))
            last = moved[-1].numpy()
            yield Sample(Kind.PICTURE, row[-1], {"png": sheet(row, COLUMNS), "npy": npy(last)}, last, panels=row)

    def _between(self, request: LatentPicturesRequest) -> Sample:
        """A film from each given picture to the next and back to the first."""
        found = self.invert(InvertRequest(request.ends, request.class_, request.fit))
        if len(found) < 2:
            raise InputError("between: give at least two pictures.", "between")
        latents = torch.from_numpy(np.stack([one.latent for one in found]))
        labels = torch.tensor([self.facts.classes.index(one.label) if one.label else 0 for one in found])
        film = self._walk(self.maker, latents, labels)
        return replace(film, about={f"difference from {one.name}": round(one.difference, 1) for one in found})

    def _walk(self, maker: Maker, latents: Float[Tensor, "stops latent"], conditions: Conditions) -> Sample:
        """A film from each latent vector to the next and back to the first, on arcs around the origin.

        Each frame has the conditions of the nearer end.
        """
        shares = torch.arange(FRAMES) / FRAMES
        legs = [spherical(one, other, shares) for one, other in zip(latents, latents.roll(-1, 0), strict=True)]
        half = FRAMES // 2
        ends = zip(conditions, conditions.roll(-1, 0), strict=True)
        given = torch.stack([end for one, other in ends for end in [one] * (half + 1) + [other] * (half - 1)])
        frames = self.pixels(torch.cat(legs), given, maker)
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

    def chosen(self) -> Directions:
        """The directions of the run.

        Raises:
            InputError: none have been found for its weights.
        """
        advice = "find them with genlab latents RUN --attribute COLUMN, or with --classifier"
        if self.found is None:
            raise InputError(f"edit: this run has no directions: {advice}.", "edit")
        if self.found.weights != fingerprint(self.networks):
            raise InputError(f"edit: the run's weights have changed since its directions were found: {advice}.", "edit")
        return self.found

    def directions(self) -> dict[str, dict[str, np.ndarray]]:
        """The direction of each value, by attribute."""
        found = self.chosen()
        return {
            one.name: dict(zip(one.values, found.vectors[one.name].numpy(), strict=True)) for one in found.attributes
        }

    def measured(self) -> dict[str, Any]:
        """What was measured when the directions were found."""
        return self.chosen().report

    def edit(self, latents: Any, changes: Mapping[str, str], strength: float | None = None) -> np.ndarray:
        """Latent vectors, moved along the direction of each change."""
        return (latent_rows(latents, self.maker.latent) + self.chosen().change(changes, strength)).numpy()

    def encoder(self) -> Encoder:
        """The encoder of the run's pictures; trains it if the run has none yet."""
        if self._encoder is None:
            facts, options = self.facts, self.options
            shape = EncoderShape(facts.channels, options.pixels, self.maker.latent, len(facts.classes))
            self._encoder = encoder_for(self.maker, self.networks, shape, self.machine, self.home)
        return self._encoder

    def invert(self, request: InvertRequest) -> list[Inversion]:
        """Finds the latent vector of each picture.

        Raises:
            InputError: a picture has another size or kind, or the class is unknown.
        """
        facts = self.facts
        found = originals(request.pictures, facts.channels, facts.ranges)
        pictures = fitting(found, self.options.pixels, facts.channels, request.fit)
        given = request.class_ is not None
        labels = self.maker.conditions(len(pictures), PicturesRequest(class_=request.class_)) if given else None
        encoder = self.encoder()
        with self.evaluating():
            latents, classes = invert(self.maker, encoder, pictures, labels, request.optimise, self.machine)
        made = self.pixels(latents, classes)
        names = [facts.classes[label] if facts.classes else None for label in classes.tolist()]
        rows = zip(found, pictures, made, latents.numpy(), names, difference(pictures, made).tolist(), strict=True)
        return [Inversion(one.name, *rest) for one, *rest in rows]


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

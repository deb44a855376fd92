"""A trained generator of pictures: maps latent vectors, and class indices if it has classes, to pictures.

Read it with `making.py` (how a network makes pictures), `walks.py` (rows and films along the way from one latent vector
to another), `directions.py` and `inversion.py` (edits of latent vectors, and latent vectors of given pictures).
"""

import random
import shlex
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.pixels import to_bytes
from genlab.data.pictures.wording import describe
from genlab.engine.files import read_json, write_json
from genlab.engine.machine import Machine
from genlab.engine.pipeline import AttentionMap, Inversion, Pipeline, Saved
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.models.encoder import EncoderShape
from genlab.show.sheets import picture_sample
from genlab.tasks.images.attention import attention_to_words
from genlab.tasks.images.directions import Directions, current
from genlab.tasks.images.export import export_pictures
from genlab.tasks.images.facts import PictureFacts
from genlab.tasks.images.inversion import Inverter, difference, fitting, originals
from genlab.tasks.images.making import AlongFlow, Conditions, Latents, Maker, Pictures, maker_of, per_pass
from genlab.tasks.images.options import (
    FlowAttentionRequest,
    FlowRequest,
    InvertRequest,
    LatentPicturesRequest,
    PicturesRequest,
)
from genlab.tasks.images.walks import check, check_drawn, edited_rows, film
from genlab.tasks.shared.judges import log_probabilities
from genlab.tasks.shared.latents import latent_rows

Pixels = UInt8[np.ndarray, "pictures height width channels"]


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
        device = saved.machine.device
        return cls(saved.options, facts, {name: net.to(device) for name, net in networks.items()}, saved.machine)

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

    def pixels(self, latents: Latents, conditions: Conditions, maker: Maker | None = None) -> Pixels:
        """Pictures as bytes."""
        maker = maker or self.maker
        some = per_pass(self.options.pixels)
        parts = zip(latents.split(some), conditions.split(some), strict=True)
        with self.evaluating():
            return np.concatenate([to_bytes(maker.make(*self.machine.place(part))) for part in parts])

    # --- capabilities ---

    def generate(self, request: PicturesRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        """Yields pictures one by one, each with its latent vector, rows of edits, or a film through latent space."""
        check_drawn(request)
        if isinstance(request, LatentPicturesRequest):
            check(request)
            if request.ends is not None:
                yield self._between(request)
                return
        maker = self.maker.with_request(request)
        pixels = partial(self.pixels, maker=maker)
        if request.latents is not None:
            latents = latent_rows(request.latents, maker.latent)
        else:
            latents = self.noise(request.walk or request.n, request.seed)
            if isinstance(request, LatentPicturesRequest):
                latents = request.truncation * latents
        conditions = maker.conditions(len(latents), request)
        if isinstance(request, LatentPicturesRequest) and request.edit:
            ends = self._edited(latents, conditions, request.edit, request.strength)
            yield from edited_rows(pixels, latents, ends, conditions)
        elif request.walk is not None:
            yield film(pixels, latents, conditions)
        else:
            count = per_pass(self.options.pixels)
            for some, given in zip(latents.split(count), conditions.split(count), strict=True):
                yield from map(picture_sample, pixels(some, given), some.numpy())

    def _between(self, request: LatentPicturesRequest) -> Sample:
        """A film from each given picture to the next and back to the first."""
        ends = originals(request.ends, self.facts.channels, self.facts.ranges, "ends")
        if len(ends) < 2:
            option = ends[0].option
            raise InputError(f"{option}: give at least two pictures.", option)
        found = self.invert(InvertRequest(ends, request.class_, request.fit))
        latents = torch.from_numpy(np.stack([one.latent for one in found]))
        labels = torch.tensor([self.facts.classes.index(one.label) if one.label else 0 for one in found])
        about = {f"difference from {one.name}": round(one.difference, 1) for one in found}
        return replace(film(self.pixels, latents, labels), about=about)

    def decode(self, latents: Any, label: str | None = None) -> Pixels:
        """Makes pictures from latent vectors (pictures, latent), as `generate` does by default.

        Args:
            latents: The latent vectors.
            label: A class or, for a run on descriptions, a description; None for all classes in turn, or for any
                picture.
        """
        rows = latent_rows(latents, self.maker.latent)
        described = bool(self.facts.words) and not self.facts.classes
        request = FlowRequest(prompt=label) if described else FlowRequest(class_=label)
        maker = self.maker.with_request(request)
        return self.pixels(rows, maker.conditions(len(rows), request), maker)

    def export(self, to: str, place: Path, card: str) -> None:
        (network,) = self.networks.values()
        export_pictures(network, self.options, self.facts, place)

    def explain(self, request: FlowAttentionRequest) -> list[AttentionMap]:
        """What the positions of a generated picture attend to in its description, at one time of the flow.

        Raises:
            InputError: no word of the prompt is known, or the network is custom.
        """
        assert isinstance(self.maker, AlongFlow), "only flows declare this request"
        with self.evaluating():
            return attention_to_words(self.maker, self.noise(1, request.seed), request, self.machine)

    # --- edits of latent vectors ---

    def current_directions(self) -> Directions:
        """The directions in the run folder.

        Raises:
            InputError: none have been found for its weights, or their file is damaged.
        """
        found = None if self.folder is None else Directions.load(self.folder, self.maker.latent)
        return current(found, self.networks)

    def directions(self) -> dict[str, dict[str, np.ndarray]]:
        """The direction of each value, by attribute."""
        return self.current_directions().arrays()

    def measured(self) -> dict[str, Any]:
        """What was measured when the directions were found."""
        return self.current_directions().report

    def edit(self, latents: Any, changes: Mapping[str, str], strength: float | None = None) -> np.ndarray:
        """Latent vectors, moved along the direction of each change."""
        rows = latent_rows(latents, self.maker.latent)
        return self._edited(rows, self.conditions(len(rows)), changes, strength).numpy()

    def _edited(
        self, latents: Latents, conditions: Conditions, changes: Mapping[str, str], strength: float | None
    ) -> Latents:
        found = self.current_directions()

        def read(rows: Latents) -> list[Float[Tensor, "rows _values"]]:
            assert found.finder is not None, "only a finder reads"
            judge = found.finder.judge.to(self.machine.device)
            return log_probabilities(judge, self.pixels(rows, conditions), self.machine)

        return found.edited(latents, changes, strength, read)

    def invert(self, request: InvertRequest) -> list[Inversion]:
        """Finds the latent vector of each picture.

        Raises:
            InputError: a picture has another size or kind, or the class is unknown.
        """
        facts = self.facts
        found = originals(request.pictures, facts.channels, facts.ranges)
        pictures = fitting(found, self.options.pixels, facts.channels, request.fit)
        labels = None if request.class_ is None else self.maker.conditions(len(pictures), request)
        latents, classes = self.inverter.find(pictures, labels, request.optimise)
        made = self.pixels(latents, classes)
        names = [facts.classes[label] if facts.classes else None for label in classes.tolist()]
        parts = zip(found, pictures, made, latents.numpy(), names, difference(pictures, made).tolist(), strict=True)
        return [Inversion(one.name, *rest) for one, *rest in parts]

    @cached_property
    def inverter(self) -> Inverter:
        facts = self.facts
        shape = EncoderShape(facts.channels, self.options.pixels, self.maker.latent, len(facts.classes))
        return Inverter(self.maker, self.networks, shape, self.machine, self.folder)

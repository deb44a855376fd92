"""Training flow matching: the network predicts the velocity from noise to pictures, given words.

Read it with `models/flow.py` (the network, its loss and samplers); `recipe.py` has what all models of pictures share.
Classes are words like those of descriptions.
"""

from dataclasses import replace

import numpy as np
import torch
from torch import nn

from genlab.data.pictures.descriptions import LONGEST, PADDING, Vocabulary
from genlab.engine.custom import Networks
from genlab.engine.recipe import Metrics, Setup
from genlab.layers.average import Average
from genlab.models.flow import Flow, FlowShape, flow_matching_loss, interpolate
from genlab.tasks.images.options import FlowOptions
from genlab.tasks.images.pipeline import PASS, PictureFacts
from genlab.tasks.images.recipe import Batch, ImagesRecipe, facts_of, kept, some


def build_network(options: FlowOptions, facts: PictureFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the network of velocities."""
    vocabulary = len(Vocabulary(facts.words)) if facts.words else 0
    shape = FlowShape(facts.channels, options.pixels, vocabulary, facts.longest)
    return {"flow": networks.build("flow", shape, lambda shape: Flow(shape, options.width, options.depth))}


class FlowRecipe(ImagesRecipe):
    """Trains a flow."""

    replaceable = ("flow",)
    losses = ("velocity",)

    def __init__(self, setup: Setup) -> None:
        options, device = setup.options, setup.machine.device
        facts = described(facts_of(setup))
        self.vocabulary, self.longest = Vocabulary(facts.words), facts.longest
        self.flow = build_network(options, facts, setup.networks)["flow"].to(device)
        self.average = Average(self.flow, options.average).to(device)
        self.velocity_loss = setup.losses.get("velocity", flow_matching_loss)
        adam = torch.optim.AdamW(self.flow.parameters(), options.learning_rate, fused=True)
        networks: dict[str, nn.Module] = {"flow": self.flow, "average": self.average}
        super().__init__(setup, kept(setup, facts, "flow", self.average.network), networks, {"flow": [adam]})

    def batch(self, step: int) -> Batch:
        """Pictures, and the words of their descriptions."""
        pictures, labels = super().batch(step)
        random = np.random.default_rng((1, self.seed, step, self.machine.rank))
        texts = [self.classes[label] for label in labels] if self.classes else [""] * len(labels)
        words = torch.from_numpy(self.vocabulary.indices(texts, self.longest))
        words[torch.from_numpy(random.random(len(words)) < self.options.unguided), 1:] = PADDING
        return pictures, words

    # --- the method ---

    def step(self, batch: Batch, progress: float) -> Metrics:
        pictures, words = batch
        if self.options.flip:
            mirrored = torch.rand(len(pictures), 1, 1, 1, device=pictures.device) < 0.5
            pictures = torch.where(mirrored, pictures.flip(3), pictures)
        noise = torch.randn_like(pictures)
        times = torch.rand(len(pictures), device=pictures.device)
        velocity = self.flow(interpolate(noise, pictures, times), times, words)
        loss = self.velocity_loss(velocity, noise, pictures)
        self.update(self.flow, loss, clip=1.0)
        self.average.update(self.flow)
        return {"velocity": loss}

    # --- validation ---

    def validate(self) -> dict[str, float]:
        """The loss on validation pictures, always with the same noise and times: sampling would take far longer."""
        assert self.data.validation is not None, "there is nothing to validate on"
        pictures, labels = some(self.data.validation)
        noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
        times = torch.rand(len(pictures), generator=torch.Generator().manual_seed(1))
        words = self.pipeline.maker.of_classes(labels)
        network, total = self.average.network, 0.0
        for rows in zip(*(each.split(PASS) for each in (pictures, noise, times, words)), strict=True):
            real, start, when, said = self.machine.place(rows)
            velocity = network(interpolate(start, real, when), when, said)
            total += len(real) * self.velocity_loss(velocity, start, real).item()
        return {"velocity": total / len(pictures)}


def described(facts: PictureFacts) -> PictureFacts:
    """The facts, with the words of the classes."""
    vocabulary = Vocabulary.of(facts.classes)
    longest = vocabulary.indices(facts.classes, LONGEST).shape[1] if facts.classes else 1
    return replace(facts, words=vocabulary.words, longest=longest)

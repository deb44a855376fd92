"""Training a StarGAN: the discriminator is updated, then the generator and its average, then the reader of values.

Read it with `models/stargan.py` (the networks and losses) and `models/gan.py` (the relativistic losses and penalties);
`recipe.py` has what all models that change pictures share: data, the reader, validation, previews.
"""

from collections.abc import Collection
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlab.data.pictures.attribute_set import AttributedSet
from genlab.engine.budget import WARM_UP
from genlab.engine.custom import Networks, try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.layers.average import Average
from genlab.metrics.restyle import value_colours
from genlab.models.gan import gradient_penalty, relativistic_discriminator_loss, relativistic_generator_loss
from genlab.models.stargan import (
    Discriminator,
    DrawingHead,
    Generator,
    RestyleShape,
    change_between,
    rounded,
    scores_of,
    total_variation,
    value_loss,
)
from genlab.tasks.restyle.options import StarGANOptions
from genlab.tasks.restyle.pipeline import RestyleFacts
from genlab.tasks.restyle.recipe import Batch, RestyleRecipe, facts_of
from genlab.tasks.shared.annealing import rising
from genlab.tasks.shared.drawings import are_drawings

PENALISED = 4
"""One pair in this many gets the gradient penalty, which is the most expensive term and changes slowly."""
COLOURS = 3
"""Learned colours per value for drawings."""
COLOUR_PICTURES = 2000
"""Number of pictures to find the first colours in, shared equally among the values of an attribute."""
DISCRIMINATOR_WIDTH = 16
CLIP = 1.0
"""Largest norm of the generator's gradient. Adam follows one far larger than those before it with a step of up to
ten times the learning rate, which can close the mask everywhere; a closed mask gets no gradient."""
DEPTH = 2
"""Residual blocks of the generator."""


def build_networks(options: StarGANOptions, facts: RestyleFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the generator."""
    build = lambda shape: Generator(shape, options.width, DEPTH, options.colours or 0)
    return {"generator": networks.build("generator", facts.shape, build)}


class StarGANRecipe(RestyleRecipe):
    """Trains one generator for all changes against one discriminator."""

    replaceable = ("generator", "discriminator")
    losses = ("discriminator", "generator")

    def __init__(self, setup: Setup) -> None:
        options, facts, device = setup.options, facts_of(setup), setup.machine.device
        self.generator = build_networks(options, facts, setup.networks)["generator"].to(device)
        build = lambda shape: Discriminator(shape, DISCRIMINATOR_WIDTH, detail=not options.colours)
        self.discriminator = setup.networks.build("discriminator", facts.shape, build).to(device)
        try_networks(setup, facts.shape, self.generator, self.discriminator)
        self.average = Average(self.generator, options.average).to(device)
        self.discriminator_loss = setup.losses.get("discriminator", relativistic_discriminator_loss)
        self.generator_loss = setup.losses.get("generator", relativistic_generator_loss)
        trained = {"generator": self.generator, "discriminator": self.discriminator}
        optimizers = {
            name: [torch.optim.Adam(network.parameters(), options.learning_rate, betas=(0.0, 0.99), fused=True)]
            for name, network in trained.items()
        }
        super().__init__(setup, facts, self.average.network, {**trained, "average": self.average}, optimizers)

    def prepare(self) -> None:
        """For drawings, the learned colours start as those that distinguish the values most."""
        for network in (self.generator, self.average.network):
            if isinstance(network, Generator) and isinstance(network.head, DrawingHead):
                colours = network.head.recolouring.colours
                colours.data.copy_(self._distinctive_colours(colours.shape[1]))

    def _distinctive_colours(self, count: int) -> Float[Tensor, "values colours channels"]:
        train, random, found = self.data.train, np.random.default_rng(0), []
        for place, rows in enumerate(self.having):  # as many of each value: a random sample could miss a rare one
            some = train.take(
                np.concatenate([random.permutation(each)[: COLOUR_PICTURES // len(rows)] for each in rows])
            )
            pictures = some.pictures.array[some.pictures.rows]
            found.append(value_colours(pictures, some.values[:, place], len(rows), count))
        return torch.from_numpy(np.concatenate(found)) / 127.5 - 1

    # --- the method ---

    def step(self, batch: Batch, progress: float) -> Metrics:
        pictures, source, partners, target, *_ = batch
        options, counts = self.options, self.counts
        change = change_between(source, target, counts)
        changed = self.generator(pictures, change)

        outputs = self.discriminator(torch.cat((partners, changed.detach())))
        real, fake = scores_of(outputs, torch.cat((target, target)), counts).chunk(2)
        loss_d = self.discriminator_loss(real, fake) + value_loss(outputs[: len(partners)], target, counts)
        some = slice(None, None, PENALISED)
        values = torch.cat((target[some], target[some]))
        with torch.autocast(pictures.device.type, enabled=False):  # second derivatives need full precision
            score = lambda content: scores_of(self.discriminator(content), values, counts)
            _, penalty = gradient_penalty(score, torch.cat((partners[some], changed[some].detach())).float())
        gamma = options.penalty * rising(progress, WARM_UP)
        self.update(self.discriminator, loss_d + gamma * penalty)  # R1 and R2 are the two halves of the penalty

        with torch.no_grad():
            real = scores_of(self.discriminator(partners), target, counts)
        outputs = self.discriminator(changed)
        adversarial = self.generator_loss(real, scores_of(outputs, target, counts))
        recognised = value_loss(outputs, target, counts)
        half = slice(None, None, 2)  # the way back costs as much as the way there
        cycle = (self.generator(rounded(changed[half]), -change[half]) - pictures[half]).abs().mean()
        difference = (changed - pictures).abs().mean()
        roughness = total_variation(changed - pictures)
        loss_g = (
            adversarial
            + options.recognition * recognised
            + options.cycle * min(1.0, 2 * progress) * cycle
            + options.sparsity * progress * difference
            + options.smoothness * progress * roughness
        )
        self.update(self.generator, loss_g, clip=CLIP)
        self.average.update(self.generator)

        reader = self.update_reader(batch, progress)
        self.pipeline.typical.update(cycle.detach())
        return {
            "discriminator": loss_d, "generator": adversarial, "recognition": recognised, "cycle": cycle,
            "difference": difference, "roughness": roughness, "penalty": penalty, **reader,
        }  # fmt: skip

    # --- options ---

    @classmethod
    def replaced(cls, options: StarGANOptions, networks: Collection[str]) -> StarGANOptions:
        """A custom generator has no learned colours, so nothing else is chosen to suit them."""
        return replace(options, colours=0) if "generator" in networks and options.colours is None else options

    @classmethod
    def resolve(
        cls, options: StarGANOptions, data: AttributedSet, speed: Speed, start: Pipeline | None
    ) -> StarGANOptions:
        options = super().resolve(options, data, speed, start)
        colours = options.colours
        if colours is None:
            colours = COLOURS if are_drawings(data.train.pictures) else 0
        rate, penalty, recognition, smoothness = (2e-3, 0.3, 1.0, 0.0) if colours else (1e-3, 3.0, 0.3, 1.0)
        return replace(
            options,
            colours=colours,
            learning_rate=rate if options.learning_rate is None else options.learning_rate,
            penalty=penalty if options.penalty is None else options.penalty,
            recognition=recognition if options.recognition is None else options.recognition,
            smoothness=smoothness if options.smoothness is None else options.smoothness,
        )


def try_networks(setup: Setup, shape: RestyleShape, generator: nn.Module, discriminator: nn.Module) -> None:
    """Calls the custom networks once, on two pictures.

    Raises:
        InputError: a network rejects its input or returns the wrong shape.
    """
    device = setup.machine.device
    pictures = torch.zeros((2, shape.channels, shape.pixels, shape.pixels), device=device)
    if "generator" in setup.networks:
        change = torch.zeros(2, shape.values, device=device)
        hint = "it must take pictures of that shape and changes, and return pictures"
        try_network("generator", generator, (pictures, change), [tuple(pictures.shape)], hint)
    if "discriminator" in setup.networks:
        hint = "it must take pictures of that shape"
        try_network("discriminator", discriminator, (pictures,), [(2, 1 + 2 * shape.values)], hint)

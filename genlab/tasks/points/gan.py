"""Training a GAN on points in the plane: updates the discriminator, the generator, then the average of its weights.

Read it with `models/gan.py` (the losses) and `models/points_gan.py` (the networks).
"""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.data.points.point_set import PointSet, read_points
from genlab.engine.custom import Networks, try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Recipe, Setup
from genlab.engine.samples import Sample
from genlab.layers.average import Average
from genlab.models.gan import (
    GAN,
    classic_discriminator_loss,
    classic_generator_loss,
    gradient_penalty,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from genlab.models.points_gan import (
    PointDiscriminator,
    PointDiscriminatorShape,
    PointGenerator,
    PointGeneratorShape,
    Scale,
)
from genlab.tasks.points.evaluate import MEASURED, compare, count_modes, some_of
from genlab.tasks.points.options import PointsGANOptions, PointsRequest
from genlab.tasks.points.pipeline import PointsPipeline, points_sample
from genlab.tasks.shared.annealing import falling

LOSSES = {
    "relativistic": (relativistic_discriminator_loss, relativistic_generator_loss),
    "classic": (classic_discriminator_loss, classic_generator_loss),
}
PREVIEWED = 2000
"""Number of points in a preview."""
FEW = 1000
"""Number of training points below which a model may memorise them."""


def build_network(options: PointsGANOptions, networks: Networks) -> nn.Module:
    """Builds the generator."""
    build = lambda shape: PointGenerator(shape.latent, options.width, options.generator_depth)
    return networks.build("generator", PointGeneratorShape(options.latent), build)


class PointsGANRecipe(Recipe):
    """Trains a GAN on points."""

    replaceable = ("generator", "discriminator")
    losses = ("discriminator", "generator")
    steady = False
    data: PointSet
    pipeline: PointsPipeline

    def __init__(self, setup: Setup) -> None:
        options, device = setup.options, setup.machine.device
        generator = build_network(options, setup.networks)
        build = lambda shape: PointDiscriminator(options.waves, options.width, options.discriminator_depth)
        discriminator = setup.networks.build("discriminator", PointDiscriminatorShape(), build)
        self.gan = GAN(generator, discriminator).to(device)
        self._try_networks(setup)
        self.average = Average(generator, options.average).to(device)
        default_d, default_g = LOSSES[options.loss]
        self.discriminator_loss = setup.losses.get("discriminator", default_d)
        self.generator_loss = setup.losses.get("generator", default_g)
        scale = Scale()
        scale.set(setup.data.train.mean(0), float(np.sqrt(setup.data.train.var(0).mean())))
        pipeline = PointsPipeline(options, self.average.network, scale, setup.machine)
        self.train = pipeline.standardise(setup.data.train)
        networks = {"generator": generator, "discriminator": discriminator, "average": self.average, "scale": scale}
        optimizers = {name: [adam(networks[name], options.learning_rate)] for name in ("generator", "discriminator")}
        super().__init__(setup, pipeline, networks, optimizers)

    def _try_networks(self, setup: Setup) -> None:
        """Calls the custom networks once, on two latent vectors or points."""
        device = setup.machine.device
        if "generator" in setup.networks:
            latents = torch.zeros(2, setup.options.latent, device=device)
            hint = "if its latent size differs, set latent="
            try_network("generator", self.gan.generator, (latents,), [(2, 2)], hint)
        if "discriminator" in setup.networks:
            points, hint = torch.zeros(2, 2, device=device), "it must take points of that shape"
            try_network("discriminator", self.gan.discriminator, (points,), [(2,), (2, 1)], hint)

    # --- data ---

    @classmethod
    def read(cls, options: PointsGANOptions, place: Place, start: Pipeline | None) -> tuple[PointSet, DataFacts]:
        points = read_points(*place)
        splits = {"train": points.train, "validation": points.validation, "test": points.test}
        counts = {name: {"points": len(rows)} for name, rows in splits.items() if rows is not None}
        return points, DataFacts(points.name, points.fingerprint, counts, points.notes)

    @classmethod
    def examples(cls, data: PointSet) -> list[Sample]:
        """A scatter plot of the training points."""
        return [points_sample(data.train)]

    def batch(self, step: int) -> Float[Tensor, "batch 2"]:
        random = np.random.default_rng((self.seed, step, self.machine.rank))
        return self.train[torch.from_numpy(random.integers(len(self.train), size=self.options.batch))]

    # --- the method ---

    def step(self, batch: Float[Tensor, "batch 2"], progress: float) -> Metrics:
        real = batch
        gamma = falling(self.options.penalty, self.options.final_penalty, progress)
        with torch.autocast(real.device.type, enabled=False):  # coordinates and second derivatives need full precision
            fake = self.gan(torch.randn(len(real), self.options.latent, device=real.device))

            both = torch.cat((real, fake.detach()))
            if gamma:
                scores, penalty = gradient_penalty(self.gan.score, both)  # R1 and R2 are its two halves
            else:
                scores, penalty = self.gan.score(both), both.new_zeros(())
            loss_d = self.discriminator_loss(*scores.chunk(2)) + gamma * penalty
            self.update(self.gan.discriminator, loss_d)

            with torch.no_grad():
                real_scores = self.gan.score(real)
            loss_g = self.generator_loss(real_scores, self.gan.score(fake))
            self.update(self.gan.generator, loss_g)

        self.average.update(self.gan.generator)
        return {"discriminator": loss_d, "generator": loss_g, "penalty": penalty}

    # --- validation ---

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.data.validation is not None, "there is nothing to validate on"
        held_out = some_of(self.pipeline.standardise(self.data.validation), MEASURED, 0)
        return {**self._measures(held_out), **count_modes(self.pipeline, self.data.modes)}

    def test(self) -> dict[str, float]:
        if self.data.test is None:
            return {}
        held_out = some_of(self.pipeline.standardise(self.data.test), min(MEASURED, len(self.train)), 0)
        floor = compare(some_of(self.train, len(held_out), 0), held_out, self.pipeline.scale.deviation.item())
        return {
            **self._measures(held_out),
            **{f"{name}_floor": value for name, value in floor.items()},
            **count_modes(self.pipeline, self.data.modes),
        }

    def _measures(self, held_out: Float[Tensor, "points 2"]) -> dict[str, float]:
        made = self.pipeline.sample(len(held_out), 0)
        return compare(made, held_out, self.pipeline.scale.deviation.item())

    def preview(self) -> list[Sample]:
        return list(self.pipeline.generate(PointsRequest(n=PREVIEWED)))

    def warnings(self, steps: int) -> list[str]:
        count = len(self.train)
        return [f"{count} training points are few: `evaluate` shows whether the model has memorised them."] * (
            count < FEW
        )


def adam(network: nn.Module, learning_rate: float) -> Optimizer:
    """Adam without momentum, for the trainable weights."""
    trained = [weight for weight in network.parameters() if weight.requires_grad]
    return torch.optim.Adam(trained, lr=learning_rate, betas=(0.0, 0.99), fused=True)

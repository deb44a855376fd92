"""Training a Wasserstein GAN on pictures: several critic updates per generator update.

Read it with `models/wgan_gp.py` (the losses and the penalty) and `models/gan.py` (the networks); `recipe.py` has what
all models of pictures share.
"""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.engine.recipe import Metrics, Setup
from genlab.layers.average import Average
from genlab.models.gan import GAN
from genlab.models.wgan_gp import Scores, critic_loss, generator_loss, interpolated_gradient_penalty
from genlab.tasks.images.gan import build_discriminator
from genlab.tasks.images.gan import build_network as build_generator
from genlab.tasks.images.recipe import Batch, ImagesRecipe, facts_of, kept, try_networks

build_network = build_generator


class WGANGPRecipe(ImagesRecipe):
    """Trains a Wasserstein GAN with gradient penalty."""

    replaceable = ("generator", "critic")
    losses = ("critic", "generator")
    remedy = "a larger --penalty or a lower --learning-rate"

    def __init__(self, setup: Setup) -> None:
        options, facts, device = setup.options, facts_of(setup), setup.machine.device
        generator = build_network(options, facts, setup.networks)["generator"]
        critic = build_discriminator(setup, facts, "critic")
        self.gan = GAN(generator, critic).to(device)
        try_networks(setup, facts, generator, critic=critic)
        self.average = Average(generator, options.average).to(device)
        self.critic_loss = setup.losses.get("critic", critic_loss)
        self.generator_loss = setup.losses.get("generator", generator_loss)
        optimizers = {
            name: [torch.optim.Adam(network.parameters(), options.learning_rate, betas=(0.0, 0.9), fused=True)]
            for name, network in (("generator", generator), ("critic", critic))
        }
        networks = {"generator": generator, "critic": critic, "average": self.average}
        super().__init__(setup, kept(setup, facts, "generator", self.average.network), networks, optimizers)

    @property
    def pictures_per_step(self) -> int:
        return self.options.critic_steps * self.options.batch

    def step(self, batch: Batch, progress: float) -> Metrics:
        size = self.options.batch
        for real, numbers in zip(batch[0].split(size), batch[1].split(size), strict=True):
            labels = self.class_labels(numbers)
            with torch.no_grad():
                fake = self.gan(self.latents(real), *labels)
            distance = self.critic_loss(self.gan.score(real, *labels), self.gan.score(fake, *labels))
            with torch.autocast(real.device.type, enabled=False):  # second derivatives need full precision
                penalty = interpolated_gradient_penalty(partial(self._score, labels), real.float(), fake.float())
            self.update(self.gan.discriminator, distance + self.options.penalty * penalty)

        loss_g = self.generator_loss(self.gan.score(self.gan(self.latents(real), *labels), *labels))
        self.update(self.gan.generator, loss_g)

        self.average.update(self.gan.generator)
        return {"distance": -distance, "generator": loss_g, "penalty": penalty}

    def _score(
        self, labels: tuple[Int[Tensor, " batch"], ...], pictures: Float[Tensor, "batch channels side side"]
    ) -> Scores:
        return self.gan.score(pictures, *labels)

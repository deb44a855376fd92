"""Training the textbook GAN (DCGAN) on pictures: the baseline.

Read it with `models/dcgan.py` (the networks) and `models/gan.py` (the classic losses); `recipe.py` has what all models
of pictures share.
"""

import torch
from torch import nn

from genlab.engine.custom import Networks
from genlab.engine.recipe import Metrics, Setup
from genlab.errors import InputError
from genlab.models.dcgan import DCDiscriminator, DCGenerator
from genlab.models.gan import GAN, classic_discriminator_loss, classic_generator_loss
from genlab.tasks.images.facts import DiscriminatorShape, GeneratorShape, PictureFacts
from genlab.tasks.images.options import DCGANOptions
from genlab.tasks.images.recipe import Batch, ImagesRecipe, facts_of, kept, try_networks


def build_network(options: DCGANOptions, facts: PictureFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the generator.

    Raises:
        InputError: the side of the pictures is not a multiple of 4.
    """
    if options.pixels % 4:
        raise InputError(f"pixels: {options.pixels} cannot be used; dcgan needs a multiple of 4.", "pixels")
    shape = GeneratorShape(options.latent, facts.channels, options.pixels, len(facts.classes))
    build = lambda shape: DCGenerator(shape.latent, shape.channels, shape.pixels, shape.classes)
    return {"generator": networks.build("generator", shape, build)}


class DCGANRecipe(ImagesRecipe):
    """Trains a deep convolutional GAN."""

    replaceable = ("generator", "discriminator")
    losses = ("discriminator", "generator")

    def __init__(self, setup: Setup) -> None:
        options, facts = setup.options, facts_of(setup)
        generator = build_network(options, facts, setup.networks)["generator"]
        shape = DiscriminatorShape(facts.channels, options.pixels, len(facts.classes))
        build = lambda shape: DCDiscriminator(shape.channels, shape.pixels, shape.classes)
        discriminator = setup.networks.build("discriminator", shape, build)
        self.gan = GAN(generator, discriminator).to(setup.machine.device)
        try_networks(setup, facts, generator, discriminator=discriminator)
        self.discriminator_loss = setup.losses.get("discriminator", classic_discriminator_loss)
        self.generator_loss = setup.losses.get("generator", classic_generator_loss)
        networks = {"generator": generator, "discriminator": discriminator}
        optimizers = {
            name: [torch.optim.Adam(network.parameters(), options.learning_rate, betas=(0.5, 0.999), fused=True)]
            for name, network in networks.items()
        }
        super().__init__(setup, kept(setup, facts, "generator", generator), networks, optimizers)

    def step(self, batch: Batch, progress: float) -> Metrics:
        real, labels = batch[0], self.class_labels(batch[1])
        fake = self.gan(self.latents(real), *labels)

        scores_real = self.gan.score(real, *labels)
        loss_d = self.discriminator_loss(scores_real, self.gan.score(fake.detach(), *labels))
        self.update(self.gan.discriminator, loss_d)

        loss_g = self.generator_loss(scores_real, self.gan.score(fake, *labels))
        self.update(self.gan.generator, loss_g)
        return {"discriminator": loss_d, "generator": loss_g}

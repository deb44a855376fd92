"""Training the textbook's GAN on pictures: the baseline.

Read it with `models/dcgan.py` (the networks) and `models/gan.py` (the classic losses); `recipes/pictures.py` has what
all models of pictures share.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.engine.recipe import Metrics
from genlab.errors import InputError
from genlab.models.dcgan import DCDiscriminator, DCGenerator
from genlab.models.gan import GAN, classic_discriminator_loss, classic_generator_loss
from genlab.tasks.images.options import DCGANOptions
from genlab.tasks.images.recipe import Batch, PictureMaker


class DCGANRecipe(PictureMaker):
    """A deep convolutional GAN of the user's pictures."""

    name = "dcgan"
    config: DCGANOptions

    def build(self) -> None:
        config, classes = self.config, len(self.classes)
        if config.pixels % 4:
            raise InputError(f"pixels: {config.pixels} cannot be used, the dcgan needs a multiple of 4.", "pixels")
        generator = DCGenerator(config.latent, self.channels, config.pixels, classes)
        discriminator = DCDiscriminator(self.channels, config.pixels, classes)
        self.gan = GAN(generator, discriminator).to(self.machine.device)
        self.networks = {"generator": generator, "discriminator": discriminator}

    def build_optimizers(self) -> None:
        self.optimizers = {
            name: [torch.optim.Adam(network.parameters(), self.config.learning_rate, betas=(0.5, 0.999), fused=True)]
            for name, network in self.networks.items()
        }

    # --- the method ---

    def step(self, batch: Batch) -> Metrics:
        real, labels = batch
        of = (labels,) if self.classes else ()
        fake = self.gan(torch.randn(len(real), self.config.latent, device=real.device), *of)

        scores_real = self.gan.score(real, *of)
        loss_d = classic_discriminator_loss(scores_real, self.gan.score(fake.detach(), *of))
        self.update(self.gan.discriminator, loss_d)

        loss_g = classic_generator_loss(scores_real, self.gan.score(fake, *of))
        self.update(self.gan.generator, loss_g)
        return {"discriminator": loss_d, "generator": loss_g}

    def make(
        self, latents: Float[Tensor, "batch latent"], labels: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch channels side side"]:
        return self.gan.generator.eval()(latents, *((labels,) if self.classes else ()))

    def saved(self) -> dict[str, nn.Module]:
        return {"generator": self.gan.generator}

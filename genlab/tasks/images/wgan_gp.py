"""Training a Wasserstein GAN on pictures: several updates of the critic for one of the generator.

Read it with `models/wgan_gp.py` (the losses and the penalty) and `models/gan.py` (the networks);
`recipes/pictures.py` has what all models of pictures share.
"""

from functools import partial

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.engine.recipe import Metrics
from genlab.layers.average import Average
from genlab.models.gan import GAN, Discriminator, Generator
from genlab.models.wgan_gp import Scores, critic_loss, generator_loss, interpolated_gradient_penalty
from genlab.tasks.images.options import WGANGPOptions
from genlab.tasks.images.recipe import Batch, PictureMaker


class WGANGPRecipe(PictureMaker):
    """A Wasserstein GAN of the user's pictures."""

    name = "wgan_gp"
    config: WGANGPOptions

    def build(self) -> None:
        config, classes = self.config, len(self.classes)
        generator = Generator(config.latent, self.channels, config.pixels, config.width, classes)
        critic = Discriminator(self.channels, config.pixels, config.width, classes)
        self.gan = GAN(generator, critic).to(self.machine.device)
        self.average = Average(generator, config.average).to(self.machine.device)
        self.networks = {"generator": generator, "critic": critic, "average": self.average}

    def build_optimizers(self) -> None:
        self.optimizers = {
            name: [torch.optim.Adam(network.parameters(), self.config.learning_rate, betas=(0.0, 0.9), fused=True)]
            for name, network in (("generator", self.gan.generator), ("critic", self.gan.discriminator))
        }

    @property
    def pictures_per_step(self) -> int:
        return self.config.critic_steps * self.config.batch

    # --- the method ---

    def step(self, batch: Batch) -> Metrics:
        size = self.config.batch
        for real, labels in zip(batch[0].split(size), batch[1].split(size), strict=True):
            of = (labels,) if self.classes else ()
            with torch.no_grad():
                fake = self.gan(self._latents(real), *of)
            distance = critic_loss(self.gan.score(real, *of), self.gan.score(fake, *of))
            with torch.autocast(real.device.type, enabled=False):  # second derivatives need their digits
                score = partial(self._score, of)
                penalty = interpolated_gradient_penalty(score, real.float(), fake.float())
            self.update(self.gan.discriminator, distance + self.config.penalty * penalty)

        loss_g = generator_loss(self.gan.score(self.gan(self._latents(real), *of), *of))
        self.update(self.gan.generator, loss_g)

        self.average.update(self.gan.generator)
        return {"distance": -distance, "generator": loss_g, "penalty": penalty}

    def _score(
        self, of: tuple[Int[Tensor, " batch"], ...], pictures: Float[Tensor, "batch channels side side"]
    ) -> Scores:
        return self.gan.score(pictures, *of)

    def _latents(self, real: Float[Tensor, "batch channels side side"]) -> Float[Tensor, "batch latent"]:
        return torch.randn(len(real), self.config.latent, device=real.device)

    def make(
        self, latents: Float[Tensor, "batch latent"], labels: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch channels side side"]:
        return self.average.network.eval()(latents, *((labels,) if self.classes else ()))

    def saved(self) -> dict[str, nn.Module]:
        return {"generator": self.average.network}

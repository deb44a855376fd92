"""Training a variational autoencoder on pictures: draw each again from few numbers, which should look like noise.

Read it with `models/vae.py` (the network and losses); `recipes/pictures.py` has what all models of pictures share.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.engine.recipe import Metrics
from genlab.layers.average import Average
from genlab.models.vae import VAE, latent_loss, reconstruction_loss
from genlab.tasks.images.options import VAEOptions
from genlab.tasks.images.recipe import Batch, PictureMaker


class VAERecipe(PictureMaker):
    """A variational autoencoder of the user's pictures."""

    name = "vae"
    config: VAEOptions

    def build(self) -> None:
        config = self.config
        network = VAE(config.latent, self.channels, config.pixels, config.width, len(self.classes))
        self.network = network.to(self.machine.device)
        self.average = Average(self.network, config.average).to(self.machine.device)
        self.networks = {"vae": self.network, "average": self.average}

    def build_optimizers(self) -> None:
        rate = self.config.learning_rate
        self.optimizers = {"vae": [torch.optim.Adam(self.network.parameters(), rate, fused=True)]}

    # --- the method ---

    def step(self, batch: Batch) -> Metrics:
        pictures, labels = batch
        drawn, mean, log_variance = self.network(pictures, *((labels,) if self.classes else ()))
        reconstruction, told = reconstruction_loss(drawn, pictures), latent_loss(mean, log_variance)
        self.update(self.network, (reconstruction + self.config.beta * told) / pictures[0].numel(), clip=1.0)
        self.average.update(self.network)
        return {"reconstruction": reconstruction, "latent": told}

    def make(
        self, latents: Float[Tensor, "batch latent"], labels: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch channels side side"]:
        network: Any = self.average.network.eval()
        return network.decode(latents, *((labels,) if self.classes else ()))

    def saved(self) -> dict[str, nn.Module]:
        return {"vae": self.average.network}

"""Training a variational autoencoder: reconstructs pictures from latent vectors that are distributed like noise.

Read it with `models/vae.py` (the network and its losses); `recipe.py` has what all models of pictures share.
"""

import torch
from torch import nn

from genlab.engine.custom import Networks
from genlab.engine.recipe import Metrics, Setup
from genlab.layers.average import Average
from genlab.models.vae import VAE, latent_loss, reconstruction_loss
from genlab.tasks.images.facts import GeneratorShape, PictureFacts
from genlab.tasks.images.options import VAEOptions
from genlab.tasks.images.recipe import Batch, ImagesRecipe, facts_of, kept


def build_network(options: VAEOptions, facts: PictureFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the autoencoder."""
    shape = GeneratorShape(options.latent, facts.channels, options.pixels, len(facts.classes))
    build = lambda shape: VAE(shape.latent, shape.channels, shape.pixels, options.width, shape.classes)
    return {"vae": networks.build("vae", shape, build)}


class VAERecipe(ImagesRecipe):
    """Trains a variational autoencoder."""

    replaceable = ("vae",)
    losses = ("reconstruction", "latent")

    def __init__(self, setup: Setup) -> None:
        options, facts, device = setup.options, facts_of(setup), setup.machine.device
        self.network = build_network(options, facts, setup.networks)["vae"].to(device)
        self.average = Average(self.network, options.average).to(device)
        self.reconstruction_loss = setup.losses.get("reconstruction", reconstruction_loss)
        self.latent_loss = setup.losses.get("latent", latent_loss)
        adam = torch.optim.Adam(self.network.parameters(), options.learning_rate, fused=True)
        super().__init__(
            setup,
            kept(setup, facts, "vae", self.average.network),
            {"vae": self.network, "average": self.average},
            {"vae": [adam]},
        )

    def step(self, batch: Batch, progress: float) -> Metrics:
        pictures, labels = batch
        drawn, mean, log_variance = self.network(pictures, *self.class_labels(labels))
        reconstruction, latent = self.reconstruction_loss(drawn, pictures), self.latent_loss(mean, log_variance)
        self.update(self.network, (reconstruction + self.options.beta * latent) / pictures[0].numel(), clip=1.0)
        self.average.update(self.network)
        return {"reconstruction": reconstruction, "latent": latent}

"""Training a GAN on pictures: the discriminator is updated, then the generator, then the average of its weights.

Read it with `models/gan.py` (the networks and losses) and `layers/pyramid.py` (their backbones);
`recipe.py` has what all models of pictures share: data, validation, previews.
"""

from collections.abc import Callable, Collection
from dataclasses import replace

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.pictures.picture_set import PictureSet
from genlab.engine.budget import WARM_UP
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import Metrics, Setup, Speed
from genlab.layers.average import Average
from genlab.layers.diff_augment import diff_augment
from genlab.models.gan import (
    GAN,
    Discriminator,
    Generator,
    gradient_penalty,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from genlab.tasks.images.facts import DiscriminatorShape, GeneratorShape, PictureFacts
from genlab.tasks.images.making import per_pass
from genlab.tasks.images.options import GANOptions, WGANGPOptions
from genlab.tasks.images.recipe import WATCHED, Batch, ImagesRecipe, facts_of, kept, some, try_networks
from genlab.tasks.shared.annealing import falling, rising
from genlab.tasks.shared.drawings import are_drawings

Pictures = Float[Tensor, "batch channels side side"]
PENALISED = 4
"""One pair in this many gets the gradient penalty, which is the most expensive term and changes slowly."""
FEW = 2000
"""`--augment auto` augments below this number of training pictures."""
COLOURS = 32
"""Size of the palette for drawings."""
WIDTH = 16
"""Width that the default learning rates were chosen for; wider networks get proportionally lower ones."""
PIXELS = 32
"""Side of the photographs that the default learning rate and penalty were chosen for. The norm of a gradient of smooth
pictures falls in proportion to the side, so its square needs a weight that grows with the number of pixels."""
MEMORISED = 0.7
"""Threshold on the metric `memorised` for a warning."""


def build_network(options: GANOptions | WGANGPOptions, facts: PictureFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the generator."""
    palette, detail = (options.palette or 0, facts.photographs) if isinstance(options, GANOptions) else (0, False)
    shape = GeneratorShape(options.latent, facts.channels, options.pixels, len(facts.classes))
    build = lambda shape: Generator(
        shape.latent, shape.channels, shape.pixels, options.width, shape.classes, palette, detail
    )
    return {"generator": networks.build("generator", shape, build)}


def build_discriminator(setup: Setup, facts: PictureFacts, name: str) -> nn.Module:
    """Builds the discriminator, or the custom network called `name`."""
    options = setup.options
    detail = isinstance(options, GANOptions) and facts.photographs
    shape = DiscriminatorShape(facts.channels, options.pixels, len(facts.classes))
    build = lambda shape: Discriminator(shape.channels, shape.pixels, options.width, shape.classes, detail)
    return setup.networks.build(name, shape, build)


class GANRecipe(ImagesRecipe):
    """Trains a GAN with relativistic losses."""

    replaceable = ("generator", "discriminator")
    losses = ("discriminator", "generator")
    remedy = "a larger --penalty or a lower --learning-rate"

    def __init__(self, setup: Setup) -> None:
        options, facts, device = setup.options, facts_of(setup), setup.machine.device
        generator = build_network(options, facts, setup.networks)["generator"]
        discriminator = build_discriminator(setup, facts, "discriminator")
        self.gan = GAN(generator, discriminator).to(device)
        try_networks(setup, facts, generator, discriminator=discriminator)
        self.average = Average(generator, options.average).to(device)
        self.discriminator_loss = setup.losses.get("discriminator", relativistic_discriminator_loss)
        self.generator_loss = setup.losses.get("generator", relativistic_generator_loss)
        optimizers = {
            name: [torch.optim.Adam(network.parameters(), options.learning_rate, betas=(0.0, 0.99), fused=True)]
            for name, network in (("generator", generator), ("discriminator", discriminator))
        }
        networks = {"generator": generator, "discriminator": discriminator, "average": self.average}
        super().__init__(setup, kept(setup, facts, "generator", self.average.network), networks, optimizers)

    # --- the method ---

    def step(self, batch: Batch, progress: float) -> Metrics:
        real, labels = batch[0], self.class_labels(batch[1])
        fake = self.gan(self.latents(real), *labels)
        seen_real, seen_fake = self._shown(real), self._shown(fake)

        both = torch.cat((seen_real, seen_fake.detach()))
        scores_real, scores_fake = self.gan.score(both, *twice(labels)).chunk(2)
        some = slice(None, None, PENALISED)
        pairs = torch.cat((seen_real[some], seen_fake[some].detach()))
        labels_of_pairs = twice(tuple(numbers[some] for numbers in labels))
        with torch.autocast(real.device.type, enabled=False):  # second derivatives need full precision
            _, penalty = gradient_penalty(lambda pictures: self.gan.score(pictures, *labels_of_pairs), pairs.float())
        gamma = rising(progress, WARM_UP) * falling(self.options.penalty, self.options.penalty / 10, progress)
        loss_d = self.discriminator_loss(scores_real, scores_fake) + gamma * penalty
        self.update(self.gan.discriminator, loss_d)  # R1 and R2 are the two halves of the penalty

        with torch.no_grad():
            scores_real = self.gan.score(seen_real, *labels)
        loss_g = self.generator_loss(scores_real, self.gan.score(seen_fake, *labels))
        self.update(self.gan.generator, loss_g)

        self.average.update(self.gan.generator)
        return {"discriminator": loss_d, "generator": loss_g, "penalty": penalty}

    def _shown(self, pictures: Pictures) -> Pictures:
        """Pictures as the discriminator sees them."""
        if self.options.flip:
            pictures = torch.where(
                torch.rand(len(pictures), 1, 1, 1, device=pictures.device) < 0.5, pictures.flip(3), pictures
            )
        return diff_augment(pictures) if self.options.augment == "all" else pictures

    # --- options ---

    @classmethod
    def replaced(cls, options: GANOptions, networks: Collection[str]) -> GANOptions:
        """A custom generator has no palette, so nothing else is chosen to suit one."""
        return replace(options, palette=0) if "generator" in networks and options.palette is None else options

    @classmethod
    def resolve(cls, options: GANOptions, data: PictureSet, speed: Speed, start: Pipeline | None) -> GANOptions:
        drawings = are_drawings(data.train)
        photographs = data.channels == 3 and not drawings
        palette = (COLOURS if drawings else 0) if options.palette is None else options.palette
        enlarged = max(1.0, options.pixels / PIXELS) if photographs else 1.0
        penalty = 3.0 if palette else enlarged**2
        rate = (4e-3 if photographs else 3e-3 if drawings else 1e-3) / enlarged * min(1.0, WIDTH / options.width)
        few = len(data.train) < FEW
        return replace(
            options,
            palette=palette,
            batch=options.batch or (32 if photographs else 16),
            learning_rate=rate if options.learning_rate is None else options.learning_rate,
            augment=("all" if few else "none") if options.augment == "auto" else options.augment,
            penalty=penalty if options.penalty is None else options.penalty,
        )

    # --- validation ---

    def validate(self) -> dict[str, float]:
        """Adds to the common metrics how far the discriminator has memorised its training pictures.

        `memorised` is the gap between its mean scores of training and unseen pictures, divided by the gap between
        training and generated pictures: 0 if it cannot separate training from unseen pictures, 1 if unseen pictures
        look as fake as generated ones.
        """
        assert self.data.validation is not None, "there is nothing to validate on"
        measures = super().validate()
        count = min(WATCHED, len(self.data.validation))
        latents, labels = self.pipeline.noise(count, 0), self.pipeline.conditions(count)
        fake = self._mean_score(latents, labels, self.pipeline.make)
        trained, unseen = (self._mean_score(*some(real)) for real in (self.data.train, self.data.validation))
        lead = trained - fake
        return {**measures, "memorised": (trained - unseen) / lead if lead > 0 else 0.0}

    def _mean_score(
        self, content: Tensor, labels: Int[Tensor, " some"], make: Callable[..., Pictures] | None = None
    ) -> float:
        """Mean score of pictures, or of the pictures that `make` generates from latent vectors."""
        total, some = 0.0, per_pass(self.options.pixels)
        for rows, numbers in zip(content.split(some), labels.split(some), strict=True):
            rows, numbers = self.machine.place((rows, numbers))
            pictures = rows if make is None else make(rows, numbers)
            total += self.gan.score(pictures, *self.class_labels(numbers)).float().sum().item()
        return total / len(content)

    def alarms(self, measures: dict[str, float]) -> list[str]:
        if measures.get("memorised", 0.0) <= MEMORISED:
            return super().alarms(measures)
        return [
            *super().alarms(measures),
            "the discriminator has memorised its training pictures and no longer helps the generator: use more "
            "pictures, --augment all, a larger --penalty, or less time.",
        ]


def twice(labels: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Labels of real pictures, repeated for the fake pictures that follow them in the batch."""
    return tuple(torch.cat((numbers, numbers)) for numbers in labels)

"""Training a GAN on pictures: a discriminator's update, a generator's update, and an average kept.

Read it with `models/gan.py` (the networks and losses) and `layers/pyramid.py` (what the networks are made of);
`recipes/pictures.py` has what all models of pictures share: data, samples, measures.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.pictures.picture_set import PictureSplit
from genlab.data.pictures.pixels import share_of_commonest
from genlab.engine.recipe import Metrics
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
from genlab.tasks.images.options import GANOptions
from genlab.tasks.images.recipe import ROWS, WATCHED, Batch, PictureMaker
from genlab.tasks.shared.custom_networks import falling, try_part, twice

Pictures = Float[Tensor, "batch channels side side"]
PENALISED = 4
"""The gradient penalty looks at one pair in so many: it is the dearest part, and changes slowly."""
FEW = 2000
"""Training pictures below which `--augment auto` augments."""
COLOURS = 32
"""Those that drawings are mixed from."""
DRAWN = 0.75
"""Share of pixels that have one of twice as many colours, from which pictures are taken for drawings."""
KNOWN = 0.7
"""Share of its lead over fake pictures that the discriminator may take from knowing the training pictures."""


class GANRecipe(PictureMaker):
    """A GAN of the user's pictures."""

    name = "gan"
    replaceable = ("generator", "discriminator")
    config: GANOptions

    def build(self) -> None:
        config, classes = self.config, len(self.classes)
        assert config.learning_rate is not None
        generator = self.parts.get("generator") or Generator(
            config.latent, self.channels, config.pixels, config.width, classes, config.palette or 0
        )
        discriminator = self.parts.get("discriminator") or Discriminator(
            self.channels, config.pixels, config.width, classes
        )
        self.gan = GAN(generator, discriminator).to(self.machine.device)
        self._check_parts()
        self.average = Average(generator, config.average).to(self.machine.device)
        self.networks = {"generator": generator, "discriminator": discriminator, "average": self.average}

    def build_optimizers(self) -> None:
        assert self.config.learning_rate is not None
        self.optimizers = {
            name: [torch.optim.Adam(network.parameters(), self.config.learning_rate, betas=(0.0, 0.99), fused=True)]
            for name, network in (("generator", self.gan.generator), ("discriminator", self.gan.discriminator))
        }

    def _check_parts(self) -> None:
        """Tries networks of the user's own on two latents or pictures."""
        config, device = self.config, self.machine.device
        shape = (2, self.channels, config.pixels, config.pixels)
        of = (torch.zeros(2, dtype=torch.long, device=device),) if self.classes else ()
        hints = {
            "generator": "if it takes another latent size, give that as latent=",
            "discriminator": "make it take pictures of that shape",
        }
        if self.classes:
            hints = {
                name: f"{hint}; it gets labels too, without them with conditional=False" for name, hint in hints.items()
            }
        given = {
            "generator": torch.zeros(2, config.latent, device=device),
            "discriminator": torch.zeros(shape, device=device),
        }
        wanted: dict[str, list[tuple[int, ...]]] = {"generator": [shape], "discriminator": [(2,), (2, 1)]}
        for name, part in self.parts.items():
            try_part(name, part, (given[name], *of), wanted[name], hints[name])

    # --- the method ---

    def step(self, batch: Batch) -> Metrics:
        real, labels = batch
        of = (labels,) if self.classes else ()
        fake = self.gan(torch.randn(len(real), self.config.latent, device=real.device), *of)
        seen_real, seen_fake = self._shown(real), self._shown(fake)

        scores_real, scores_fake = self.gan.score(torch.cat((seen_real, seen_fake.detach())), *twice(of)).chunk(2)
        some = slice(None, None, PENALISED)
        pairs = torch.cat((seen_real[some], seen_fake[some].detach()))
        of_pairs = twice(tuple(numbers[some] for numbers in of))
        with torch.autocast(real.device.type, enabled=False):  # second derivatives need their digits
            _, penalty = gradient_penalty(lambda pictures: self.gan.score(pictures, *of_pairs), pairs.float())
        loss_d = relativistic_discriminator_loss(scores_real, scores_fake) + self._penalty_weight() * penalty
        self.update(self.gan.discriminator, loss_d)  # R1 and R2 are the two halves of the penalty

        with torch.no_grad():
            scores_real = self.gan.score(seen_real, *of)
        loss_g = relativistic_generator_loss(scores_real, self.gan.score(seen_fake, *of))
        self.update(self.gan.generator, loss_g)

        self.average.update(self.gan.generator)
        return {"discriminator": loss_d, "generator": loss_g, "penalty": penalty}

    def _shown(self, pictures: Pictures) -> Pictures:
        """Pictures as the discriminator sees them."""
        if self.config.flip:
            pictures = torch.where(
                torch.rand(len(pictures), 1, 1, 1, device=pictures.device) < 0.5, pictures.flip(3), pictures
            )
        return diff_augment(pictures) if self.config.augment == "all" else pictures

    def _penalty_weight(self) -> float:
        """Gamma: from `penalty` to a tenth of it as the learning rate falls, in equal ratios."""
        first, peak = self.config.penalty, self.config.learning_rate
        assert first is not None and peak is not None
        return falling(first, first / 10, 1 - next(self.groups())["lr"] / peak)

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        super().resolve(seconds, speed)
        assert self.pictures is not None
        config, few = self.config, len(self.pictures.train) < FEW
        palette = self._palette() if config.palette is None else config.palette
        penalty = 1.0 if self.channels == 1 else 3.0 if palette else 10.0
        self.config = replace(
            config,
            palette=palette,
            learning_rate=(3e-3 if palette else 1e-3) if config.learning_rate is None else config.learning_rate,
            augment=("all" if few else "none") if config.augment == "auto" else config.augment,
            penalty=penalty if config.penalty is None else config.penalty,
        )

    def _palette(self) -> int:
        """As many colours as suit the training pictures; 0 where they are grey or photographs."""
        assert self.pictures is not None
        if self.channels == 1 or "generator" in self.parts:
            return 0
        train = self.pictures.train
        spread = train.rows[:: max(1, len(train) // WATCHED)]  # over all classes
        return COLOURS if share_of_commonest(train.array[spread], 2 * COLOURS) >= DRAWN else 0

    def make(self, latents: Float[Tensor, "batch latent"], labels: Int[Tensor, " batch"]) -> Pictures:
        return self.average.network.eval()(latents, *((labels,) if self.classes else ()))

    def saved(self) -> dict[str, nn.Module]:
        return {"generator": self.average.network}

    def validate(self) -> dict[str, float]:
        """Beside the measures of all models, how far the discriminator knows its training pictures by heart.

        `memorised` is by how much it scores training pictures above unseen ones, over what it scores them above
        fake ones: 0 where it cannot tell them apart, 1 where unseen pictures look as fake as fake ones.
        """
        assert self.pictures is not None and self.pictures.validation is not None
        measures = super().validate()
        self.gan.discriminator.eval()
        count = min(WATCHED, len(self.pictures.validation))
        fake = self._mean_score(self.noise(count, 0), self.class_numbers(count), self.make)
        trained, unseen = (
            self._mean_score(*real) for real in map(self._some, (self.pictures.train, self.pictures.validation))
        )
        lead = trained - fake
        self._memorised = (trained - unseen) / lead if lead > 0 else 0.0
        return {**measures, "memorised": self._memorised}

    def _some(self, pictures: PictureSplit) -> tuple[Pictures, Int[Tensor, " some"]]:
        """At most so many real pictures, and the numbers of their classes."""
        picks = np.random.default_rng(0).permutation(len(pictures))[:WATCHED]
        labels = pictures.labels[picks] if pictures.labels is not None else picks
        return pictures.tensor(picks), torch.from_numpy(labels)

    @torch.no_grad()
    def _mean_score(
        self, content: Tensor, labels: Int[Tensor, " some"], make: Callable[..., Pictures] | None = None
    ) -> float:
        """Of pictures, or of what `make` makes of latent vectors."""
        total = 0.0
        for rows, numbers in zip(content.split(ROWS), labels.split(ROWS), strict=True):
            rows, numbers = self.machine.place((rows, numbers))
            pictures = rows if make is None else make(rows, numbers)
            total += self.gan.score(pictures, *((numbers,) if self.classes else ())).float().sum().item()
        return total / len(content)

    def alarms(self) -> list[str]:
        if getattr(self, "_memorised", 0.0) > KNOWN:
            return [
                *super().alarms(),
                "the discriminator knows its training pictures by heart and tells the generator little more: give more "
                "pictures, --augment all, a larger --penalty, or less time.",
            ]
        return super().alarms()

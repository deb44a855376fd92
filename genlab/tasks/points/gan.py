"""Training a GAN on points in the plane: a discriminator's update, a generator's update, and an average kept.

Read it with `models/gan.py` (the losses) and `models/points_gan.py` (the networks).
"""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from genlab.data.points.point_set import PointSet, read_points
from genlab.engine.pipeline import Decodes, Generates
from genlab.engine.recipe import DataFacts, Metrics, Recipe
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.layers.average import Average
from genlab.metrics.points import copying, energy_distance, modes_found, nearest_neighbour_accuracy, stray_share
from genlab.models.gan import (
    GAN,
    classic_discriminator_loss,
    classic_generator_loss,
    gradient_penalty,
    relativistic_discriminator_loss,
    relativistic_generator_loss,
)
from genlab.models.points_gan import PointDiscriminator, PointGenerator, Scale, sample
from genlab.tasks.points.options import PointsGANOptions, PointsRequest
from genlab.tasks.shared.custom_networks import falling, try_part
from genlab.tasks.shared.latents import latent_rows
from genlab.tasks.shared.reopening import reopened

Points = Float[Tensor, "batch 2"]
LOSSES = {
    "relativistic": (relativistic_discriminator_loss, relativistic_generator_loss),
    "classic": (classic_discriminator_loss, classic_generator_loss),
}
MEASURED = 2500
"""Most points of each kind that are compared."""
COUNTED = 10_000
"""Generated points among which modes are counted."""
DRAWS = 3
"""Samples over which `evaluate` averages a measure and its floor."""
SHOWN = 20_000
"""Most points in a picture."""


class PointsGANRecipe(Recipe, Generates, Decodes):
    """A GAN of the user's points."""

    task = "points"
    name = "gan"
    request_type = PointsRequest
    replaceable = ("generator", "discriminator")
    config: PointsGANOptions
    points: PointSet | None = None

    # --- data ---

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        points = self.points = read_points(data, validation, test)
        self.mean = points.train.mean(0)
        self.deviation = float(np.sqrt(points.train.var(0).mean()))
        self.train = self._standard(points.train)
        return DataFacts(points.name, points.fingerprint, _counts(points), points.notes)

    def batch(self, step: int) -> Points:
        random = np.random.default_rng((self.seed, step, self.machine.rank))
        return self.train[torch.from_numpy(random.integers(len(self.train), size=self.config.batch))]

    def _standard(self, rows: np.ndarray) -> Points:
        """Points in the networks' unit, in which the training points have mean 0 and deviation 1."""
        return torch.from_numpy(((rows - self.mean) / self.deviation).astype(np.float32))

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        """The same networks for every time: a longer one makes more steps."""

    # --- networks and optimisers ---

    def build(self) -> None:
        config = self.config
        generator = self.parts.get("generator") or PointGenerator(config.latent, config.width, config.generator_depth)
        discriminator = self.parts.get("discriminator") or PointDiscriminator(
            config.waves, config.width, config.discriminator_depth
        )
        self.gan = GAN(generator, discriminator).to(self.machine.device)
        self._check_parts()
        self.average = Average(generator, config.average).to(self.machine.device)
        self.scale = Scale()
        if self.points is not None:
            self.scale.set(self.mean, self.deviation)
        self.networks = {
            "generator": generator,
            "discriminator": discriminator,
            "average": self.average,
            "scale": self.scale,
        }

    def build_optimizers(self) -> None:
        self.optimizers = {
            name: [
                torch.optim.Adam(
                    [weight for weight in self.networks[name].parameters() if weight.requires_grad],
                    lr=self.config.learning_rate,
                    betas=(0.0, 0.99),
                    fused=True,
                )
            ]
            for name in ("generator", "discriminator")
        }

    def _check_parts(self) -> None:
        """Tries networks of the user's own on two latents or points."""
        device = self.machine.device
        for name, part in self.parts.items():
            if name == "generator":
                given = torch.zeros(2, self.config.latent, device=device)
                try_part(name, part, (given,), [(2, 2)], "if it takes another latent size, give that as latent=")
            else:
                try_part(name, part, (torch.zeros(2, 2, device=device),), [(2,), (2, 1)], "make it do so")

    # --- the method ---

    def step(self, batch: Points) -> Metrics:
        real, config = batch, self.config
        discriminator_loss, generator_loss = LOSSES[config.loss]
        with self._whole_precision():
            fake = self.gan(torch.randn(len(real), config.latent, device=real.device))

            both = torch.cat((real, fake.detach()))
            gamma = self._penalty_weight()
            if gamma:
                scores, penalty = gradient_penalty(self.gan.score, both)  # R1 and R2 are its two halves
            else:
                scores, penalty = self.gan.score(both), both.new_zeros(())
            loss_d = discriminator_loss(*scores.chunk(2)) + gamma * penalty
            self.update(self.gan.discriminator, loss_d)

            with torch.no_grad():
                real_scores = self.gan.score(real)
            loss_g = generator_loss(real_scores, self.gan.score(fake))
            self.update(self.gan.generator, loss_g)

        self.average.update(self.gan.generator)
        return {"discriminator": loss_d, "generator": loss_g, "penalty": penalty}

    def _penalty_weight(self) -> float:
        """Gamma: from `penalty` to `final_penalty` as the learning rate falls, in equal ratios."""
        progress = 1 - next(self.groups())["lr"] / self.config.learning_rate
        return falling(self.config.penalty, self.config.final_penalty, progress)

    def _whole_precision(self) -> AbstractContextManager:
        """Inside, nothing is rounded to 16 bits: coordinates and second derivatives need their digits."""
        return torch.autocast(self.machine.device.type, enabled=False)

    @property
    def validates(self) -> bool:
        return self.points is not None and self.points.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.points is not None and self.points.validation is not None
        held_out = _some(self._standard(self.points.validation), MEASURED, 0)
        return {**self._compare(self._sample(len(held_out), 0), held_out), **self._modes(self.points)}

    def test(self) -> dict[str, float]:
        if self.points is None or self.points.test is None:
            return {}
        held_out = _some(self._standard(self.points.test), min(MEASURED, len(self.train)), 0)
        floor = self._compare(_some(self.train, len(held_out), 0), held_out)
        return {
            **self._compare(self._sample(len(held_out), 0), held_out),
            **{f"{name}_floor": value for name, value in floor.items()},
            **self._modes(self.points),
        }

    def _compare(self, points: Points, held_out: Points) -> dict[str, float]:
        """How standardised points differ from as many held-out ones.

        `told_apart` sees modes that are too wide or too tight, `strays` what stands between them, `distance` (in
        the data's unit) those that get too many or too few; `gap`, which picks the weights, is the first beyond
        chance, plus the second, plus the third in the networks' unit.
        """
        apart = nearest_neighbour_accuracy(points, held_out)
        stray, distance = stray_share(points, held_out), energy_distance(points, held_out)
        return {
            "gap": apart - 0.5 + stray + distance,
            "told_apart": apart,
            "strays": stray,
            "distance": distance * self.deviation,
        }

    def _modes(self, points: PointSet) -> dict[str, float]:
        """Where the modes are known: how many are found, and the share of points at one."""
        if points.modes is None:
            return {}
        made = self.scale(self._sample(COUNTED, 0))
        found = modes_found(made, torch.from_numpy(points.modes.centres).double(), points.modes.deviation)
        return {"modes_found": float(found["found"]), "good_share": found["good"]}

    def _sample(self, count: int, seed: int) -> Points:
        """Generated points in the networks' unit, on the CPU."""
        random = torch.Generator(self.machine.device).manual_seed(seed)
        return sample(self.average.network, count, self.config.latent, random).float().cpu()

    def warnings(self, steps: int) -> list[str]:
        if len(self.train) < 1000:
            return [f"{len(self.train)} training points are few: `evaluate` says whether the model repeats them."]
        return []

    # --- a finished run ---

    def saved(self) -> dict[str, nn.Module]:
        return {"generator": self.average.network, "scale": self.scale}

    def save_files(self, folder: Path) -> None:
        """Nothing: model.safetensors holds the scale as well."""

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        """Nothing."""

    def generate(self, request: PointsRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        points = self.scale(self._sample(request.n, request.seed)).numpy()
        yield Sample(points, {"csv": _csv(points), "png": _picture(points[:SHOWN])})

    def sample(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Points (points, 2) from latent vectors (points, latent)."""
        rows = latent_rows(latents, self.config.latent)
        if label is not None:
            raise InputError("Points have no classes: leave label out.", "label")
        with torch.no_grad():
            return self.scale(self.average.network.eval()(rows.to(self.machine.device)).float().cpu()).numpy()

    def preview(self) -> list[Sample]:
        return list(self.generate(PointsRequest(n=2000)))

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        points, home = reopened(read_points, data, trained_on, fingerprint)
        self.mean, self.deviation = self.scale.mean.numpy(), self.scale.deviation.item()
        if home:
            if points.test is None:
                raise InputError("The run kept no test data (--test 0): give points with --data.", "data")
            reference, held_out = self._standard(points.train), self._standard(points.test)
        else:  # other points: one half stands for real ones, beside those that are generated
            rows = self._standard(points.train)
            reference, held_out = _some(rows, len(rows), 0).chunk(2)

        measured = _some(held_out, min(MEASURED, len(reference)), 0)
        mine = [self._compare(self._sample(len(measured), seed), measured) for seed in range(DRAWS)]
        real = [self._compare(_some(reference, len(measured), seed), measured) for seed in range(DRAWS)]
        result: dict[str, Any] = {"data": points.name, "split": "test" if home else "all", "points": len(measured)}
        for name in mine[0]:
            result[name] = {
                "generated": sum(measures[name] for measures in mine) / DRAWS,
                "floor": sum(measures[name] for measures in real) / DRAWS,
            }
        apart, distance = result["told_apart"], result["distance"]
        result["verdict"] = (
            f"The nearest neighbour tells generated from real points in {apart['generated']:.0%} of cases "
            f"(real from real: {apart['floor']:.0%}), and they are {distance['generated'] / distance['floor']:.1f} "
            "times as far from real ones as real ones are from each other."
        )
        result |= self._modes(points)
        if not home:
            return result | {"copying": None}
        check = copying(self._sample(len(held_out), 0), held_out, reference)
        return result | {"copying": check | {name: check[name] * self.deviation for name in ("generated", "held_out")}}


def _counts(points: PointSet) -> dict[str, Any]:
    splits = {"train": points.train, "validation": points.validation, "test": points.test}
    return {name: {"points": len(rows)} for name, rows in splits.items() if rows is not None}


def _some(points: Points, count: int, seed: int) -> Float[Tensor, "some 2"]:
    """At most `count` of the points, drawn without repeats; the same seed draws the same."""
    random = torch.Generator().manual_seed(seed)
    return points[torch.randperm(len(points), generator=random)[:count]]


def _csv(points: np.ndarray) -> bytes:
    """Coordinates to a millionth of their spread, wherever they lie."""
    lines = io.BytesIO()
    decimals = int(np.clip(6 - np.floor(np.log10(points.std(0).max() + 1e-300)), 0, 18))
    np.savetxt(lines, points, fmt=f"%.{decimals}f", delimiter=",", header="x,y", comments="")
    return lines.getvalue()


def _picture(points: np.ndarray) -> bytes:
    """A scatter plot as PNG."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5, 5), layout="constrained")
    axes = figure.add_subplot()
    axes.scatter(points[:, 0], points[:, 1], s=3, alpha=0.4, linewidths=0)
    axes.set_aspect("equal", adjustable="datalim")
    axes.set(xlabel="x", ylabel="y")
    image = io.BytesIO()
    FigureCanvasAgg(figure).print_png(image)
    return image.getvalue()

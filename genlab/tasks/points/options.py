"""Options of the models of points in the plane."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True)
class PointsGANOptions:
    """Options of the GAN on points."""

    loss: Literal["relativistic", "classic"] = "relativistic"
    """relativistic compares each real point with a fake one (R3GAN); classic is the non-saturating loss of 2014."""
    penalty: Annotated[float, Ge(0), Le(1000)] = 0.02
    """Weight gamma of the gradient penalties on real (R1) and fake (R2) points at the highest learning rate:
    more finds all modes more surely, less makes them sharper. 0 for no penalty."""
    final_penalty: Annotated[float, Ge(0), Le(1000)] = 0.002
    """The same where the learning rate is zero; between the two it goes in equal ratios. 0 keeps the first."""
    latent: Annotated[int, Ge(1), Le(4096)] = 2
    """Numbers of noise that the generator starts from."""
    width: Annotated[int, Ge(4), Le(4096)] = 96
    """Features of a hidden layer."""
    generator_depth: Annotated[int, Ge(1), Le(32)] = 5
    """Hidden layers of the generator."""
    discriminator_depth: Annotated[int, Ge(1), Le(32)] = 3
    """Hidden layers of the discriminator."""
    waves: Annotated[int, Ge(0), Le(16)] = 4
    """Octaves of sines and cosines that the discriminator sees beside the coordinates; more see finer detail."""
    batch: Annotated[int, Ge(1), Le(65_536)] = 512
    """Points in an update (of one process)."""
    learning_rate: Annotated[float, Gt(0), Le(1)] = 3e-3
    """Peak step length of Adam, for both networks."""
    average: Annotated[float, Gt(0), Le(1)] = 0.02
    """Half of the weight of the generator that is kept is on this share of the updates, the last ones."""


@dataclass(frozen=True)
class PointsRequest:
    """Options of making points."""

    n: Annotated[int, Ge(1), Le(10_000_000)] = 1000
    """How many points to make."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed makes the same points."""

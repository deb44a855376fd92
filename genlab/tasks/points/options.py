"""Options of the models of points in the plane."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le

from genlab.options import TRAINING

Depth = Annotated[int, Ge(1), Le(32)]
Penalty = Annotated[float, Ge(0), Le(1000), TRAINING]


@dataclass(frozen=True)
class PointsGANOptions:
    """Options of the GAN on points."""

    loss: Annotated[Literal["relativistic", "classic"], TRAINING] = "relativistic"
    """relativistic compares each real point with a fake one (R3GAN); classic is the non-saturating loss of 2014."""
    penalty: Penalty = 0.02
    """Weight gamma of the gradient penalties on real (R1) and fake (R2) points at the peak learning rate: a larger
    weight finds all modes more reliably, a smaller one makes them sharper; 0 for none."""
    final_penalty: Penalty = 0.002
    """Weight gamma at the end of training, after a geometric decay; 0 keeps the first weight."""
    latent: Annotated[int, Ge(1), Le(4096)] = 2
    """Size of the latent vector."""
    width: Annotated[int, Ge(4), Le(4096)] = 96
    """Units per hidden layer."""
    generator_depth: Depth = 5
    """Hidden layers of the generator."""
    discriminator_depth: Depth = 3
    """Hidden layers of the discriminator."""
    waves: Annotated[int, Ge(0), Le(16)] = 4
    """Octaves of Fourier features (sines and cosines of the coordinates) in the discriminator's input: more resolve
    finer detail."""
    batch: Annotated[int, Ge(1), Le(65_536), TRAINING] = 512
    """Points per update and process."""
    learning_rate: Annotated[float, Gt(0), Le(1), TRAINING] = 3e-3
    """Peak learning rate of Adam, for both networks."""
    average: Annotated[float, Gt(0), Le(1), TRAINING] = 0.02
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class PointsRequest:
    """The points to make."""

    n: Annotated[int, Ge(1), Le(10_000_000)] = 1000
    """Number of points to make."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed makes the same points."""

"""Options of the models of points in the plane."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le


@dataclass(frozen=True)
class PointsGANConfig:
    """Options of the GAN on points."""

    loss: Literal["relativistic", "classic"] = "relativistic"
    """relativistic compares each real point with a fake one (R3GAN); classic is the non-saturating loss of 2014."""
    penalty: Annotated[float, Ge(0), Le(1000)] = 0.5
    """Weight gamma of the gradient penalties on real (R1) and fake (R2) points."""
    latent: Annotated[int, Ge(1), Le(4096)] = 16
    """Numbers of noise that the generator starts from."""
    width: Annotated[int, Ge(4), Le(4096)] = 128
    """Features of a hidden layer."""
    depth: Annotated[int, Ge(1), Le(32)] = 3
    """Hidden layers of each network."""
    batch: Annotated[int, Ge(1), Le(65_536)] = 256
    """Points in an update (of one process)."""
    learning_rate: Annotated[float, Gt(0), Le(1)] = 1e-3
    """Peak step length of Adam, for both networks."""


@dataclass(frozen=True)
class PointsRequest:
    """Options of making points."""

    n: Annotated[int, Ge(1), Le(10_000_000)] = 1000
    """How many points to make."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed makes the same points."""

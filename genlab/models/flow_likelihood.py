"""The likelihood of pictures under a flow: the probability-flow ODE from a picture back to noise.

Lipman, Chen, Ben-Hamu, Nickel and Le (2023), "Flow Matching for Generative Modeling", arXiv 2210.02747, appendix C;
Grathwohl, Chen, Bettencourt, Sutskever and Duvenaud (2019), "FFJORD", arXiv 1810.01367.

Data flow::

    pictures, steps back in time -> velocity and its divergence -> noise, log density of the noise minus the divergences
"""

import torch
from jaxtyping import Float
from torch import Tensor

from genlab.models.flow import Pictures, Times, Velocity


def log_likelihood(
    velocity: Velocity, pictures: Pictures, steps: int, generator: torch.Generator, probes: int = 1
) -> Float[Tensor, " batch"]:
    """Log density of pictures in nats, by following the flow back to noise.

    d log p / dt is minus the divergence of the velocity (Lipman et al., appendix C), which random signs estimate
    without bias (FFJORD: Grathwohl et al. 2019, arXiv 1810.01367, eq. 7). Integrates by the midpoint method, in steps
    that shrink towards time 1, where velocities change fastest.

    Args:
        velocity: The flow's velocity.
        pictures: Pictures, with noise of one grey level added: densities of 8-bit values would be infinite.
        steps: Number of steps.
        generator: Draws the signs, on the CPU.
        probes: Number of random signs per step: more reduce the variance of the estimate.
    """
    x, total = pictures.float(), torch.zeros(len(pictures), device=pictures.device)
    for index in range(steps):
        latest, earliest = (1 - (place / steps) ** 2 for place in (index, index + 1))
        step, end = latest - earliest, torch.full((len(x),), latest, device=x.device)
        with torch.no_grad():
            middle = x - step / 2 * velocity(x, end)
        slope, divergence = divergence_at(velocity, middle, end - step / 2, generator, probes)
        x, total = x - step * slope, total + step * divergence
    noise = -0.5 * (x.square() + torch.log(torch.tensor(2 * torch.pi))).flatten(1).sum(1)
    return noise - total


def divergence_at(
    velocity: Velocity, x: Pictures, times: Times, generator: torch.Generator, probes: int
) -> tuple[Pictures, Float[Tensor, " batch"]]:
    """The velocity, and an estimate of its divergence."""
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        slope = velocity(x, times)
        total = torch.zeros(len(x), device=x.device)
        for probe in range(probes):
            signs = torch.randint(0, 2, x.shape, generator=generator).to(x) * 2 - 1
            (back,) = torch.autograd.grad((slope * signs).sum(), x, retain_graph=probe + 1 < probes)
            total = total + (back * signs).flatten(1).sum(1)
    return slope.detach(), total / probes

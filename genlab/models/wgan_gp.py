"""The Wasserstein GAN with gradient penalty.

Arjovsky, Chintala and Bottou (2017), "Wasserstein GAN", arXiv 1701.07875, and Gulrajani et al. (2017), "Improved
Training of Wasserstein GANs", arXiv 1704.00028 (a gradient penalty instead of clipped weights).

Data flow: as in `models/gan.py`, with its networks. The discriminator is called critic: the mean difference of its
scores, real minus fake, estimates the Wasserstein distance.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Scores = Float[Tensor, " batch"]
Loss = Float[Tensor, ""]
Content = Float[Tensor, "batch *shape"]


def critic_loss(real: Scores, fake: Scores) -> Loss:
    """The negative Wasserstein distance estimate (Gulrajani et al., eq. 3, first two terms)."""
    return fake.float().mean() - real.float().mean()


def generator_loss(fake: Scores) -> Loss:
    """Fake content should score high (Arjovsky et al., algorithm 1, line 10)."""
    return -fake.float().mean()


def interpolated_gradient_penalty(score: Callable[[Content], Scores], real: Content, fake: Content) -> Loss:
    """Mean of (gradient norm - 1)² at random points between real and fake content (Gulrajani et al., eq. 3).

    Args:
        score: The critic; each score must depend only on its own sample.
        real: Real content.
        fake: Fake content of the same size, which is detached from the generator.
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    between = torch.lerp(real.detach(), fake.detach(), share).requires_grad_()
    (gradients,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    return (gradients.flatten(1).norm(dim=1) - 1).square().mean()

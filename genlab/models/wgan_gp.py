"""The Wasserstein GAN with gradient penalty: a critic that measures how far fake content is from real.

Arjovsky, Chintala and Bottou (2017), "Wasserstein GAN", arXiv 1701.07875, and Gulrajani et al. (2017), "Improved
Training of Wasserstein GANs", arXiv 1704.00028 (the penalty in place of clipped weights).

Data flow: as in `models/gan.py`, whose networks are used; the discriminator is called critic, because its scores are
no probabilities: their difference, real less fake, is a distance.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

Scores = Float[Tensor, " batch"]
Loss = Float[Tensor, ""]
Content = Float[Tensor, "batch *shape"]


def critic_loss(real: Scores, fake: Scores) -> Loss:
    """Minus the distance that the critic sees (Gulrajani et al., eq. 3, first two terms)."""
    return fake.float().mean() - real.float().mean()


def generator_loss(fake: Scores) -> Loss:
    """Fake content should score high (Arjovsky et al., algorithm 1, line 10)."""
    return -fake.float().mean()


def interpolated_gradient_penalty(score: Callable[[Content], Scores], real: Content, fake: Content) -> Loss:
    """Mean of (length of the gradient - 1)² at random points on lines between real and fake (Gulrajani et al., eq. 3).

    Args:
        score: The critic; the score of a piece must not depend on the others.
        real: One end of each line.
        fake: The other; gradients do not flow on from here to what made it.
    """
    share = torch.rand(len(real), *[1] * (real.ndim - 1), device=real.device)
    between = torch.lerp(real.detach(), fake.detach(), share).requires_grad_()
    (gradients,) = torch.autograd.grad(score(between).sum(), between, create_graph=True)
    return (gradients.flatten(1).norm(dim=1) - 1).square().mean()

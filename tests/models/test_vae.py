"""The variational autoencoder: its losses compared with torch's distributions, and that it learns."""

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from genlab.models.vae import VAE, latent_loss, reconstruction_loss


def vae(classes: int = 0) -> VAE:
    torch.manual_seed(0)
    return VAE(5, 1, 16, 8, classes)


@pytest.mark.parametrize("classes", [0, 3])
def test_shapes(classes):
    network, pictures = vae(classes), torch.randn(4, 1, 16, 16)
    labels = (torch.tensor([0, 1, 2, 0]),) if classes else ()
    drawn, mean, log_variance = network(pictures, *labels)
    assert drawn.shape == pictures.shape
    assert mean.shape == log_variance.shape == (4, 5)
    assert network.decode(torch.randn(4, 5), *labels).shape == pictures.shape


def test_latent_loss_is_the_divergence_from_noise():
    torch.manual_seed(0)
    mean, log_variance = torch.randn(6, 5), torch.randn(6, 5)
    theirs = kl_divergence(Normal(mean, (0.5 * log_variance).exp()), Normal(0.0, 1.0)).sum(1).mean()
    torch.testing.assert_close(latent_loss(mean, log_variance), theirs)
    assert latent_loss(torch.zeros(2, 3), torch.zeros(2, 3)) == 0


def test_reconstruction_loss_is_the_likelihood_under_the_best_deviation():
    torch.manual_seed(0)
    pictures, drawn = torch.randn(8, 1, 4, 4), torch.randn(8, 1, 4, 4)

    def nats(deviation: float) -> torch.Tensor:
        return -Normal(drawn, deviation).log_prob(pictures).sum((1, 2, 3)).mean()

    best = (drawn - pictures).square().mean().sqrt().item()
    torch.testing.assert_close(reconstruction_loss(drawn, pictures), nats(best))
    assert nats(best) < min(nats(0.9 * best), nats(1.1 * best))


def test_it_learns_a_tiny_batch_by_heart():
    network = vae()
    pictures = torch.sign(torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(1)))
    optimizer = torch.optim.Adam(network.parameters(), 3e-3)
    for _ in range(150):
        drawn, mean, log_variance = network(pictures)
        loss = reconstruction_loss(drawn, pictures) + 0.01 * latent_loss(mean, log_variance)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (network.decode(network.encode(pictures)[0]) - pictures).square().mean() < 0.1


def test_class_reaches_encoder_and_decoder():
    network, pictures = vae(2), torch.randn(2, 1, 16, 16)
    zeros, ones = torch.zeros(2, dtype=torch.long), torch.ones(2, dtype=torch.long)
    assert not torch.equal(network.encode(pictures, zeros)[0], network.encode(pictures, ones)[0])
    latents = torch.randn(2, 5)
    assert not torch.equal(network.decode(latents, zeros), network.decode(latents, ones))

"""The encoder of pictures into latent space."""

import pytest
import torch

from genlab.models.encoder import Encoder, EncoderShape, encoding_loss, pixel_loss, prior_loss


@pytest.mark.parametrize(("pixels", "channels", "classes"), [(8, 1, 0), (16, 3, 2), (64, 3, 3)])
def test_shapes(pixels, channels, classes):
    encoder = Encoder(EncoderShape(channels, pixels, latent=5, classes=classes, width=8))
    latents, logits = encoder(torch.zeros(2, channels, pixels, pixels))
    assert latents.shape == (2, 5)
    assert logits.shape == (2, classes)


def test_every_weight_learns():
    encoder = Encoder(EncoderShape(1, 16, latent=3, classes=2, width=8))
    found, logits = encoder(torch.randn(8, 1, 16, 16))
    encoding_loss(found, torch.randn(8, 3), logits, torch.arange(8) % 2).backward()
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in encoder.parameters())


def test_losses():
    latents = torch.tensor([[1.0, 3.0]])
    wrong = encoding_loss(torch.zeros(1, 2), latents, torch.zeros(1, 0), torch.zeros(1, dtype=torch.long))
    assert wrong == pytest.approx(5)
    with_classes = encoding_loss(latents, latents, torch.zeros(1, 4), torch.zeros(1, dtype=torch.long))
    assert with_classes == pytest.approx(torch.tensor(4.0).log().item())
    made, wanted = torch.full((1, 1, 2, 2), 0.5), torch.zeros(1, 1, 2, 2)
    assert pixel_loss(made, wanted).item() == pytest.approx(0.5 + 0.25)
    assert prior_loss(latents).item() == pytest.approx(5)

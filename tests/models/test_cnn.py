"""The convolutional classifier: shapes, invariances, and that it learns."""

import pytest
import torch

from genlab.models.classifier import classification_loss
from genlab.models.cnn import CNN


def cnn(channels: int = 1, classes: int = 3, pixels: int = 16, width: int = 8, **options) -> CNN:
    torch.manual_seed(0)
    return CNN(channels, classes, pixels, width, **options)


@pytest.mark.parametrize("pixels", [16, 28, 32, 40, 64, 128])
@pytest.mark.parametrize(("channels", "classes", "outputs"), [(1, 2, 1), (3, 7, 7)])
def test_shapes(pixels: int, channels: int, classes: int, outputs: int) -> None:
    network = cnn(channels, classes, pixels, width=4).eval()
    pictures = torch.randn(2, channels, pixels, pixels)
    assert network(pictures).shape == (2, outputs)
    assert network.features(pictures).shape == (2, 16)


def test_depth_is_blocks_of_a_stage() -> None:
    assert len(cnn(depth=1).blocks) == 3
    assert len(cnn(depth=3).blocks) == 9


def test_logits_are_a_straight_map_of_the_features() -> None:
    network = cnn().eval()
    torch.nn.init.normal_(network.head.weight)
    pictures = torch.randn(4, 1, 16, 16)
    torch.testing.assert_close(network(pictures), network.head(network.features(pictures)))


def test_before_training_all_classes_are_as_likely() -> None:
    assert network_logits(cnn()).abs().max() == 0


def network_logits(network: CNN) -> torch.Tensor:
    return network.eval()(torch.randn(4, 1, 16, 16))


def test_a_picture_is_judged_alone() -> None:
    """After training, the other pictures of a batch change nothing."""
    network = cnn()
    for _ in range(3):
        network(torch.randn(8, 1, 16, 16))
    network.eval()
    pictures = torch.randn(6, 1, 16, 16)
    torch.testing.assert_close(network.features(pictures)[2:3], network.features(pictures[2:3]))


def test_layout_in_memory_changes_nothing() -> None:
    network = cnn(channels=3).eval()
    pictures = torch.randn(4, 3, 16, 16)
    last = pictures.contiguous(memory_format=torch.channels_last)
    assert torch.equal(network.features(pictures), network.features(last))


def test_dropout_is_of_training_alone() -> None:
    network = cnn(dropout=0.5)
    torch.nn.init.normal_(network.head.weight)
    pictures = torch.randn(4, 1, 16, 16)
    assert not torch.equal(network(pictures), network(pictures))
    network.eval()
    assert torch.equal(network(pictures), network(pictures))


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_a_batch_by_heart(classes: int) -> None:
    network = cnn(classes=classes)
    pictures, labels = torch.randn(12, 1, 16, 16), torch.arange(12) % classes
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(60):
        loss = classification_loss(network(pictures), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss < 0.05

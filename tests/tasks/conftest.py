"""Fixtures for the tests of several tasks: photographs, and language models with random weights."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from genlab.data.shared.tokenizers import train_tokenizer
from genlab.models.gpt import GPT, GPTShape
from genlab.models.lstm import LSTM, LSTMShape

CPU = torch.device("cpu")
CONTEXT = 16


@pytest.fixture(scope="session")
def photographs(tmp_path_factory) -> Path:
    """A folder of 100 photographs of faces and 100 of other things, PNG and JPEG, in a sub-folder each.

    Crops of 25 x 25 in grey out of Labeled Faces in the Wild, as they come with scikit-image: faces first.
    """
    from skimage.data import lfw_subset

    folder = tmp_path_factory.mktemp("photographs") / "crops"
    crops = (255 * lfw_subset()).round().astype(np.uint8)
    for kind, some in (("face", crops[:100]), ("other", crops[100:])):
        (folder / kind).mkdir(parents=True)
        for number, crop in enumerate(some):
            ending = ("png", "jpg")[number % 2]
            Image.fromarray(crop).save(folder / kind / f"{number:03d}.{ending}")
    return folder


@pytest.fixture(params=["gpt", "lstm"])
def network(request) -> nn.Module:
    """A language model of bytes with random weights."""
    torch.manual_seed(0)
    if request.param == "gpt":
        made = GPT(GPTShape(257, CONTEXT, depth=2, width=16, heads=2, kv_heads=1, feed_forward=32))
    else:
        made = LSTM(LSTMShape(257, depth=1, width=16))
    for weight in made.parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    return made


@pytest.fixture
def tokenizer():
    return train_tokenizer("byte", iter([]), 0, None)

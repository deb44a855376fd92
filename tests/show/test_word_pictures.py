"""Pictures of what a picture attends to in its description."""

import io

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.show.attention_pictures import pictures
from genlab.show.word_pictures import grid_of, word_maps
from genlab.tasks.shared.attention_maps import attention_map


def shown(words: list[str], heads: int = 2, channels: int = 3, head: int | None = None) -> np.ndarray:
    """A drawing of weights by which the left half attends to the last word, and the right half to the start."""
    weights = torch.zeros(heads, 64, 1 + len(words))
    left = torch.arange(64) % 8 < 4
    weights[:, left, -1] = 1
    weights[:, ~left, 0] = 1
    one = attention_map("cross", 0, weights, [str(place) for place in range(64)], ["(start)", *words])
    picture = np.full((16, 16, channels), 200, np.uint8)
    drawn = pictures([type(one)(**{**vars(one), "picture": picture})])
    assert set(drawn) == ({"", "heads"} if heads > 1 else {""})
    return np.asarray(Image.open(io.BytesIO(drawn[""])).convert("RGB")).astype(int)


def test_weights_are_averaged_over_heads_row_by_row():
    weights = torch.rand(3, 64, 2)
    maps = word_maps(weights)
    assert maps.shape == (2, 8, 8)
    assert maps[1, 2, 5].item() == pytest.approx(weights[:, 2 * 8 + 5, 1].mean().item())


@pytest.mark.parametrize("channels", [1, 3])
def test_a_word_is_red_where_the_picture_attends_to_it(channels):
    drawn = shown(["red", "hair"], channels=channels)
    width = drawn.shape[1]
    red = drawn[..., 0] - drawn[..., 2]
    panels = [red[:, width * place // 4 : width * (place + 1) // 4] for place in range(4)]
    halves = [(panel[:, : width // 8].clip(60).sum(), panel[:, width // 8 :].clip(60).sum()) for panel in panels]
    for left, right in (halves[0], halves[2]):  # the picture, and a word without weights
        assert left == right
    assert halves[3][0] > 1.05 * halves[3][1]
    assert halves[1][1] > 1.05 * halves[1][0]


def test_long_descriptions_have_several_rows():
    one = attention_map("cross", 0, torch.full((1, 64, 20), 0.05), ["x"] * 64, ["$x$"] * 20)
    assert grid_of(one) == (3, 8)
    tall, low = shown(["word"] * 19, heads=1), shown(["word"], heads=1)
    assert tall.shape[0] > 2.5 * low.shape[0]
    shown(["$a", "猫", "\\frac"], heads=1)

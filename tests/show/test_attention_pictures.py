import io

import numpy as np
import pytest
import torch
from PIL import Image

from genlab.engine.pipeline import AttentionMap
from genlab.errors import InputError
from genlab.show.attention_pictures import attention_picture, by_name, choose, overview_picture, pictures, table


def made(
    layer: int = 0, heads: int = 2, rows: int = 4, columns: int | None = None, name: str = "self", seed: int = 0
) -> AttentionMap:
    """A map of random weights; one between two sequences has no distances."""
    random = torch.Generator().manual_seed(seed)
    weights = torch.rand(heads, rows, columns or rows, generator=random).softmax(-1)
    tokens = [f"t{number}" for number in range(max(rows, columns or 0))]
    return AttentionMap(
        name, layer, list(range(heads)), weights, tokens[:rows], tokens[: columns or rows],
        [0.5 + head for head in range(heads)], None if columns else [2.0 + head for head in range(heads)],
        (3.0, None if columns else 4.0),
    )  # fmt: skip


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(data)).convert("RGB")).astype(int)


def test_one_head_of_a_map():
    whole = made(heads=3)
    one = whole.only(2)
    assert (one.heads, one.entropy, one.distance) == ([2], [2.5], [4.0])
    assert torch.equal(one.weights, whole.weights[2:])
    assert (one.rows, one.even, one.layer) == (whole.rows, whole.even, whole.layer)
    assert made(columns=3).only(1).distance is None


def test_choosing():
    maps = [made(layer) for layer in range(3)]
    assert choose(maps, None, None) == maps
    assert choose(maps, 1, None) == [maps[1]]
    assert [(one.layer, one.heads) for one in choose(maps, None, 1)] == [(0, [1]), (1, [1]), (2, [1])]
    both = [made(layer, name=name) for name in ("encoder", "cross") for layer in range(2)]
    assert [(one.name, one.layer) for one in choose(both, 1, 0)] == [("encoder", 1), ("cross", 1)]
    with pytest.raises(InputError, match="no layer 3; layers go from 0 to 2") as error:
        choose(maps, 3, None)
    assert error.value.field == "layer"
    with pytest.raises(InputError, match="no head 2; heads go from 0 to 1") as error:
        choose(maps, 0, 2)
    assert error.value.field == "head"


def test_names_keep_their_order_and_layers_are_sorted():
    maps = [made(1, name="encoder"), made(0, name="cross"), made(0, name="encoder")]
    groups = [(name, [one.layer for one in group]) for name, group in by_name(maps)]
    assert groups == [("encoder", [0, 1]), ("cross", [0])]


def test_table():
    assert [line.split() for line in table([made(), made(columns=3, heads=1, name="cross")])] == [
        ["self", "attention", "entropy", "(bits)", "distance", "(tokens)"],
        ["layer", "0,", "head", "0", "0.50", "2.0"],
        ["layer", "0,", "head", "1", "1.50", "3.0"],
        ["uniform", "attention", "3.00", "4.0"],
        ["cross", "attention", "entropy", "(bits)", "distance", "(tokens)"],
        ["layer", "0,", "head", "0", "0.50", "-"],
        ["uniform", "attention", "3.00", "-"],
    ]


def test_as_json():
    one = made(heads=1, rows=2).as_json()
    assert np.asarray(one["weights"]).shape == (1, 2, 2)
    assert np.asarray(one["weights"]).sum(-1) == pytest.approx(np.ones((1, 2)), abs=2e-6)
    assert (one["rows"], one["even"], one["distance"]) == (["t0", "t1"], (3.0, 4.0), [2.0])


def test_pictures_of_each_name():
    assert list(pictures([made(0), made(1)])) == ["", "heads"]
    assert list(pictures([made(heads=1)])) == [""]
    names = list(pictures([made(), made(columns=3, name="cross")]))
    assert names == ["self", "self-heads", "cross", "cross-heads"]


def test_a_picture_shows_the_weights():
    """A head that attends only to the first token has a dark column; one that attends uniformly has none."""
    first, even = torch.zeros(6, 6), torch.full((6, 6), 1 / 6)
    first[:, 0] = 1
    one = made(heads=2, rows=6)
    shown = AttentionMap(**{**vars(one), "weights": torch.stack((first, even))})
    dark = pixels(attention_picture([shown]))[..., 0] < 30
    blocks = dark.sum(0)  # dark pixels of every column: letters are few of them
    column = blocks > 0.5 * blocks.max()
    assert blocks.max() > 150
    assert 20 < column.sum() < 45  # a sixth of a panel and its frame
    unseen = pixels(attention_picture([shown]))
    grey = (np.abs(unseen - 240) <= 1).all(-1)
    assert grey.sum() > 0.1 * grey.size  # what has no weight at all


def test_a_picture_grows_with_its_tokens():
    small, large = (pixels(attention_picture([made(rows=count)])).shape for count in (4, 60))
    assert large[0] > 1.5 * small[0]
    wide = pixels(attention_picture([made(rows=4, columns=60)])).shape
    assert wide[1] > 1.5 * wide[0]
    one = pixels(attention_picture([made(heads=1)])).shape
    assert one[0] > small[0]


def test_tokens_of_any_kind_are_drawn(recwarn):
    """Dollar signs start no formula, and a character that the font lacks is written as its code point."""
    one = made(rows=4)
    strange = AttentionMap(**{**vars(one), "rows": ["$x", "$5", "日本", "⏎␣"], "columns": ["\\", "_^", "{", "%s"]})
    assert attention_picture([strange])
    assert not [warning for warning in recwarn if "Glyph" in str(warning.message)]


def test_too_many_tokens():
    with pytest.raises(
        InputError, match="97 tokens are too many for a picture, which shows up to 96: give a shorter text, or"
    ):
        attention_picture([made(rows=97)])
    many = [made(layer, heads=12, rows=40) for layer in range(2)]
    refusal = r"40 tokens are too many.*shows up to 35.*, or one --layer and one --head"
    with pytest.raises(InputError, match=refusal) as error:
        attention_picture(many)
    assert error.value.field == "prompt"
    assert attention_picture([many[0].only(3)])
    with pytest.raises(InputError, match=r"shows up to 96: give a shorter text\.$"):
        attention_picture([made(heads=1, rows=5, columns=97)])


def test_overview():
    """Two panels, or one if there are no distances."""
    both, one = (pixels(overview_picture([made(columns=columns)])) for columns in (None, 3))
    assert both.shape[1] == 2 * one.shape[1]
    assert overview_picture([AttentionMap(**{**vars(made(rows=1)), "entropy": [0.0, 0.0], "even": (0.0, 0.0)})])

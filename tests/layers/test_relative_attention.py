"""Relative attention against a loop over queries and keys."""

import pytest
import torch

from genlab.layers.attention import KVCache
from genlab.layers.relative_attention import RelativeAttention, skewed

BATCH, TIME, WIDTH, HEADS, FARTHEST = 2, 11, 16, 2, 6


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def attention() -> RelativeAttention:
    layer = RelativeAttention(WIDTH, HEADS, FARTHEST).eval()
    torch.nn.init.normal_(layer.distance)
    return layer


def naive(layer: RelativeAttention, x: torch.Tensor) -> torch.Tensor:
    """Equation 3 of the paper, one query and key after another."""
    depth = WIDTH // HEADS
    outputs = []
    for row in x:
        heads = []
        for head in range(HEADS):
            part = slice(head * depth, (head + 1) * depth)
            query = layer.query_norm((row @ layer.query.weight.T)[:, part])
            key = layer.key_norm((row @ layer.key.weight.T)[:, part])
            value = (row @ layer.value.weight.T)[:, part]
            mixed = []
            for here in range(len(row)):
                scores = [
                    (query[here] @ key[there] + query[here] @ layer.distance[head, min(here - there, FARTHEST)])
                    / depth**0.5
                    for there in range(here + 1)
                ]
                mixed.append(torch.stack(scores).softmax(0) @ value[: here + 1])
            heads.append(torch.stack(mixed))
        outputs.append(torch.cat(heads, 1) @ layer.out.weight.T)
    return torch.stack(outputs)


def test_it_equals_a_loop():
    """Also beyond the farthest distance, whose embedding the farther ones share."""
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    torch.testing.assert_close(layer(x), naive(layer, x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("queries", [1, 4, 7])
def test_skewing_moves_each_distance_to_its_key(queries):
    keys = 7
    by_distance = torch.randn(1, 2, queries, keys)
    found = skewed(by_distance)
    for query in range(queries):
        here = keys - queries + query
        for key in range(here + 1):
            distance = here - key
            assert (found[0, :, query, key] == by_distance[0, :, query, keys - 1 - distance]).all()


@pytest.mark.parametrize("chunks", [[1] * TIME, [8, 1, 1, 1], [4, 7]], ids=["one by one", "prompt", "chunks"])
def test_cached_equals_uncached(chunks):
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    cache = KVCache(TIME)
    parts = [layer(part, cache=cache) for part in x.split(chunks, 1)]
    torch.testing.assert_close(torch.cat(parts, 1), layer(x), rtol=1e-4, atol=1e-5)


def test_a_future_token_changes_no_past_output():
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    before, changed = layer(x), x.clone()
    changed[:, 6] += 1
    after = layer(changed)
    torch.testing.assert_close(after[:, :6], before[:, :6], rtol=0, atol=0)
    assert ((after - before).abs().amax(-1)[:, 6:] > 1e-6).all()


def test_padding_before_the_first_token_changes_nothing():
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    mask = torch.ones(BATCH, TIME + 3, dtype=torch.bool)
    mask[:, :3] = False
    padded = torch.cat((torch.randn(BATCH, 3, WIDTH), x), 1)
    torch.testing.assert_close(layer(padded, mask=mask)[:, 3:], layer(x), rtol=1e-4, atol=1e-5)
    cache = KVCache(TIME + 3)
    parts = [
        layer(part, mask=mask[:, :end], cache=cache) for part, end in zip(padded.split(7, 1), (7, 14), strict=True)
    ]
    torch.testing.assert_close(torch.cat(parts, 1)[:, 3:], layer(x), rtol=1e-4, atol=1e-5)


def test_only_distances_matter():
    """The same tokens later in a sequence give the same output, if earlier ones are masked."""
    layer, x = attention(), torch.randn(1, 5, WIDTH)
    later = torch.cat((torch.zeros(1, 4, WIDTH), x), 1)
    mask = torch.tensor([[False] * 4 + [True] * 5])
    torch.testing.assert_close(layer(later, mask=mask)[:, 4:], layer(x), rtol=1e-4, atol=1e-5)


def test_order_matters_and_every_weight_learns():
    layer, x = attention(), torch.randn(1, TIME, WIDTH)
    order = list(range(TIME))
    far, near = [1, 0, *order[2:]], [*order[:7], 8, 7, *order[9:]]
    torch.testing.assert_close(layer(x[:, far])[0, -1], layer(x)[0, -1])  # both share the farthest distance
    assert (layer(x[:, near]) - layer(x))[0, -1].abs().max() > 1e-4
    layer(x).square().sum().backward()
    assert all(weight.grad.abs().sum() > 0 for weight in layer.parameters())

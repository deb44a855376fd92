from dataclasses import replace

import pytest
import torch

from genlab.models.gpt import next_token_loss
from genlab.models.gpt2 import GPT2, GPT2Shape

SHAPE = GPT2Shape(vocabulary=50, context=24, depth=3, width=32, heads=4, feed_forward=64)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def lively(shape: GPT2Shape = SHAPE) -> GPT2:
    """A GPT-2 whose weights are all random and large, so that every part has an effect."""
    network = GPT2(shape).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    return network


@pytest.mark.parametrize("tied", [False, True])
def test_shapes(tied):
    network = GPT2(replace(SHAPE, tied=tied))
    assert network(torch.randint(50, (2, 24))).shape == (2, 24, 50)
    assert (network.head.weight is network.embedding.weight) == tied


def test_the_published_size():
    with torch.device("meta"):
        network = GPT2(GPT2Shape(50_257, 1024, 12, 768, 12, 3072))
    assert sum(weight.numel() for weight in network.parameters()) == 124_439_808


def test_a_future_token_changes_no_past_logit():
    network, tokens = lively(), torch.randint(50, (2, 24))
    before = network(tokens)
    for place in (1, 11, 23):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % 50
        after = network(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=0)
        assert ((after - before).abs().amax(-1)[:, place:] > 1e-6).all()


@pytest.mark.parametrize("chunks", [[1] * 24, [20, 1, 1, 1, 1], [7, 9, 8]], ids=["one by one", "prompt", "chunks"])
@pytest.mark.parametrize("batch", [1, 3])
def test_cached_equals_uncached(chunks, batch):
    network, tokens = lively(), torch.randint(50, (batch, 24))
    cache, parts, start = network.new_cache(), [], 0
    for length in chunks:
        parts.append(network(tokens[:, start : start + length], cache))
        start += length
    torch.testing.assert_close(torch.cat(parts, 1), network(tokens), rtol=1e-4, atol=1e-3)


def test_order_matters():
    network, tokens = lively(), torch.randint(50, (1, 8))
    swapped = tokens[:, [1, 0, *range(2, 8)]]
    assert (network(swapped) - network(tokens))[0, -1].abs().max() > 1e-4


def test_overfits_one_batch():
    network, tokens = GPT2(SHAPE), torch.randint(50, (4, 25))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(150):
        loss = next_token_loss(network(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert (network(tokens[:, :-1]).argmax(-1) == tokens[:, 1:]).float().mean() > 0.99


def test_dropout_only_in_training():
    network, tokens = lively(replace(SHAPE, dropout=0.5)), torch.randint(50, (1, 24))
    assert torch.equal(network(tokens), network(tokens))
    network.train()
    assert not torch.equal(network(tokens), network(tokens))

import math
from dataclasses import replace

import pytest
import torch

from genlab.models.gpt import GPT, GPTShape, next_token_loss
from genlab.tasks.text.gpt import SIZES

SHAPE = GPTShape(vocabulary=50, context=24, depth=3, width=32, heads=4, kv_heads=2, feed_forward=64)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def lively(shape: GPTShape = SHAPE) -> GPT:
    """A GPT whose weights are all random: a fresh one predicts uniformly."""
    gpt = GPT(shape).eval()
    for weight in gpt.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return gpt


def named_shape(size: str, vocabulary: int, tied: bool) -> GPTShape:
    depth, width, heads, kv_heads, feed_forward, context = SIZES[size]
    return GPTShape(vocabulary, context, depth, width, heads, kv_heads, feed_forward, tied)


def parameters(network: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in network.parameters())


@pytest.mark.parametrize("kv_heads", [1, 2, 4])
@pytest.mark.parametrize("tied", [False, True])
def test_shapes(kv_heads, tied):
    gpt = GPT(replace(SHAPE, kv_heads=kv_heads, tied=tied))
    assert gpt(torch.randint(50, (2, 24))).shape == (2, 24, 50)
    assert (gpt.head.weight is gpt.embedding.weight) == tied


def test_first_loss_is_that_of_guessing():
    tokens = torch.randint(50, (8, 25))
    loss = next_token_loss(GPT(SHAPE)(tokens[:, :-1]), tokens[:, 1:])
    assert loss.item() == pytest.approx(math.log(50), abs=1e-6)
    tied = next_token_loss(GPT(replace(SHAPE, tied=True))(tokens[:, :-1]), tokens[:, 1:])
    assert tied.item() == pytest.approx(math.log(50), abs=0.1)


def test_loss_by_hand():
    logits = torch.tensor([[[2.0, 0.0], [0.0, 1.0]]])
    expected = (math.log(1 + math.exp(-2)) + math.log(1 + math.exp(-1))) / 2
    assert next_token_loss(logits, torch.tensor([[0, 1]])).item() == pytest.approx(expected)


def test_a_future_token_changes_no_past_logit():
    gpt, tokens = lively(), torch.randint(50, (2, 24))
    before = gpt(tokens)
    for place in (1, 11, 23):
        changed = tokens.clone()
        changed[:, place] = (changed[:, place] + 1) % 50
        after = gpt(changed)
        torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=0)
        assert ((after - before).abs().amax(-1)[:, place:] > 1e-6).all()


@pytest.mark.parametrize("chunks", [[1] * 24, [20, 1, 1, 1, 1], [7, 9, 8]], ids=["one by one", "prompt", "chunks"])
@pytest.mark.parametrize("batch", [1, 3])
def test_cached_equals_uncached(chunks, batch):
    gpt, tokens = lively(), torch.randint(50, (batch, 24))
    cache, parts, start = gpt.new_cache(), [], 0
    for length in chunks:
        parts.append(gpt(tokens[:, start : start + length], cache))
        start += length
    torch.testing.assert_close(torch.cat(parts, 1), gpt(tokens), rtol=1e-4, atol=1e-4)


def test_order_matters():
    gpt, tokens = lively(), torch.randint(50, (1, 8))
    swapped = tokens[:, [1, 0, *range(2, 8)]]
    assert (gpt(swapped) - gpt(tokens))[0, -1].abs().max() > 1e-4


@pytest.mark.parametrize("tied", [False, True])
def test_overfits_one_batch(tied):
    gpt, tokens = GPT(replace(SHAPE, tied=tied)), torch.randint(50, (4, 25))
    optimizer = torch.optim.AdamW(gpt.parameters(), lr=0.01)
    for _ in range(150):
        loss = next_token_loss(gpt(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05
    assert (gpt(tokens[:, :-1]).argmax(-1) == tokens[:, 1:]).float().mean() > 0.99


def test_dropout_only_in_training():
    gpt, tokens = lively(replace(SHAPE, dropout=0.5)), torch.randint(50, (1, 24))
    assert torch.equal(gpt(tokens), gpt(tokens))
    gpt.train()
    assert not torch.equal(gpt(tokens), gpt(tokens))


def test_the_laptop_size():
    """No larger than nanoGPT's laptop configuration: 4 layers of width 128, 65 characters and 2 marks."""
    shape = named_shape("laptop", 67, tied=False)
    assert (shape.depth, shape.width) == (4, 128)
    assert parameters(GPT(shape)) <= 810_000


def test_the_gpt2_size():
    with torch.device("meta"):
        gpt = GPT(named_shape("gpt2", 50_257, tied=True))
    assert (gpt.shape.depth, gpt.shape.width, gpt.shape.heads, gpt.shape.context) == (12, 768, 12, 1024)
    assert parameters(gpt) == pytest.approx(124e6, rel=0.01)


def test_sizes_grow():
    with torch.device("meta"):
        counts = [parameters(GPT(named_shape(size, 257, tied=False))) for size in SIZES]
    assert counts == sorted(counts)
    assert len(set(counts)) == len(counts)

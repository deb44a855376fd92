import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from genlab.data.pairs.batches import Ragged, TokenPairs
from genlab.layers.attention import watch
from genlab.layers.muon import Muon
from genlab.models.transformer import Transformer, TransformerLayer, TransformerShape, smoothed_loss
from genlab.tasks.translate.transformer import PARAMETERS, SIZES

SHAPE = TransformerShape(50, 50, depth=2, width=32, heads=4, feed_forward=64)
LENGTHS = torch.tensor([9, 4, 7])
REAL = torch.arange(9)[None] < LENGTHS[:, None]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def lively(shape: TransformerShape = SHAPE) -> Transformer:
    """A Transformer whose weights are all random: a fresh one attends uniformly."""
    network = Transformer(shape).eval()
    for weight in network.parameters():
        nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
    return network


def pairs(source: int = 9, target: int = 11) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(50, (3, source)), torch.randint(50, (3, target))


@pytest.mark.parametrize("joint", [True, False])
def test_shapes(joint):
    network = Transformer(replace(SHAPE, source_vocabulary=50 if joint else 70, joint=joint))
    source, target = pairs()
    assert network(source, target).shape == (33, 50)
    assert network(source, target[:, :9], REAL, REAL.flatten().nonzero()[:, 0]).shape == (20, 50)
    assert (network.source_embedding is network.target_embedding) == joint


def test_a_fresh_layer_is_the_identity_and_norms_come_first():
    layer, x, other = TransformerLayer(32, 4, 64, cross=True).eval(), torch.randn(2, 5, 32), torch.randn(2, 3, 32)
    for part in (layer.attention.out, layer.cross_attention.out, layer.feed_forward[3]):
        nn.init.zeros_(part.weight)
        nn.init.zeros_(part.bias)
    assert torch.equal(layer(x, context=other), x)
    fresh = Transformer(SHAPE).eval()
    source, _ = pairs()
    for layer in fresh.encoder:
        assert torch.equal(layer(x), x)
    assert fresh.encode(source).isfinite().all()


def test_a_future_token_changes_no_past_logit():
    network, (source, target) = lively(), pairs()
    before = network(source, target).view(3, 11, 50)
    for place in (1, 5, 10):
        changed = target.clone()
        changed[:, place] = (changed[:, place] + 1) % 50
        moved = (network(source, changed).view(3, 11, 50) - before).abs().amax(-1)
        assert (moved[:, :place] == 0).all()
        assert (moved[:, place:] > 1e-6).all()


def test_every_source_token_changes_every_logit():
    network, (source, target) = lively(), pairs()
    before = network(source, target)
    for place in (0, 4, 8):
        changed = source.clone()
        changed[:, place] = (changed[:, place] + 1) % 50
        assert ((network(changed, target) - before).abs().amax(-1) > 1e-6).all()


def test_padding_changes_nothing():
    """Each pair gives the same output in a batch as alone."""
    network, (source, target) = lively(), pairs(9, 9)
    target_lengths = torch.tensor([5, 9, 2])
    index = (torch.arange(9)[None] < target_lengths[:, None]).flatten().nonzero()[:, 0]
    together = network(source, target, REAL, index).split(target_lengths.tolist())
    for row in range(3):
        alone = network(source[row : row + 1, : LENGTHS[row]], target[row : row + 1, : target_lengths[row]])
        torch.testing.assert_close(together[row], alone, rtol=1e-4, atol=1e-5)


def test_order_matters_on_both_sides():
    network, (source, target) = lively(), pairs()
    swapped = [1, 0, *range(2, 9)]
    assert (network(source[:, swapped], target) - network(source, target)).abs().max() > 1e-4
    last = network(source, target).view(3, 11, 50)[:, -1]
    assert (network(source, target[:, [*swapped, 9, 10]]).view(3, 11, 50)[:, -1] - last).abs().max() > 1e-4


@pytest.mark.parametrize("padded", [False, True])
def test_cached_equals_uncached(padded):
    network, (source, target) = lively(), pairs()
    mask = REAL if padded else None
    memory = network.start(source, mask, 11)
    steps = torch.stack([network.next(target[:, place], memory) for place in range(11)], 1)
    torch.testing.assert_close(steps.flatten(0, 1), network(source, target, mask), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [[1, 0, 2], [2], [0, 0, 1, 1, 2, 2], [2, 2, 0]], ids=str)
def test_a_memory_goes_on_with_chosen_rows(rows):
    network, (source, target) = lively(), pairs()
    memory = network.start(source, REAL, 11)
    for place in range(5):
        network.next(target[:, place], memory)
    memory.keep(torch.tensor(rows))
    if rows[0] == rows[1:2]:  # rows of one sentence in turn: only what was written moves
        memory.keep(torch.arange(len(rows)).view(-1, 2).flip(1).flatten())
    found = network.next(target[rows, 5], memory)
    whole = network(source[rows], target[rows, :6], REAL[rows]).view(len(rows), 6, 50)
    torch.testing.assert_close(found, whole[:, -1], rtol=1e-4, atol=1e-4)


def test_watching_shows_who_looks_at_whom():
    network, (source, target) = lively(), pairs()
    with watch(network) as seen:
        network(source, target, REAL)
        memory = network.start(source, REAL, 11)
        for place in range(11):
            network.next(target[:, place], memory)
    whole, *steps = seen["decoder.1.cross_attention"]
    assert whole.shape == (3, 4, 11, 9)
    assert (whole.masked_select(~REAL[:, None, None]) == 0).all()
    torch.testing.assert_close(torch.cat(steps, 2), whole, rtol=1e-4, atol=1e-5)
    assert seen["encoder.0.attention"][0].shape == (3, 4, 9, 9)
    assert (seen["decoder.0.attention"][0].triu(1) == 0).all()


def test_smoothed_loss_by_hand():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
    surprise = -logits.log_softmax(-1)
    expected = (0.9 * surprise[0, 0] + 0.1 * surprise[0].mean() + 0.9 * surprise[1, 1] + 0.1 * surprise[1].mean()) / 2
    assert smoothed_loss(logits, torch.tensor([0, 1]), 0.1).item() == pytest.approx(expected.item())
    plain = (surprise[0, 0] + surprise[1, 1]) / 2
    assert smoothed_loss(logits, torch.tensor([0, 1]), 0.0).item() == pytest.approx(plain.item())


def test_a_step_never_waits_for_a_value_on_the_device():
    """On the meta device tensors have no values: whatever would fetch one to the host fails."""
    batch = TokenPairs(Ragged.of([[3, 4, 0], [5, 0]]), Ragged.of([[0, 6, 0], [0, 7, 8, 9, 0]]), 0).rows(np.arange(2))
    assert batch.source_mask is not None
    assert batch.target_index is not None
    source, source_mask, inputs, target_index, targets = (tensor.to("meta") for tensor in batch)
    with torch.device("meta"):
        network = Transformer(replace(SHAPE, dropout=0.1))
    loss = smoothed_loss(network(source, inputs, source_mask, target_index), targets, 0.1)
    loss.backward()
    Muon([weight for weight in network.encoder.parameters() if weight.ndim == 2], lr=0.1).step()


@pytest.mark.parametrize("joint", [True, False])
def test_overfits_one_batch(joint):
    network = Transformer(replace(SHAPE, joint=joint))
    source, target = pairs()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(120):
        loss = smoothed_loss(network(source, target[:, :-1], REAL), target[:, 1:].flatten(), 0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


def test_dropout_only_in_training():
    network, (source, target) = lively(replace(SHAPE, dropout=0.5)), pairs()
    assert torch.equal(network(source, target), network(source, target))
    network.train()
    assert not torch.equal(network(source, target), network(source, target))


def test_sizes_grow_and_are_what_they_are_said_to_be():
    counts = []
    for size, (depth, width, heads, feed_forward) in SIZES.items():
        with torch.device("meta"):
            network = Transformer(TransformerShape(10, 10, depth, width, heads, feed_forward))
        counts.append(sum(weight.numel() for weight in [*network.encoder.parameters(), *network.decoder.parameters()]))
        assert counts[-1] == pytest.approx(PARAMETERS[size], rel=0.05)
    assert counts == sorted(counts)
    assert math.isclose(counts[-1], 44e6, rel_tol=0.01)  # the paper's base model without its embedding

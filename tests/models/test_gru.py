from dataclasses import replace

import pytest
import torch
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from genlab.models.gru import GRU, GRUShape, both_ways, cell
from genlab.models.transformer import smoothed_loss

SHAPE = GRUShape(50, 50, width=24)
BOTH = [SHAPE, replace(SHAPE, attention=False)]
LENGTHS = torch.tensor([9, 4, 7])
REAL = torch.arange(9)[None] < LENGTHS[:, None]
both = pytest.mark.parametrize("shape", BOTH, ids=["attention", "none"])


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def lively(shape: GRUShape = SHAPE) -> GRU:
    """Weights that are far from zero: small ones hide what a token changes."""
    network = GRU(shape).eval()
    for weight in network.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    return network


def pairs(source: int = 9, target: int = 11) -> tuple[torch.Tensor, torch.Tensor]:
    return torch.randint(50, (3, source)), torch.randint(50, (3, target))


@both
@pytest.mark.parametrize("joint", [True, False])
def test_shapes(shape, joint):
    network = GRU(replace(shape, source_vocabulary=50 if joint else 70, joint=joint))
    source, target = pairs()
    assert network(source, target).shape == (33, 50)
    assert network(source, target[:, :9], REAL, REAL.flatten().nonzero()[:, 0]).shape == (20, 50)
    assert (network.source_embedding is network.target_embedding) == joint


def test_the_cell_equals_the_fused_kernel():
    """The arithmetic that `cell` writes out, step by step and both ways, is what training runs."""
    network = lively()
    x = torch.randn(4, 11, 24)
    expected, _ = network.encoder(x)
    for way, times in (("", range(11)), ("_reverse", range(10, -1, -1))):
        names = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
        weights = tuple(getattr(network.encoder, name + way) for name in names)
        hidden = torch.zeros(4, 24)
        mine = expected[..., 24:] if way else expected[..., :24]
        for time in times:
            hidden = cell(x[:, time], hidden, weights)
            torch.testing.assert_close(hidden, mine[:, time], rtol=1e-4, atol=1e-5)


def test_the_cell_by_hand():
    """All weights zero but the biases: the keep gate mixes the old state with the candidate."""
    zero, bias = torch.zeros(3, 1), torch.tensor([0.0, 1.0, 2.0])
    found = cell(torch.ones(1, 1), torch.full((1, 1), 0.5), (zero, zero, bias, torch.zeros(3)))
    keep = torch.tensor(1.0).sigmoid()
    torch.testing.assert_close(found[0, 0], keep * 0.5 + (1 - keep) * torch.tensor(2.0).tanh())


@both
def test_a_future_token_changes_no_past_logit(shape):
    network, (source, target) = lively(shape), pairs()
    before = network(source, target).view(3, 11, 50)
    changed = target.clone()
    changed[:, 5] = (changed[:, 5] + 1) % 50
    moved = (network(source, changed).view(3, 11, 50) - before).abs().amax(-1)
    assert (moved[:, :5] == 0).all()
    assert (moved[:, 5:7] > 1e-6).all()


@both
def test_padding_changes_nothing(shape):
    network, (source, target) = lively(shape), pairs(9, 9)
    target_lengths = torch.tensor([5, 9, 2])
    index = (torch.arange(9)[None] < target_lengths[:, None]).flatten().nonzero()[:, 0]
    together = network(source, target, REAL, index).split(target_lengths.tolist())
    for row in range(3):
        alone = network(source[row : row + 1, : LENGTHS[row]], target[row : row + 1, : target_lengths[row]])
        torch.testing.assert_close(together[row], alone, rtol=1e-4, atol=1e-5)


def test_padded_rows_equal_packed_ones():
    encoder, x = lively().encoder, torch.randn(3, 9, 24)
    packed, _ = encoder(pack_padded_sequence(x, LENGTHS, batch_first=True, enforce_sorted=False))
    expected, _ = pad_packed_sequence(packed, batch_first=True)
    torch.testing.assert_close(both_ways(encoder, x, REAL)[REAL], expected[REAL], rtol=1e-5, atol=1e-6)


@both
def test_a_step_never_waits_for_the_device(shape):
    """Tensors on the meta device have no values to read on the host: neither lengths nor anything else."""
    network = GRU(shape).to("meta")
    source, target, mask = (tensor.to("meta") for tensor in (*pairs(), REAL))
    loss = smoothed_loss(network(source, target[:, :-1], mask), target[:, 1:].flatten(), 0.1)
    loss.backward()
    assert all(weight.grad is not None for weight in network.parameters())
    network.next(target[:, 0], network.start(source, mask, 11))


@both
@pytest.mark.parametrize("padded", [False, True])
def test_step_by_step_equals_at_once(shape, padded):
    network, (source, target) = lively(shape), pairs()
    mask = REAL if padded else None
    memory = network.start(source, mask, 11)
    steps = torch.stack([network.next(target[:, place], memory) for place in range(11)], 1)
    torch.testing.assert_close(steps.flatten(0, 1), network(source, target, mask), rtol=1e-4, atol=1e-4)


@both
@pytest.mark.parametrize("rows", [[1, 0, 2], [2], [0, 0, 1, 1, 2, 2]], ids=str)
def test_a_memory_goes_on_with_chosen_rows(shape, rows):
    network, (source, target) = lively(shape), pairs()
    memory = network.start(source, REAL, 11)
    for place in range(5):
        network.next(target[:, place], memory)
    memory.keep(torch.tensor(rows))
    found = network.next(target[rows, 5], memory)
    whole = network(source[rows], target[rows, :6], REAL[rows]).view(len(rows), 6, 50)
    torch.testing.assert_close(found, whole[:, -1], rtol=1e-4, atol=1e-4)


def test_attention_looks_at_real_tokens_and_decides():
    network, (source, target) = lively(), pairs()
    memory = network.start(source, REAL, 11)
    weights = network.attention.weights(torch.randn(3, 11, 24), memory.key, REAL)
    assert weights.shape == (3, 11, 9)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 11))
    assert (weights.masked_select(~REAL[:, None]) == 0).all()
    assert lively(BOTH[1]).attention is None
    assert (network(source.flip(1), target) - network(source, target)).abs().max() > 1e-3


@both
def test_overfits_one_batch(shape):
    network, (source, target) = GRU(shape), pairs()
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.02)
    for _ in range(120):
        loss = smoothed_loss(network(source, target[:, :-1], REAL), target[:, 1:].flatten(), 0.0)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@both
def test_dropout_only_in_training(shape):
    network, (source, target) = lively(replace(shape, dropout=0.5)), pairs()
    assert torch.equal(network(source, target), network(source, target))
    network.train()
    assert not torch.equal(network(source, target), network(source, target))

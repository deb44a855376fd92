import math

import pytest
import torch

from genlab.models.gpt import next_token_loss
from genlab.models.lstm import LSTM, LSTMShape, cell

SHAPE = LSTMShape(vocabulary=50, depth=2, width=24)


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def lively(shape: LSTMShape = SHAPE) -> LSTM:
    lstm = LSTM(shape).eval()
    torch.nn.init.normal_(lstm.head.weight)
    return lstm


def test_shapes():
    assert LSTM(SHAPE)(torch.randint(50, (2, 9))).shape == (2, 9, 50)


def test_first_loss_is_that_of_guessing():
    tokens = torch.randint(50, (8, 25))
    loss = next_token_loss(LSTM(SHAPE)(tokens[:, :-1]), tokens[:, 1:])
    assert loss.item() == pytest.approx(math.log(50), abs=1e-6)


@pytest.mark.parametrize("depth", [1, 3])
def test_the_cell_equals_the_fused_kernel(depth):
    """The arithmetic that `cell` writes out, layer by layer and step by step, is what training runs."""
    lstm = lively(LSTMShape(50, depth, 24))
    tokens = torch.randint(50, (4, 11))
    x = lstm.embedding(tokens)
    for layer in range(depth):
        names = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
        weights = tuple(getattr(lstm.layers, f"{name}_l{layer}") for name in names)
        hidden, memory = torch.zeros(2, 4, 24)
        outputs = []
        for time in range(11):
            hidden, memory = cell(x[:, time], hidden, memory, weights)
            outputs.append(hidden)
        x = torch.stack(outputs, 1)
    torch.testing.assert_close(lstm.head(x), lstm(tokens), rtol=1e-4, atol=1e-5)


def test_the_forget_gate_is_open_at_first():
    lstm = LSTM(LSTMShape(50, 1, 24))
    bias = lstm.layers.bias_ih_l0 + lstm.layers.bias_hh_l0
    assert (bias[24:48] == 1).all()


def test_a_future_token_changes_no_past_logit():
    lstm, tokens = lively(), torch.randint(50, (2, 20))
    changed = tokens.clone()
    changed[:, 9] = (changed[:, 9] + 1) % 50
    moved = (lstm(changed) - lstm(tokens)).abs().amax(-1)
    assert (moved[:, :9] == 0).all()
    assert (moved[:, 9:12] > 1e-6).all()


@pytest.mark.parametrize("chunks", [[1] * 20, [12, 1, 7]], ids=["one by one", "chunks"])
def test_cached_equals_uncached(chunks):
    lstm, tokens = lively(), torch.randint(50, (3, 20))
    cache, parts, start = lstm.new_cache(), [], 0
    for length in chunks:
        parts.append(lstm(tokens[:, start : start + length], cache))
        start += length
    torch.testing.assert_close(torch.cat(parts, 1), lstm(tokens), rtol=1e-4, atol=1e-5)


def test_overfits_one_batch():
    lstm, tokens = LSTM(SHAPE), torch.randint(50, (4, 21))
    optimizer = torch.optim.AdamW(lstm.parameters(), lr=0.02)
    for _ in range(150):
        loss = next_token_loss(lstm(tokens[:, :-1]), tokens[:, 1:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.1


def test_dropout_only_in_training():
    lstm, tokens = lively(LSTMShape(50, 2, 24, dropout=0.5)), torch.randint(50, (1, 20))
    assert torch.equal(lstm(tokens), lstm(tokens))
    lstm.train()
    assert not torch.equal(lstm(tokens), lstm(tokens))

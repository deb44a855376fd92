import math

import pytest
import torch

from genlab.metrics.attention_heads import attention_distance, attention_entropy, uniform_attention


def test_a_head_that_looks_at_one_token_has_no_entropy():
    weights = torch.eye(5)[None]
    assert attention_entropy(weights).tolist() == [0]
    assert attention_distance(weights).tolist() == [0]


@pytest.mark.parametrize("keys", [1, 2, 8, 30])
def test_even_looks(keys):
    """Uniform attention: entropy log2(n), and the mean of t/2 as distance to the tokens up to position t."""
    everything, past = uniform_attention(3, keys, causal=False), uniform_attention(keys, keys, causal=True)
    torch.testing.assert_close(everything.sum(-1), torch.ones(3))
    torch.testing.assert_close(attention_entropy(everything), torch.tensor(math.log2(keys)))
    assert (past.triu(1) == 0).all()
    torch.testing.assert_close(past.sum(-1), torch.ones(keys))
    expected = sum(math.log2(seen) for seen in range(1, keys + 1)) / keys
    torch.testing.assert_close(attention_entropy(past), torch.tensor(expected))
    torch.testing.assert_close(attention_distance(past), torch.tensor((keys - 1) / 4))


def test_even_looks_at_everything():
    """The mean of |i - j| over all pairs of n is (n² - 1) / (3 n)."""
    torch.testing.assert_close(attention_distance(uniform_attention(7, 7, causal=False)), torch.tensor(48 / 21))


def test_two_heads_by_hand():
    """One head attends to the previous token, another divides its attention 1/4 to 3/4 between the first and itself."""
    before = torch.tensor([[1.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    shared = torch.tensor([[1.0, 0, 0], [0.25, 0.75, 0], [0.25, 0, 0.75]])
    weights = torch.stack((before, shared))
    bits = 0.25 * 2 + 0.75 * math.log2(4 / 3)
    torch.testing.assert_close(attention_entropy(weights), torch.tensor([0.0, 2 * bits / 3]))
    torch.testing.assert_close(attention_distance(weights), torch.tensor([2 / 3, (0.25 + 0.5) / 3]))


def test_the_last_that_asks_stands_at_the_last_key():
    """As with a cache: two new positions attend to the first of four."""
    weights = torch.tensor([[1.0, 0, 0, 0], [1, 0, 0, 0]])
    assert attention_distance(weights) == 2.5
    torch.testing.assert_close(uniform_attention(2, 4, causal=True)[0], torch.tensor([1 / 3, 1 / 3, 1 / 3, 0]))


def test_leading_axes_stay():
    weights = torch.rand(2, 3, 4, 6).softmax(-1)
    assert attention_entropy(weights).shape == attention_distance(weights).shape == (2, 3)
    assert attention_entropy(weights)[1, 2] == attention_entropy(weights[1, 2])

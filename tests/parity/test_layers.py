"""Our layers compared with torch's, with the same weights."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genlab.layers.attention import Attention
from genlab.layers.norms import RMSNorm

WIDTH, HEADS = 48, 6


@pytest.fixture
def pair() -> tuple[Attention, nn.MultiheadAttention]:
    """Our attention and torch's, with the same random weights."""
    torch.manual_seed(0)
    theirs = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True).eval()
    nn.init.normal_(theirs.in_proj_bias)
    nn.init.normal_(theirs.out_proj.bias)
    ours = Attention(WIDTH, HEADS, bias=True).eval()
    for index, part in enumerate((ours.query, ours.key, ours.value)):
        rows = slice(index * WIDTH, (index + 1) * WIDTH)
        part.weight.data, part.bias.data = theirs.in_proj_weight.data[rows], theirs.in_proj_bias.data[rows]
    ours.out.load_state_dict(theirs.out_proj.state_dict())
    return ours, theirs


def test_self_attention(pair):
    ours, theirs = pair
    x = torch.randn(3, 11, WIDTH)
    torch.testing.assert_close(ours(x), theirs(x, x, x, need_weights=False)[0])


def test_causal(pair):
    ours, theirs = pair
    x = torch.randn(3, 11, WIDTH)
    hidden = nn.Transformer.generate_square_subsequent_mask(11)
    expected = theirs(x, x, x, attn_mask=hidden, is_causal=True, need_weights=False)[0]
    torch.testing.assert_close(ours(x, causal=True), expected)


def test_cross_attention_and_padding(pair):
    ours, theirs = pair
    x, other = torch.randn(3, 11, WIDTH), torch.randn(3, 7, WIDTH)
    mask = torch.arange(7)[None] < torch.tensor([7, 4, 1])[:, None]
    torch.testing.assert_close(
        ours(x, other, mask=mask), theirs(x, other, other, key_padding_mask=~mask, need_weights=False)[0]
    )


def test_gradients(pair):
    ours, theirs = pair
    x = torch.randn(3, 11, WIDTH)
    ours(x).square().sum().backward()
    theirs(x, x, x, need_weights=False)[0].square().sum().backward()
    grads = torch.cat((ours.query.weight.grad, ours.key.weight.grad, ours.value.weight.grad))
    torch.testing.assert_close(grads, theirs.in_proj_weight.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kv_heads", [1, 2, 6])
def test_scaled_dot_product_attention(kv_heads):
    torch.manual_seed(0)
    layer, x = Attention(WIDTH, HEADS, kv_heads), torch.randn(2, 9, WIDTH)
    query = layer.query(x).view(2, 9, HEADS, -1).transpose(1, 2)
    key = layer.key(x).view(2, 9, kv_heads, -1).transpose(1, 2)
    value = layer.value(x).view(2, 9, kv_heads, -1).transpose(1, 2)
    mixed = F.scaled_dot_product_attention(query, key, value, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(layer(x, causal=True), layer.out(mixed.transpose(1, 2).reshape(2, 9, -1)))


@pytest.mark.parametrize("shape", [(4, 16), (2, 3, 16), (2, 3, 5, 16)], ids=str)
def test_rms_norm(shape):
    torch.manual_seed(0)
    ours, theirs = RMSNorm(16), nn.RMSNorm(16, eps=1e-6)
    weight = torch.randn(16)
    ours.weight.data, theirs.weight.data = weight, weight.clone()
    x = 3 * torch.randn(shape)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours(x), x / (x.square().mean(-1, keepdim=True) + 1e-6).sqrt() * weight)

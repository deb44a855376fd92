"""Our layers compared with torch's pre-norm layers, with the same weights."""

import pytest
import torch
from torch import nn

from genlab.models.transformer import TransformerLayer

WIDTH, HEADS, INNER = 48, 6, 96
X, OTHER = 11, 7
MASK = torch.arange(X)[None] < torch.tensor([11, 6, 2])[:, None]
OTHER_MASK = torch.arange(OTHER)[None] < torch.tensor([4, 7, 1])[:, None]


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def carried(theirs: nn.TransformerEncoderLayer | nn.TransformerDecoderLayer) -> TransformerLayer:
    """Our layer with the weights of theirs, all of which are random."""
    for weight in theirs.parameters():
        nn.init.normal_(weight, 1.0 if weight.ndim == 1 else 0.0, 0.3)
    cross = isinstance(theirs, nn.TransformerDecoderLayer)
    ours = TransformerLayer(WIDTH, HEADS, INNER, cross=cross).eval()
    looks = [(ours.attention, theirs.self_attn)] + ([(ours.cross_attention, theirs.multihead_attn)] if cross else [])
    for mine, other in looks:
        weights, biases = other.in_proj_weight.data.chunk(3), other.in_proj_bias.data.chunk(3)
        for part, weight, bias in zip((mine.query, mine.key, mine.value), weights, biases, strict=True):
            part.weight.data, part.bias.data = weight.clone(), bias.clone()
        mine.out.load_state_dict(other.out_proj.state_dict())
    norms = [ours.attention_norm, *([ours.cross_norm] if cross else []), ours.feed_forward_norm]
    for number, norm in enumerate(norms, 1):
        norm.load_state_dict(getattr(theirs, f"norm{number}").state_dict())
    ours.feed_forward[0].load_state_dict(theirs.linear1.state_dict())
    ours.feed_forward[3].load_state_dict(theirs.linear2.state_dict())
    assert sum(w.numel() for w in ours.parameters()) == sum(w.numel() for w in theirs.parameters())
    return ours


@pytest.mark.parametrize("padded", [False, True])
@pytest.mark.parametrize("causal", [False, True])
def test_encoder_layer(padded, causal):
    theirs = nn.TransformerEncoderLayer(WIDTH, HEADS, INNER, 0.0, batch_first=True, norm_first=True).train()
    ours, x = carried(theirs), torch.randn(3, X, WIDTH)
    mask = MASK if padded else torch.ones_like(MASK)
    hidden = torch.ones(X, X, dtype=torch.bool).triu(1) if causal else None
    expected = theirs(x, src_mask=hidden, src_key_padding_mask=~mask if padded else None)
    torch.testing.assert_close(ours(x, mask if padded else None, causal=causal)[mask], expected[mask])


@pytest.mark.parametrize("padded", [False, True])
def test_decoder_layer(padded):
    theirs = nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, 0.0, batch_first=True, norm_first=True)
    ours, x, other = carried(theirs), torch.randn(3, X, WIDTH), torch.randn(3, OTHER, WIDTH)
    hidden = torch.ones(X, X, dtype=torch.bool).triu(1)
    expected = theirs(x, other, tgt_mask=hidden, memory_key_padding_mask=~OTHER_MASK if padded else None)
    found = ours(x, causal=True, context=other, context_mask=OTHER_MASK if padded else None)
    torch.testing.assert_close(found, expected)


def test_gradients_of_a_decoder_layer():
    theirs = nn.TransformerDecoderLayer(WIDTH, HEADS, INNER, 0.0, batch_first=True, norm_first=True)
    ours, x, other = carried(theirs), torch.randn(3, X, WIDTH), torch.randn(3, OTHER, WIDTH)
    theirs(x, other, memory_key_padding_mask=~OTHER_MASK).square().mean().backward()
    ours(x, context=other, context_mask=OTHER_MASK).square().mean().backward()
    mine = ours.cross_attention
    grads = torch.cat((mine.query.weight.grad, mine.key.weight.grad, mine.value.weight.grad))
    torch.testing.assert_close(grads, theirs.multihead_attn.in_proj_weight.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.feed_forward[0].weight.grad, theirs.linear1.weight.grad, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(ours.attention_norm.weight.grad, theirs.norm1.weight.grad, rtol=1e-4, atol=1e-5)

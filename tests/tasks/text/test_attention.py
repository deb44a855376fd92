import pytest
import torch

import genlab
from genlab.layers.attention import Attention, attention_weights, watch
from genlab.layers.positions import rotary, rotate
from genlab.tasks.shared.attention_maps import attention_map


def test_a_run_shows_what_its_layers_computed(trained):
    """The first layer's weights, recomputed from its projections."""
    run = genlab.load(trained)
    maps = run.attention("the river")
    assert [one.layer for one in maps] == [0, 1]
    assert all(one.name == "self" for one in maps)
    assert maps[0].rows == maps[0].columns == [*"the␣river"]
    gpt = run.pipeline.network
    tokens = torch.tensor(run.pipeline.tokenizer.encode("the river").ids)
    block = gpt.blocks[0]
    asks = block.attention_norm(gpt.embedding(tokens[None]))
    query, key = (
        norm(project(asks).unflatten(-1, (heads, -1)).transpose(1, 2))
        for norm, project, heads in (
            (block.attention.query_norm, block.attention.query, 2),
            (block.attention.key_norm, block.attention.key, 1),
        )
    )
    turn = rotary(torch.arange(9), query.shape[-1], gpt.shape.rotary_base)
    past = torch.ones(9, 9, dtype=torch.bool).tril()[None, None]
    expected = attention_weights(rotate(query, *turn), rotate(key, *turn), past)[0]
    torch.testing.assert_close(maps[0].weights, expected)


def test_looking_changes_nothing(trained):
    run = genlab.load(trained)
    before = str(run.generate(prompt="the", tokens=20)[0])
    run.attention("the river")
    assert str(run.generate(prompt="the", tokens=20)[0]) == before
    assert all(block.attention.seen is None for block in run.pipeline.network.blocks)


def test_the_longest_prompt_is_the_context(trained):
    run = genlab.load(trained)
    assert run.attention("the river " * 6 + "runs")[0].weights.shape == (2, 64, 64)
    with pytest.raises(genlab.InputError, match="65 tokens, but the context holds at most 64"):
        run.attention("the river " * 6 + "runs ")


def test_figures_of_a_map():
    weights = torch.stack((torch.eye(4), torch.ones(4, 4).tril() / torch.arange(1, 5)[:, None]))
    one = attention_map("self", 3, weights, [*"abcd"], causal=True)
    assert (one.layer, one.heads, one.columns) == (3, [0, 1], [*"abcd"])
    assert one.entropy[0] == 0
    assert one.entropy[1] == pytest.approx(one.even[0])
    assert one.distance == pytest.approx([0, 0.75])
    assert one.even[1] == pytest.approx(0.75)


def test_across_two_sequences_there_is_no_distance():
    """As in a translator: queries and keys have different tokens."""
    layer = Attention(8, 2)
    with watch(layer) as seen:
        layer(torch.randn(1, 3, 8), torch.randn(1, 5, 8))
    one = attention_map("cross", 0, seen[""][0][0].detach(), [*"abc"], [*"vwxyz"])
    assert one.weights.shape == (2, 3, 5)
    assert (one.rows, one.columns) == ([*"abc"], [*"vwxyz"])
    assert one.distance is None
    assert one.even == (pytest.approx(2.3219281), None)

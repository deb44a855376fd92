import pytest
import torch
import torch.nn.functional as F

from genlab.layers.attention import Attention, KVCache, attention_mask, attention_weights, watch
from genlab.layers.positions import rotary, rotate, sinusoids

BATCH, TIME, WIDTH, HEADS = 3, 10, 32, 4


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def attention(**options) -> Attention:
    return Attention(WIDTH, HEADS, **{"qk_norm": True, **options}).eval()


def turns(start: int, end: int, width: int = WIDTH // HEADS):
    return rotary(torch.arange(start, end), width)


@pytest.mark.parametrize("kv_heads", [None, 2, 1])
def test_shapes(kv_heads):
    layer = attention(kv_heads=kv_heads)
    x, other = torch.randn(BATCH, TIME, WIDTH), torch.randn(BATCH, 7, WIDTH)
    assert layer(x).shape == x.shape
    assert layer(x, other).shape == x.shape
    assert layer.key.weight.shape == ((kv_heads or HEADS) * WIDTH // HEADS, WIDTH)
    assert attention(head_width=16)(x).shape == x.shape


def test_wrong_shapes_are_caught():
    """The annotations are checked in tests."""
    with pytest.raises(Exception, match="Type-check error"):
        attention()(torch.randn(TIME, WIDTH))
    with pytest.raises(Exception, match="Type-check error"):
        attention()(torch.randn(BATCH, TIME, WIDTH), mask=torch.ones(BATCH, TIME))


def test_a_future_token_changes_no_past_output():
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    before = layer(x, causal=True)
    changed = x.clone()
    changed[:, 6] += 1
    after = layer(changed, causal=True)
    torch.testing.assert_close(after[:, :6], before[:, :6], rtol=0, atol=0)
    assert ((after - before).abs().amax(-1)[:, 6:] > 1e-6).all()


def test_without_causal_everything_is_seen():
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    changed = x.clone()
    changed[:, -1] += 1
    assert ((layer(changed) - layer(x)).abs().amax(-1) > 1e-6).all()


@pytest.mark.parametrize("window", [1, 3, TIME + 5])
def test_window(window):
    """Position t attends to t-window+1 .. t and nothing else."""
    layer, x = attention(), torch.randn(1, TIME, WIDTH)
    before = layer(x, causal=True, window=window)
    for place in range(TIME):
        changed = x.clone()
        changed[:, place] += 1
        moved = (layer(changed, causal=True, window=window) - before).abs().amax(-1)[0] > 1e-6
        assert moved.tolist() == [place <= t < place + window for t in range(TIME)]


@pytest.mark.parametrize("chunks", [[1] * TIME, [4, 1, 5], [3, 3, 4], [9, 1]], ids=str)
@pytest.mark.parametrize("window", [None, 1, 3, 7])
@pytest.mark.parametrize("kv_heads", [None, 2])
@pytest.mark.parametrize("padding", [False, True], ids=["full", "left padding"])
def test_cached_equals_uncached(chunks, window, kv_heads, padding):
    layer, x = attention(kv_heads=kv_heads), torch.randn(BATCH, TIME, WIDTH)
    mask = None
    if padding:  # of so many positions on the left
        mask = torch.arange(TIME)[None] >= torch.tensor([0, 2, 6])[:, None]
    whole = layer(x, causal=True, window=window, mask=mask, rotary=turns(0, TIME))
    cache, parts, start = KVCache(TIME), [], 0
    for length in chunks:
        end = start + length
        seen = None if mask is None else mask[:, :end]
        new = x[:, start:end]
        parts.append(layer(new, causal=True, window=window, mask=seen, rotary=turns(start, end), cache=cache))
        start = end
    real = torch.ones(BATCH, TIME, dtype=torch.bool) if mask is None else mask
    assert whole.isfinite().all()
    torch.testing.assert_close(torch.cat(parts, 1)[real], whole[real])


@pytest.mark.parametrize("window", [None, 4])
def test_left_padding_changes_nothing(window):
    """A padded sequence in a batch with a longer one gives the same output as alone."""
    layer, x = attention(), torch.randn(1, 6, WIDTH)
    alone = layer(x, causal=True, window=window, rotary=turns(0, 6))
    padded = torch.cat((torch.randn(1, 4, WIDTH), x), 1)
    mask = torch.tensor([[False] * 4 + [True] * 6])
    batch, masks = (
        torch.cat((padded, torch.randn(1, 10, WIDTH))),
        torch.cat((mask, torch.ones(1, 10, dtype=torch.bool))),
    )
    out = layer(batch, causal=True, window=window, mask=masks, rotary=turns(0, 10))
    torch.testing.assert_close(out[:1, 4:], alone)  # rotary positions are relative
    assert out.isfinite().all()


def test_padding_is_not_seen_by_others():
    layer, x = attention(), torch.randn(BATCH, TIME, WIDTH)
    mask = torch.ones(BATCH, TIME, dtype=torch.bool)
    mask[1, 7:] = False
    before = layer(x, mask=mask)
    changed = x.clone()
    changed[1, 7:] += 5
    after = layer(changed, mask=mask)
    torch.testing.assert_close(after[mask], before[mask], rtol=0, atol=0)


@pytest.mark.parametrize("causal", [False, True])
def test_a_sequence_of_nothing_but_padding_gives_numbers(causal):
    layer, x = attention(), torch.randn(2, TIME, WIDTH, requires_grad=True)
    mask = torch.ones(2, TIME, dtype=torch.bool)
    mask[1] = False
    out = layer(x, causal=causal, mask=mask)
    out.sum().backward()
    assert out.isfinite().all()
    assert x.grad.isfinite().all()


def test_grouped_queries_equal_repeated_heads():
    grouped, full = attention(kv_heads=2), attention()
    full.load_state_dict(
        {
            name: weight.unflatten(0, (2, -1)).repeat_interleave(2, 0).flatten(0, 1)
            if name in ("key.weight", "value.weight")
            else weight
            for name, weight in grouped.state_dict().items()
        }
    )
    x = torch.randn(BATCH, TIME, WIDTH)
    for options in ({}, {"causal": True}, {"causal": True, "window": 3, "rotary": turns(0, TIME)}):
        torch.testing.assert_close(grouped(x, **options), full(x, **options))
    with watch(grouped) as mine, watch(full) as theirs:
        grouped(x, causal=True), full(x, causal=True)
    torch.testing.assert_close(mine[""][0], theirs[""][0])


def test_cross_attention():
    layer = attention(qk_norm=False)
    x, other = torch.randn(BATCH, TIME, WIDTH), torch.randn(BATCH, 7, WIDTH)
    mask = torch.ones(BATCH, 7, dtype=torch.bool)
    mask[2, 4:] = False
    out = layer(x, other, mask=mask)
    torch.testing.assert_close(layer(x[2:], other[2:, :4]), out[2:])
    torch.testing.assert_close(layer(x[:, 3:5], other, mask=mask), out[:, 3:5])  # every position asks for itself
    assert (layer(x, other.flip(0), mask=mask) - out).abs().max() > 1e-3


OPTIONS = [
    {},
    {"causal": True},
    {"causal": True, "window": 3},
    {"mask": torch.arange(TIME)[None] < torch.tensor([10, 6, 1])[:, None]},
    {"causal": True, "mask": torch.arange(TIME)[None] >= torch.tensor([0, 3, 9])[:, None]},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda options: "-".join(options) or "all")
@pytest.mark.parametrize("kv_heads", [None, 2])
def test_watch(options, kv_heads):
    """The weights sum to 1, reproduce the output of the fused kernel, and are removed afterwards."""
    layer, x = attention(kv_heads=kv_heads), torch.randn(BATCH, TIME, WIDTH)
    options = {**options, "rotary": turns(0, TIME)}
    unseen = layer(x, **options)
    with watch(layer) as seen:
        torch.testing.assert_close(layer(x, **options), unseen)
        layer(x[:1, :4], causal=True)
    weights, second = seen[""]
    assert weights.shape == (BATCH, HEADS, TIME, TIME)
    assert second.shape == (1, HEADS, 4, 4)
    torch.testing.assert_close(weights.sum(-1), torch.ones(BATCH, HEADS, TIME))
    value = layer.value(x).unflatten(-1, (layer.kv_heads, -1)).transpose(1, 2)
    value = value.repeat_interleave(HEADS // layer.kv_heads, dim=1)
    mixed = (weights @ value).transpose(1, 2).flatten(2)
    torch.testing.assert_close(layer.out(mixed), unseen)
    if options.get("causal"):
        assert (weights.triu(1) == 0).all()
    layer(x)
    assert len(seen[""]) == 2
    assert layer.seen is None


def test_watch_ends_after_an_error():
    layer = attention()
    with pytest.raises(ZeroDivisionError), watch(layer):
        raise ZeroDivisionError
    assert layer.seen is None


def test_watch_with_a_cache():
    layer, x, cache = attention(), torch.randn(1, 5, WIDTH), KVCache(5)
    with watch(layer) as seen:
        layer(x[:, :3], causal=True, cache=cache)
        layer(x[:, 3:], causal=True, cache=cache)
        layer(x, causal=True)
    first, second, whole = seen[""]
    torch.testing.assert_close(first, whole[:, :, :3, :3])
    torch.testing.assert_close(second, whole[:, :, 3:])


@pytest.mark.parametrize("options", [{}, {"kv_heads": 2, "qk_norm": False, "bias": True}], ids=str)
def test_cached_cross_attention_equals_uncached(options):
    """The keys and values of `context` are computed at the first call only."""
    layer, x, other = attention(**options), torch.randn(BATCH, TIME, WIDTH), torch.randn(BATCH, 7, WIDTH)
    mask = torch.arange(7)[None] < torch.tensor([7, 4, 1])[:, None]
    whole, cache, parts, calls = layer(x, other, mask=mask), KVCache(7), [], []
    layer.key.register_forward_hook(lambda *_: calls.append(1))
    for place in range(TIME):
        parts.append(layer(x[:, place : place + 1], other, mask=mask, cache=cache))
    torch.testing.assert_close(torch.cat(parts, 1), whole)
    assert len(calls) == 1
    assert cache.length == 7


def test_watch_with_cached_cross_attention():
    layer, x, other, cache = attention(), torch.randn(1, 3, WIDTH), torch.randn(1, 5, WIDTH), KVCache(5)
    with watch(layer) as seen:
        layer(x, other)
        for place in range(3):
            layer(x[:, place : place + 1], other, cache=cache)
    whole, *steps = seen[""]
    torch.testing.assert_close(torch.cat(steps, 2), whole)


@pytest.mark.parametrize("rows", [[2, 0], [1], [0, 0, 2, 1, 1]], ids=str)
def test_a_cache_goes_on_with_chosen_rows(rows):
    layer, x, cache = attention(), torch.randn(BATCH, TIME, WIDTH), KVCache(TIME)
    layer(x[:, :4], causal=True, cache=cache)
    cache.keep(torch.tensor(rows))
    rest = layer(x[rows, 4:], causal=True, cache=cache)
    torch.testing.assert_close(rest, layer(x, causal=True)[rows, 4:])


def test_an_empty_cache_has_no_rows_to_choose():
    cache = KVCache(4)
    cache.keep(torch.tensor([1, 0]))
    assert cache.length == 0


def test_full_cache():
    layer, cache = attention(), KVCache(4)
    layer(torch.randn(1, 4, WIDTH), causal=True, cache=cache)
    with pytest.raises(AssertionError, match="5 positions in a cache of 4"):
        layer(torch.randn(1, 1, WIDTH), causal=True, cache=cache)


def test_dropout_only_in_training():
    layer, x = attention(dropout=0.5), torch.randn(1, TIME, WIDTH)
    torch.testing.assert_close(layer(x), layer(x), rtol=0, atol=0)
    layer.train()
    assert not torch.equal(layer(x), layer(x))


def test_weights_by_hand():
    """Two keys, of which first one may be attended to, then both."""
    query, key = torch.tensor([[[[1.0, 0.0]]]]), torch.tensor([[[[1.0, 5.0], [3.0, 0.0]]]])
    scores = torch.tensor([1.0, 3.0]) / 2**0.5
    torch.testing.assert_close(attention_weights(query, key, None)[0, 0, 0], scores.softmax(0))
    only = torch.tensor([[[[True, False]]]])
    torch.testing.assert_close(attention_weights(query, key, only)[0, 0, 0], torch.tensor([1.0, 0.0]))


def test_may_look_by_hand():
    looks = attention_mask(2, 4, True, 2, None, torch.device("cpu"))
    assert looks[0, 0].tolist() == [[False, True, True, False], [False, False, True, True]]


def test_rotation_keeps_length_and_depends_on_distance_alone():
    query, key = torch.randn(1, 1, 1, 8), torch.randn(1, 1, 1, 8)

    def score(at: int, other: int) -> torch.Tensor:
        return (rotate(query, *turns(at, at + 1)) * rotate(key, *turns(other, other + 1))).sum()

    torch.testing.assert_close(rotate(query, *turns(7, 8)).norm(), query.norm())
    torch.testing.assert_close(score(5, 3), score(105, 103), rtol=1e-4, atol=1e-4)
    assert (score(5, 3) - score(5, 2)).abs() > 1e-4
    torch.testing.assert_close(rotate(query, *turns(0, 1)), query)


def test_sinusoids():
    """The formula of the paper, sines first; a shift of positions is a rotation, the same at every position."""
    found = sinusoids(torch.arange(5, 9), 6)
    for row, position in enumerate(range(5, 9)):
        angles = torch.tensor([position / 10_000 ** (2 * i / 6) for i in range(3)])
        torch.testing.assert_close(found[row], torch.cat((angles.sin(), angles.cos())))
    assert found.square().sum(1).allclose(torch.tensor(3.0))


def test_gradients_through_every_projection():
    layer, x = attention(kv_heads=2, bias=True), torch.randn(BATCH, TIME, WIDTH)
    F.mse_loss(layer(x, causal=True), torch.randn_like(x)).backward()
    for name, weight in layer.named_parameters():
        if name != "key.bias":  # shifts all scores of a query alike, but for the norm
            assert weight.grad.abs().sum() > 0, name

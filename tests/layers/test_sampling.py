import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.layers.sampling import draw, shape_logits

NOTHING = torch.zeros(1, 0, dtype=torch.long)
ODDS = [0.5, 0.25, 0.15, 0.06, 0.04]
"""Probabilities of five tokens, in another order than by size."""
ORDER = [3, 0, 4, 1, 2]


def shaped(written: list[int] | None = None, **options) -> list[float]:
    """The probabilities after shaping, likeliest first."""
    logits = torch.empty(1, 5)
    logits[0, ORDER] = torch.tensor(ODDS).log() + 2.5
    tokens = torch.tensor([[ORDER[place] for place in written or []]], dtype=torch.long)
    return shape_logits(logits, tokens, **options).softmax(-1)[0, ORDER].tolist()


def renormalised(*odds: float) -> list[float]:
    return pytest.approx([value / sum(odds) for value in odds], abs=1e-6)


def test_nothing_asked_nothing_changed():
    assert shaped() == renormalised(*ODDS)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_temperature(temperature):
    assert shaped(temperature=temperature) == renormalised(*(odds ** (1 / temperature) for odds in ODDS))


@pytest.mark.parametrize("temperature", [1e-45, 1e-30, 1e-6])
def test_almost_no_temperature_is_greedy(temperature):
    assert shaped(temperature=temperature) == [1, 0, 0, 0, 0]


@pytest.mark.parametrize(("top_k", "kept"), [(1, 1), (2, 2), (4, 4), (5, 5), (1000, 5)])
def test_top_k(top_k, kept):
    assert shaped(top_k=top_k) == renormalised(*ODDS[:kept], *[0] * (5 - kept))


@pytest.mark.parametrize(
    ("top_p", "kept"),
    [(1e-9, 1), (0.49, 1), (0.51, 2), (0.74, 2), (0.76, 3), (0.89, 3), (0.91, 4), (0.97, 5), (1.0, 5)],
)
def test_top_p(top_p, kept):
    """Keeps the fewest tokens that reach the probability, and always the likeliest."""
    assert shaped(top_p=top_p) == renormalised(*ODDS[:kept], *[0] * (5 - kept))


@pytest.mark.parametrize(
    ("min_p", "kept"), [(0.0, 5), (0.079, 5), (0.081, 4), (0.11, 4), (0.13, 3), (0.31, 2), (0.51, 1), (0.99, 1)]
)
def test_min_p(min_p, kept):
    assert shaped(min_p=min_p) == renormalised(*ODDS[:kept], *[0] * (5 - kept))


def test_repetition_penalty_by_hand():
    logits = torch.tensor([[2.0, -1.0, 0.5, 3.0]])
    written = torch.tensor([[0, 1, 1, 0]])
    penalised = shape_logits(logits, written, repetition_penalty=2.0)
    expected = torch.tensor([[1.0, -2.0, 0.5, 3.0]])
    torch.testing.assert_close(penalised.softmax(-1), expected.softmax(-1))
    assert logits.tolist() == [[2.0, -1.0, 0.5, 3.0]]


def test_penalty_comes_before_temperature_and_cuts():
    logits = torch.tensor([[2.0, 1.8, 0.0]])
    cut = shape_logits(logits, torch.tensor([[0]]), temperature=0.5, top_k=1, repetition_penalty=2.0)
    assert cut.softmax(-1).tolist() == [[0, 1, 0]]


def test_cuts_together():
    """top_k leaves four, min_p three of them, and half of what is left is the first."""
    assert shaped(top_k=4, min_p=0.13, top_p=0.5) == renormalised(0.5, 0, 0, 0, 0)


def test_rows_are_shaped_each_by_itself():
    logits = torch.tensor([[3.0, 1.0, 0.0], [0.0, 1.0, 3.0]])
    kept = shape_logits(logits, torch.zeros(2, 0, dtype=torch.long), top_k=1).softmax(-1)
    assert kept.tolist() == [[1, 0, 0], [0, 0, 1]]


@settings(max_examples=200, deadline=None)
@given(
    logits=st.lists(st.floats(-1e4, 1e4, width=32), min_size=1, max_size=12),
    temperature=st.floats(1e-20, 100, exclude_min=True),
    top_k=st.none() | st.integers(1, 20),
    top_p=st.none() | st.floats(1e-6, 1, exclude_min=True),
    min_p=st.none() | st.floats(0, 1, exclude_max=True),
    penalty=st.floats(0.01, 100),
)
def test_always_a_distribution_with_the_likeliest_in_it(logits, temperature, top_k, top_p, min_p, penalty):
    row = torch.tensor([logits])
    written = torch.zeros(1, 1, dtype=torch.long)
    odds = shape_logits(row, written, temperature, top_k, top_p, min_p, penalty).softmax(-1)[0]
    assert odds.isfinite().all()
    assert math.isclose(odds.sum().item(), 1, abs_tol=1e-4)
    if penalty == 1:  # of several likeliest, one at least
        plain = shape_logits(row, written, temperature).softmax(-1)[0]
        assert odds[plain == plain.max()].max() == odds.max() > 0
    if top_k is not None and len(set(logits)) == len(logits) and penalty == 1:
        assert (odds > 0).sum() <= top_k
    token = draw(odds.log()[None], torch.Generator().manual_seed(0))
    assert odds[token] > 0


def test_draw_follows_the_odds_and_the_seed():
    logits = torch.tensor(ODDS).log().expand(20_000, 5)
    tokens = draw(logits, torch.Generator().manual_seed(1))
    shares = torch.bincount(tokens, minlength=5) / len(tokens)
    torch.testing.assert_close(shares, torch.tensor(ODDS), rtol=0, atol=0.012)
    assert torch.equal(tokens, draw(logits, torch.Generator().manual_seed(1)))
    assert not torch.equal(tokens, draw(logits, torch.Generator().manual_seed(2)))


def test_rows_are_drawn_each_from_its_own_generator():
    """A row's tokens do not depend on its neighbours."""
    logits = torch.randn(3, 7, generator=torch.Generator().manual_seed(0))
    own = [torch.Generator().manual_seed(seed) for seed in (5, 6, 7)]
    alone = [draw(logits[row : row + 1], torch.Generator().manual_seed(seed)) for row, seed in enumerate((5, 6, 7))]
    assert torch.equal(draw(logits, *own), torch.cat(alone))


@pytest.mark.parametrize("number", [0.0, 1 - 2**-24])
def test_what_is_ruled_out_is_not_drawn_by_the_least_or_largest_number(number, monkeypatch):
    """Never draws before the first possible token or after the last, where sums in float32 are rounded."""
    monkeypatch.setattr(torch, "rand", lambda *_, **__: torch.full((50,), number))
    logits = torch.randn(50, 3000, generator=torch.Generator().manual_seed(1))
    logits[:, :9], logits[:, -9:] = -torch.inf, -torch.inf
    tokens = draw(logits, torch.Generator())
    assert (tokens >= 9).all()
    assert (tokens < 2991).all()
    assert (tokens == 9).all() == (number == 0)


@pytest.mark.parametrize("spread", [0.01, 1.0, 4.0])
def test_top_p_of_a_large_vocabulary(spread):
    """The result equals that of a full sort, whether or not a thousand tokens are enough."""
    logits = spread * torch.randn(2, 5000, generator=torch.Generator().manual_seed(0), dtype=torch.float64).float()
    ordered, order = logits.softmax(-1).sort(descending=True)
    counts = (ordered.cumsum(-1) < 0.8).sum(-1) + 1
    kept = shape_logits(logits, NOTHING.expand(2, 0), top_p=0.8).isfinite()
    assert (kept.sum(-1) - counts).abs().max() <= 1  # where rounding decides
    for row in range(2):
        assert kept[row, order[row, : counts[row] - 1]].all()

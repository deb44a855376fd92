import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.models.token_ngram import TokenNGram


def test_bigram_by_hand():
    model = TokenNGram([np.array([0, 1, 0, 1])], vocabulary=2, order=2)
    # without context both have (2 + 2 / 2) / 6 = 1/2; after 0 comes 1 twice, after 1 comes 0 once, 0 begins once
    first, after_0, after_1 = (1 + 0.5) / 2, (2 + 0.5) / 3, (1 + 0.5) / 2
    np.testing.assert_allclose(np.exp(-model.nats(np.array([0, 1, 0]))), [first, after_0, after_1])
    np.testing.assert_allclose(np.exp(-model.nats(np.array([1, 1, 0]))), [1 - first, 1 - after_1, after_1])


def test_nats_per_token_counts_tokens_equally():
    model = TokenNGram([np.array([0, 0, 0, 1])], vocabulary=2, order=1)
    # one context: (3 + 2 / 2) / 6 and (1 + 2 / 2) / 6
    nats = model.nats_per_token([np.array([0, 0, 0]), np.array([1])])
    assert nats == pytest.approx(-(3 * math.log(2 / 3) + math.log(1 / 3)) / 4)


def test_longer_contexts_know_longer_patterns():
    pattern = np.tile([0, 0, 1, 0, 2], 200)  # what follows 0 depends on two tokens before it
    losses = [TokenNGram([pattern], 3, order).nats_per_token([pattern]) for order in (1, 2, 3, 4)]
    assert losses[0] > losses[1] > losses[2] > losses[3]
    assert losses[3] < 0.05


def test_sequences_do_not_run_into_one_another():
    one, other = np.array([0, 1, 2]), np.array([3, 2, 1])
    np.testing.assert_array_equal(TokenNGram([one, other], 4).nats(one), TokenNGram([other, one], 4).nats(one))
    begins = TokenNGram([one, other], 4).distributions(np.array([0]))[0]
    assert begins[0] == begins[3] > begins[1]


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 4), max_size=20), max_size=4),
    st.lists(st.integers(0, 4), min_size=1, max_size=10),
    st.integers(1, 4),
)
def test_distributions_sum_to_one_and_no_token_sees_those_after_it(sequences, tokens, order):
    model = TokenNGram([np.array(each, np.int64) for each in sequences], 5, order)
    text = np.array(tokens)
    found = model.distributions(text)
    np.testing.assert_allclose(found.sum(1), 1)
    np.testing.assert_allclose(-np.log(found[np.arange(len(text)), text]), model.nats(text))
    changed = text.copy()
    changed[-1] = (changed[-1] + 1) % 5
    np.testing.assert_array_equal(model.distributions(changed), found)

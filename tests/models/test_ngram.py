"""The n-gram model compared with probabilities computed by hand and with a plain implementation."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.models.ngram import NGram

SIZE = 4


def plain(contexts, symbols, context, symbol, weight):
    """Probability of a symbol, straight from the definition."""
    probability = 1 / SIZE
    for length in range(contexts.shape[1] + 1):
        after = symbols[(contexts[:, :length] == context[:length]).all(1)]
        if len(after):
            kinds = weight * len(set(after.tolist()))
            probability = ((after == symbol).sum() + kinds * probability) / (len(after) + kinds)
    return probability


def test_probabilities_by_hand():
    contexts = np.array([[0], [0], [0], [1]])
    symbols = np.array([2, 2, 3, 0])
    model = NGram(contexts, symbols, SIZE)
    # without context: four examples of three kinds
    general = {symbol: (count + 3 / 4) / 7 for symbol, count in {0: 1, 1: 0, 2: 2, 3: 1}.items()}
    found = model.probabilities(np.array([[0], [0], [1], [5]]), np.array([2, 1, 0, 2]))
    expected = [(2 + 2 * general[2]) / 5, 2 * general[1] / 5, (1 + general[0]) / 2, general[2]]
    np.testing.assert_allclose(found, expected)


def test_a_larger_weight_trusts_shorter_contexts_more():
    contexts, symbols = np.array([[0], [1]]), np.array([0, 1])
    found = [NGram(contexts, symbols, 2, weight).probabilities(contexts, symbols)[0] for weight in (1.0, 3.0)]
    # the symbols are equally frequent: (1 + w / 2) / (1 + w)
    np.testing.assert_allclose(found, [0.75, 0.625])


cases = st.integers(0, 3).flatmap(
    lambda order: st.tuples(
        st.lists(st.tuples(st.integers(0, SIZE - 1), *[st.integers(0, 2)] * order), max_size=30),
        st.lists(st.tuples(st.integers(0, SIZE - 1), *[st.integers(0, 3)] * order), min_size=1, max_size=5),
    )
)


@settings(max_examples=50, deadline=None)
@given(cases, st.sampled_from([0.5, 1.0, 8.0]))
def test_any_examples(rows, weight):
    order = len(rows[1][0]) - 1
    train, test = (np.array(part, np.int64).reshape(-1, order + 1) for part in rows)
    model = NGram(train[:, 1:], train[:, 0], SIZE, weight)
    found = model.distributions(test[:, 1:])
    np.testing.assert_allclose(found.sum(1), 1)
    expected = [[plain(train[:, 1:], train[:, 0], row[1:], symbol, weight) for symbol in range(SIZE)] for row in test]
    np.testing.assert_allclose(found, expected)
    np.testing.assert_allclose(
        model.probabilities(test[:, 1:], test[:, 0]), found[np.arange(len(test)), test[:, 0]], rtol=1e-12
    )


def test_symbols_out_of_reach_are_refused():
    with pytest.raises(AssertionError):
        NGram(np.zeros((1, 1), int), np.array([4]), SIZE)

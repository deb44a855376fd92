"""Bin edges of numbers."""

import numpy as np
import pytest

from genlab.data.tables import bins as module
from genlab.data.tables.bins import LEAF, bin_edges, tree_edges


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_a_tree_finds_where_the_classes_change() -> None:
    numbers = rng().uniform(0, 1, 2000).astype(np.float32)
    labels = ((numbers > 0.3) & (numbers < 0.8)).astype(int)
    edges = tree_edges(numbers, labels, 16)
    assert len(edges) == 4
    np.testing.assert_allclose(edges, [0, 0.3, 0.8, 1], atol=0.01)


def test_noise_gets_no_edges_and_leaves_are_not_small() -> None:
    numbers = rng().uniform(0, 1, 2000).astype(np.float32)
    noise = rng().integers(0, 2, 2000)
    assert len(tree_edges(numbers, noise, 16)) == 2
    labels = (np.arange(2000) < LEAF // 2).astype(int)
    edges = tree_edges(np.arange(2000, dtype=np.float32), labels, 16)
    assert edges.tolist() == [0, LEAF - 0.5, 1999]


def test_the_best_splits_come_first() -> None:
    numbers = np.arange(3000, dtype=np.float32)
    labels = (numbers >= 1500).astype(int)
    labels[:60] = 1  # a small exception
    assert tree_edges(numbers, labels, 2).tolist() == [0, 1499.5, 2999]
    assert tree_edges(numbers, labels, 3).tolist() == [0, 59.5, 1499.5, 2999]


def test_a_feature_with_few_values_gets_an_edge_at_each() -> None:
    rows = np.stack([rng().integers(0, 5, 200), rng().integers(0, 2, 200), np.ones(200)], 1).astype(np.float32)
    labels = rng().integers(0, 2, 200)
    assert bin_edges(rows, [0, 1, 2], labels, 8) == [[0, 1, 2, 3, 4], [], []]  # a flag or a constant has no bins
    assert bin_edges(rows, [0], labels, 0) == [[]]


@pytest.mark.parametrize(
    ("features", "classes", "counts", "expected"),
    [(1, 2, 10**9, 9000), (1, 2, 8000, 4000), (4, 2, 8000, 1000), (1, 8, 8000, 1000), (4, 8, 8000, 500)],
)
def test_trees_are_grown_from_a_sample(monkeypatch, features, classes, counts, expected) -> None:
    """The edges still cover the range of all rows."""
    monkeypatch.setattr(module, "COUNTS", counts)
    seen = []
    grow = tree_edges
    monkeypatch.setattr(module, "tree_edges", lambda some, *rest: seen.append(len(some)) or grow(some, *rest))
    numbers = rng().uniform(0, 1, 9000).astype(np.float32)
    numbers[[10, 20]] = -7, 9
    labels = (numbers > 0.5) * (classes - 1)
    edges = bin_edges(np.stack([numbers] * features, 1), list(range(features)), labels, 16)
    assert seen == [expected] * features
    np.testing.assert_allclose(edges, [[-7, 0.5, 9]] * features, atol=0.02)

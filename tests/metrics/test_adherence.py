"""Shares of right values, and those by chance."""

import numpy as np
import pytest

from genlab.metrics.adherence import right, right_by_chance

READ = np.array([[0, 1], [0, 0], [2, 1], [1, 1]])
WANTED = np.array([[0, 1], [1, 0], [2, 0], [0, 0]])


def test_shares_by_hand():
    assert right(READ, WANTED) == ([0.5, 0.5], 0.25)
    assert right(READ, READ) == ([1.0, 1.0], 1.0)


def test_chance_is_the_mean_over_shuffled_wishes():
    each, together = right_by_chance(READ, WANTED)
    chance, found = np.random.default_rng(0), []
    while len(found) < 3000:
        order = chance.permutation(4)
        if (order != np.arange(4)).all():
            found.append([*right(READ, WANTED[order])[0], right(READ, WANTED[order])[1]])
    assert [*each, together] == pytest.approx(np.mean(found, 0).tolist(), abs=0.02)
    assert right_by_chance(READ[:1], WANTED[:1]) == ([0.0, 0.0], 0.0)

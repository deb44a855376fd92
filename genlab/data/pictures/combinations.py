"""Combinations of values that training never sees, so that an evaluation can measure them."""

import hashlib
import json
from collections import Counter

import numpy as np
from jaxtyping import Bool

from genlab.data.pictures.attributes import UNKNOWN
from genlab.data.pictures.facts import Facts
from genlab.data.shared.splits import place_of


def unseen_combinations(facts: Facts, share: float) -> list[list[int]]:
    """Combinations of values to hold out of training, each a value index per attribute.

    A hash of the names and values decides, so that more pictures move no combination. A combination of more than
    `share` of the pictures is not held out, nor one without which training would lack a value.
    """
    if len(facts.attributes) < 2 or share == 0:
        return []
    counts = Counter(map(tuple, facts.values[(facts.values != UNKNOWN).all(1)].tolist()))
    seen = [Counter(row[place] for row in counts) for place in range(len(facts.attributes))]
    chosen = []
    for row in sorted(counts, key=lambda row: _place(facts, row)):
        rare = counts[row] <= share * counts.total()
        if _place(facts, row) < share and rare and all(each[value] > 1 for each, value in zip(seen, row, strict=True)):
            chosen.append(list(row))
            for each, value in zip(seen, row, strict=True):
                each[value] -= 1
    return chosen


def _place(facts: Facts, row: tuple[int, ...]) -> float:
    """Maps a combination to [0, 1)."""
    named = sorted((one.name, one.values[value]) for one, value in zip(facts.attributes, row, strict=True))
    return place_of(hashlib.sha256(json.dumps(named).encode()).digest())


def are_unseen(facts: Facts, combinations: list[list[int]]) -> Bool[np.ndarray, " pictures"]:
    """Whether each picture has one of these combinations."""
    known = set(map(tuple, combinations))
    return np.array([tuple(row) in known for row in facts.values.tolist()], bool)

"""Comparing a model with the baselines, on readings that are known."""

import numpy as np

from genlab.data.pictures.attributes import Attribute
from genlab.tasks.restyle.changes import Changes
from genlab.tasks.restyle.comparison import compared_values

GLASSES = Attribute("glasses", ["no", "yes"])


def test_a_judge_that_always_reads_the_frequent_value_is_unreliable():
    """2 % wear glasses, so it reads 98 % of the pictures correctly."""
    recorded = (np.arange(200) < 4).astype(int)
    pictures = np.zeros((200, 1, 1, 3), np.uint8)
    changes = Changes([GLASSES], pictures, [""] * 200, recorded[:, None], np.zeros(200, int), 1 - recorded)
    always = np.zeros((200, 1), int)
    found = compared_values({"model": always, "unchanged": always}, changes, [GLASSES])
    assert found["judge"]["accuracy"] == {"glasses": 0.5}
    assert not found["flip_rate"]["reliable"]
    assert any("glasses is unreliable" in note and "50.0%" in note for note in found["notes"])
    right = compared_values({"model": always, "unchanged": recorded[:, None]}, changes, [GLASSES])
    assert right["flip_rate"]["reliable"]

"""The step of a flow whose attention is shown."""

import pytest

from genlab.tasks.images.attention import step_at


@pytest.mark.parametrize(
    ("time", "steps", "step"),
    [
        (0.0, 16, 0),
        (0.29, 100, 29),
        (0.28, 4, 1),
        (0.38, 4, 2),
        (0.5, 16, 8),
        (0.95, 16, 15),
        (1.0, 16, 15),
        (1.0, 1, 0),
    ],
)
def test_attention_is_shown_at_the_nearest_step(time, steps, step):
    assert step_at(time, steps) == step

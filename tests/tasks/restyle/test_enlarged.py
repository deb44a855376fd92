"""Changes at full size, of originals that are grey or in colour."""

import numpy as np
import pytest
import torch

from genlab.tasks.restyle.pipeline import enlarged


@pytest.mark.parametrize(("original", "model"), [(1, 1), (1, 3), (3, 1), (3, 3)])
def test_the_central_square_gets_the_change(original, model):
    photo = np.full((20, 30, original), 100, np.uint8)
    before = torch.zeros(model, 16, 16)
    change = torch.tensor([0.2, 0.0, -0.2])[:model, None, None]
    changed = enlarged(photo, before, before + change)
    assert changed.shape == (20, 30, max(original, model))
    assert (changed[:, :5] == 100).all()
    assert (changed[:, 25:] == 100).all()
    wanted = np.broadcast_to(100 + 127.5 * change.numpy()[:, 0, 0], changed.shape[2:])
    np.testing.assert_allclose(changed[:, 5:25], np.broadcast_to(wanted, (20, 20, len(wanted))), atol=1)
    assert (photo == 100).all()

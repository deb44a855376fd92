"""Rows as tensors for the network."""

import numpy as np
import pytest
import torch

from genlab.data.tables.columns import Encoder, NumberColumn
from genlab.tasks.classify import inputs as module
from genlab.tasks.classify.inputs import RowInputs


@pytest.mark.parametrize(
    ("edges", "largest"),
    [
        ([], 100),
        ([[], []], 100),
        ([[0.0, 1.0, 2.0], []], 100),
        ([list(map(float, range(30))), [0.0, 1.0]], 50),
        ([list(map(float, range(3000))), [0.0, 1.0]], 1),
    ],
)
def test_numbers_in_many_bins_make_smaller_batches(monkeypatch: pytest.MonkeyPatch, edges, largest: int) -> None:
    monkeypatch.setattr(module, "ROWS", 100)
    monkeypatch.setattr(module, "POSITIONS", 3000)
    columns = [NumberColumn(name, 0.0, 1.0, 0.0, False) for name in ("x", "y")]
    inputs = RowInputs(Encoder(columns, ["a", "b"], "kind"), edges)
    rows = np.random.default_rng(0).normal(size=(230, 2)).astype(np.float32)
    batches = list(inputs.passes(rows))
    assert max(map(len, batches)) == largest
    assert torch.equal(torch.cat(batches), torch.from_numpy(rows))

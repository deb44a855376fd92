"""Permutation importance: how much worse a classifier of rows predicts when the cells of one column are shuffled.

Breiman (2001, "Random forests", section 10), with the log-loss. Columns that carry the same information share it: each
alone may seem to matter little.
"""

import numpy as np
import torch

from genlab.data.tables.table_set import Examples
from genlab.models.classifier import classification_loss
from genlab.tasks.classify.inputs import RowInputs
from genlab.tasks.classify.pipeline import ClassifyPipeline

ROWS = 2000
"""Most rows."""
CELLS = 200_000
"""Most cells, rows times columns; a wider table uses fewer rows."""
REPEATS = 3
"""Shuffles of each column, averaged."""
NAMED = 20
"""Number of columns that the report lists."""


def importance(pipeline: ClassifyPipeline, inputs: RowInputs, split: Examples) -> dict[str, float]:
    """Increase of the log-loss in nats for each of the `NAMED` most important columns, the largest first.

    A column without influence scores about zero, by chance also below.
    """
    columns = inputs.encoder.slices
    draws = np.random.default_rng(0)
    count = min(len(split), ROWS, max(1, CELLS // len(columns)))
    chosen = np.sort(draws.choice(len(split), count, replace=False))
    rows, labels = split.rows[chosen], torch.from_numpy(split.labels[chosen])

    def loss() -> float:
        logits = pipeline.logits(inputs.passes(rows)) / pipeline.temperature.value.item()
        return classification_loss(logits.double(), labels).item()

    before = loss()
    found = {}
    for name, place in columns.items():
        kept = rows[:, place].copy()
        losses = []
        for _ in range(REPEATS):
            rows[:, place] = kept[draws.permutation(count)]
            losses.append(loss())
        rows[:, place] = kept
        found[name] = float(np.mean(losses)) - before
    return dict(sorted(found.items(), key=lambda item: -item[1])[:NAMED])

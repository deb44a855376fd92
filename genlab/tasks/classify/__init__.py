"""Classification: predicts the class of a picture or a table row, with probabilities."""

from genlab.data.pictures import SAMPLES
from genlab.tasks.task import Model, Task

OPTIONS = "genlab.tasks.classify.options"
WORKBOOKS = ("xlsx", "xls", "ods")
"""Endings of tables that the reader refuses, with the remedy."""
TABLES = tuple(
    f".{ending}{packed}"
    for ending in ("csv", "tsv", "tab", "psv", "data", "dat", "txt", "parquet", *WORKBOOKS)
    for packed in ("", ".gz", ".xz", ".bz2")
)
PREDICT = {"predict": f"{OPTIONS}:PredictRequest"}

TASK = Task(
    name="classify",
    about="a classifier of pictures or table rows",
    models=(
        Model(
            "cnn",
            "a residual convolutional network for pictures",
            options=f"{OPTIONS}:CNNOptions",
            recipe="genlab.tasks.classify.cnn:CNNRecipe",
            network="genlab.tasks.classify.cnn:build_network",
            requests=PREDICT,
            suits="pictures",
        ),
        Model(
            "mlp",
            "an additive logistic regression corrected by an ensemble of perceptrons, for table rows",
            options=f"{OPTIONS}:MLPOptions",
            recipe="genlab.tasks.classify.mlp:MLPRecipe",
            network="genlab.tasks.classify.mlp:build_network",
            requests=PREDICT,
            reads=TABLES,
            suits="a table",
        ),
    ),
    pipeline="genlab.tasks.classify.pipeline:ClassifyPipeline",
    evaluate="genlab.tasks.classify.evaluate:evaluate",
    makes="label",
    data="a folder with a sub-folder of pictures per class, or a CSV file with a label column",
    samples=SAMPLES,
    page="docs/classify.md",
)

"""Trains every model a little, in each of several processes that torchrun starts:

torchrun ... -m tests.engine.every_model FOLDER

Data come from FOLDER/<task>-<model>, run folders go to FOLDER/runs. FOLDER/digests-<rank>.json says what each model's
networks and optimisers were in that process at the end.
"""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any
from unittest import mock

import genlab
from genlab.catalog import TASKS, task_named
from genlab.engine.checkpoints import flatten
from genlab.engine.loop import Loop
from genlab.engine.weights import tensors_to_bytes
from genlab.errors import InputError
from tests.tasks.test_contract import small

MODELS = [(task, model.name) for task in TASKS for model in task_named(task).models]
STEPS = 6


def options(task: str, model: str, processes: int) -> dict[str, Any]:
    """Small, deterministic where the model allows it, and for `processes` the same examples in a step."""
    declared = {**small(task).OPTIONS[model]}
    declared["batch"] = 2 * declared["batch"] // processes
    if task in ("text", "translate") or model == "mlp":
        declared["dropout"] = 0.0
    if model == "mlp":
        declared["weight_decay"] = 0.01
    return declared | {"steps": STEPS, "validation": "0" if task == "images" else "0.1"}


def train(folder: Path, task: str, model: str, out: str, processes: int = 1) -> genlab.Run:
    data = next((folder / f"{task}-{model}").iterdir())
    return genlab.train(task, data, model, out=folder / out, quiet=True, **options(task, model, processes))


def main(folder: Path) -> None:
    digests: dict[str, str] = {}
    run, loops = Loop.run, []
    with (
        mock.patch.object(Loop, "run", lambda self, quiet: (loops.append(self), run(self, quiet))),
        mock.patch.object(Loop, "_preview"),
    ):
        for task, model in MODELS:
            train(folder, task, model, f"runs/{task}-{model}", processes=2)
            tensors: dict[str, Any] = {}
            flatten(loops[-1].recipe.state(), "state", tensors)
            digests[f"{task}-{model}"] = hashlib.sha256(tensors_to_bytes(tensors)).hexdigest()
    (folder / f"digests-{os.environ['RANK']}.json").write_text(json.dumps(digests))
    try:
        genlab.train("text", folder / "missing.txt", out=folder / "runs" / "missing", quiet=True, steps=1)
    except InputError as error:
        (folder / f"error-{os.environ['RANK']}.txt").write_text(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

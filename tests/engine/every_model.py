"""Trains every model a little, in each of several processes that torchrun starts:

torchrun ... -m tests.engine.every_model FOLDER

Data come from FOLDER/<task>-<model>, run folders go to FOLDER/runs. FOLDER/ends-<rank>.json says what each model's
networks and optimisers were in that process at the end. FOLDER/whole is one longer run, on FOLDER/book.txt.
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
from genlab.engine.recipe import Metrics, Recipe
from genlab.engine.weights import tensors_to_bytes
from genlab.errors import InputError
from genlab.tasks.text.gpt import GPTRecipe
from tests.engine.short import interrupting
from tests.tasks.test_contract import small

MODELS = [(task, model.name) for task in TASKS for model in task_named(task).models]
STEPS = 6
LONGER = {"steps": 120, "size": "tiny", "context": 16, "batch": 2, "dropout": 0.1, "validation": 0}


def options(task: str, model: str, processes: int) -> dict[str, Any]:
    """Small, deterministic where the model allows it, and for `processes` the same examples in a step."""
    declared = {**small(task).OPTIONS[model]}
    declared["batch"] = 2 * declared["batch"] // processes
    if task in ("text", "translate", "classify"):
        declared["dropout"] = 0.0
    if model == "mlp":
        declared["weight_decay"] = 0.01
    return declared | {"steps": STEPS, "validation": "0" if task == "images" else "0.1"}


def train(folder: Path, task: str, model: str, out: str, processes: int = 1, **more) -> tuple[genlab.Run, Recipe]:
    """A short run, and its recipe after the last step."""
    data, loops, run = next((folder / f"{task}-{model}").iterdir()), [], Loop.run
    with (
        mock.patch.object(Loop, "run", lambda self, quiet: (loops.append(self), run(self, quiet))),
        mock.patch.object(Loop, "_preview"),
    ):
        given = options(task, model, processes) | more
        made = genlab.train(task, data, model, out=folder / out, quiet=True, **given)
    return made, loops[0].recipe


def digest(recipe: Recipe) -> str:
    """A digest that is equal only for states that are equal in every bit."""
    tensors: dict[str, Any] = {}
    flatten(recipe.state(), "state", tensors)
    return hashlib.sha256(tensors_to_bytes(tensors)).hexdigest()


def moments(recipe: Recipe) -> dict[str, float]:
    """Norms of the optimisers' running averages: unlike Adam's updates, they change with the scale of the gradients."""
    squares: dict[str, float] = {}
    for name, optimizers in recipe.optimizers.items():
        for number, optimizer in enumerate(optimizers):
            for kept in optimizer.state.values():
                for key, value in kept.items():
                    entry = f"{name}.{number}.{key}"
                    squares[entry] = squares.get(entry, 0.0) + float(value.square().sum())
    return {entry: square**0.5 for entry, square in squares.items()}


def interrupted(folder: Path) -> list[float]:
    """The loss of each step in this process, of a run interrupted before its first entry in metrics.jsonl."""
    losses, step = [], interrupting(GPTRecipe, 3)

    def recorded(self: GPTRecipe, batch: Any, progress: float) -> Metrics:
        measures = step(self, batch, progress)
        losses.append(measures["loss"].item())
        return measures

    with mock.patch.object(GPTRecipe, "step", recorded), mock.patch("genlab.engine.loop.MEETING", 0):
        given = {**LONGER, "steps": 2000}
        genlab.train("text", folder / "book.txt", out=folder / "runs" / "interrupted", quiet=True, **given)
    return losses


def main(folder: Path) -> None:
    ends: dict[str, Any] = {}
    for task, model in MODELS:
        _, recipe = train(folder, task, model, f"runs/{task}-{model}", processes=2)
        ends[f"{task}-{model}"] = {"digest": digest(recipe), "moments": moments(recipe)}
    _, recipe = train(folder, "text", "gpt", "runs/timed", processes=2, steps=None, minutes=0.05)
    ends["timed"] = {"digest": digest(recipe)}
    ends["interrupted"] = interrupted(folder)
    (folder / f"ends-{os.environ['RANK']}.json").write_text(json.dumps(ends))
    genlab.train("text", folder / "book.txt", out=folder / "whole", quiet=True, **LONGER)
    try:
        genlab.train("text", folder / "missing.txt", out=folder / "runs" / "missing", quiet=True, steps=1)
    except InputError as error:
        (folder / f"error-{os.environ['RANK']}.txt").write_text(str(error))


if __name__ == "__main__":
    main(Path(sys.argv[1]))

"""The two ways into the training loop: a new run, or one to go on with."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from genlab.engine.budget import Plan, plan_steps, plan_time
from genlab.engine.loop import Loop, write_plan
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import RunOptions
from genlab.engine.pipeline import Continues
from genlab.engine.progress import say
from genlab.engine.recipe import Recipe
from genlab.engine.run_folder import RunFolder
from genlab.errors import InputError
from genlab.options import two_paths

DEFAULT_MINUTES = 10.0
VERSIONS = ("torch", "numpy", "tokenizers", "safetensors", "lightning-fabric")


def train(recipe: Recipe, run: RunOptions, quiet: bool = False, start: Recipe | None = None) -> RunFolder:
    """Trains `recipe` as `run` says, and returns the run folder; `start` is the trained one to begin with.

    The state in its run.json is "done", "interrupted" (Ctrl-C; the run can be used and resumed) or
    "diverged" (a loss was no number; the best weights are from before).

    Raises:
        InputError: an option, the data or the folder cannot be used.
    """
    if run.minutes is not None and run.steps is not None:
        raise InputError("--minutes and --steps say the same thing twice: give one of them.", "steps")
    given = _given(recipe, run)
    if start is not None:
        _take_over(recipe, start)
    machine = recipe.machine = Machine.of(run)
    recipe.seed = run.seed
    for part in recipe.parts.values():  # each process made its own: gradients are averaged, weights are not
        part.load_state_dict(machine.agree(part.state_dict()))
    folder, fresh = _folder(recipe, run, machine)
    with folder.locked() if machine.rank == 0 else nullcontext(), _threads():
        try:
            config = None if fresh else _matching(folder, given)
            if machine.rank == 0:
                _begin(folder, run, given, config)
            with machine.first_alone():
                facts = recipe.read(run.data, run.validation, run.test)
            recorded = {} if fresh else folder.about().get("data", {})
            if recorded and recorded["fingerprint"] != facts.fingerprint:
                raise InputError(f"{run.data} is not what this run was started on: its content has changed.", "data")
            if config and "plan" in config:
                recipe.config = type(recipe.config)(**config["config"])
                plan = Plan(**config["plan"])
                torch.set_num_threads(plan.threads or torch.get_num_threads())
                _build(recipe, run)
            else:
                plan = _prepare(recipe, run, machine, quiet or machine.rank > 0)
            if machine.rank == 0:
                places = {"path": run.data, "validation": run.validation, "test": run.test}
                data = {**asdict(facts), **{key: _absolute(value) for key, value in places.items()}}
                folder.note(data=data, machine=machine.about())
                write_plan(folder, recipe, given, plan)
                recipe.save_files(folder.path)
            if start is not None:
                for name, network in recipe.saved().items():
                    network.load_state_dict(start.saved()[name].state_dict())
            loop = Loop(recipe, run, machine, folder, plan, given)
        except (InputError, KeyboardInterrupt):
            if fresh and machine.rank == 0:
                folder.discard()
            raise
        parameters = sum(weight.numel() for net in recipe.networks.values() for weight in net.parameters())
        for note in [*facts.notes, *recipe.warnings(plan.steps)]:
            loop.say(f"Note: {note}", quiet)
        loop.say(f"{folder.path}: {recipe.name}, {parameters:,} parameters, {_duration(plan)}", quiet)
        loop.run(quiet)
        machine.together()
        return folder


def _take_over(recipe: Recipe, start: Recipe) -> None:
    """Prepares `recipe` for the weights of `start`.

    Raises:
        InputError: they do not fit.
    """
    if not isinstance(recipe, Continues):
        raise InputError(
            f"from: the {recipe.task} {recipe.name} cannot start from another run: leave --from out.", "from"
        )
    if type(start) is not type(recipe):
        raise InputError(
            f"from: that run is a {start.name} for {start.task}, this would be a {recipe.name} for {recipe.task}.",
            "from",
        )
    recipe.take_over(start)


@contextmanager
def _threads() -> Iterator[None]:
    """The number of threads is the caller's again afterwards: a plan may take fewer."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _folder(recipe: Recipe, run: RunOptions, machine: Machine) -> tuple[RunFolder, bool]:
    """The run folder, and whether it is a new one."""
    if run.resume and run.out is None:
        raise InputError("--resume goes on with the run in --out: say which.", "out")
    found: tuple[RunFolder, bool] | None = None
    if machine.rank == 0:
        if run.resume and run.out is not None and (not Path(run.out).is_dir() or RunFolder(Path(run.out)).begun()):
            found = RunFolder.open(run.out), False
        else:
            found = RunFolder.create(run.out, recipe.task, run.data), True
    found = machine.agree(found)
    assert found is not None
    return found


def _given(recipe: Recipe, run: RunOptions) -> dict[str, Any]:
    """What the user asked for, as a resumed command must ask for it again."""
    options = {
        key: value for key, value in asdict(run).items() if key not in ("out", "resume", "checkpoint_seconds", "log")
    }
    parts = {name: f"{type(part).__module__}:{type(part).__qualname__}" for name, part in recipe.parts.items()}
    return {"task": recipe.task, "model": recipe.name, "run": options, "asked": asdict(recipe.config), "parts": parts}


def _matching(folder: RunFolder, given: dict[str, Any]) -> dict[str, Any] | None:
    """The recorded config; None if the run was killed before it was written.

    Raises:
        InputError: it was started with other options.
    """
    if "data" not in folder.about() and not folder.has_config():
        return None
    recorded = folder.config()
    if folder.about().get("state") == "imported":
        raise InputError(f"{folder.path} was imported: train on from it with --from.", "resume")
    for section in ("task", "model", "parts", "run", "asked"):
        before, now = recorded.get(section), given[section]
        if before == now:
            continue
        if not (isinstance(before, dict) and isinstance(now, dict)):
            raise InputError(f"This run was started with {section} {before}, not {now}: repeat its command.", section)
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                raise InputError(
                    f"This run was started with {name.rstrip('_')} {before.get(name)}, not {now.get(name)}: repeat its "
                    "command.",
                    name,
                )
    if folder.about().get("state") == "done":
        raise InputError(f"{folder.path} is finished: there is nothing to resume.", "resume")
    return recorded


def _begin(folder: RunFolder, run: RunOptions, given: dict[str, Any], config: dict | None) -> None:
    for leftover in folder.path.rglob(".*.tmp"):
        leftover.unlink()
    attempts = folder.about().get("attempts", 0) if (folder.path / "run.json").exists() else 0
    folder.note(
        state="running",
        attempts=attempts + 1,
        seed=run.seed,
        versions=versions(),
    )
    if config is None:
        folder.write_config(given)


def versions() -> dict[str, str]:
    """What a run was made with."""
    return {name: version(name) for name in ("genlab", *VERSIONS)}


def _build(recipe: Recipe, run: RunOptions) -> None:
    """Fresh networks, the same for the same seed, and their optimisers."""
    seed_everything(run.seed)
    recipe.build()
    recipe.build_optimizers()


def _prepare(recipe: Recipe, run: RunOptions, machine: Machine, quiet: bool) -> Plan:
    """Resolves the config, measures if a time is to be kept, and leaves the recipe freshly built."""
    if run.steps is not None:
        recipe.resolve(None, None)
        _build(recipe, run)
        return plan_steps(run.steps, recipe.validates)
    seconds = 60 * (run.minutes or DEFAULT_MINUTES)
    recipe.resolve(seconds, machine.agree(machine.speed()))
    own = {
        name: {key: value.clone() for key, value in part.state_dict().items()} for name, part in recipe.parts.items()
    }
    _build(recipe, run)
    if not quiet:
        say("measuring a few steps ...")
    plan = _measure(recipe, machine, seconds)
    for name, part in recipe.parts.items():
        part.load_state_dict(own[name])
    _build(recipe, run)
    return plan


def _measure(recipe: Recipe, machine: Machine, seconds: float) -> Plan:
    """The plan that fits `seconds`, with the number of threads that is fastest: all, or half of them.

    A thread that shares its processor with somebody else's work keeps all the others waiting.
    """
    threads = torch.get_num_threads()
    choices = [threads, threads // 2] if machine.device.type == "cpu" and threads > 1 else [threads]
    pace = {}
    for choice in choices:
        torch.set_num_threads(choice)
        pace[choice] = machine.agree(_step_seconds(recipe, machine, min(3.0, 0.1 * seconds)))
    best = min(choices, key=lambda choice: pace[choice])
    torch.set_num_threads(best)
    validation = 0.0
    if recipe.validates:
        for _ in range(2):  # the first warms up
            start = time.perf_counter()
            recipe.validate()
            validation = time.perf_counter() - start
    return replace(plan_time(seconds, pace[best], machine.agree(validation)), threads=best)


def _step_seconds(recipe: Recipe, machine: Machine, allowed: float) -> float:
    times: list[float] = []
    while machine.agree(len(times) < 3 or (len(times) < 50 and sum(times) < allowed)):
        start = time.perf_counter()
        with machine.autocast():
            recipe.step(machine.place(recipe.batch(len(times))))
        machine.wait()
        times.append(time.perf_counter() - start)
    settled = sorted(times[1:])  # the first warms up
    return settled[len(settled) // 2]


def _absolute(place: str) -> str:
    """A path, or two with a comma between, that hold from any folder; shares and sample sets as they are."""
    parts = two_paths(place) or (place,)
    return ",".join(map(os.path.abspath, parts)) if all(map(os.path.exists, parts)) else place


def _duration(plan: Plan) -> str:
    if plan.seconds is None:
        return f"{plan.steps:,} steps"
    return f"about {plan.steps:,} steps in {plan.seconds / 60:.3g} min"

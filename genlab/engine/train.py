"""Starts and resumes training."""

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from torch import Tensor

from genlab.catalog import load
from genlab.engine.budget import VALIDATION_SHARE, Plan, plan_steps, plan_time
from genlab.engine.custom import Factory, Networks, check_names
from genlab.engine.files import write_atomically
from genlab.engine.loop import Loop, write_plan
from genlab.engine.machine import Machine, preserved_randomness, seed_everything
from genlab.engine.modes import evaluating
from genlab.engine.opening import custom_classes, open_run, recorded_options, reporting_damage
from genlab.engine.options import RunOptions
from genlab.engine.pipeline import Pipeline
from genlab.engine.progress import minutes, say, working
from genlab.engine.recipe import DataFacts, Recipe, Setup, Speed
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.options import two_paths

if TYPE_CHECKING:
    from genlab.tasks.task import Model, Task

DEFAULT_MINUTES = 10.0
VERSIONS = ("torch", "numpy", "tokenizers", "safetensors", "lightning-fabric")


def train(
    task: "Task",
    model: "Model",
    options: Any,
    run: RunOptions,
    quiet: bool = False,
    networks: Mapping[str, Factory] | None = None,
    losses: Mapping[str, Callable[..., Tensor]] | None = None,
) -> tuple[RunFolder, Pipeline]:
    """Trains a model; returns the run folder and its pipeline.

    The state in run.json is "done", "interrupted" (Ctrl-C; the run can be used and resumed) or "diverged" (the loss
    became NaN or infinite; the run keeps the best earlier weights). The caller's random state does not change.

    Raises:
        InputError: an option, the data or the folder cannot be used.
    """
    if run.minutes is not None and run.steps is not None:
        raise InputError("--minutes and --steps cannot be combined: give one of them.", "steps")
    recipe_type: type[Recipe] = load(model.recipe)
    networks, losses = networks or {}, losses or {}
    check_names(networks, recipe_type.replaceable, "network", f"{task.name} {model.name}")
    check_names(losses, recipe_type.losses, "loss", f"{task.name} {model.name}")
    given = _given(task.name, model.name, options, run, losses)
    machine = Machine.of(run)
    with preserved_randomness(), _threads():
        if run.from_ is not None and not model.continues:
            raise InputError("from: this model cannot start from another run: omit --from.", "from")
        start = None if run.from_ is None else _start(run.from_, task.name, model.name, machine, networks)
        if start is not None:
            options = recipe_type.continued(options, start)
        options = recipe_type.replaced(options, networks)
        quiet = quiet or machine.rank > 0
        folder, fresh = machine.first(lambda: _folder(task.name, run))
        with folder.locked() if machine.rank == 0 else nullcontext():
            try:
                config = machine.first(lambda: None if fresh else _matching_config(folder, given, model.continues))
                if fresh:
                    machine.first(lambda: _begin(folder, run, given, config))
                recorded = {} if fresh else machine.first(lambda: folder.about().get("data", {}))
                with machine.first_alone(), working("reading the data", quiet):
                    for place in run.place.versions(task.samples):
                        data, facts = recipe_type.read(options, place, start)
                        if recorded.get("fingerprint") in (None, facts.fingerprint):
                            break
                _check_data(facts, run, machine, recorded)
                if not fresh:  # a rejected command must not change the run
                    machine.first(lambda: _begin(folder, run, given, config))
                setup = Setup(options, data, machine, run.seed, Networks(networks), losses, start)
                if config and "plan" in config:
                    with reporting_damage(folder.path):
                        plan = Plan.from_json(config["plan"])
                        resolved = recorded_options(config, type(options))
                    torch.set_num_threads(plan.threads or torch.get_num_threads())
                    recipe = _build(recipe_type, replace(setup, options=resolved))
                    _check_classes(config, setup.networks)
                else:
                    recipe, plan = _prepare(recipe_type, setup, run, quiet)
                given = {**given, "networks": setup.networks.made}
                if machine.rank == 0:
                    _record(folder, facts, run, machine)
                    write_plan(folder, recipe, given, plan)
                    recipe.pipeline.save(folder.path)
                if start is not None:
                    for name, network in recipe.pipeline.networks.items():
                        network.load_state_dict(start.networks[name].state_dict())
                with working("preparing the model", quiet):
                    recipe.prepare()
                loop = Loop(recipe, run, machine, folder, plan, given)
            except BaseException:  # nothing was trained, so the same command can be repeated
                if fresh and machine.rank == 0:
                    folder.discard()
                raise
            trained = recipe.pipeline.networks.values()
            parameters = sum(weight.numel() for network in trained for weight in network.parameters())
            for note in [*facts.notes, *recipe.warnings(plan.steps), *_slow_validation(plan)]:
                loop.say(f"Note: {note}", quiet)
            loop.say(f"{folder.path}: {model.name}, {parameters:,} parameters, {_duration(plan)}", quiet)
            loop.run(quiet)
            machine.together()
            # Only the first process has read the best weights.
            machine.share(tensor for network in trained for tensor in network.state_dict().values())
            for network in trained:
                network.eval()
            return folder, recipe.pipeline


class Look(NamedTuple):
    """What `train` would read and choose."""

    facts: DataFacts
    options: Any
    """Options resolved for the data and, with a time budget, for this machine."""
    examples: list[Sample]


def look(model: "Model", options: Any, run: RunOptions) -> Look:
    """Reads the data and resolves the options as `train` would, without training.

    Raises:
        InputError: an option or the data cannot be used.
    """
    recipe_type: type[Recipe] = load(model.recipe)
    machine = Machine.of(run)
    with preserved_randomness():
        data, facts = recipe_type.read(options, run.place, None)
        seconds = None if run.steps is not None else 60 * (run.minutes or DEFAULT_MINUTES)
        speed = Speed(seconds, None if seconds is None else machine.processes * machine.speed(), machine.processes)
        return Look(facts, recipe_type.resolve(options, data, speed, None), recipe_type.examples(data))


def _start(path: str, task: str, model: str, machine: Machine, networks: Mapping[str, Factory]) -> Pipeline:
    """Opens the run to start from, with the custom networks.

    Raises:
        InputError: the run cannot be opened, or has another model.
    """
    folder, pipeline = open_run(path, machine, networks)
    config = folder.config()
    if (config["task"], config["model"]) != (task, model):
        raise InputError(f"from: {path} is a {config['model']} for {config['task']}, not a {model} for {task}.", "from")
    return pipeline


@contextmanager
def _threads() -> Iterator[None]:
    """Context that restores the caller's number of threads, which a plan may reduce."""
    before = torch.get_num_threads()
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _folder(task: str, run: RunOptions) -> tuple[RunFolder, bool]:
    """The run folder, and whether it is new."""
    if run.resume and run.out is None:
        raise InputError("--resume needs --out with the run to continue.", "out")
    if run.resume and run.out is not None and (not Path(run.out).is_dir() or RunFolder(Path(run.out)).begun()):
        return RunFolder.open(run.out), False
    return RunFolder.create(run.out, task, run.data), True


def _check_data(facts: DataFacts, run: RunOptions, machine: Machine, recorded: dict[str, Any]) -> None:
    """Checks that all processes read the same data, and a resumed run the data that it was started on.

    Raises:
        InputError: the contents differ.
    """
    if machine.agree(facts.fingerprint) != facts.fingerprint:
        raise InputError(f"{run.data} differs between machines: use the same data on all of them.", "data")
    if recorded and recorded["fingerprint"] != facts.fingerprint:
        raise InputError(f"The content of {run.data} has changed since this run was started on it.", "data")


def _given(
    task: str, model: str, options: Any, run: RunOptions, losses: Mapping[str, Callable[..., Tensor]]
) -> dict[str, Any]:
    """The arguments that a resumed command must repeat."""
    of_run = {
        key: value for key, value in asdict(run).items() if key not in ("out", "resume", "checkpoint_seconds", "log")
    }
    if run.from_ is not None:
        of_run["from_"] = os.path.abspath(run.from_)
    named = {name: f"{loss.__module__}:{loss.__qualname__}" for name, loss in losses.items()}
    given = {"task": task, "model": model, "run": of_run, "asked": asdict(options), "losses": named}
    return json.loads(json.dumps(given))  # as config.json returns it: tuples become lists


def _matching_config(folder: RunFolder, given: dict[str, Any], continues: bool) -> dict[str, Any] | None:
    """The recorded config; None if the run was killed before it was written.

    Raises:
        InputError: the run was started with other options.
    """
    if "data" not in folder.about() and not folder.has_config():
        return None
    recorded = folder.config()
    if folder.about().get("state") == "imported":
        raise InputError(f"{folder.path} was imported: continue its training in a new run with --from.", "resume")
    with reporting_damage(folder.path):
        _check_same(folder, recorded, given, continues)
    if folder.about().get("state") == "done":
        more = f"; --from {shlex.quote(str(folder.path))} continues from its weights in a new run" if continues else ""
        raise InputError(f"{folder.path} is finished: there is nothing to resume{more}.", "resume")
    return recorded


def _check_same(folder: RunFolder, recorded: dict[str, Any], given: dict[str, Any], continues: bool) -> None:
    """Checks that a resumed command repeats the arguments of the run.

    Raises:
        InputError: one of them differs.
    """
    path = shlex.quote(str(folder.path))
    for section in ("task", "model", "losses", "run", "asked"):
        before, now = recorded.get(section, {}), given[section]
        if section == "run":
            before, now = _without_paths(before), _without_paths(now)
        if before == now:
            continue
        if not (isinstance(before, dict) and isinstance(now, dict)):
            raise InputError(f"This run was started with {section} {before}, not {now}: repeat its command.", section)
        for name in sorted(before.keys() | now.keys()):
            if before.get(name) != now.get(name):
                longer = name in ("steps", "minutes") and continues
                more = f", or continue from its weights in a new run with --from {path}" if longer else ""
                first, second = ("the default" if each is None else each for each in (before.get(name), now.get(name)))
                raise InputError(
                    f"This run was started with {name.rstrip('_')} {first}, not {second}: repeat its command{more}.",
                    name,
                )


def _without_paths(options: dict[str, Any]) -> dict[str, Any]:
    """Run options without the paths of the data, whose content is compared by fingerprint instead."""
    compared = {name: value for name, value in options.items() if name != "data"}
    for name in ("validation", "test"):
        try:
            compared[name] = float(compared.get(name, 0))
        except ValueError:
            compared[name] = "a path"
    if compared.get("from_") is not None:
        compared["from_"] = os.path.abspath(compared["from_"])
    return compared


def _check_classes(config: dict[str, Any], networks: Networks) -> None:
    """Checks that the custom networks are those that the run was started with.

    Raises:
        InputError: a network has another class.
    """
    before, now = custom_classes(config), {name: made["class"] for name, made in networks.made.items()}
    for name in sorted(before.keys() | now.keys()):
        if before.get(name) != now.get(name):
            raise InputError(
                f"This run was started with the {name} {before.get(name, 'of genlab')}, not "
                f"{now.get(name, 'that of genlab')}: give the same networks again.",
                name,
            )


def _begin(folder: RunFolder, run: RunOptions, given: dict[str, Any], config: dict | None) -> None:
    for leftover in folder.path.rglob(".*.tmp"):
        leftover.unlink()
    attempts = folder.about().get("attempts", 0) if (folder.path / "run.json").exists() else 0
    folder.note(state="running", attempts=attempts + 1, seed=run.seed, versions=versions())
    if config is None:
        folder.write_config(given)


def versions() -> dict[str, str]:
    """Versions of genlab and of the libraries that a run depends on."""
    return {name: version(name) for name in ("genlab", *VERSIONS)}


def _record(folder: RunFolder, facts: DataFacts, run: RunOptions, machine: Machine) -> None:
    """Writes data and machine to run.json, and what became of files, at least of those left out, to left_out.txt."""
    places = {"path": run.data, "validation": run.validation, "test": run.test}
    about = {key: value for key, value in asdict(facts).items() if key not in ("left_out", "report")}
    data = {**about, **{key: _absolute(value) for key, value in places.items()}}
    folder.note(data=data, machine=machine.about())
    if files := facts.report or facts.left_out:
        lines = "".join(f"{file}: {what}\n" for file, what in sorted(files.items()))
        write_atomically(folder.path / "left_out.txt", lines.encode("utf-8", "replace"))


def _build(recipe_type: type[Recipe], setup: Setup) -> Recipe:
    """Builds a recipe with fresh networks, the same for the same seed and in every process."""
    seed_everything(setup.seed)
    build: Callable[[Setup], Recipe] = cast(Any, recipe_type)  # the constructors of subclasses take only the setup
    recipe = build(setup)
    if setup.networks.factories:  # custom code may use other random generators
        setup.machine.share(tensor for network in recipe.networks.values() for tensor in network.state_dict().values())
    return recipe


def _prepare(recipe_type: type[Recipe], setup: Setup, run: RunOptions, quiet: bool) -> tuple[Recipe, Plan]:
    """Resolves the options, measures the speed for a time budget, and returns a fresh recipe with its plan."""
    machine = setup.machine
    if run.steps is not None:
        speed = Speed(None, None, machine.processes)
        options = recipe_type.resolve(setup.options, setup.data, speed, setup.start)
        recipe = _build(recipe_type, replace(setup, options=options))
        return recipe, plan_steps(run.steps, recipe.validates)
    seconds = 60 * (run.minutes or DEFAULT_MINUTES)
    speed = Speed(seconds, machine.processes * machine.agree(machine.speed()), machine.processes)
    setup = replace(setup, options=recipe_type.resolve(setup.options, setup.data, speed, setup.start))
    if not quiet:
        say("measuring a few steps ...")
    plan = _measure(_build(recipe_type, setup), machine, seconds)
    return _build(recipe_type, setup), plan


def _measure(recipe: Recipe, machine: Machine, seconds: float) -> Plan:
    """The plan for `seconds`, with the faster number of threads: all, or half of them.

    A thread whose core is busy with other work holds up all the others.
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
        for _ in range(2):  # the first round warms up; a long one is not repeated
            start = time.perf_counter()
            with evaluating(recipe.networks.values(), machine):
                recipe.validate()
            validation = machine.agree(time.perf_counter() - start)
            if validation > 0.02 * seconds:
                break
    return replace(plan_time(seconds, pace[best], validation), threads=best)


def _step_seconds(recipe: Recipe, machine: Machine, allowed: float) -> float:
    times: list[float] = []
    while machine.agree(len(times) < 3 or (len(times) < 50 and sum(times) < allowed)):
        start = time.perf_counter()
        with machine.autocast():
            recipe.step(machine.place(recipe.batch(len(times))), 0.0)
        machine.wait()
        times.append(time.perf_counter() - start)
    settled = sorted(times[1:])  # the first warms up
    return settled[len(settled) // 2]


def _absolute(place: str) -> str:
    """Makes a path, or two separated by a comma, absolute; returns fractions and sample sets unchanged."""
    parts = two_paths(place) or (place,)
    return ",".join(map(os.path.abspath, parts)) if all(map(os.path.exists, parts)) else place


def _slow_validation(plan: Plan) -> list[str]:
    """A warning if the validations take much of the time budget, which a single one may even exceed."""
    seconds = (plan.seconds_per_step or 0.0) * plan.steps_per_validation
    if plan.seconds is None or seconds <= 2 * VALIDATION_SHARE * plan.seconds:
        return []
    return [
        f"one validation takes {seconds:,.0f} of the {plan.seconds:,.0f} seconds: give a smaller --validation or more "
        "--minutes."
    ]


def _duration(plan: Plan) -> str:
    if plan.seconds is None:
        return f"{plan.steps:,} {'step' if plan.steps == 1 else 'steps'}"
    return f"about {plan.steps:,} steps in {minutes(plan.seconds)} min"

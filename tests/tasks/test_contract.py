"""The contract of every model of every task, on tiny data; `small.py` has each task's data and options."""

import dataclasses
import json
import math
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

import genlab
from genlab.catalog import TASKS, load, task_named
from genlab.engine.checkpoints import load_state, save_state
from genlab.engine.custom import Networks
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.modes import evaluating
from genlab.engine.options import Place, RunOptions
from genlab.engine.pipeline import AttentionMap, Pipeline
from genlab.engine.recipe import Recipe, Setup, Speed
from genlab.engine.samples import Kind
from genlab.errors import InputError
from genlab.options import make

ALL = [(task, model.name) for task in TASKS for model in task_named(task).models]


def small(task: str) -> ModuleType:
    """Tiny data and options of a task."""
    return import_module(f"tests.tasks.{task}.small")


def recipe_class(task: str, model: str) -> type[Recipe]:
    return load(task_named(task).model(model).recipe)


class Recorded(Networks):
    """Builds genlab's own networks, and keeps them by name."""

    def __init__(self) -> None:
        super().__init__()
        self.own: dict[str, torch.nn.Module] = {}

    def build(self, name, shape, default):
        self.own[name] = default(shape)
        return self.own[name]


def built(task: str, model: str, data: str, networks: Networks | None = None) -> Recipe:
    """A recipe, as the engine builds it."""
    declared = task_named(task).model(model)
    options = make(load(declared.options), small(task).OPTIONS[model])
    recipe_type = recipe_class(task, model)
    read, facts = recipe_type.read(options, Place(data, "0.1", "0.1"), None)
    assert len(facts.fingerprint) == 64
    assert {"train", "validation", "test"} <= facts.counts.keys()
    options = recipe_type.resolve(options, read, Speed(None, None, 1), None)
    seed_everything(0)
    return recipe_type(Setup(options, read, Machine("cpu"), networks=networks or Networks()))


def attention_is_whole(maps: list[AttentionMap]) -> None:
    """Every row of weights sums to 1, every token has a name, and every head its figures."""
    assert maps
    assert len({(one.name, one.layer) for one in maps}) == len(maps)
    for one in maps:
        assert one.weights.shape == (len(one.heads), len(one.rows), len(one.columns))
        torch.testing.assert_close(one.weights.sum(-1), torch.ones(one.weights.shape[:2]))
        assert all(one.rows + one.columns)
        assert len(one.entropy) == len(one.heads)
        assert one.distance is None or len(one.distance) == len(one.heads)
        assert 0 <= max(one.entropy) <= math.log2(len(one.columns)) + 1e-4


def latents_are_found(run: genlab.Run) -> None:
    """Inverting improves on the encoder's guess, the encoder is saved, and a run without directions refuses edits."""
    with pytest.raises(InputError, match="This run has no directions"):
        run.directions()
    made = run.generate(n=2, seed=5)
    pictures = np.stack([sample.content for sample in made])
    guessed, found = run.invert(pictures, optimise=0), run.invert(pictures, optimise=3)
    assert (run.path / "encoder.safetensors").exists()
    again = genlab.load(run.path).invert(list(pictures), optimise=3)
    for first, one, other, picture in zip(guessed, found, again, pictures, strict=True):
        assert one.latent.shape == made[0].latent.shape
        assert np.array_equal(one.latent, other.latent)
        assert one.made.shape == picture.shape
        assert np.array_equal(one.picture, picture)
        assert one.difference == np.abs(picture.astype(int) - one.made).mean()
        assert one.difference <= first.difference + 2  # the prior may cost a little


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer pictures to compare in training."""
    monkeypatch.setattr("genlab.tasks.images.recipe.WATCHED", 50)
    monkeypatch.setattr("genlab.tasks.images.gan.WATCHED", 50)
    monkeypatch.setattr("genlab.tasks.images.inversion.STEPS", 3)


@pytest.fixture
def data(task, model, tmp_path) -> str:
    return small(task).data(tmp_path, model)


@pytest.mark.parametrize("task", TASKS)
def test_declarations(task):
    """Everything that a declaration names exists and has the right type."""
    declared = task_named(task)
    assert declared.name == task
    assert issubclass(load(declared.pipeline), Pipeline)
    assert callable(load(declared.evaluate))
    assert declared.imports is None or callable(load(declared.imports.read))
    assert (Path(__file__).parents[2] / declared.page).is_file()
    for options in declared.files.values():
        assert all(callable(load(option.read)) for option in options)


@pytest.mark.parametrize(("task", "model"), ALL)
def test_names_and_options(task, model):
    found = task_named(task).model(model)
    assert issubclass(load(found.recipe), Recipe)
    assert callable(load(found.network))
    assert found.requests.keys() <= {"generate", "predict", "explain", "directions", "invert"}
    options = load(found.options)
    for kind in (options, *map(load, found.requests.values())):
        assert dataclasses.is_dataclass(kind)
        assert kind.__dataclass_params__.frozen
        # Fields of any type hold what files contain: the command line has no option for them.
        assert len([field for field in dataclasses.fields(kind) if field.type is not Any]) <= 13
    assert not {f.name for f in dataclasses.fields(options)} & {f.name for f in dataclasses.fields(RunOptions)}


@pytest.mark.parametrize("what", ["network", "loss"])
@pytest.mark.parametrize(("task", "model"), ALL)
def test_networks_and_losses_that_it_does_not_have_are_refused(task, model, what, data, tmp_path):
    own = {f"{what}s" if what == "network" else "losses": {"oracle": lambda *_: None}}
    with pytest.raises(InputError, match=f"The {task} {model} has no {what} oracle: choose from ") as error:
        genlab.train(task, data, model, steps=1, out=tmp_path / "run", quiet=True, **own)
    assert error.value.field == "oracle"
    assert not (tmp_path / "run").exists()
    recipe = recipe_class(task, model)
    assert recipe.replaceable
    assert recipe.losses


@pytest.mark.parametrize(("task", "model"), ALL)
def test_networks_are_built_by_the_users_factories(task, model, data, tmp_path):
    """A factory gets a shape that the run records; the caller's random state and the rest of the recipe stay."""
    declared, recipe = task_named(task).model(model), recipe_class(task, model)
    own, shapes = {}, {}
    reference = Recorded()
    built(task, model, data, reference)
    for name in recipe.replaceable:

        def factory(shape, name=name):
            shapes[name] = shape
            return reference.own[name]

        own[name] = factory
    options = small(task).OPTIONS[model]
    torch.manual_seed(3)
    before = torch.get_rng_state()
    run = genlab.train(task, data, model, steps=1, out=tmp_path / "run", quiet=True, networks=own, **options)
    assert torch.equal(torch.get_rng_state(), before)
    assert shapes.keys() == set(recipe.replaceable)
    recorded = run.folder.config()["networks"]
    assert {name: made["shape"] for name, made in recorded.items()} == {
        name: dataclasses.asdict(shape) for name, shape in shapes.items()
    }
    kept = set(run.pipeline.networks) & set(recipe.replaceable)
    if kept:
        with pytest.raises(InputError, match="custom networks"):
            genlab.load(run.path)
        genlab.load(run.path, networks=own)
    assert declared.name == run.model


@pytest.mark.parametrize(("task", "model"), ALL)
def test_steps_are_finite_and_reach_every_weight(task, model, data):
    recipe = built(task, model, data)
    assert set(recipe.optimizers) <= set(recipe.networks)
    moved: dict[str, set[str]] = {name: set() for name in recipe.optimizers}
    for step in range(3):  # what starts at zero lets gradients through only from the second step on
        measures = recipe.step(recipe.batch(step), step / 3)
        assert measures
        assert all(torch.isfinite(value).all() and value.ndim == 0 for value in measures.values())
        for name in recipe.optimizers:
            for key, weight in recipe.networks[name].named_parameters():
                assert weight.grad is not None, f"{name}.{key}"
                assert weight.grad.isfinite().all()
                if weight.grad.abs().sum() > 0:
                    moved[name].add(key)
    cancels = small(task).CANCELS.get(model, set())
    for name, keys in moved.items():
        assert keys >= {key for key, _ in recipe.networks[name].named_parameters()} - cancels
    optimised = {id(weight) for group in recipe.groups() for weight in group["params"]}
    assert optimised == {id(w) for name in recipe.optimizers for w in recipe.networks[name].parameters()}


@pytest.mark.parametrize(("task", "model"), ALL)
def test_a_batch_is_a_function_of_its_step(task, model, data):
    one, other = built(task, model, data), built(task, model, data)

    def tensors(batch) -> list[torch.Tensor]:
        if isinstance(batch, torch.Tensor):
            return [batch]
        return [t for part in batch for t in tensors(part)] if isinstance(batch, (tuple, list)) else []

    for step in (5, 0, 3):
        seed_everything(0, step)
        mine = tensors(one.batch(step))
        seed_everything(0, step)
        assert mine
        assert all(map(torch.equal, mine, tensors(other.batch(step))))


@pytest.mark.parametrize(("task", "model"), ALL)
def test_state_round_trip(task, model, data, tmp_path):
    """A checkpoint in another recipe gives the same next steps, bit for bit."""
    one = built(task, model, data)
    for step in range(2):
        seed_everything(0, step)
        one.step(one.batch(step), 0.0)
    save_state(tmp_path / "resume", 2, {"recipe": one.state()})
    other = built(task, model, data)
    restored = load_state(tmp_path / "resume")
    assert restored is not None
    step, state = restored
    assert step == 2
    other.load_state(state["recipe"])
    for recipe in (one, other):
        for step in (2, 3):
            seed_everything(0, step)
            recipe.step(recipe.batch(step), 0.5)
    mine = {f"{n}.{k}": w for n, network in one.networks.items() for k, w in network.state_dict().items()}
    theirs = {f"{n}.{k}": w for n, network in other.networks.items() for k, w in network.state_dict().items()}
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert torch.equal(mine[name], theirs[name]), name


@pytest.mark.parametrize(("task", "model"), ALL)
def test_validation_selects_by_a_number_and_leaves_no_trace(task, model, data):
    recipe = built(task, model, data)
    assert recipe.validates
    modes = [module.training for network in recipe.networks.values() for module in network.modules()]
    with evaluating(recipe.networks.values(), recipe.machine, 0):
        first, second, tested = recipe.validate(), recipe.validate(), recipe.test()
    assert first == second
    for measures in (first, tested):
        assert measures
        assert all(isinstance(value, float) for value in measures.values())
    assert modes == [module.training for network in recipe.networks.values() for module in network.modules()]


@pytest.mark.parametrize(("task", "model"), ALL)
def test_train_load_use_evaluate(task, model, data, tmp_path, monkeypatch):
    out, requests = tmp_path / "run", task_named(task).model(model).requests
    run = genlab.train(task, data, model, quiet=True, steps=3, out=out, **small(task).OPTIONS[model])
    assert run.about["state"] == "done"
    again = genlab.load(out)
    for opened in (run, again):
        assert not any(module.training for net in opened.pipeline.networks.values() for module in net.modules())
    if "generate" in requests:
        options, others = small(task).GENERATE, getattr(small(task), "OTHER", {"seed": 4})
        one, other = run.generate(**options), again.generate(**options)
        assert str(one[0].content) == str(other[0].content)
        assert str(again.generate(**{**options, **others})[0].content) != str(one[0].content)
        assert one[0].files
        assert isinstance(one[0].kind, Kind)
    else:
        with pytest.raises(InputError, match="cannot generate"):
            run.generate()
    if "predict" in requests:
        assert again.predict(data) == run.predict(data)
        assert len(run.predict(data)) > 10
    else:
        with pytest.raises(InputError, match="cannot predict labels"):
            run.predict(data)
    if "explain" in requests:
        attention_is_whole(again.attention(small(task).PROMPT))
    else:
        with pytest.raises(InputError, match="has no attention to show"):
            run.attention("the river")
    if "invert" in requests:
        latents_are_found(again)
    else:
        with pytest.raises(InputError, match="has no latent vectors to edit"):
            run.invert(None)
        with pytest.raises(InputError, match="has no latent vectors to edit"):
            run.directions()
    names = {path.name for path in out.iterdir()}
    assert {"config.json", "run.json", "model.safetensors", "metrics.jsonl", "README.md", "samples", "resume"} <= names
    assert str(tmp_path) not in (out / "README.md").read_text()
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter(["the river runs " * 600]))  # quicker
    monkeypatch.setattr("genlab.tasks.images.accuracy_score.STEPS", 3)
    monkeypatch.setattr("genlab.tasks.shared.judges.STEPS", 3)
    report = again.evaluate()
    assert report
    assert report == again.evaluate()
    assert str(tmp_path) not in (out / "README.md").read_text()


@pytest.mark.parametrize(("task", "model"), ALL)
def test_looking_shows_what_training_would_read(task, model, data, cli):
    """Counts and options are those of a training; nothing is trained, and no run folder made."""
    options = small(task).OPTIONS[model]
    seen = genlab.look(task, data, model, steps=1, **options)
    assert {"train", "validation", "test"} <= seen.facts.counts.keys()
    assert seen.examples
    assert all(getattr(seen.options, name) == value for name, value in options.items())
    code, out, _ = cli("look", task, data, "--model", model, "--steps", 1, "--to", "seen.png", "--json")
    assert code == 0
    report = json.loads(out)
    assert report["counts"] == seen.facts.counts
    assert report["examples"] or report["files"] == ["seen.png"]
    code, out, _ = cli("look", task, data, "--model", model, "--steps", 1, "--to", "seen.png")
    assert code == 0
    assert seen.facts.name in out
    assert not Path("runs").exists()

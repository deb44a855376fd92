"""What every entry of the catalogue keeps to, on tiny data."""

import dataclasses
import math

import pytest
import torch

import genlab
from genlab.catalog import CATALOG, load
from genlab.engine.files import load_state, save_state
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import RunOptions
from genlab.engine.pipeline import AttentionMap, Explains, Generates, Predicts
from genlab.engine.recipe import Recipe
from genlab.errors import InputError
from genlab.options import make
from tests.conftest import phrases, sentences, squares_and_bars, tabbed

ALL = [(task, model) for task, models in CATALOG.items() for model in models]
SMALL = {
    ("classify", "cnn"): {"width": 4, "pixels": 16, "batch": 8},
    ("classify", "mlp"): {"width": 8, "batch": 8},
    ("text", "gpt"): {"size": "tiny", "batch": 4, "context": 16},
    ("text", "gpt2"): {"size": "tiny", "batch": 4, "context": 16},
    ("text", "lstm"): {"size": "tiny", "batch": 4, "context": 16},
    ("points", "gan"): {"width": 16, "batch": 32},
    ("images", "gan"): {"width": 8, "pixels": 16, "batch": 8, "features": "digits"},
    ("images", "wgan_gp"): {"width": 8, "pixels": 16, "batch": 8, "features": "digits"},
    ("images", "dcgan"): {"pixels": 16, "batch": 8, "features": "digits"},
    ("images", "vae"): {"width": 8, "pixels": 16, "batch": 8, "features": "digits"},
    ("translate", "transformer"): {"size": "tiny", "batch": 256},
    ("translate", "gru"): {"size": "tiny", "batch": 256},
}
"""Options that make each model small."""
CANCELS = {
    ("text", "gpt2"): {"blocks.0.attention.key.bias", "blocks.1.attention.key.bias"},
    ("points", "gan"): {"1.out.bias", "judge.out.bias"},
    ("images", "gan"): {"down.out.bias"},
    ("images", "wgan_gp"): {"down.out.bias"},
}
"""Weights without a gradient: in differences of scores the discriminator's last bias cancels, in a softmax over keys
what all of them share."""


PROMPTS = {"text": "The river", "translate": "one cat"}
"""What a model with attention reads."""


def attention_is_whole(maps: list[AttentionMap]) -> None:
    """Every look is shared out, over tokens that are all named, with figures for every head."""
    assert maps
    assert len({(one.name, one.layer) for one in maps}) == len(maps)
    for one in maps:
        assert one.weights.shape == (len(one.heads), len(one.rows), len(one.columns))
        torch.testing.assert_close(one.weights.sum(-1), torch.ones(one.weights.shape[:2]))
        assert all(one.rows + one.columns)
        assert len(one.entropy) == len(one.heads)
        assert one.distance is None or len(one.distance) == len(one.heads)
        assert 0 <= max(one.entropy) <= math.log2(len(one.columns)) + 1e-4


@pytest.fixture(autouse=True)
def few(monkeypatch):
    """Fewer pictures to compare in training."""
    monkeypatch.setattr("genlab.tasks.images.recipe.WATCHED", 50)
    monkeypatch.setattr("genlab.tasks.images.gan.WATCHED", 50)


@pytest.fixture
def data(tmp_path) -> dict[tuple[str, str], str]:
    """Tiny data for each model."""
    (tmp_path / "book.txt").write_text(sentences(4_000))
    random = torch.Generator().manual_seed(0)
    points = torch.randn(400, 2, generator=random).tolist()
    (tmp_path / "points.csv").write_text("x,y\n" + "".join(f"{x},{y}\n" for x, y in points))
    rows = "".join(f"{x},{y},{'left' if x < 0 else 'right'}\n" for x, y in points)
    (tmp_path / "rows.csv").write_text("x,y,side\n" + rows)
    squares_and_bars(tmp_path / "pictures")
    (tmp_path / "pairs.tsv").write_text(tabbed(phrases(300)))
    places = {"text": "book.txt", "points": "points.csv", "classify": "pictures", "images": "pictures"}
    places["translate"] = "pairs.tsv"
    return {(task, model): str(tmp_path / places[task]) for task, model in ALL} | {
        ("classify", "mlp"): str(tmp_path / "rows.csv")
    }


def recipe_class(task: str, model: str) -> type[Recipe]:
    return load(CATALOG[task][model].recipe)


def built(task: str, model: str, data: dict[tuple[str, str], str]) -> Recipe:
    config = make(load(CATALOG[task][model].config), SMALL[task, model])
    recipe = recipe_class(task, model)(config)
    recipe.machine = Machine("cpu")
    facts = recipe.read(data[task, model], "0.1", "0.1")
    assert len(facts.fingerprint) == 64
    assert {"train", "validation", "test"} <= facts.counts.keys()
    recipe.resolve(None, None)
    seed_everything(0)
    recipe.build()
    recipe.build_optimizers()
    return recipe


@pytest.mark.parametrize(("task", "model"), ALL)
def test_names_and_options(task, model):
    found = CATALOG[task][model]
    recipe, config = load(found.recipe), load(found.config)
    request = load(found.request) if found.request else None
    explain = load(found.explain) if found.explain else None
    assert (recipe.task, recipe.name) == (task, model)
    assert issubclass(recipe, Recipe)
    assert issubclass(recipe, Generates) == (request is not None)
    assert issubclass(recipe, Predicts) == (task == "classify")
    if request is not None:
        assert recipe.request_type is request
    assert issubclass(recipe, Explains) == (explain is not None)
    if explain is not None:
        assert recipe.explain_type is explain
        assert next(iter(dataclasses.fields(explain))).name == "prompt"
    for options in (options for options in (config, request, explain) if options is not None):
        assert dataclasses.is_dataclass(options)
        assert options.__dataclass_params__.frozen
        assert len(dataclasses.fields(options)) <= 13
    assert not {f.name for f in dataclasses.fields(config)} & {f.name for f in dataclasses.fields(RunOptions)}


@pytest.mark.parametrize(("task", "model"), ALL)
def test_networks_that_are_no_part_of_it_are_refused(task, model):
    found = CATALOG[task][model]
    with pytest.raises(InputError, match=f"The {task} {model} has no network oracle: it has ") as error:
        load(found.recipe)(make(load(found.config), {}), {"oracle": torch.nn.Linear(2, 2)})
    assert error.value.field == "oracle"


@pytest.mark.parametrize(("task", "model"), ALL)
def test_steps_are_finite_and_reach_every_weight(task, model, data):
    recipe = built(task, model, data)
    assert set(recipe.optimizers) <= set(recipe.networks)
    moved = {name: set() for name in recipe.optimizers}
    for step in range(3):  # what starts at zero lets gradients through only from the second step on
        measures = recipe.step(recipe.batch(step))
        assert measures
        assert all(torch.isfinite(value).all() and value.ndim == 0 for value in measures.values())
        for name in recipe.optimizers:
            for key, weight in recipe.networks[name].named_parameters():
                assert weight.grad is not None, f"{name}.{key}"
                assert weight.grad.isfinite().all()
                if weight.grad.abs().sum() > 0:
                    moved[name].add(key)
    for name, keys in moved.items():
        assert keys >= {key for key, _ in recipe.networks[name].named_parameters()} - CANCELS.get((task, model), set())
    optimised = {id(weight) for group in recipe.groups() for weight in group["params"]}
    assert optimised == {id(w) for name in recipe.optimizers for w in recipe.networks[name].parameters()}


@pytest.mark.parametrize(("task", "model"), ALL)
def test_a_batch_is_a_function_of_its_step(task, model, data):
    one, other = built(task, model, data), built(task, model, data)

    def tensors(batch) -> list[torch.Tensor]:
        return [batch] if isinstance(batch, torch.Tensor) else [t for part in batch for t in tensors(part)]

    for step in (5, 0, 3):
        seed_everything(0, step)
        mine = tensors(one.batch(step))
        seed_everything(0, step)
        assert all(map(torch.equal, mine, tensors(other.batch(step))))


@pytest.mark.parametrize(("task", "model"), ALL)
def test_state_round_trip(task, model, data, tmp_path):
    """A checkpoint in another recipe gives the same next steps, bit for bit."""
    one = built(task, model, data)
    for step in range(2):
        seed_everything(0, step)
        one.step(one.batch(step))
    save_state(tmp_path / "resume", 2, {"recipe": one.state()})
    other = built(task, model, data)
    step, state = load_state(tmp_path / "resume")
    assert step == 2
    other.load_state(state["recipe"])
    for recipe in (one, other):
        for step in (2, 3):
            seed_everything(0, step)
            recipe.step(recipe.batch(step))
    mine = {f"{n}.{k}": w for n, network in one.networks.items() for k, w in network.state_dict().items()}
    theirs = {f"{n}.{k}": w for n, network in other.networks.items() for k, w in network.state_dict().items()}
    assert mine.keys() == theirs.keys()
    for name in mine:
        assert torch.equal(mine[name], theirs[name]), name


@pytest.mark.parametrize(("task", "model"), ALL)
def test_validation_picks_by_a_number(task, model, data):
    recipe = built(task, model, data)
    assert recipe.validates
    for measures in (recipe.validate(), recipe.test()):
        assert measures
        assert all(isinstance(value, float) for value in measures.values())
    assert recipe.validate() == recipe.validate()


@pytest.mark.parametrize(("task", "model"), ALL)
def test_train_load_use_evaluate(task, model, data, tmp_path, monkeypatch):
    out = tmp_path / "run"
    run = genlab.train(task, data[task, model], model, quiet=True, steps=3, out=out, **SMALL[task, model])
    assert run.about["state"] == "done"
    again = genlab.load(out)
    if isinstance(run.recipe, Generates):
        options = {
            "text": {"tokens": 10},
            "points": {"n": 5},
            "images": {"n": 2},
            "translate": {"prompt": "The old miller waits now.", "sample": True},
        }[task]
        one, other = run.generate(seed=3, **options), again.generate(seed=3, **options)
        assert str(one[0].content) == str(other[0].content)
        assert str(again.generate(seed=4, **options)[0].content) != str(one[0].content)
        assert one[0].files
    else:
        assert again.predict(data[task, model]) == run.predict(data[task, model])
        assert len(run.predict(data[task, model])) > 10
        with pytest.raises(InputError, match="generates nothing"):
            run.generate()
    if isinstance(run.recipe, Explains):
        attention_is_whole(again.attention(PROMPTS[task]))
    else:
        with pytest.raises(InputError, match="has no attention to look at"):
            run.attention("the river")
    names = {path.name for path in out.iterdir()}
    assert {"config.json", "run.json", "model.safetensors", "metrics.jsonl", "README.md", "samples", "resume"} <= names
    assert str(tmp_path) not in (out / "README.md").read_text()
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter(["the river runs " * 600]))  # quicker
    monkeypatch.setattr("genlab.tasks.images.accuracy_score.STEPS", 3)
    assert again.evaluate()
    assert str(tmp_path) not in (out / "README.md").read_text()

"""Training a GAN on points: updates, repeatability, resuming, custom networks, and that it learns."""

import csv
import io
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import genlab
from genlab.data.points.point_set import read_points
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.recipe import Place, Setup
from genlab.engine.samples import Kind
from genlab.errors import InputError
from genlab.models.gan import relativistic_discriminator_loss, relativistic_generator_loss
from genlab.models.points_gan import PointDiscriminatorShape, PointGeneratorShape
from genlab.tasks.points.gan import PointsGANRecipe
from genlab.tasks.points.options import PointsGANOptions
from tests.conftest import recording

SMALL = {"width": 16, "generator_depth": 2, "discriminator_depth": 2, "batch": 32}


@pytest.fixture(scope="module")
def file(tmp_path_factory) -> Path:
    """600 points of two Gaussians, far from the origin and stretched."""
    random = np.random.default_rng(0)
    centres = np.array([[1000.0, -50.0], [1040.0, -50.0]])
    points = centres[random.integers(2, size=600)] + random.normal(size=(600, 2)) * [1.0, 2.0]
    path = tmp_path_factory.mktemp("points") / "two.csv"
    np.savetxt(path, points, delimiter=",", header="x,y", comments="")
    return path


@pytest.fixture(scope="module", autouse=True)
def _few_points_shown():
    """Makes previews cheap."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(PointsGANRecipe, "preview", lambda self: [])
        yield


def train(file: Path | str, out: Path, **options) -> genlab.Run:
    return genlab.train("points", file, out=out, quiet=True, **{"steps": 40, **SMALL, **options})


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def trained(file, tmp_path_factory) -> genlab.Run:
    """A short run; tests only read it."""
    shape = {"width": 32, "generator_depth": 3, "batch": 256}
    steady = {"learning_rate": 0.005, "penalty": 0.1, "final_penalty": 0.01}  # learns with every seed that was tried
    return train(file, tmp_path_factory.mktemp("trained") / "run", steps=400, **shape, **steady)


def recipe_for(file: Path, losses: dict | None = None, **options) -> PointsGANRecipe:
    given = PointsGANOptions(**{**SMALL, **options})
    points, _ = PointsGANRecipe.read(given, Place(str(file), "0.2", "0.2"), None)
    seed_everything(0)
    return PointsGANRecipe(Setup(given, points, Machine("cpu"), losses=losses or {}))


def measured(recipe: PointsGANRecipe) -> dict[str, float]:
    with recipe.pipeline.evaluating():
        return recipe.test()


# --- a step ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("still", ["generator", "discriminator"])
@pytest.mark.parametrize("loss", ["relativistic", "classic"])
def test_each_update_moves_its_network_alone(file: Path, still: str, loss: str) -> None:
    recipe = recipe_for(file, loss=loss)
    moving = {"generator": "discriminator", "discriminator": "generator"}[still]
    for group in recipe.optimizers[still][0].param_groups:
        group["lr"] = 0.0  # what still moves it is not its own update
    before = {name: [weight.clone() for weight in net.parameters()] for name, net in recipe.networks.items()}
    for step in range(3):
        recipe.step(recipe.batch(step), 0.0)
    for name, expected in ((still, False), (moving, True)):
        moved = [
            not torch.equal(was, now) for was, now in zip(before[name], recipe.networks[name].parameters(), strict=True)
        ]
        assert any(moved) == expected, name


def test_the_discriminator_is_updated_before_the_generator(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recipe = recipe_for(file)
    seen, update = [], recipe.update
    monkeypatch.setattr(recipe, "update", lambda network, loss: (seen.append(network), update(network, loss)))
    recipe.step(recipe.batch(0), 0.0)
    assert seen == [recipe.gan.discriminator, recipe.gan.generator]


def test_without_penalty_nothing_is_penalised(file: Path) -> None:
    assert recipe_for(file, penalty=0.0).step(torch.randn(8, 2), 0.0)["penalty"] == 0
    assert recipe_for(file, penalty=1.0).step(torch.randn(8, 2), 0.0)["penalty"] > 0


def test_the_penalty_falls_as_training_progresses(file: Path) -> None:
    """The penalty decays geometrically, whatever the learning rate: the warm-up changes nothing."""
    weights = []
    for progress in (0.0, 0.5, 1.0):
        zero = lambda real, fake: (real.sum() + fake.sum()) * 0
        recipe = recipe_for(file, {"discriminator": zero}, penalty=0.08, final_penalty=0.02, learning_rate=0.01)
        for group in recipe.groups():
            group["lr"] = 0.0
        measures = recipe.step(recipe.batch(0), progress)
        weights.append((measures["discriminator"] / measures["penalty"]).item())
    assert weights == pytest.approx([0.08, 0.04, 0.02])


def test_losses_compare_scores_in_float32_under_autocast(file: Path) -> None:
    scored: list[torch.Tensor] = []
    ours = {"discriminator": relativistic_discriminator_loss, "generator": relativistic_generator_loss}
    recipe = recipe_for(file, {name: recording(loss, scored) for name, loss in ours.items()})
    with torch.autocast("cpu", torch.bfloat16):
        measures = recipe.step(recipe.batch(0), 0.0)
    assert len(scored) == 4
    for scores in scored:
        assert scores.dtype == torch.float32
        assert not torch.equal(scores, scores.bfloat16().float())
    assert {value.dtype for value in measures.values()} == {torch.float32}


def test_own_losses_are_what_is_lowered(file: Path, tmp_path: Path) -> None:
    seen = []

    def doubled(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        seen.append((real.shape, fake.shape))
        return 2 * relativistic_generator_loss(real, fake)

    mine, ours = recipe_for(file, {"generator": doubled}), recipe_for(file)
    seed_everything(0)
    double = mine.step(mine.batch(0), 0.0)
    seed_everything(0)
    single = ours.step(ours.batch(0), 0.0)
    assert double["generator"].item() == pytest.approx(2 * single["generator"].item())
    assert double["discriminator"] == single["discriminator"]
    assert seen == [((32,), (32,))]
    train(file, tmp_path / "own", losses={"generator": doubled}, steps=2)
    assert len(seen) == 3


def test_batches_are_a_function_of_the_step_alone(file: Path) -> None:
    first, second = recipe_for(file), recipe_for(file)
    assert torch.equal(first.batch(7), second.batch(7))
    assert not torch.equal(first.batch(7), first.batch(8))
    rows = {tuple(row) for row in first.train.tolist()}
    assert all(tuple(row) in rows for row in first.batch(7).tolist())


def test_training_points_are_standardised(file: Path) -> None:
    recipe = recipe_for(file)
    assert recipe.train.mean(0).abs().max() < 1e-5
    assert recipe.train.var(0).mean().item() == pytest.approx(1.0, abs=0.01)
    back = recipe.pipeline.scale(recipe.train)
    np.testing.assert_allclose(back.numpy(), recipe.data.train, atol=1e-3)


# --- repeating and resuming -----------------------------------------------------------------------


def test_same_seed_same_weights(file: Path, tmp_path: Path) -> None:
    train(file, tmp_path / "a")
    train(file, tmp_path / "b")
    train(file, tmp_path / "c", seed=1)
    assert weights(tmp_path / "a") == weights(tmp_path / "b")
    assert weights(tmp_path / "a") != weights(tmp_path / "c")


def test_resuming_after_a_kill_ends_bit_identical(file: Path, tmp_path: Path) -> None:
    options = {**SMALL, "steps": 150, "checkpoint_seconds": 0}
    code = f"import genlab; genlab.train('points', {str(file)!r}, out='killed', quiet=True, **{options!r})"
    process = subprocess.Popen([sys.executable, "-c", code], cwd=tmp_path)
    about = tmp_path / "killed" / "run.json"
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not (about.exists() and '"step"' in about.read_text()):
        time.sleep(0.01)
    process.kill()
    process.wait()
    left = json.loads(about.read_text())
    assert left["state"] == "running"
    assert 0 < left["step"] < 150

    train(file, tmp_path / "whole", **options)
    train(file, tmp_path / "killed", resume=True, **options)
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")


# --- a finished run -------------------------------------------------------------------------------


def test_a_short_training_learns(trained: genlab.Run, file: Path) -> None:
    untrained = recipe_for(file)
    assert trained.about["test"]["distance"] < measured(untrained)["distance"] / 5
    assert trained.about["test"]["told_apart"] < 0.75
    assert measured(untrained)["told_apart"] > 0.95


def test_the_weights_of_the_least_gap_are_kept(trained: genlab.Run) -> None:
    lines = [line for line in trained.folder.measures() if line["split"] == "validation"]
    best = trained.about["best"]
    assert best["gap"] == min(line["gap"] for line in lines)
    parts = best["told_apart"] - 0.5, best["strays"], best["distance"] / trained.pipeline.scale.deviation.item()
    assert best["gap"] == pytest.approx(sum(parts))


def test_generated_points_are_in_the_datas_unit(trained: genlab.Run) -> None:
    points = trained.generate(n=2000)[0].content
    assert points.dtype == np.float64
    assert points.shape == (2000, 2)
    np.testing.assert_allclose(points.mean(0), [1020.0, -50.0], atol=4)
    np.testing.assert_allclose(points.std(0), [20.0, 2.0], rtol=0.5)


def test_a_sample_shows_itself_as_csv_and_picture(trained: genlab.Run) -> None:
    sample = trained.generate(n=50)[0]
    assert sample.kind is Kind.POINTS
    header, *rows = csv.reader(io.StringIO(sample.files["csv"].decode()))
    assert header == ["x", "y"]
    np.testing.assert_allclose(np.array(rows, float), sample.content, atol=1e-5 * sample.content.std(0).max())
    picture = Image.open(io.BytesIO(sample.files["png"]))
    assert picture.format == "PNG"
    assert len(np.unique(np.asarray(picture.convert("L")))) > 10


def test_same_seed_same_points_also_after_loading(trained: genlab.Run) -> None:
    points = trained.generate(n=100, seed=3)[0].content
    again = genlab.load(trained.path)
    assert np.array_equal(again.generate(n=100, seed=3)[0].content, points)
    assert not np.array_equal(again.generate(n=100, seed=4)[0].content, points)


def test_points_come_from_latent_vectors(trained: genlab.Run) -> None:
    latents = torch.randn(100, 2, generator=torch.Generator().manual_seed(3))
    points = trained.generate(n=100, seed=3)[0].content
    np.testing.assert_allclose(trained.sample(latents), points, rtol=1e-6)
    np.testing.assert_allclose(trained.sample(latents[0].tolist()), points[:1], rtol=1e-6)
    with pytest.raises(InputError, match="takes rows of 2 numbers"):
        trained.sample(np.zeros((2, 3)))
    with pytest.raises(InputError, match="Points have no classes"):
        trained.sample(latents, "red")


def test_using_a_run_leaves_modes_weights_and_random_state(file: Path) -> None:
    """Batch norms in training mode would update their statistics."""
    recipe = recipe_for(file)
    recipe.pipeline.generator = recipe.pipeline.networks["generator"] = net = nn.Sequential(
        nn.Linear(2, 2), nn.BatchNorm1d(2)
    )
    before, state = net[1].running_mean.clone(), torch.get_rng_state()
    made = recipe.pipeline.sample(5, 0)
    assert torch.equal(recipe.pipeline.sample(5, 0), made)
    recipe.pipeline.decode(np.zeros((5, 2)))
    assert net.training
    assert not made.requires_grad
    assert torch.equal(net[1].running_mean, before)
    assert torch.equal(torch.get_rng_state(), state)


def test_evaluation_puts_every_figure_beside_its_floor(trained: genlab.Run) -> None:
    report = trained.evaluate()
    assert report["split"] == "test"
    assert report["distance"]["generated"] > report["distance"]["floor"] > 0
    assert report["told_apart"]["generated"] > report["told_apart"]["floor"]
    assert 0.4 < report["told_apart"]["floor"] < 0.6
    assert report["copying"]["verdict"].startswith("The model is no closer")
    # in the data's unit: each mode has about 250 points on some thirty square units
    assert 0.1 < report["copying"]["held_out"] < 0.4
    assert "modes_found" not in report
    assert f"{report['told_apart']['generated']:.0%}" in report["verdict"]


def test_evaluation_of_a_sample_set_counts_modes(tmp_path: Path) -> None:
    run = train("@ring", tmp_path / "ring", steps=3)
    report = run.evaluate()
    assert report["modes_found"] <= 8
    assert isinstance(report["modes_found"], int)
    assert 0 <= report["good_share"] < 0.5
    assert run.about["test"]["modes_found"] == report["modes_found"]


def test_evaluation_on_other_points_measures_all_of_them(trained: genlab.Run, tmp_path: Path) -> None:
    other = tmp_path / "other.csv"
    np.savetxt(other, np.random.default_rng(1).normal(size=(300, 2)), delimiter=",")
    report = trained.evaluate(other)
    assert report["split"] == "all"
    assert report["points"] == 150
    assert report["told_apart"]["generated"] > 0.99
    assert report["distance"]["generated"] > 100 * report["distance"]["floor"]
    assert report["copying"] is None


def test_points_far_from_the_origin_keep_their_digits(tmp_path: Path) -> None:
    far = tmp_path / "far.csv"
    near = np.random.default_rng(1).normal(size=(600, 2))
    np.savetxt(far, near + np.array([1.7e9, -4e8]), delimiter=",", fmt="%.9f")
    run = train(far, tmp_path / "run", steps=5)
    sample = run.generate(n=200)[0]
    assert len(np.unique(sample.content[:, 0])) == 200
    written = np.loadtxt(io.BytesIO(sample.files["csv"]), delimiter=",", skiprows=1)
    np.testing.assert_allclose(written, sample.content, rtol=0, atol=1e-5)


def test_held_out_points_of_their_own_are_in_the_fingerprint(file: Path, tmp_path: Path) -> None:
    prints = set()
    for seed in range(2):
        np.savetxt(tmp_path / "test.csv", np.random.default_rng(seed).normal(size=(300, 2)), delimiter=",")
        prints.add(read_points(str(file), "0.05", str(tmp_path / "test.csv")).fingerprint)
    assert len({*prints, read_points(str(file), "0.05", "0.1").fingerprint}) == 3


def test_evaluation_finds_moved_and_changed_data(file: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_bytes(file.read_bytes())
    run = train(mine, tmp_path / "run", steps=5)
    whole = run.evaluate()
    moved = mine.rename(tmp_path / "moved.csv")
    with pytest.raises(InputError, match="give its new location with --data"):
        run.evaluate()
    assert run.evaluate(moved)["distance"] == whole["distance"]
    mine.write_text(moved.read_text() + "1000,-50\n")
    with pytest.raises(InputError, match="has changed since training: give other data with --data"):
        run.evaluate()


def test_without_test_data_evaluation_asks_for_some(file: Path, tmp_path: Path) -> None:
    run = train(file, tmp_path / "run", steps=3, test="0", validation="0")
    assert run.about["best"] is None
    assert run.about["test"] is None
    with pytest.raises(InputError, match="has no test split"):
        run.evaluate()


# --- networks of the user's own -------------------------------------------------------------------


class Mine(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(3, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 2))


class Judge(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Linear(2, 8), nn.SiLU(), nn.Linear(8, 1), nn.Flatten(0))


def test_own_networks_round_trip(file: Path, tmp_path: Path) -> None:
    mine, judge = Mine(), Judge()
    before = [weight.clone() for weight in (*mine.parameters(), *judge.parameters())]
    shapes = []

    def make(shape: PointGeneratorShape | PointDiscriminatorShape) -> nn.Module:
        shapes.append(shape)
        return mine if isinstance(shape, PointGeneratorShape) else judge

    run = train(file, tmp_path / "own", latent=3, networks={"generator": make, "discriminator": make})
    assert shapes == [PointGeneratorShape(latent=3), PointDiscriminatorShape()]
    after = (*mine.parameters(), *judge.parameters())
    moved = [not torch.equal(was, now) for was, now in zip(before, after, strict=True)]
    assert sum(moved) >= len(moved) - 1  # a relativistic discriminator's last bias cancels
    points = run.generate(n=20)[0].content
    own = {"generator": lambda shape: Mine(), "discriminator": lambda shape: Judge()}
    again = genlab.load(tmp_path / "own", networks=own)
    assert np.array_equal(again.generate(n=20)[0].content, points)
    with pytest.raises(InputError, match="custom networks") as error:
        genlab.load(tmp_path / "own")
    assert '"generator": lambda shape: Mine(' in str(error.value)


def test_an_own_generator_beside_our_discriminator(file: Path, tmp_path: Path) -> None:
    run = train(file, tmp_path / "own", latent=3, networks={"generator": lambda shape: Mine()})
    again = genlab.load(run.path, networks={"generator": lambda shape: Mine()})
    assert isinstance(again.pipeline.generator, Mine)


@pytest.mark.parametrize(
    ("parts", "field", "said"),
    [
        (
            {"generator": nn.Linear(5, 2)},
            "generator",
            r"rejects a batch of shape \(2, 2\): if its latent size differs",
        ),
        ({"generator": nn.Linear(2, 3)}, "generator", r"maps \(2, 2\) to \(2, 3\), but must return \(2, 2\)"),
        ({"generator": nn.Identity()}, "generator", "has no trainable weights"),
        ({"discriminator": nn.Linear(2, 2)}, "discriminator", r"to \(2, 2\), but must return \(2,\) or \(2, 1\)"),
        ({"critic": nn.Linear(2, 1)}, "critic", "has no network critic: choose from generator, discriminator"),
    ],
)
def test_own_networks_that_do_not_fit(file: Path, tmp_path: Path, parts: dict, field: str, said: str) -> None:
    with pytest.raises(InputError, match=said) as error:
        train(file, tmp_path / "bad", networks={name: lambda shape, part=part: part for name, part in parts.items()})
    assert error.value.field == field
    assert not (tmp_path / "bad").exists()

"""Training a GAN on points: updates, repeatability, resuming, and that it learns."""

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
from genlab.engine.machine import seed_everything
from genlab.engine.samples import Kind
from genlab.errors import InputError
from genlab.models.gan import relativistic_discriminator_loss, relativistic_generator_loss
from tests.conftest import recording
from tests.tasks.points.made import SMALL, measured, recipe_for, train, weights


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
    deviation = np.array([20.0, 2.0])
    np.testing.assert_allclose((points.mean(0) - [1020.0, -50.0]) / deviation, 0, atol=0.5)
    np.testing.assert_allclose(points.std(0), deviation, rtol=0.5)


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

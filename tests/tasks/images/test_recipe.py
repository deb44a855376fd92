"""Training models of pictures: resolved options, alarms, resuming, and that they learn."""

import numpy as np
import pytest
import torch

import genlab
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.errors import InputError
from genlab.tasks.images.dcgan import DCGANRecipe
from genlab.tasks.images.gan import GANRecipe
from genlab.tasks.images.options import DCGANOptions, GANOptions, WGANGPOptions
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.vae import VAERecipe
from genlab.tasks.images.wgan_gp import WGANGPRecipe
from tests.conftest import recording, squares_and_bars
from tests.tasks.images.made import SMALL, colour_folder, recipe


def test_drawings_are_mixed_from_a_palette_and_photographs_and_grey_pictures_are_not(folder, tmp_path):
    drawn, photographs = (colour_folder(tmp_path / name, name == "drawn") for name in ("drawn", "photographs"))
    assert [recipe(data).options.palette for data in (drawn, photographs, folder)] == [32, 0, 0]
    assert recipe(drawn, palette=5).gan.generator.palette.weight.shape == (3, 5, 1, 1)


def test_defaults_suit_the_kind_of_picture(folder, tmp_path):
    """Drawings need a stronger penalty, grey pictures a lower learning rate, photographs detail and larger batches."""
    drawn, photographs = (colour_folder(tmp_path / name, name == "drawn") for name in ("drawn", "photographs"))
    chosen = [recipe(data).options for data in (drawn, photographs, folder)]
    assert [options.penalty for options in chosen] == [3.0, 1.0, 1.0]
    assert [options.learning_rate for options in chosen] == [3e-3, 4e-3, 1e-3]
    discriminators = [recipe(data).gan.discriminator for data in (drawn, photographs, folder)]
    assert [network.down.full is None for network in discriminators] == [True, False, True]
    assert [recipe(data, batch=None).options.batch for data in (drawn, photographs, folder)] == [16, 32, 16]
    given = recipe(drawn, learning_rate=1e-4, penalty=10.0).options
    assert (given.learning_rate, given.penalty) == (1e-4, 10.0)
    assert recipe(photographs, width=32).options.learning_rate == 2e-3
    larger = [recipe(data, pixels=128).options for data in (drawn, photographs)]
    assert [(options.learning_rate, options.penalty) for options in larger] == [(3e-3, 3.0), (1e-3, 16.0)]


def test_a_run_with_a_palette_is_saved_and_loaded(tmp_path):
    run = genlab.train(
        "images", colour_folder(tmp_path / "drawn", True), steps=3, out=tmp_path / "run", quiet=True, **SMALL
    )
    assert np.array_equal(run.sample(np.ones((2, 6))), genlab.load(tmp_path / "run").sample(np.ones((2, 6))))
    assert run.pipeline.options.palette == 32


def test_unconditional_and_without_classes(folder, tmp_path):
    run = genlab.train("images", folder, steps=2, out=tmp_path / "run", quiet=True, conditional=False, **SMALL)
    assert run.pipeline.facts.classes == []
    assert len(run.generate(n=2)) == 2
    with pytest.raises(InputError, match="it was trained without classes"):
        run.generate(class_="bar")


@pytest.mark.parametrize(("model", "recipe_type"), [("gan", GANRecipe), ("vae", VAERecipe)])
def test_killed_trainings_end_with_the_same_weights(model, recipe_type, folder, tmp_path, monkeypatch):
    options = {**SMALL, "steps": 6, "quiet": True, "checkpoint_seconds": 0}
    whole = genlab.train("images", folder, model, out=tmp_path / "whole", **options)
    step, calls = recipe_type.step, []

    def dies(self, batch, progress):
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("killed")
        return step(self, batch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(recipe_type, "step", dies)
        with pytest.raises(RuntimeError, match="killed"):
            genlab.train("images", folder, model, out=tmp_path / "parts", **options)
    parts = genlab.train("images", folder, model, out=tmp_path / "parts", resume=True, **options)
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()


def test_a_gan_learns_where_the_ink_is(folder, tmp_path):
    """The mean generated picture comes close to the real one: far closer than before training."""
    made = recipe(folder, batch=16, learning_rate=2e-3)
    real = made.data.train.tensor().mean(0)

    def apart() -> float:
        labels = torch.arange(200) % 2
        return (made.pipeline.make(torch.randn(200, 6), labels).mean(0) - real).square().mean().item()

    torch.manual_seed(0)
    with torch.no_grad():
        before = apart()
    for number in range(150):
        made.step(made.batch(number), number / 150)
    with torch.no_grad():
        assert apart() < 0.3 * before


def test_augmentation_is_for_few_pictures(folder):
    assert recipe(folder).options.augment == "all"
    assert recipe(folder, augment="none").options.augment == "none"


def test_collapse_raises_an_alarm(folder, monkeypatch):
    made = recipe(folder)
    with torch.no_grad():
        assert not any("collapsed" in alarm for alarm in made.alarms(made.validate()))
        one = made.data.train.tensor(np.array([0]))
        monkeypatch.setattr(ImagesPipeline, "make", lambda self, latents, labels: one.expand(len(latents), -1, -1, -1))
        assert any("collapsed" in alarm for alarm in made.alarms(made.validate()))


def test_a_discriminator_that_knows_its_pictures_raises_an_alarm(folder, monkeypatch):
    made = recipe(folder)
    scores = iter([-5.0, 5.0, -4.0])  # of fake, training and unseen pictures
    monkeypatch.setattr(type(made), "_mean_score", lambda *_: next(scores))
    with torch.no_grad():
        assert any("memorised" in alarm for alarm in made.alarms(made.validate()))


def test_numbers_that_are_none_end_a_training_with_the_best_weights(folder, tmp_path, monkeypatch):
    step, calls = GANRecipe.step, []

    def breaks(self, batch, progress):
        calls.append(1)
        if len(calls) == 12:
            with torch.no_grad():
                next(self.gan.generator.parameters()).fill_(torch.nan)
        return step(self, batch, progress)

    monkeypatch.setattr(GANRecipe, "step", breaks)
    run = genlab.train("images", folder, steps=20, out=tmp_path / "run", quiet=True, **SMALL)
    assert run.about["state"] == "diverged"
    assert len(genlab.load(run.path).generate(n=2)) == 2


def test_scores_after_an_update_are_of_the_new_weights(folder):
    """Autocast keeps copies of weights in 16 bits, which an update must not leave behind."""
    made = recipe(folder, learning_rate=0.1)
    pictures, labels = made.batch(0)
    with torch.autocast("cpu", torch.bfloat16):
        before = made.gan.score(pictures, labels)
        made.update(made.gan.discriminator, before.mean())
        after = made.gan.score(pictures, labels)
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(made.gan.score(pictures, labels), after)
    assert not torch.equal(before, after)


@pytest.mark.parametrize(
    ("recipe_type", "options", "judge"),
    [
        (GANRecipe, GANOptions(**SMALL), "discriminator"),
        (WGANGPRecipe, WGANGPOptions(**SMALL), "critic"),
        (DCGANRecipe, DCGANOptions(pixels=16, latent=6, features="digits"), "discriminator"),
    ],
)
def test_losses_compare_scores_in_float32_under_autocast(recipe_type, options, judge, folder, monkeypatch):
    """Neither their format nor their values are rounded to 16 bits: not by the last layer either."""
    data, _ = recipe_type.read(options, Place(str(folder), "0.2", "0.2"), None)
    resolved = recipe_type.resolve(options, data, Speed(None, None, 1), None)
    made = recipe_type(Setup(resolved, data, Machine("cpu", "bf16")))
    scored: list[torch.Tensor] = []
    for name in (f"{judge}_loss", "generator_loss"):
        monkeypatch.setattr(made, name, recording(getattr(made, name), scored))
    with made.machine.autocast():
        measures = made.step(made.batch(0), 0.0)
    assert len(scored) >= 3
    for scores in scored:
        assert scores.dtype == torch.float32
        assert not torch.equal(scores, scores.bfloat16().float())
    assert {value.dtype for value in measures.values()} == {torch.float32}


def test_few_pictures_train_without_being_measured(tmp_path):
    data = squares_and_bars(tmp_path / "few", count=12)
    run = genlab.train("images", data, steps=4, out=tmp_path / "run", quiet=True, **SMALL)
    assert run.about["best"] is None
    assert len(run.generate(n=2)) == 2
    with pytest.raises(InputError, match=r"too few to measure on|has no test split"):
        run.evaluate()


def test_held_out_pictures_without_classes_are_refused(folder, tmp_path):
    flat = tmp_path / "flat"
    flat.mkdir()
    for kind in ("bar", "square"):
        for file in sorted((folder / kind).iterdir())[:20]:
            (flat / f"{kind}{file.name}").write_bytes(file.read_bytes())
    with pytest.raises(InputError, match="validation: its pictures have no classes"):
        genlab.train("images", folder, steps=2, validation=flat, out=tmp_path / "run", quiet=True, **SMALL)
    run = genlab.train("images", flat, steps=2, validation=folder, out=tmp_path / "run", quiet=True, **SMALL)
    assert run.pipeline.facts.classes == []


def test_the_penalty_rises_then_falls_with_progress(folder, monkeypatch):
    """It follows the progress of training, whatever the learning rate does."""
    made = recipe(folder, penalty=10.0)
    monkeypatch.setattr("genlab.tasks.images.gan.gradient_penalty", lambda *_: (None, torch.tensor(1.0)))
    monkeypatch.setattr(made, "discriminator_loss", lambda real, fake: 0 * (real - fake).mean())
    weights = [made.step(made.batch(0), progress)["discriminator"].item() for progress in (0.0, 0.02, 0.5, 1.0)]
    assert weights == pytest.approx([1.0, 10.0**0.98, 10.0**0.5, 1.0])

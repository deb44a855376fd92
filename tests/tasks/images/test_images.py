"""Making pictures: training, latent vectors, classes, sheets, measures, alarms, networks of the user's own."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import genlab
from genlab.data.pictures.picture_set import read_pictures
from genlab.engine.machine import Machine
from genlab.engine.recipe import Place, Setup, Speed
from genlab.errors import InputError
from genlab.tasks.images.features import extractor
from genlab.tasks.images.gan import GANRecipe
from genlab.tasks.images.options import GANOptions
from genlab.tasks.images.pipeline import ImagesPipeline, spherical
from genlab.tasks.images.vae import VAERecipe
from tests.conftest import genlab_process, squares_and_bars

SMALL = {"pixels": 16, "width": 8, "latent": 6, "features": "digits"}


@pytest.fixture(scope="module", autouse=True)
def few():
    """Fewer pictures to compare in training."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("genlab.tasks.images.recipe.WATCHED", 100)
        patch.setattr("genlab.tasks.images.gan.WATCHED", 100)
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return squares_and_bars(tmp_path_factory.mktemp("data") / "kinds", count=100)


@pytest.fixture(scope="module")
def run(folder, tmp_path_factory) -> genlab.Run:
    out = tmp_path_factory.mktemp("runs") / "kinds"
    return genlab.train("images", folder, steps=40, test="0.3", out=out, quiet=True, **SMALL)


def recipe(folder: Path, **options) -> GANRecipe:
    asked = GANOptions(**{**SMALL, **options})
    data, _ = GANRecipe.read(asked, Place(str(folder), "0.2", "0.2"), None)
    return GANRecipe(Setup(GANRecipe.resolve(asked, data, Speed(None, None, 1), None), data, Machine("cpu")))


def colour_folder(folder: Path, drawn: bool) -> Path:
    """Thirty colour pictures: bars of two colours each, or noise."""
    folder.mkdir()
    random = np.random.default_rng(0)
    for number in range(30):
        pixels = random.integers(0, 256, (16, 16, 3))
        if drawn:
            pixels[:] = (200, 220, 240)
            pixels[:, number % 16 :] = [(180, 30, 40), (20, 60, 150)][number % 2]
            pixels[0, 0] = number  # no two are alike
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return folder


def test_drawings_are_mixed_from_a_palette_and_photographs_and_grey_pictures_are_not(folder, tmp_path):
    drawn, photographs = (colour_folder(tmp_path / name, name == "drawn") for name in ("drawn", "photographs"))
    assert [recipe(data).options.palette for data in (drawn, photographs, folder)] == [32, 0, 0]
    assert recipe(drawn, palette=5).gan.generator.palette.weight.shape == (3, 5, 1, 1)
    assert recipe(photographs).options.learning_rate < recipe(drawn).options.learning_rate
    assert recipe(drawn, learning_rate=1e-4).options.learning_rate == 1e-4


def test_a_run_with_a_palette_is_saved_and_loaded(tmp_path):
    run = genlab.train(
        "images", colour_folder(tmp_path / "drawn", True), steps=3, out=tmp_path / "run", quiet=True, **SMALL
    )
    assert np.array_equal(run.sample(np.ones((2, 6))), genlab.load(tmp_path / "run").sample(np.ones((2, 6))))
    assert run.pipeline.options.palette == 32


def test_a_picture_can_be_made_again_from_its_latent_vector(run):
    one = run.generate(n=3, class_="bar", seed=7)
    assert [sample.content.shape for sample in one] == [(16, 16, 1)] * 3
    latents = np.stack([sample.latent for sample in one])
    again = run.sample(latents, "bar")
    assert np.array_equal(again, np.stack([sample.content for sample in one]))
    middle = run.sample(latents.mean(0), "bar")  # arithmetic on latents
    assert middle.shape == (1, 16, 16, 1)
    assert not np.array_equal(run.sample(latents, "square"), again)


def test_truncation_draws_latents_together(run):
    wide, narrow = (run.generate(n=20, truncation=truncation) for truncation in (1.0, 0.1))
    spread = [np.stack([sample.latent for sample in samples]).std() for samples in (wide, narrow)]
    assert spread[1] == pytest.approx(0.1 * spread[0])


def test_command_line_grid_folder_latent_and_walk(run, tmp_path):
    done = genlab_process("generate", run.path, "--n", 5, "--grid", "all.png", "--class", "bar", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert Image.open(tmp_path / "all.png").size == (3 * 66 - 2, 2 * 66 - 2)
    assert np.load(tmp_path / "all.npy").shape == (5, 6)
    done = genlab_process(
        "generate", run.path, "--latent", "all.npy", "--class", "bar", "--to", "again", "--json", folder=tmp_path
    )
    files = json.loads(done.stdout)["files"]
    assert len(files) == 10
    first = np.asarray(Image.open(tmp_path / "again" / "generated-000.png"))
    assert np.array_equal(first, run.sample(np.load(tmp_path / "all.npy")[:1], "bar")[0, ..., 0])
    done = genlab_process("generate", run.path, "--walk", 3, "--to", "film", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    film = Image.open(tmp_path / "film" / "generated-000.gif")
    assert film.n_frames == 48
    done = genlab_process("generate", run.path, folder=tmp_path)
    sheet = Image.open(run.path / "samples" / "generated-000.png")
    assert sheet.size == (8 * 66 - 2, 8 * 66 - 2)


@pytest.mark.parametrize(
    ("options", "message", "field"),
    [
        ({"class_": "circle"}, "no class circle; it has bar, square", "class"),
        ({"latents": [[1.0]]}, r"rows of 6 numbers, not an array of shape \(1, 1\)", "latent"),
        ({"n": 0}, "n: 0 cannot be used", "n"),
        ({"truncation": float("nan")}, "truncation: nan cannot be used", "truncation"),
    ],
)
def test_requests_that_cannot_be_met(run, options, message, field):
    with pytest.raises(InputError, match=message) as error:
        run.generate(**options)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("latents", "message"),
    [
        (np.zeros((2, 5)), r"rows of 6 numbers, not an array of shape \(2, 5\)"),
        (np.full((1, 6), np.nan), "must be finite"),
        (["a"], "an array of numbers"),
        (np.zeros((0, 6)), r"not an array of shape \(0, 6\)"),
    ],
)
def test_latents_of_another_shape(run, latents, message):
    with pytest.raises(InputError, match=message):
        run.sample(latents)


def test_evaluation_has_every_measure_beside_its_floor(run, monkeypatch):
    """It leaves modes and random numbers as they were, and is the same again."""
    monkeypatch.setattr("genlab.tasks.images.accuracy_score.STEPS", 5)
    torch.manual_seed(5)
    random = torch.get_rng_state()
    report = run.evaluate()
    assert torch.equal(torch.get_rng_state(), random)
    assert not any(module.training for network in run.pipeline.networks.values() for module in network.modules())
    assert report == run.evaluate()
    assert report["split"] == "test"
    assert report["pictures"] == run.about["data"]["counts"]["test"]["pictures"]
    assert len(report["features"]["sha256"]) == 64
    names = ("frechet_distance", "kernel_distance", "precision", "recall", "density", "coverage")
    assert all(report[name].keys() == {"generated", "floor"} for name in names)
    assert report["frechet_distance"]["floor"] < report["frechet_distance"]["generated"]
    assert report["classification_accuracy_score"].keys() == {"generated", "real"}
    assert "verdict" in report["copying"]
    assert (run.path / "samples" / "nearest.png").exists()


def test_other_pictures_are_measured_whole(run, tmp_path):
    report = run.evaluate(squares_and_bars(tmp_path / "other", count=20))
    assert report["split"] == "all"
    assert report["pictures"] == 20  # the other half is the floor
    assert report["copying"] is None


def test_missing_training_data_are_named(folder, tmp_path):
    import shutil

    here = Path(shutil.copytree(folder, tmp_path / "here"))
    run = genlab.train("images", here, steps=2, out=tmp_path / "run", quiet=True, **SMALL)
    shutil.rmtree(here)
    with pytest.raises(InputError, match="give its new location with --data"):
        run.evaluate()
    assert run.evaluate(folder)["split"] == "test"  # the same content, elsewhere


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
    """The mean picture of what it makes comes near to the real one: far nearer than before training."""
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


def test_fewer_latents_of_a_seed_are_the_first_of_more(folder):
    made = recipe(folder, latent=10).pipeline
    many = made.noise(64, 3)
    assert all(torch.equal(made.noise(count, 3), many[:count]) for count in (1, 2, 3, 7))


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


def test_a_grid_makes_its_folder(run, tmp_path):
    done = genlab_process("generate", run.path, "--n", 2, "--grid", "new/all.png", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (tmp_path / "new").iterdir()} == {"all.png", "all.npy"}


def test_the_penalty_is_largest_at_the_first_step(folder, monkeypatch):
    """It anneals with the progress of training, not with a learning rate that warms up."""
    made = recipe(folder, penalty=10.0)
    monkeypatch.setattr("genlab.tasks.images.gan.gradient_penalty", lambda *_: (None, torch.tensor(1.0)))
    monkeypatch.setattr(made, "discriminator_loss", lambda real, fake: 0 * (real - fake).mean())
    weights = [made.step(made.batch(0), progress)["discriminator"].item() for progress in (0.0, 0.5, 1.0)]
    assert weights == pytest.approx([10.0, 10.0**0.5, 1.0])


# --- the user's own networks ----------------------------------------------------------------------


class Sheet(nn.Module):
    """A generator of the user's own; with classes it is told them."""

    def __init__(self, pixels: int = 16) -> None:
        super().__init__()
        self.layer, self.pixels = nn.Linear(6, pixels**2), pixels

    def forward(self, latents: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return self.layer(latents).view(-1, 1, self.pixels, self.pixels)


def test_own_generator(folder, tmp_path):
    out, shapes = tmp_path / "run", []

    def sheet(shape) -> nn.Module:
        shapes.append(shape)
        return Sheet(shape.pixels)

    run = genlab.train("images", folder, steps=3, out=out, quiet=True, networks={"generator": sheet}, **SMALL)
    assert (shapes[0].latent, shapes[0].channels, shapes[0].pixels, shapes[0].classes) == (6, 1, 16, 2)
    with pytest.raises(InputError, match=r"custom networks.*\"generator\": lambda shape: Sheet\(\.\.\.\)"):
        genlab.load(out)
    again = genlab.load(out, networks={"generator": sheet})
    assert np.array_equal(run.generate(n=1)[0].content, again.generate(n=1)[0].content)


class Normed(nn.Module):
    """A discriminator that behaves differently in training."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.norm, self.out = nn.BatchNorm2d(shape.channels), nn.Linear(shape.channels * shape.pixels**2, 1)
        self.modes: list[bool] = []

    def forward(self, pictures: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        self.modes.append(self.training)
        return self.out(self.norm(pictures).flatten(1))


def test_own_discriminator_trains_in_training_mode(folder, tmp_path):
    """From the first step on, although measuring the budget and validating use it in evaluation mode."""
    made: list[Normed] = []

    def normed(shape) -> nn.Module:
        made.append(Normed(shape))
        return made[-1]

    options = {**SMALL, "minutes": 0.1, "out": tmp_path / "run", "quiet": True}
    genlab.train("images", folder, networks={"discriminator": normed}, **options)
    modes = made[-1].modes
    assert modes[0] is False  # the trial call
    assert modes[1:5] == [True] * 4
    assert False in modes[1:]  # validation
    assert modes.count(True) > modes.count(False)


def test_own_loss(folder, tmp_path):
    def hinge(real: torch.Tensor, fake: torch.Tensor) -> torch.Tensor:
        return (1 - real).relu().mean() + (1 + fake).relu().mean()

    options = {**SMALL, "steps": 2, "quiet": True}
    runs = [
        genlab.train("images", folder, losses=losses, out=tmp_path / name, **options)
        for name, losses in (("own", {"discriminator": hinge}), ("ours", {}))
    ]
    assert runs[0].folder.config()["losses"]["discriminator"].endswith("hinge")
    first, second = (
        [line["discriminator"] for line in run.folder.measures() if line["split"] == "train"] for run in runs
    )
    assert first != second
    with pytest.raises(InputError, match="has no loss cycle: choose from discriminator, generator"):
        genlab.train("images", folder, losses={"cycle": hinge}, out=tmp_path / "none", **options)


@pytest.mark.parametrize(
    ("factory", "message"),
    [
        (lambda shape: Sheet(8), r"maps \(2, 6\) and \(2,\) to \(2, 1, 8, 8\), but must return \(2, 1, 16, 16\)"),
        (lambda shape: nn.Linear(6, 256), r"rejects a batch of shape \(2, 6\) and \(2,\).*conditional=False"),
        (lambda shape: nn.ReLU(), "no trainable weights"),
        (lambda shape: "generator", "the factory of generator returned a str"),
    ],
)
def test_own_networks_that_do_not_fit(folder, tmp_path, factory, message):
    with pytest.raises(InputError, match=message):
        genlab.train(
            "images", folder, steps=3, out=tmp_path / "r", quiet=True, networks={"generator": factory}, **SMALL
        )


# --- features -------------------------------------------------------------------------------------


def test_features_by_name():
    machine = Machine("cpu")
    for name, data, size in (("auto", "@digits", 0), ("auto", "mine", 1280), ("efficientnet", "@digits", 1280)):
        found = extractor(name, data, machine)
        rows = found.features(3, lambda part: torch.zeros(len(range(3)[part]), 1, 32, 32))
        assert rows.shape[0] == 3
        assert size in (0, rows.shape[1])
        assert len(found.hash) == 64


@pytest.mark.parametrize(
    ("name", "message"), [("nothing", "features: nothing cannot be used"), ("inception", "torch-fidelity")]
)
def test_features_that_are_not_there(name, message):
    with pytest.raises(InputError, match=message):
        extractor(name, "@digits", Machine("cpu"))


def test_features_of_a_run_that_is_no_classifier(run):
    with pytest.raises(InputError, match="give the run folder of a classifier of pictures"):
        extractor(str(run.path), "mine", Machine("cpu"))


def test_spherical_keeps_the_length_on_the_way():
    torch.manual_seed(0)
    one, other = torch.randn(50), torch.randn(50)
    one, other = one / one.norm(), other / other.norm()
    way = spherical(one, other, torch.linspace(0, 1, 5))
    torch.testing.assert_close(way.norm(dim=1), torch.ones(5))
    torch.testing.assert_close(way[0], one)
    torch.testing.assert_close(way[-1], other)
    torch.testing.assert_close(spherical(one, one, torch.tensor([0.5]))[0], one)


# --- photographs ----------------------------------------------------------------------------------


def losses(run: genlab.Run) -> list[float]:
    """All that a training noted of itself."""
    lines = [json.loads(line) for line in (run.path / "metrics.jsonl").read_text().splitlines()]
    return [value for line in lines for name, value in line.items() if name in ("discriminator", "generator")]


def test_photographs_of_faces(photographs, tmp_path):
    run = genlab.train("images", photographs, steps=350, validation=0, out=tmp_path / "run", quiet=True, **SMALL)
    assert run.pipeline.facts.classes == ["face", "other"]
    assert np.isfinite(losses(run)).all() and losses(run)
    train = read_pictures(str(photographs), "0", "0.1", 16).train
    real = train.tensor(train.labels == 0).mean((0, 1)).numpy()
    made = np.stack([picture.content for picture in run.generate(n=100, class_="face")])
    assert made.shape == (100, 16, 16, 1)
    mean = made.mean((0, 3))
    assert np.corrcoef(mean.flatten(), real.flatten())[0, 1] > 0.4  # the mean made face is like the mean real one


def test_large_photographs_in_colour(tmp_path):
    """Pieces of two of scikit-image's photographs, wider than high, as JPEG files."""
    from skimage.data import cat, coffee

    for kind, whole in (("cat", cat()), ("coffee", coffee())):
        (tmp_path / "photos" / kind).mkdir(parents=True)
        for number in range(30):
            top, left = 5 * number, 7 * number
            piece = whole[top : top + 120, left : left + 160]
            Image.fromarray(piece).save(tmp_path / "photos" / kind / f"{number}.jpg", quality=90)
    options = {"steps": 5, "validation": 0, "test": 0, "quiet": True, **SMALL}
    run = genlab.train("images", tmp_path / "photos", out=tmp_path / "run", **options)
    assert np.isfinite(losses(run)).all() and losses(run)
    assert run.about["data"]["counts"]["train"]["pictures"] == 60
    (made,) = genlab.load(run.path).generate(n=1, class_="cat")
    assert made.content.shape == (16, 16, 3)
    assert np.ptp(made.content.reshape(-1, 3), 0).min() > 0  # no channel is one flat value


def test_faces_with_the_attributes_of_celeba(photographs, tmp_path):
    """The folder as CelebA's is: pictures with numbers for names, and the list beside their folder."""
    (tmp_path / "celeba" / "img_align_celeba").mkdir(parents=True)
    lines = ["40", "Smiling Blond_Hair"]
    for number, file in enumerate(sorted((photographs / "face").iterdir())[:40], 1):
        name = f"{number:06d}.jpg"
        Image.open(file).save(tmp_path / "celeba" / "img_align_celeba" / name)
        lines.append(f"{name} {-1 if number % 2 else 1:2} {-1 if number % 4 else 1:2}")
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("\n".join(lines) + "\n")
    options = {"steps": 2, "validation": 0, "test": 0, "quiet": True, **SMALL}
    run = genlab.train("images", tmp_path / "celeba", label="Blond_Hair", out=tmp_path / "run", **options)
    assert run.about["data"]["counts"]["train"] == {"pictures": 40, "classes": {"no": 30, "yes": 10}}
    assert len(run.generate(n=2, class_="yes")) == 2

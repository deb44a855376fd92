"""Training: what a batch holds, what the model learns, and resuming."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

import genlab
from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.errors import InputError
from genlab.tasks.restyle.cyclegan import CycleGANRecipe
from genlab.tasks.restyle.options import CycleGANOptions, StarGANOptions
from genlab.tasks.restyle.recipe import READER_BATCH
from genlab.tasks.restyle.stargan import StarGANRecipe
from tests.data.made import folder_of
from tests.tasks.restyle.made import COLOURS, sign, signs, traits

NAMES = sorted(COLOURS)


def recipe(folder: Path, *attributes: str, **options) -> StarGANRecipe:
    asked = StarGANOptions(attribute=attributes, pixels=16, width=8, **options)
    data, _ = StarGANRecipe.read(asked, Place(str(folder), "0.1", "0.1"), None)
    return StarGANRecipe(Setup(StarGANRecipe.resolve(asked, data, Speed(None, None, 1), None), data, Machine("cpu")))


def test_a_batch_pairs_each_picture_with_a_real_one_of_other_values(folder):
    trained = recipe(folder, "colour", batch=64, flip=False)
    pairs = trained.batch(0)
    assert (pairs.source != pairs.target).all()
    known = {row.tobytes() for row in trained.data.train.pictures.tensor().numpy()}
    assert all(one.numpy().tobytes() in known for one in (*pairs.pictures, *pairs.partners))
    centre = {name: torch.tensor(colour) / 127.5 - 1 for name, colour in COLOURS.items()}
    shown = (
        *zip(pairs.partners, pairs.target[:, 0], strict=True),
        *zip(pairs.reader_pictures, pairs.reader_values[:, 0], strict=True),
    )
    for picture, value in shown:
        assert (picture - centre[NAMES[value]][:, None, None]).abs().sum(0).min() < 1e-5


def test_partners_agree_in_everything_else_where_candidates_allow(folder):
    """Half of the signs have a bar; without the choice among candidates, partners would agree half of the time."""
    pairs = recipe(folder, "colour", batch=256).batch(0)
    bars = [(pictures[:, :, 15, 7] < -0.8).all(1) for pictures in (pairs.pictures, pairs.partners)]
    assert (bars[0] == bars[1]).float().mean() > 0.95


def test_several_attributes_change_alone_and_together(folder):
    pairs = recipe(folder, "colour", "bar", batch=256).batch(0)
    changed = (pairs.source != pairs.target).sum(1)
    assert set(changed.tolist()) == {1, 2}
    assert 0.1 < (changed == 2).float().mean() < 0.5


def test_mirror_images_show_the_same_pictures(folder):
    plain, mirrored = (recipe(folder, "colour", batch=64, flip=flip).batch(0).pictures for flip in (False, True))
    same = (plain == mirrored).flatten(1).all(1)
    flipped = (plain.flip(3) == mirrored).flatten(1).all(1)
    assert (same | flipped).all()
    assert 0.3 < flipped.float().mean() < 0.7


def test_a_steep_loss_cannot_close_the_mask(folder):
    """Adam without momentum would follow a single huge gradient far enough to kill the generator."""
    made = recipe(folder, "colour", batch=8)
    made.generator_loss = lambda real, fake: 1e6 * (real - fake).mean()
    made.step(made.batch(0), 0.0)
    gradients = [weight.grad for weight in made.generator.parameters() if weight.grad is not None]
    assert torch.nn.utils.get_total_norm(gradients) <= 1.001


def test_the_reader_gets_all_values_equally_often(tmp_path):
    """Whatever the batch: cyclegan takes single pictures, and batch norm needs several."""
    lopsided = recipe(Path(folder_of(tmp_path / "two", {"many": 200, "few": 30})), batch=2)
    known = torch.cat([lopsided.batch(step).reader_values for step in range(50)])[:, 0]
    assert len(known) == 50 * READER_BATCH
    assert abs(known.float().mean() - 0.5) < 0.1


def test_kept_counts_the_other_columns_only(folder, monkeypatch):
    """A reader that gets every picture right, and another bar once it is changed: nothing else is kept."""
    trained = recipe(folder, "colour")
    true = np.concatenate((trained.data.validation.values, trained.data.validation.kept), 1)
    order = np.random.default_rng(0).permutation(len(true))
    readings = iter([true[order], np.stack((true[order][:, 0], 1 - true[order][:, 1]), 1)])
    monkeypatch.setattr(trained.pipeline.reader, "read", lambda pictures: torch.from_numpy(next(readings)))
    with trained.pipeline.evaluating():
        assert trained.validate()["kept"] == 0


def test_it_learns_to_change_the_colour_and_nothing_else(run):
    """Judged by the truth of unseen signs: the square has the new colour, and other pixels stay."""
    right, elsewhere = [], []
    for number in range(1000, 1040):
        colour, bar = traits(number)
        before, wanted = sign(number, colour, bar), NAMES[(NAMES.index(colour) + 1 + number % 2) % 3]
        (sample,) = run.generate(pictures=[before], set={"colour": wanted})
        truth = sign(number, wanted, bar)
        square = (truth != before).any(2)
        wrong = np.abs(sample.content.astype(int) - truth).max(2) > 64
        right.append(1 - wrong[square].mean())
        elsewhere.append(wrong[~square].mean())
    assert np.mean(right) > 0.8
    assert np.mean(elsewhere) < 0.1
    assert run.about["test"]["flip_rate"] > 0.8


@pytest.mark.parametrize(
    ("recipe_type", "model", "options"),
    [
        (StarGANRecipe, "stargan", {"attribute": ("colour",), "pixels": 16, "width": 4}),
        (CycleGANRecipe, "cyclegan", {"attribute": ("bar",), "pixels": 24, "width": 4, "depth": 1, "batch": 2}),
    ],
)
def test_interrupted_and_resumed_training_gives_the_same_weights(
    folder, tmp_path, monkeypatch, recipe_type, model, options
):
    """The pools of cyclegan are full by then, so that the discriminators see pictures from before the interruption."""
    from genlab.engine.loop import Loop
    from tests.engine.short import interrupting

    monkeypatch.setattr("genlab.models.cyclegan.POOL", 6)
    monkeypatch.setattr("genlab.tasks.restyle.cyclegan.DISCRIMINATOR_WIDTH", 4)
    options = {**options, "model": model, "steps": 12, "quiet": True}
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    whole = genlab.train("restyle", folder, out=tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        patch.setattr(recipe_type, "step", interrupting(recipe_type, 5))
        assert genlab.train("restyle", folder, out=tmp_path / "run", **options).about["state"] == "interrupted"
    again = genlab.train("restyle", folder, out=tmp_path / "run", resume=True, **options)
    assert (again.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


class Watched(TorchDispatchMode):
    """Counts the operations inside that wait for the GPU: what they return depends on values in its memory."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: list[str] = []

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        if function in (torch.ops.aten._local_scalar_dense.default, torch.ops.aten.nonzero.default):
            self.waits.append(str(function))
        return function(*args, **(kwargs or {}))


def test_a_step_of_cyclegan_waits_for_the_gpu_once_per_pool(tmp_path):
    data = folder_of(tmp_path / "data", {"a": 30, "b": 30})
    options = CycleGANOptions(pixels=24, width=4, depth=1, batch=8)
    found, _ = CycleGANRecipe.read(options, Place(data, "0.1", "0.1"), None)
    trained = CycleGANRecipe(Setup(options, found, Machine("cpu")))
    batch = trained.batch(0)
    with Watched() as watched:
        trained.step(batch, 0.6)
    assert watched.waits == 2 * ["aten._local_scalar_dense.default"]


def test_two_folders_are_two_looks(tmp_path):
    folder = tmp_path / "seasons"
    folder_of(folder, {"summer": 30, "winter": 30})
    two = str(folder / "summer"), str(folder / "winter")
    run = genlab.train("restyle", two, steps=2, pixels=16, width=4, out=tmp_path / "run", quiet=True, test=0)
    assert [(one.name, one.values) for one in run.pipeline.facts.attributes] == [("look", ["summer", "winter"])]
    samples = run.generate(pictures=np.zeros((3, 16, 16, 3), np.uint8))
    assert all(sample.about["changes"]["look"] in ("summer -> winter", "winter -> summer") for sample in samples)


def test_a_side_that_is_no_power_of_two_is_refused(folder, tmp_path):
    with pytest.raises(InputError, match="power of 2"):
        genlab.train("restyle", folder, attribute=("colour",), pixels=24, steps=1, out=tmp_path / "run", quiet=True)


def test_custom_discriminators_leave_the_generators_limit(folder, tmp_path):
    """Ours takes powers of 2 only; the generator halves the side three times."""
    size = lambda shape: shape.channels * shape.pixels**2
    layers = lambda shape: nn.Sequential(nn.Flatten(), nn.Linear(size(shape), 1 + 2 * shape.values))
    options = {"networks": {"discriminator": layers}, "attribute": ("colour",), "steps": 1, "width": 4, "quiet": True}
    with pytest.raises(InputError, match="pixels: 20 cannot be used; this generator needs a multiple of 8") as error:
        genlab.train("restyle", folder, pixels=20, out=tmp_path / "refused", **options)
    assert error.value.field == "pixels"
    run = genlab.train("restyle", folder, pixels=24, out=tmp_path / "run", test=0, **options)
    assert run.about["state"] == "done"


class Hiding(nn.Module):
    """Adds a constant that 8 bits do not hold; changes to the second look add it, others take it away."""

    def __init__(self, sign: int) -> None:
        super().__init__()
        self.hidden = nn.Parameter(torch.tensor(sign * 0.003))

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        return pictures + self.hidden


def test_cycle_errors_see_what_8_bits_do_not_hold(tmp_path):
    """What is hidden in smaller differences is lost on the way back; the typical error counts it as well."""
    path = folder_of(tmp_path / "seasons", {"summer": 30, "winter": 30})
    options = CycleGANOptions(pixels=24, width=4, depth=1, batch=4, learning_rate=1e-6)
    data, _ = CycleGANRecipe.read(options, Place(str(path), "0.1", "0.1"), None)
    networks = Networks({"to_first": lambda shape: Hiding(-1), "to_second": lambda shape: Hiding(1)})
    trained = CycleGANRecipe(Setup(options, data, Machine("cpu"), networks=networks))
    batch = trained.batch(0)
    errors = trained.pipeline.cycle_errors(batch.pictures, batch.source, batch.target)
    torch.testing.assert_close(errors, torch.full((4,), 0.003), rtol=0, atol=1e-5)
    with trained.pipeline.evaluating():
        assert trained.validate()["cycle_error"] == pytest.approx(0.003 * 127.5, abs=0.01)  # out of 255
    trained.step(batch, 0.5)
    assert trained.pipeline.typical.value.item() == pytest.approx(0.003, abs=1e-5)


def test_cyclegan_needs_two_values(folder, tmp_path):
    with pytest.raises(InputError, match="two values, not colour: blue, green, red: use --model stargan"):
        genlab.train("restyle", folder, "cyclegan", attribute=("colour",), steps=1, out=tmp_path / "run", quiet=True)


@pytest.mark.parametrize("name", ["to_first", "to_second", "discriminator_first", "discriminator_second"])
def test_cyclegan_tries_custom_networks(tmp_path, name):
    data = folder_of(tmp_path / "data", {"a": 30, "b": 30})
    options = {"steps": 1, "pixels": 32, "width": 4, "quiet": True, "out": tmp_path / "run"}
    with pytest.raises(
        InputError, match=f"The custom {name} rejects a batch of shape .2, 3, 32, 32.: it must"
    ) as error:
        genlab.train("restyle", data, "cyclegan", networks={name: lambda shape: torch.nn.Conv2d(7, 1, 3)}, **options)
    assert error.value.field == name


def test_cyclegan_takes_discriminators_of_any_output(tmp_path):
    data = folder_of(tmp_path / "data", {"a": 30, "b": 30})
    options = {"steps": 1, "pixels": 32, "width": 4, "quiet": True, "out": tmp_path / "run"}
    layers = lambda shape: torch.nn.Sequential(torch.nn.Conv2d(shape.channels, 1, 4, 4), torch.nn.Flatten())
    run = genlab.train("restyle", data, "cyclegan", networks={"discriminator_first": layers}, **options)
    assert run.about["state"] == "done"


def test_defaults_suit_drawings_and_photographs(folder, tmp_path):
    """Drawings get learned colours, photographs a discriminator that first convolves at full resolution."""
    noise = folder_of(tmp_path / "noise", {"a": 30, "b": 30})
    drawn, photographs = recipe(folder, "colour"), recipe(Path(noise))
    names = ("colours", "learning_rate", "penalty", "recognition", "smoothness")
    chosen = [tuple(getattr(made.options, name) for name in names) for made in (drawn, photographs)]
    assert chosen == [(3, 2e-3, 0.3, 1.0, 0.0), (0, 1e-3, 3.0, 0.3, 1.0)]
    assert [made.discriminator.down.full is None for made in (drawn, photographs)] == [True, False]


class Painter(nn.Module):
    """A custom generator."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.layer = nn.Conv2d(shape.channels + shape.values, shape.channels, 1)

    def forward(self, pictures: torch.Tensor, change: torch.Tensor) -> torch.Tensor:
        maps = change[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
        return pictures + self.layer(torch.cat((pictures, maps), 1))


def test_own_generator_of_drawings_gets_the_defaults_without_learned_colours(folder, tmp_path):
    """What the user gives is kept."""
    own = {"networks": {"generator": Painter}, "attribute": ("colour",), "steps": 1, "pixels": 16, "quiet": True,
           "validation": 0, "test": 0}  # fmt: skip
    options = [
        genlab.train("restyle", folder, out=tmp_path / f"run{number}", **{**own, **given}).pipeline.options
        for number, given in enumerate(({}, {"colours": 3}, {"penalty": 0.5}))
    ]
    names = ("colours", "learning_rate", "penalty", "recognition", "smoothness")
    found = [tuple(getattr(one, name) for name in names) for one in options]
    assert found == [(0, 1e-3, 3.0, 0.3, 1.0), (3, 2e-3, 0.3, 1.0, 0.0), (0, 1e-3, 0.5, 0.3, 1.0)]


def test_first_colours_are_found_of_every_value(folder, monkeypatch):
    monkeypatch.setattr("genlab.tasks.restyle.stargan.COLOUR_PICTURES", 60)
    made = recipe(folder, "colour")
    made.prepare()
    colours = made.generator.head.recolouring.colours.detach().numpy() * 127.5 + 127.5
    for found, colour in zip(colours, COLOURS.values(), strict=True):
        assert np.abs(found - colour).max(1).min() < 1


def test_signs_are_what_the_tests_say(tmp_path):
    made = signs(tmp_path / "signs", 12)
    assert len(list(made.glob("*.png"))) == 12
    assert np.array_equal(sign(5, "red", True)[14, 5], [20, 20, 20])


def test_weights_are_compared_by_a_reader_that_no_longer_changes(folder):
    """While it is trained, later weights win; then it stays as it is, batch norm included."""
    made = recipe(folder, "colour")
    misses = []
    for step, progress in enumerate((0.0, 0.4, 0.5, 0.9)):
        before = {name: value.clone() for name, value in made.pipeline.reader.state_dict().items()}
        metrics = made.step(made.batch(step), progress)
        after = made.pipeline.reader.state_dict()
        assert all(torch.equal(before[name], after[name]) for name in before) == (progress >= 0.5)
        assert ("reader" in metrics) == (progress < 0.5)  # no forward pass for a number that nothing needs
        misses.append(made.validate()["miss"])
    assert misses[:2] == [2.0, 1.6]
    assert max(misses[2:]) <= 1


def test_the_test_measure_does_not_depend_on_the_time_of_a_crash(folder):
    """A run killed while it writes its final report is resumed at the end: a new recipe makes no step."""
    made = recipe(folder, "colour")
    assert made.validate()["miss"] == 2
    measures = made.test()
    assert measures["miss"] == 1 - min(measures["flip_rate"], measures["kept"], 1 - measures["cycle_error"] / 255)

"""Training flows on descriptions: captions, columns and classes, prompts, custom networks and resuming."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

import genlab
from genlab.data.pictures.wording import PADDING, START
from genlab.engine.machine import Machine
from genlab.engine.model_card import write_card
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.tasks.images.flow import FlowRecipe
from genlab.tasks.images.making import AlongFlow
from genlab.tasks.images.options import FlowOptions, FlowRequest
from tests.conftest import squares_and_bars
from tests.tasks.images.made import colour_folder

TINY = {"width": 32, "depth": 1, "pixels": 16, "batch": 8, "features": "digits"}
QUICK = {"model": "flow", "quiet": True, **TINY}


def write_table(folder: Path, count: int = 30) -> Path:
    """Pictures in `folder` with a table of two columns."""
    colour_folder(folder, drawn=True)
    rows = [f"{n}.png,{('red', 'blue')[n % 2]},{('yes', 'no')[n // 2 % 2]}" for n in range(count)]
    (folder / "attributes.csv").write_text("\n".join(["file,colour,wide", *rows]))
    return folder


def write_captions(folder: Path) -> Path:
    """Pictures in `folder` with captions, two for the first."""
    colour_folder(folder, drawn=True)
    rows = [f"{n}.png,a {('red', 'blue')[n % 2]} bar" for n in range(30)]
    (folder / "captions.csv").write_text("\n".join(["file,caption", *rows, "0.png,something red"]))
    return folder


@pytest.fixture(scope="module")
def described(tmp_path_factory) -> genlab.Run:
    """A run on descriptions written from columns. Tests only read it."""
    folder = tmp_path_factory.mktemp("described")
    data = write_table(folder / "bars")
    options = {**QUICK, "caption": ("colour", "wide"), "unseen": 0.0}
    return genlab.train("images", data, steps=3, validation=0.2, test=0.3, out=folder / "run", **options)


def recipe(data: Path, **options) -> FlowRecipe:
    asked = FlowOptions(**{**TINY, **options})
    read, _ = FlowRecipe.read(asked, Place(str(data), "0.2", "0.2"), None)
    return FlowRecipe(Setup(FlowRecipe.resolve(asked, read, Speed(None, None, 1), None), read, Machine("cpu"), seed=1))


def sentence(made: FlowRecipe, row: torch.Tensor) -> str:
    """The words of a row of indices."""
    return " ".join(made.maker.vocabulary.words[index - 2] for index in row.tolist() if index > START)


# --- what is learnt -------------------------------------------------------------------------------


def test_descriptions_are_drawn_anew_at_every_step_and_belong_to_their_pictures(tmp_path):
    made = recipe(write_table(tmp_path / "bars"), caption=("colour", "wide"), unseen=0.0, unguided=0.5)
    described, seen = made.data.train.described, {}
    for step in range(60):
        pictures, words = made.batch(step)
        assert torch.equal(pictures, made.data.train.tensor(made.picks(step)))
        assert (words[:, 0] == START).all()
        for pick, row in zip(made.picks(step).tolist(), words, strict=True):
            seen.setdefault(pick, []).append(sentence(made, row))
    for pick, texts in seen.items():
        facts, other = described.of(pick), {"red": "blue", "blue": "red"}[described.of(pick)["colour"]]
        assert not any(other in text for text in texts)
        assert len(set(texts)) >= 4
        if facts["wide"] == "no":
            assert all("no wide" in text for text in texts if "wide" in text)
    every = [text for texts in seen.values() for text in texts]
    assert 0.4 < np.mean([not text for text in every]) < 0.6  # unguided
    assert not torch.equal(made.batch(0)[1], made.batch(1)[1])
    assert torch.equal(made.batch(5)[1], made.batch(5)[1])


def test_captions_are_learnt(tmp_path):
    made = recipe(write_captions(tmp_path / "bars"), unguided=0.0)
    assert made.maker.vocabulary.words == ["a", "bar", "blue", "red", "something"]
    assert made.pipeline.facts.longest == 4
    texts = {sentence(made, row) for step in range(40) for row in made.batch(step)[1]}
    assert texts == {"a red bar", "a blue bar", "something red"} - (
        set() if "0.png" in made.data.train.names else {"something red"}
    )


def test_captions_in_chinese_are_learnt_by_character(tmp_path):
    data = write_captions(tmp_path / "bars")
    table = (data / "captions.csv").read_text()
    for english, chinese in (("a red bar", "红色条"), ("a blue bar", "蓝色条"), ("something red", "红")):
        table = table.replace(english, chinese)
    (data / "captions.csv").write_text(table, encoding="utf-8")
    assert recipe(data).maker.vocabulary.words == sorted("红蓝色条")


def test_a_note_says_that_rare_words_are_left_out(tmp_path, monkeypatch):
    for module in ("data.pictures.wording", "tasks.images.flow"):
        monkeypatch.setattr(f"genlab.{module}.MOST", 3)
    data, about = FlowRecipe.read(FlowOptions(**TINY), Place(str(write_captions(tmp_path / "bars")), "0", "0"), None)
    assert data.notes == about.notes
    assert data.notes[-1] == "the descriptions have 5 different words: the model learns the 3 commonest."


def test_classes_are_words_where_nothing_describes(folder):
    made = recipe(folder, unguided=0.0)
    assert made.maker.vocabulary.words == ["bar", "square"]
    labels = made.data.train.labels[made.picks(3)]
    assert [sentence(made, row) for row in made.batch(3)[1]] == [["bar", "square"][label] for label in labels]
    plain = recipe(folder, conditional=False)
    assert plain.maker.vocabulary.words == []
    assert (plain.batch(0)[1] == START).all()


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("C", "C++"), r"data: the names of the classes C and C\+\+ have the same words, .*: rename one of them"),
        (("cat", "!"), "data: the class ! has no word in its name, .*: rename its folder"),
        (("cat", "🐈"), "data: the class 🐈 has no word in its name"),
    ],
)
def test_classes_that_their_words_do_not_distinguish(tmp_path, names, message):
    data = squares_and_bars(tmp_path / "kinds", count=20)
    for old, new in zip(("bar", "square"), names, strict=True):
        (data / old).rename(data / new)
    with pytest.raises(InputError, match=message) as error:
        recipe(data)
    assert error.value.field == "data"
    assert recipe(data, conditional=False).maker.vocabulary.words == []


def test_values_of_a_column_that_their_words_do_not_distinguish(tmp_path):
    data = write_table(tmp_path / "bars")
    table = (data / "attributes.csv").read_text()
    (data / "attributes.csv").write_text(table.replace("blue", "Red!"))
    with pytest.raises(InputError, match="label: the names of the classes Red! and red have the same words") as error:
        recipe(data, label="colour")
    assert error.value.field == "label"
    (data / "attributes.csv").write_text(table.replace("blue", "?"))
    with pytest.raises(InputError, match=r"label: the class \? has no word in its name, .*: change its colour"):
        recipe(data, label="colour")


def test_the_columns_of_a_sample_set_are_the_default():
    pytest.importorskip("dicebear")
    pytest.importorskip("resvg_py")
    made = recipe(Path("@faces:150"))
    assert made.options.caption == ("hair", "glasses", "beard", "skin")
    assert {"person", "red", "glasses", "beard", "no"} <= set(made.maker.vocabulary.words)
    assert made.pipeline.facts.combinations == made.data.combinations != []
    assert recipe(Path("@faces:150"), caption=("hair",)).options.caption == ("hair",)
    assert recipe(Path("@faces:150"), label="hair").maker.vocabulary.words == ["black", "blond", "brown", "grey", "red"]
    assert recipe(Path("@faces:150"), conditional=False).maker.vocabulary.words == []


def test_looking_shows_descriptions_and_a_finished_run_a_prompt(tmp_path, cli, described):
    data = write_captions(tmp_path / "bars")
    code, out, _ = cli("look", "images", data, "--model", "flow", "--pixels", 16, "--steps", 1)
    assert code == 0
    assert "descriptions, as one training step draws them:\n  " in out
    assert ".png: a red bar\n" in out
    assert "--prompt 'blue colour" in (described.path / "README.md").read_text()


def test_the_card_of_a_run_on_a_sample_set_has_its_licence(tmp_path, described):
    assert "OpenMoji" not in (described.path / "README.md").read_text()
    shutil.copytree(described.path, tmp_path / "run")
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    about["data"]["name"] = "@emoji"
    (tmp_path / "run" / "run.json").write_text(json.dumps(about))
    run = genlab.load(tmp_path / "run")
    write_card(run.folder, run.pipeline)
    assert "designed by OpenMoji" in (tmp_path / "run" / "README.md").read_text()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"caption": ("colour",), "label": "wide"}, "--caption and --label both say what to learn: use one of them"),
        ({"caption": ("colour",), "conditional": False}, "--no-conditional ignores descriptions: omit one of them"),
        ({"caption": ("color",)}, r"has no column color \(perhaps colour\?\); it has colour, wide"),
    ],
)
def test_options_that_contradict_each_other(tmp_path, options, message):
    data = write_table(tmp_path / "bars")
    with pytest.raises(InputError, match=message) as error:
        genlab.train("images", data, steps=1, out=tmp_path / "run", **QUICK, **options)
    assert error.value.field == "caption"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message", "field"),
    [
        ({"width": 40}, "width: 40 cannot be used; this model needs a multiple of 32", "width"),
        ({"pixels": 24}, r"pixels: 24 cannot be used; this model needs 16, 32, 64 \.\.\.", "pixels"),
        ({"unseen": 1.0}, "unseen: 1.0 cannot be used; it must be", "unseen"),
    ],
)
def test_sizes_that_cannot_be_used(tmp_path, options, message, field):
    data = write_captions(tmp_path / "bars")
    with pytest.raises(InputError, match=message) as error:
        genlab.train("images", data, steps=1, out=tmp_path / "run", **{**QUICK, **options})
    assert error.value.field == field
    assert not (tmp_path / "run").exists()


def test_killed_trainings_end_with_the_same_weights(tmp_path, monkeypatch):
    """The descriptions of a step depend on the seed and the step only."""
    data = write_table(tmp_path / "bars")
    options = {**QUICK, "caption": ("colour", "wide"), "steps": 6, "checkpoint_seconds": 0, "unseen": 0.0}
    whole = genlab.train("images", data, out=tmp_path / "whole", **options)
    step, calls = FlowRecipe.step, []

    def dies(self, batch, progress):
        calls.append(1)
        if len(calls) == 4:
            raise RuntimeError("killed")
        return step(self, batch, progress)

    with monkeypatch.context() as patch:
        patch.setattr(FlowRecipe, "step", dies)
        with pytest.raises(RuntimeError, match="killed"):
            genlab.train("images", data, out=tmp_path / "parts", **options)
    with pytest.raises(InputError, match="caption"):
        genlab.train("images", data, out=tmp_path / "parts", resume=True, **{**options, "caption": ("colour",)})
    table = (data / "attributes.csv").read_text()
    (data / "attributes.csv").write_text(table.replace("blue", "green"))
    with pytest.raises(InputError, match="changed"):
        genlab.train("images", data, out=tmp_path / "parts", resume=True, **options)
    (data / "attributes.csv").write_text(table)
    parts = genlab.train("images", data, out=tmp_path / "parts", resume=True, **options)
    assert (whole.path / "model.safetensors").read_bytes() == (parts.path / "model.safetensors").read_bytes()


# --- prompts --------------------------------------------------------------------------------------


def test_a_prompt_changes_the_pictures(described):
    make = lambda **request: np.stack([each.content for each in described.generate(n=2, flow_steps=2, **request)])
    red, blue = (make(prompt=f"{colour} colour", guidance=3.0) for colour in ("red", "blue"))
    assert not np.array_equal(red, blue)
    assert np.array_equal(red, make(prompt="Red, colour!", guidance=3.0))
    again = genlab.load(described.path)
    made = described.generate(n=2, seed=3, prompt="red colour")
    repeated = again.sample(np.stack([each.latent for each in made]), "red colour")
    assert np.array_equal(repeated, np.stack([each.content for each in made]))
    assert np.array_equal(red, np.stack([x.content for x in again.generate(
        n=2, flow_steps=2, prompt="red colour", guidance=3.0)]))  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "message", "field"),
    [
        ({"prompt": "a green zebra"}, "have none of the words a, green, zebra; they have blue, colour", "prompt"),
        ({"prompt": ""}, "prompt: it is empty: describe the picture, or omit it", "prompt"),
        ({"prompt": " ... "}, "prompt: it is empty", "prompt"),
        ({"guidance": 0.0}, "guidance: 0.0 cannot be used; it must be a number above 0", "guidance"),
        ({"guidance": -1.0}, "guidance: -1.0 cannot be used", "guidance"),
        ({"flow_steps": 0}, "flow_steps: 0 cannot be used", "flow_steps"),
        ({"class_": "red"}, "trained with descriptions, not with classes: use --prompt", "class"),
        ({"class_": "red", "prompt": "red"}, "--class and --prompt both say what to make: use one of them", "class"),
    ],
)
def test_requests_that_cannot_be_met(described, request_, message, field):
    with pytest.raises(InputError, match=message) as error:
        described.generate(n=1, **request_)
    assert error.value.field == field


@pytest.fixture(scope="module")
def always_described(tmp_path_factory) -> genlab.Run:
    """A run that has seen no picture without its description. Tests only read it."""
    folder = tmp_path_factory.mktemp("always")
    data = write_captions(folder / "bars")
    return genlab.train("images", data, steps=2, unguided=0.0, out=folder / "run", **QUICK)


def test_a_run_without_unguided_pictures_makes_them_without_guidance(always_described):
    make = lambda **request: always_described.generate(n=2, flow_steps=2, prompt="red", **request)
    usual, plain = (np.stack([each.content for each in found]) for found in (make(), make(guidance=1.0)))
    assert np.array_equal(usual, plain)
    assert always_described.pipeline.maker.with_request(FlowRequest()).guidance == 1
    (found,) = always_described.attention("red", flow_steps=2)
    (made,) = always_described.generate(n=1, flow_steps=2, prompt="red")
    assert np.array_equal(found.picture, made.content)


@pytest.mark.parametrize(
    ("request_", "message", "field"),
    [
        (
            {"prompt": "red", "guidance": 2.0},
            "guidance: 2.0 cannot be used, because .* --unguided 0: use 1",
            "guidance",
        ),
        ({}, "prompt: this run was trained with --unguided 0, which needs a description .*: give one with", "prompt"),
    ],
)
def test_what_a_run_without_unguided_pictures_cannot_make(always_described, request_, message, field):
    with pytest.raises(InputError, match=message) as error:
        always_described.generate(n=1, **request_)
    assert error.value.field == field


def test_a_run_without_unguided_pictures_makes_its_classes(tmp_path):
    data = squares_and_bars(tmp_path / "kinds", count=20)
    run = genlab.train("images", data, steps=1, unguided=0.0, out=tmp_path / "run", **QUICK)
    assert len(run.generate(n=2, flow_steps=1)) == len(run.generate(n=2, flow_steps=1, class_="bar")) == 2


def test_the_command_line_says_what_a_prompt_cannot_change(cli, described, refused):
    sentence, field = refused("generate", described.path, "--prompt", "zebra")
    assert "have none of the words zebra" in sentence
    assert field == "prompt"
    assert refused("generate", described.path, "--guidance", 0)[1] == "guidance"
    code, _, err = cli("generate", described.path, "--prompt", "a red colour", "--n", 1, "--flow-steps", 1, "--to", "x")
    assert code == 0
    assert "Note: the training descriptions do not have these words, which change nothing: a.\n" in err
    long = "red colour wide no red colour wide"
    code, _, err = cli("generate", described.path, "--prompt", long, "--n", 1, "--flow-steps", 1, "--to", "x")
    assert code == 0
    assert "Note: no training description has more than 6 known words: the rest changes nothing: wide.\n" in err


def test_the_noise_of_a_flow_is_not_truncated(described, refused):
    """A flow maps noise of variance 1 to pictures; of less, to pictures that training has never seen."""
    assert "--truncation" in refused("generate", described.path, "--truncation", 0.5)[0]
    with pytest.raises(InputError, match="truncation"):
        described.generate(n=1, truncation=0.5)


def test_a_run_without_descriptions_has_no_prompt(tmp_path):
    data = colour_folder(tmp_path / "bars", drawn=True)
    run = genlab.train("images", data, steps=1, out=tmp_path / "run", **QUICK)
    with pytest.raises(InputError, match="trained without descriptions: omit it"):
        run.generate(n=1, prompt="red")
    assert len(run.generate(n=2, flow_steps=1, guidance=3.0)) == 2


def test_the_test_after_training_compares_fewer_pictures(folder, monkeypatch):
    monkeypatch.setattr(FlowRecipe, "tested", 8)
    found = recipe(folder).test()
    assert found["pictures"] == 8
    assert found.keys() == {"frechet_distance", "frechet_distance_floor", "kernel_distance", "pictures"}


# --- custom networks ------------------------------------------------------------------------------


class Velocities(nn.Module):
    """A custom network: the mean of the words' embeddings, as a flat colour."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.words = nn.Embedding(max(1, shape.vocabulary), shape.channels)

    def forward(self, x: torch.Tensor, times: torch.Tensor, words: torch.Tensor | None = None) -> torch.Tensor:
        colour = self.words.weight.sum() if words is None else self.words(words).mean(1)[:, :, None, None]
        return x * times[:, None, None, None] + colour


@pytest.mark.parametrize("conditional", [True, False])
def test_own_network(tmp_path, conditional):
    shapes = []

    def factory(shape) -> nn.Module:
        shapes.append(shape)
        return Velocities(shape)

    options = {**QUICK, "steps": 2, "networks": {"flow": factory}, "conditional": conditional}
    run = genlab.train("images", squares_and_bars(tmp_path / "kinds"), out=tmp_path / "run", **options)
    assert (shapes[0].channels, shapes[0].pixels, shapes[0].vocabulary) == (1, 16, 4 if conditional else 0)
    again = genlab.load(tmp_path / "run", networks={"flow": factory})
    request = {"prompt": "bar"} if conditional else {}
    made = [opened.generate(n=1, flow_steps=2, **request)[0].content for opened in (run, again)]
    assert np.array_equal(*made)
    assert isinstance(run.pipeline.maker, AlongFlow)


def test_own_networks_that_do_not_fit(tmp_path):
    data = squares_and_bars(tmp_path / "kinds")

    class Wrong(Velocities):
        def forward(self, x, times, words=None):
            return super().forward(x, times, words)[..., 1:]

    class Alone(Velocities):
        def forward(self, x):
            return x

    for network, message in (
        (Wrong, r"The custom flow maps .* to \(2, 1, 16, 15\), but must return \(2, 1, 16, 16\)"),
        (Alone, "The custom flow rejects .*: it must take pictures, times and, if there are descriptions or classes"),
    ):
        with pytest.raises(InputError, match=message):
            genlab.train("images", data, steps=1, out=tmp_path / "run", networks={"flow": network}, **QUICK)


def test_guidance_compares_with_the_empty_description(described):
    maker = described.pipeline.maker
    words = maker.words(["red colour", "blue colour"])
    x, times = torch.randn(2, *maker.picture), torch.tensor([0.2, 0.7])
    empty = torch.tensor([[START, *[PADDING] * (words.shape[1] - 1)]] * 2)
    with torch.no_grad():
        free, given = maker.network(x, times, empty), maker.network(x, times, words)
        found = maker.with_request(FlowRequest(guidance=3.0)).velocity(words)(x, times)
    torch.testing.assert_close(found, free + 3 * (given - free), rtol=1e-3, atol=1e-4)


def test_guidance_costs_nothing_without_a_description(described, monkeypatch):
    seen = []
    velocity = type(described.pipeline.maker.network).velocity
    spy = lambda self, x, *given: [seen.append(len(x)), velocity(self, x, *given)][1]
    monkeypatch.setattr(type(described.pipeline.maker.network), "velocity", spy)
    free, guided = ([one.content for one in described.generate(n=3, guidance=by, flow_steps=2)] for by in (1.0, 3.0))
    assert np.array_equal(free, guided)
    assert seen == [3] * 6  # Heun's method, twice, each with Euler's last step
    described.generate(n=3, guidance=3.0, flow_steps=2, prompt="red colour")
    assert seen[6:] == [6, 6, 6]


# --- attention ------------------------------------------------------------------------------------


def test_attention_to_the_words_of_a_prompt(described, cli, tmp_path):
    (found,) = described.attention("red colour", flow_steps=4, seed=3)
    assert (found.name, found.columns, found.distance) == ("cross", ["(start)", "red", "colour"], None)
    assert found.weights.shape == (len(found.heads), 64, 3)
    torch.testing.assert_close(found.weights.sum(-1), torch.ones(found.weights.shape[:2]))
    (made,) = described.generate(n=1, prompt="red colour", flow_steps=4, seed=3)
    assert np.array_equal(found.picture, made.content)
    later, *_ = described.attention("red colour", flow_steps=4, seed=3, time=1.0)
    assert not torch.equal(found.weights, later.weights)
    command = ["attention", described.path, "--prompt", "red colour", "--flow-steps", 4, "--seed", 3]
    code, out, _ = cli(*command, "--to", "look.png", "--json")
    assert code == 0
    (said,) = json.loads(out)["maps"]
    assert "picture" not in said
    assert said["weights"][0][5] == pytest.approx(found.weights[0, 5].tolist(), abs=1e-5)
    assert (tmp_path / "look.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = cli(*command, "--head", 0, "--to", "head.png")
    assert code == 0
    assert out.splitlines()[0].startswith("cross attention")
    assert err == "wrote head.png\n"


def test_attention_at_a_time_is_that_of_the_points_on_the_way(described):
    """Recomputed from the noise: after half of the steps."""
    maker = described.pipeline.maker.with_request(FlowRequest(guidance=1.0, flow_steps=2))
    words = maker.words(["red colour"])
    x = described.pipeline.noise(1, 0).unflatten(1, maker.picture)
    with torch.no_grad():
        velocity = maker.velocity(words)
        slope = velocity(x, torch.tensor([0.0]))
        slope = (slope + velocity(x + slope / 2, torch.tensor([0.5]))) / 2
        with watch(maker.network) as seen:
            maker.network(x + slope / 2, torch.tensor([0.5]), words)
    (found,) = described.attention("red colour", flow_steps=2, guidance=1.0, time=0.5)
    torch.testing.assert_close(found.weights, seen["attention.cross_attention"][0][0], rtol=1e-5, atol=1e-6)


def test_attention_that_cannot_be_shown(described, tmp_path, refused):
    assert "have none of the words zebra" in refused("attention", described.path, "--prompt", "zebra")[0]
    with pytest.raises(InputError, match=r"time: 2\.0 cannot be used"):
        described.attention("red", time=2.0)
    data = squares_and_bars(tmp_path / "kinds")
    own = {"networks": {"flow": Velocities}}
    run = genlab.train("images", data, steps=1, out=tmp_path / "own", **QUICK, **own)
    with pytest.raises(InputError, match="A custom network has no attention to show"):
        run.attention("bar")

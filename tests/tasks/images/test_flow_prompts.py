"""What flows make of a prompt, and how guidance follows it."""

import numpy as np
import pytest
import torch

import genlab
from genlab.data.pictures.wording import PADDING, START
from genlab.errors import InputError
from genlab.tasks.images.options import FlowRequest
from tests.conftest import squares_and_bars
from tests.tasks.images.flows import QUICK


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
    assert refused("generate", described.path, "--prompt", "")[1] == "prompt"
    for guidance in (0, -1):
        assert refused("generate", described.path, "--guidance", guidance)[1] == "guidance"
    code, _, err = cli("generate", described.path, "--prompt", "a red colour", "--n", 1, "--flow-steps", 1, "--to", "x")
    assert code == 0
    assert "Note: the training descriptions do not have these words, which change nothing: a.\n" in err
    long = "red colour wide no red colour wide"
    code, _, err = cli("generate", described.path, "--prompt", long, "--n", 1, "--flow-steps", 1, "--to", "x")
    assert code == 0
    assert "Note: this run reads 6 known words at most, and ignores the rest: wide.\n" in err


def test_the_noise_of_a_flow_is_not_truncated(described, refused):
    """A flow maps noise of variance 1 to pictures; of less, to pictures that training has never seen."""
    assert "--truncation" in refused("generate", described.path, "--truncation", 0.5)[0]
    with pytest.raises(InputError, match="truncation"):
        described.generate(n=1, truncation=0.5)


def test_a_run_without_descriptions_has_no_prompt(undescribed):
    with pytest.raises(InputError, match="trained without descriptions: omit it"):
        undescribed.generate(n=1, prompt="red")
    assert len(undescribed.generate(n=2, flow_steps=1, guidance=3.0)) == 2


# --- guidance -------------------------------------------------------------------------------------


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

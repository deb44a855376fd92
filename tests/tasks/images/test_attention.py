"""What the positions of a flow's picture attend to in a prompt."""

import json

import numpy as np
import pytest
import torch

import genlab
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.tasks.images.attention import step_at
from genlab.tasks.images.options import FlowRequest
from tests.conftest import squares_and_bars
from tests.tasks.images.flows import QUICK, Velocities


@pytest.mark.parametrize(
    ("time", "steps", "step"),
    [
        (0.0, 16, 0),
        (0.29, 100, 29),
        (0.28, 4, 1),
        (0.38, 4, 2),
        (0.5, 16, 8),
        (0.95, 16, 15),
        (1.0, 16, 15),
        (1.0, 1, 0),
    ],
)
def test_attention_is_shown_at_the_nearest_step(time, steps, step):
    assert step_at(time, steps) == step


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


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--prompt", "zebra"], "prompt: the training descriptions have none of the words zebra", "prompt"),
        (["--prompt", ""], "prompt: it is empty: describe the picture.", "prompt"),
        (["--prompt", "red", "--time", "2"], "time: 2.0 cannot be used; it must be a number from 0 up to 1", "time"),
        (["--prompt", "red", "--guidance", "0"], "guidance: 0.0 cannot be used", "guidance"),
        (["--prompt", "red", "--flow-steps", "0"], "flow_steps: 0 cannot be used", "flow_steps"),
        (["--prompt", "red", "--layer", "1"], "no layer 1", "layer"),
    ],
)
def test_requests_for_attention_that_cannot_be_met(described, refused, words, message, field):
    said, named = refused("attention", described.path, *words)
    assert message in said
    assert named == field


def test_runs_without_attention(tmp_path, undescribed):
    with pytest.raises(InputError, match="A run without descriptions or classes has no attention to show") as error:
        undescribed.attention("red")
    assert error.value.field == "run"
    data = squares_and_bars(tmp_path / "kinds")
    own = {"networks": {"flow": Velocities}}
    run = genlab.train("images", data, steps=1, out=tmp_path / "own", **QUICK, **own)
    with pytest.raises(InputError, match="A custom network has no attention to show"):
        run.attention("bar")

"""Flows with custom networks."""

import numpy as np
import pytest
from torch import nn

import genlab
from genlab.errors import InputError
from genlab.tasks.images.making import AlongFlow
from tests.conftest import squares_and_bars
from tests.tasks.images.flows import QUICK, Velocities


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

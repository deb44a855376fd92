"""The average of weights."""

import pytest
import torch
from torch import nn

from genlab.layers.average import Average


def test_average_starts_at_the_first_weights_and_halves_over_its_share() -> None:
    net = nn.Linear(1, 1, bias=False)
    average = Average(net, 0.1)
    net.weight.data.fill_(1.0)
    average.update(net)
    assert average.network.weight.item() == 1.0
    average.updates.fill_(1000)  # half-life: 100 updates
    net.weight.data.fill_(0.0)
    for _ in range(100):
        average.update(net)
    assert average.network.weight.item() == pytest.approx(0.5, abs=0.02)
    assert net.weight.item() == 0.0


def test_average_of_buffers() -> None:
    net = nn.BatchNorm1d(2)
    average = Average(net, 0.5)
    net(torch.randn(8, 2) + 3)
    average.update(net)
    torch.testing.assert_close(average.network.running_mean, net.running_mean)
    assert average.network.num_batches_tracked == 1

"""The likelihood of test pictures under a flow, against an exact one."""

import pytest
import torch

from genlab.metrics.likelihood import bits_per_dimension, dequantised, independent_pixels
from genlab.tasks.images import likelihood
from genlab.tasks.images.likelihood import picture_likelihood
from genlab.tasks.images.making import AlongFlow
from tests.tasks.images import made
from tests.tasks.images.flows import recipe, write_table

MEAN, DEVIATION = -0.4, 0.3


def gaussian(self, words):
    """The velocity of a flow whose pictures have normally distributed pixels."""

    def velocity(x, times):
        t = times[:, None, None, None]
        slope = (t * DEVIATION**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * DEVIATION**2)
        return MEAN + slope * (x - t * MEAN)

    return velocity


def test_bits_per_dimension_of_a_known_density(folder, monkeypatch):
    trained = recipe(folder)
    test, train = trained.data.test, trained.data.train
    monkeypatch.setattr(AlongFlow, "velocity", gaussian)
    found = picture_likelihood(trained.pipeline, test, train)
    normal = torch.distributions.Normal(MEAN, DEVIATION)
    noisy = dequantised(test.tensor(), torch.Generator().manual_seed(0))
    bits = bits_per_dimension(normal.log_prob(noisy).flatten(1).sum(1), 256)
    assert found["pictures"] == len(test)
    assert found["model"] == pytest.approx(bits.mean().item(), rel=1e-2)
    assert found["standard_error"] == pytest.approx(bits.std().item() / len(test) ** 0.5, rel=0.1)
    pixels = [split.array[split.rows] for split in (train, test)]
    assert found["independent_pixels"] == pytest.approx(independent_pixels(*pixels))
    assert picture_likelihood(trained.pipeline, test, train) == found


def test_descriptions_and_the_network_decide_the_likelihood(folder, monkeypatch):
    trained = recipe(folder)
    (network,) = trained.pipeline.networks.values()
    torch.manual_seed(0)
    for parameter in network.parameters():  # those that start at zero hide the words
        if parameter.abs().sum() == 0:
            torch.nn.init.normal_(parameter, 0, 0.1)
    monkeypatch.setattr(likelihood, "MEASURED", 8 * 16**2)
    test = trained.data.test
    found = picture_likelihood(trained.pipeline, test, trained.data.train)
    assert found["pictures"] == 8
    swapped = AlongFlow.of_classes
    monkeypatch.setattr(AlongFlow, "of_classes", lambda self, indices: swapped(self, 1 - indices))
    assert picture_likelihood(trained.pipeline, test, trained.data.train)["model"] != found["model"]


def test_models_without_likelihoods(tmp_path, folder, monkeypatch):
    drawings = recipe(write_table(tmp_path / "bars"), caption=("colour",))
    assert drawings.pipeline.facts.colours
    gan = made.recipe(folder)
    for one in (drawings, gan):
        assert picture_likelihood(one.pipeline, one.data.train, one.data.train) is None
    large = recipe(folder)
    monkeypatch.setattr(likelihood, "MEASURED", 5 * 16**2)
    assert picture_likelihood(large.pipeline, large.data.test, large.data.train) is None

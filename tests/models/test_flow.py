"""The flow-matching model: its network, guidance, samplers and likelihoods."""

import math

import pytest
import torch

from genlab.data.pictures.wording import PADDING, START
from genlab.models.flow import (
    Flow,
    FlowShape,
    draw_times,
    flow_matching_loss,
    follow,
    guided,
    interpolate,
)
from genlab.models.flow_likelihood import log_likelihood

WORDS = torch.tensor([[START, 2, 3, PADDING], [START, 4, PADDING, PADDING]])


def network(vocabulary: int = 6, pixels: int = 16, channels: int = 3) -> Flow:
    """A network whose output does not start at zero."""
    torch.manual_seed(0)
    flow = Flow(FlowShape(channels, pixels, vocabulary, 8), 32, 1)
    for parameter in flow.parameters():
        if parameter.abs().sum() == 0:
            torch.nn.init.normal_(parameter, 0, 0.1)
    return flow.eval()


def noise(count: int = 2, pixels: int = 16, channels: int = 3) -> torch.Tensor:
    return torch.randn(count, channels, pixels, pixels, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("pixels", "channels"), [(16, 1), (32, 3), (64, 3)])
def test_shapes(pixels, channels):
    x, times = noise(2, pixels, channels), torch.tensor([0.1, 0.9])
    assert network(6, pixels, channels)(x, times, WORDS).shape == x.shape
    assert network(0, pixels, channels)(x, times).shape == x.shape


def test_a_fresh_network_moves_everything_alike():
    fresh = Flow(FlowShape(3, 16, 6, 8), 32)
    assert torch.equal(fresh(noise(), torch.zeros(2), WORDS), fresh(-noise(), torch.ones(2), WORDS[:, [0, 2, 1, 3]]))


def test_padding_and_other_descriptions_of_the_batch_do_not_matter():
    flow, times = network(), torch.tensor([0.3, 0.3])
    both = flow(noise(), times, WORDS)
    alone = flow(noise()[1:], times[1:], WORDS[1:, :2])
    torch.testing.assert_close(both[1:], alone, rtol=1e-4, atol=1e-5)


def test_a_network_with_a_vocabulary_needs_words():
    flow, times = network(), torch.tensor([0.3, 0.3])
    with pytest.raises(AssertionError, match="without a context"):
        flow(noise(), times)
    with pytest.raises(AssertionError, match="without a context"):
        guided(flow, None, None, 1.0)


def test_words_their_order_and_times_matter():
    flow, times = network(), torch.tensor([0.3, 0.3])
    base = flow(noise(), times, WORDS)
    swapped = flow(noise(), times, WORDS[:, [0, 2, 1, 3]])
    later = flow(noise(), times + 0.01, WORDS)
    assert (base[0] - swapped[0]).abs().max() > 1e-3
    assert (base - later).abs().max() > 1e-3


def test_guidance_is_linear_between_the_empty_description_and_the_given_one():
    flow, times, x = network(), torch.tensor([0.3, 0.6]), noise()
    empty = torch.tensor([[START, *[PADDING] * 3]] * 2)
    free, described = flow(x, times, empty), flow(x, times, WORDS)
    for guidance in (0.5, 1.0, 3.0):
        expected = free + guidance * (described - free)
        torch.testing.assert_close(guided(flow, WORDS, empty, guidance)(x, times), expected, rtol=1e-3, atol=1e-4)


def test_paths_and_loss_by_hand():
    pictures, times = torch.ones(2, 1, 2, 2), torch.tensor([0.0, 0.25])
    points = interpolate(torch.zeros(2, 1, 2, 2), pictures, times)
    assert points[:, 0, 0, 0].tolist() == [0.0, 0.25]
    assert flow_matching_loss(torch.zeros(2, 1, 2, 2), -pictures, pictures).item() == 4.0


def test_predicted_pictures_are_learnt_at_noisier_times():
    """The quantiles of a normal distribution of logits, by hand: 0.31 is the sigmoid of -0.8."""
    shares = torch.tensor([0.1587, 0.5, 0.8413])
    times = draw_times(100_000, True, torch.Generator().manual_seed(0))
    torch.testing.assert_close(times.quantile(shares), torch.tensor([0.119, 0.310, 0.599]), atol=3e-3, rtol=0)
    uniform = draw_times(100_000, False, torch.Generator().manual_seed(0))
    torch.testing.assert_close(uniform.quantile(shares), shares, atol=4e-3, rtol=0)


def test_a_batch_covers_all_times():
    generator = torch.Generator().manual_seed(0)
    first, second = (draw_times(4, False, generator) for _ in range(2))
    for times in (first, second):
        assert (times * 4).long().tolist() == [0, 1, 2, 3]
    assert not torch.equal(first, second)


@pytest.mark.parametrize("heun", [False, True])
def test_drawings_end_in_the_colours_that_the_network_predicts(heun):
    """The last step leads all the way, so that flat areas are flat: a softmax of saturated logits is one colour."""
    torch.manual_seed(0)
    flow = Flow(FlowShape(3, 16, 0, 1), 32, colours=5).eval()
    torch.nn.init.normal_(flow.out.weight, 0, 1e3)
    with torch.no_grad():
        made = follow(guided(flow, None, None, 1.0), noise(), 4, heun)
        colours = flow.palette.weight[:, :, 0, 0].T
    distances = torch.cdist(made.permute(0, 2, 3, 1).reshape(-1, 3), colours).min(1).values
    assert distances.max() < 1e-3


@pytest.mark.parametrize(("heun", "order"), [(False, 1), (True, 2)])
def test_the_samplers_have_their_order(heun, order):
    """dx/dt = x leads from 1 to e; half the steps have twice (Euler) or four times (Heun) the error."""
    start = torch.ones(1, 1, 1, 1, dtype=torch.float64)
    errors = [abs(follow(lambda x, times: x, start, steps, heun).item() - math.e) for steps in (32, 64)]
    assert errors[0] / errors[1] == pytest.approx(2**order, rel=0.05)


def test_the_likelihood_of_a_gaussian_is_exact():
    """Data ~ N(mean, deviation^2) have a known velocity, and a divergence that random signs hit exactly."""
    mean, deviation = 0.3, 0.5

    def velocity(x: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        t = times[:, None, None, None]
        slope = (t * deviation**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * deviation**2)
        return mean + slope * (x - t * mean)

    pictures = mean + deviation * noise(4, 4, 1)
    found = log_likelihood(velocity, pictures, 200, torch.Generator().manual_seed(0))
    expected = torch.distributions.Normal(mean, deviation).log_prob(pictures).flatten(1).sum(1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("deviation", [0.003, 0.03, 0.3])
def test_few_steps_measure_narrow_densities(deviation):
    """Near time 1 the velocity of nearly constant pixels changes within a small part of the way."""

    def velocity(x: torch.Tensor, times: torch.Tensor) -> torch.Tensor:
        t = times[:, None, None, None]
        return x * (t * deviation**2 - (1 - t)) / ((1 - t) ** 2 + t**2 * deviation**2)

    pictures = deviation * noise(4, 16, 1)
    found = log_likelihood(velocity, pictures, 24, torch.Generator().manual_seed(0))
    expected = torch.distributions.Normal(0, deviation).log_prob(pictures).flatten(1).sum(1)
    assert ((found - expected) / 256 / math.log(2)).abs().max() < 0.05


@pytest.mark.parametrize("colours", [0, 4])
def test_it_learns_what_the_words_say(colours):
    """Two words, two grey levels: after a minute of steps each word makes its own level."""
    torch.manual_seed(0)
    flow = Flow(FlowShape(1, 16, 4, 2), 32, 1, colours)
    if flow.palette is not None:
        flow.palette.weight.data[0, :, 0, 0] = torch.tensor([-1.0, 0.0, 0.5, 1.0])
    adam = torch.optim.Adam(flow.parameters(), 3e-3)
    for _ in range(80):
        kinds = torch.randint(0, 2, (16,))
        pictures = (2.0 * kinds - 1)[:, None, None, None].expand(16, 1, 16, 16)
        words = torch.stack((torch.full_like(kinds, START), 2 + kinds), 1)
        start, times = torch.randn(pictures.shape), torch.rand(16)
        loss = flow_matching_loss(flow(interpolate(start, pictures, times), times, words), start, pictures)
        adam.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(flow.parameters(), 1.0)
        adam.step()
    with torch.no_grad():
        made = follow(guided(flow.eval(), torch.tensor([[START, 2], [START, 3]]), None, 1.0), noise(2, 16, 1), 8)
    assert made[0].mean().item() == pytest.approx(-1, abs=0.3)
    assert made[1].mean().item() == pytest.approx(1, abs=0.3)

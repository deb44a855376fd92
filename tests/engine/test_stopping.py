"""A timed training stops early only if overfitting is beyond doubt."""

import math
import random
from collections.abc import Callable

import pytest

from genlab.engine.stopping import begins_to_overfit, noise, past_its_best


def stops_at(curve: Callable[[float], float], deviation: float, seed: int, count: int = 20) -> float | None:
    """The share of its time at which a training stops whose validation follows `curve` with noise; None if it ends."""
    chance, history = random.Random(seed), []
    for number in range(1, count + 1):
        history.append(curve(number / count) + chance.gauss(0, deviation))
        if past_its_best(history):
            return number / count
    return None


def adult(done: float) -> float:
    """Log-loss of a network on the Adult census: best at 6 % of ten minutes, then worse and worse."""
    return 0.305 + 0.25 * math.exp(-60 * done) + 0.12 * max(0.0, done - 0.06)


def small_text(done: float) -> float:
    """Loss of a character model on one short book: falls for a quarter of the time, then rises as it memorises."""
    return 1.45 + 1.6 * math.exp(-14 * done) + 1.1 * max(0.0, done - 0.25) ** 1.3


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize(
    ("curve", "deviation", "latest"), [(adult, 0.001, 0.75), (adult, 0.003, 0.9), (small_text, 0.01, 0.85)]
)
def test_overfitting_stops(curve, deviation, latest, seed):
    stopped = stops_at(curve, deviation, seed)
    assert stopped is not None
    assert 0.3 <= stopped <= latest


CURVES = {
    "falls to the end": lambda done: 3.0 * done**-0.1,
    "falls with the learning rate": lambda done: 1.2 - 0.2 * max(0.0, done - 0.6),
    "plateau": lambda done: 1.0,
    "long plateau, then down": lambda done: 4.2 if done < 0.7 else 4.2 - 5 * (done - 0.7),
    "a little overfitting": lambda done: 1.0 + 0.9 * math.exp(-20 * done) + 0.03 * done,
    "a loss spike and its recovery": lambda done: 1.5 - 0.3 * done + (1.0 - done if done > 0.4 else 0.0),
    "late overfitting": lambda done: 2 - done if done < 0.7 else 1.3 + (done - 0.7),
}


@pytest.mark.parametrize("deviation", [0.0, 0.003, 0.02, 0.1])
@pytest.mark.parametrize("curve", CURVES)
def test_everything_else_goes_on(curve, deviation):
    assert [stops_at(CURVES[curve], deviation, seed) for seed in range(300)] == [None] * 300


def test_few_validations_prove_nothing():
    assert not past_its_best([])
    assert not past_its_best([1.0])
    assert not past_its_best([1.0, 2.0, 3.0, 4.0, 5.0])
    assert past_its_best([1.0, 2.0, 3.0, 4.0, 5.0, 6.0])


def test_measures_below_zero():
    """Log-likelihoods of densities."""
    assert past_its_best([-2.0, -1.8, -1.7, -1.6, -1.5, -1.4])
    assert not past_its_best([-2.0, -1.99, -1.98, -1.97, -1.96, -1.95])


def notes(curve: Callable[[float], float], deviation: float, runs: int = 100) -> float:
    """The share of trainings with a note that overfitting has begun."""
    noted = 0
    for seed in range(runs):
        chance = random.Random(seed)
        history = [curve(number / 20) + chance.gauss(0, deviation) for number in range(1, 21)]
        noted += any(begins_to_overfit(history[:count]) for count in range(1, 21))
    return noted / runs


def test_the_beginning_of_overfitting_is_noted_and_noise_is_not():
    assert notes(small_text, 0.01) == 1
    assert notes(lambda done: 3.0 * done**-0.1, 0.03) == 0
    assert notes(lambda done: 3.0 - 5 * min(done, 0.3), 0.03) <= 0.08  # then flat
    assert not begins_to_overfit([1.0, 1.1, 1.2])
    assert begins_to_overfit([1.0, 1.1, 1.2, 1.3])


@pytest.mark.parametrize("slope", [0.0, 0.3, -2.0])
def test_noise_is_that_around_the_trend(slope):
    chance = random.Random(1)
    history = [slope * number + chance.gauss(0, 0.5) for number in range(400)]
    assert noise(history) == pytest.approx(0.5, rel=0.15)

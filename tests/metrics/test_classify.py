"""Metrics of classifiers compared with scikit-learn's and with values computed by hand."""

import numpy as np
import pytest
import scipy.integrate
import sklearn.metrics
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.metrics.classify import CALIBRATED, PRIOR, classification, confusion, fit_temperature

sizes = st.tuples(st.integers(1, 60), st.integers(2, 7), st.integers(0, 1000))
"""Samples, classes, seed."""


def logits_and_labels(samples: int, classes: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A classifier that is right more often than not."""
    random = torch.Generator().manual_seed(seed)
    labels = torch.randint(classes, (samples,), generator=random)
    return torch.randn(samples, classes, generator=random) + 1.5 * F.one_hot(labels, classes), labels


@settings(max_examples=25, deadline=None)
@given(sizes)
def test_classification_beside_scikit_learn(shape) -> None:
    samples, classes, seed = shape
    logits, labels = logits_and_labels(samples, classes, seed)
    probabilities, predicted = logits.double().softmax(1), logits.argmax(1)
    measured = classification(probabilities, labels)
    assert measured["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(labels, predicted))
    assert measured["macro_f1"] == pytest.approx(sklearn.metrics.f1_score(labels, predicted, average="macro"))
    expected = sklearn.metrics.log_loss(labels, probabilities, labels=range(classes))
    assert measured["log_loss"] == pytest.approx(expected)
    matrix = sklearn.metrics.confusion_matrix(labels, predicted, labels=range(classes))
    assert confusion(predicted, labels, classes).tolist() == matrix.tolist()


@settings(max_examples=25, deadline=None)
@given(sizes)
def test_calibration_error_bin_by_bin(shape) -> None:
    logits, labels = logits_and_labels(*shape)
    probabilities = logits.double().softmax(1)
    confidence, predicted = probabilities.max(1)
    error = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            accuracy = (predicted == labels)[inside].double().mean()
            error += inside.double().mean() * (accuracy - confidence[inside].mean()).abs()
    assert classification(probabilities, labels)["calibration_error"] == pytest.approx(float(error))


def test_calibration_error_by_hand() -> None:
    sure = torch.tensor([[0.9, 0.1]]).expand(10, 2)
    assert classification(sure, torch.tensor([0] * 9 + [1]))["calibration_error"] == pytest.approx(0, abs=1e-6)
    assert classification(sure, torch.tensor([0] * 6 + [1] * 4))["calibration_error"] == pytest.approx(0.3)
    # right and wrong in different bins do not make up for each other
    both = torch.cat((sure, torch.tensor([[0.6, 0.4]]).expand(10, 2)))
    labels = torch.tensor([0] * 6 + [1] * 4 + [0] * 9 + [1])
    assert classification(both, labels)["calibration_error"] == pytest.approx(0.3)


def test_certainty_that_is_wrong_costs_much_but_not_infinitely() -> None:
    certain = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert classification(certain, torch.tensor([0, 1]))["log_loss"] == 0
    assert classification(certain, torch.tensor([1, 1]))["log_loss"] == pytest.approx(18, abs=0.1)


@settings(max_examples=25, deadline=None)
@given(sizes, st.sampled_from([0.01, 1.0, 30.0]))
def test_temperature_is_about_its_posterior_mean(shape, scale) -> None:
    """By quadrature over log T: a spike at T = 1, and a normal prior."""
    logits, labels = logits_and_labels(*shape)
    logits = scale * logits.double()
    grid = np.linspace(-6, 6, 2001)
    likelihood = np.array(
        [-F.cross_entropy(logits / np.exp(at), labels, reduction="sum").item() for at in (0.0, *grid)]
    )
    ratio = np.exp(likelihood[1:] - likelihood[0] - PRIOR / 2 * grid**2) * (PRIOR / 2 / np.pi) ** 0.5
    evidence = scipy.integrate.trapezoid(ratio, grid)
    mean = scipy.integrate.trapezoid(ratio * grid, grid) / (evidence + CALIBRATED / (1 - CALIBRATED))
    temperature = fit_temperature(logits, labels)
    assert np.log(temperature) == pytest.approx(mean, abs=0.05)


def test_temperature_undoes_what_scaled_the_logits() -> None:
    random = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(20_000, 5, generator=random)
    labels = logits.softmax(1).multinomial(1, generator=random).squeeze(1)  # as likely as the classifier says
    assert fit_temperature(logits, labels) == pytest.approx(1, abs=0.03)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, abs=0.09)
    before, after = ((3 * logits / temperature).softmax(1) for temperature in (1, 3))
    assert classification(before, labels)["calibration_error"] > 0.1
    assert classification(after, labels)["calibration_error"] < 0.01


def test_temperature_of_one_logit_is_that_of_two() -> None:
    logits, labels = logits_and_labels(50, 2, 0)
    one = logits[:, 1:] - logits[:, :1]
    assert fit_temperature(one, labels) == pytest.approx(fit_temperature(logits, labels), rel=1e-6)


def test_temperature_of_a_classifier_without_a_mistake_leaves_doubt() -> None:
    logits, labels = torch.tensor([[4.0, 0.0], [0.0, 4.0]] * 14), torch.tensor([0, 1] * 14)
    assert 0.9 < fit_temperature(logits, labels) < 0.999
    assert fit_temperature(10 * logits, labels) == pytest.approx(1, abs=1e-3)  # nothing to learn from


def test_a_stronger_prior_needs_more_evidence() -> None:
    logits, labels = logits_and_labels(300, 2, 0)
    weak, strong = fit_temperature(2 * logits, labels), fit_temperature(2 * logits, labels, 0.999)
    assert 1 < strong < 1.05 < weak
    assert fit_temperature(3 * logits, labels, 0.999) == pytest.approx(fit_temperature(3 * logits, labels), rel=1e-3)


def good_classifier(samples: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Calibrated logits of a classifier that is nearly always certain and right: log-loss 0.009."""
    random = torch.Generator().manual_seed(seed)
    logits = 0.6 * torch.randn(samples, 10, generator=random)
    strong = 60 * torch.rand(samples, 1, generator=random).sqrt()
    logits.scatter_add_(1, torch.randint(10, (samples, 1), generator=random), strong)
    return logits, logits.softmax(1).multinomial(1, generator=random).squeeze(1)


def losses(logits: torch.Tensor, labels: torch.Tensor, temperatures: list[float]) -> list[float]:
    return [classification((logits / t).softmax(1), labels)["log_loss"] for t in temperatures]


def test_few_mistakes_on_a_small_set_keep_the_temperature_near_one() -> None:
    """A temperature fitted on 250 samples of a calibrated classifier leaves the loss of unseen ones as it is."""
    unseen = good_classifier(20_000, 0)
    temperatures = [fit_temperature(*good_classifier(250, seed)) for seed in range(1, 41)]
    assert min(temperatures) > 0.95
    assert max(temperatures) < 1.1
    alone = losses(*unseen, [1.0])[0]
    assert 0.008 < alone < 0.01
    fitted = losses(*unseen, temperatures)
    assert np.mean(fitted) < 1.001 * alone
    assert max(fitted) < 1.01 * alone


@pytest.mark.parametrize(("samples", "near"), [(250, 0.3), (5_000, 0.06)])
def test_overconfidence_is_still_calibrated(samples: int, near: float) -> None:
    """Logits three times too large, of a classifier that makes mistakes."""
    random = torch.Generator().manual_seed(1)
    logits = 2 * torch.randn(samples, 5, generator=random)
    labels = logits.softmax(1).multinomial(1, generator=random).squeeze(1)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=near)


def test_overconfidence_of_a_good_classifier_is_calibrated_by_many_samples() -> None:
    logits, labels = good_classifier(5_000, 1)
    assert fit_temperature(3 * logits, labels) == pytest.approx(3, rel=0.15)

"""Measures of classifiers beside scikit-learn's and against values known by hand."""

import numpy as np
import pytest
import scipy.optimize
import sklearn.metrics
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.metrics.classify import classification, confusion, fit_temperature

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
def test_temperature_minimises_the_loss(shape, scale) -> None:
    logits, labels = logits_and_labels(*shape)
    logits = scale * logits.double()

    def loss(log_temperature: float) -> float:
        scores = (logits / np.exp(log_temperature)).log_softmax(1)
        anybodys_guess = scores.mean(1).mean()
        return -float((scores.gather(1, labels[:, None]).sum() + anybodys_guess) / (len(labels) + 1))

    best = scipy.optimize.minimize_scalar(loss, bounds=np.log((1e-3, 1e3)), method="bounded", options={"xatol": 1e-9})
    temperature = fit_temperature(logits, labels)
    assert loss(np.log(temperature)) <= best.fun + 1e-9
    assert 1e-3 <= temperature <= 1e3


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
    certainty = (logits / fit_temperature(logits, labels)).softmax(1).amax(1)
    # 28 right, and half a sample of the one that is anybody's guess
    torch.testing.assert_close(certainty, torch.full((28,), 28.5 / 29))

"""Directions by logistic regression, steps along them, and principal components, on latents of known structure."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from genlab.metrics.latents import (
    FARTHEST,
    PENALTY,
    LatentClassifier,
    best_step,
    fit_classifiers,
    logistic_regression,
    principal_components,
    without_others,
)

ONE_GROUP = torch.zeros(3000, dtype=torch.long)


def certain(values, count):
    """Log-probabilities of values that are certain."""
    return torch.eye(count)[values].clamp(min=1e-9).log()


def test_logistic_regression_is_that_of_scikit_learn():
    torch.manual_seed(0)
    latents = torch.randn(3000, 4)
    values = (latents @ torch.randn(4, 3) + torch.randn(3000, 3)).argmax(1)
    weight, biases = logistic_regression(latents, torch.eye(3)[values], ONE_GROUP)
    theirs = LogisticRegression(C=1 / (2 * PENALTY * 3000), tol=1e-8).fit(latents.numpy(), values.numpy())
    torch.testing.assert_close(weight, torch.from_numpy(theirs.coef_).float(), rtol=0.01, atol=0.01)
    intercept = torch.from_numpy(theirs.intercept_).float()
    torch.testing.assert_close(biases[0], intercept - intercept.mean(), rtol=0.02, atol=0.02)


def test_a_bias_per_class_keeps_the_class_out_of_the_weights():
    torch.manual_seed(0)
    groups = torch.arange(3000) % 3
    latents = torch.randn(3000, 2)
    latents[:, 1] += groups  # so that the class is visible in the latents
    logit = 2 * latents[:, 0] + 3.0 * (groups - 1)
    seen = torch.stack((-logit / 2, logit / 2), 1).log_softmax(1)
    blind, aware = fit_classifiers(latents, [seen])[0], fit_classifiers(latents, [seen], groups)[0]
    assert blind.directions[1, 1] > 0.3
    torch.testing.assert_close(aware.directions[1], torch.tensor([1.0, 0.0]), rtol=0, atol=0.02)


def test_free_weights_leave_the_others_unchanged():
    torch.manual_seed(0)
    hair, glasses = torch.randn(3, 8), torch.randn(1, 8)
    hair = hair - hair.mean(0)  # dependent, as the weights of one attribute are
    glasses = torch.cat((glasses, -glasses))
    found = without_others([hair, glasses])
    for free, others in ((found[0], glasses), (found[1], hair)):
        torch.testing.assert_close(free @ others.T, torch.zeros(len(free), len(others)), rtol=0, atol=1e-5)
    assert (found[0] * hair).sum(1).min() > 0  # still towards the value
    torch.testing.assert_close(found[1][0], -found[1][1])


def test_a_weight_in_the_span_of_the_others_has_no_direction():
    found = without_others([torch.tensor([[1.0, 1.0]]), torch.eye(2)])
    assert not found[0].any()
    assert not LatentClassifier(torch.ones(1, 2), torch.zeros(1), found[0]).directions.any()


def test_one_attribute_alone_keeps_its_weights():
    (found,) = without_others([torch.tensor([[3.0, 4.0]])])
    torch.testing.assert_close(found, torch.tensor([[3.0, 4.0]]))


def test_steps_end_where_the_value_leads_and_the_others_are_unchanged():
    torch.manual_seed(0)
    latents = torch.randn(3000, 8)
    hair, glasses = (latents[:, :3] + 0.5 * latents[:, 3:4]).argmax(1), (latents[:, 3] > 0.5).long()
    found, other = fit_classifiers(latents, [certain(hair, 3), certain(glasses, 2)])
    for value in range(3):
        step = found.step(latents, value, 2.0)
        logits = (latents + step) @ found.weight.T + found.bias
        lead = (logits[:, value, None] - logits)[:, [v for v in range(3) if v != value]].min(1).values
        assert lead.min() > 1.99
        torch.testing.assert_close(step @ other.weight.T, torch.zeros(3000, 2), rtol=0, atol=1e-3)
    already = (latents @ found.weight.T + found.bias).log_softmax(1)[:, 0] > -1e-2
    assert not found.step(latents, 0, 0.0)[already].any()


def test_a_value_between_others_ends_between_them():
    """A medium skin leads by at most the difference of the biases."""
    weight = torch.tensor([[-2.0, 0.0], [0.0, 0.0], [2.0, 0.0]])
    found = LatentClassifier(weight, torch.tensor([-1.0, 2.0, -1.0]), weight)
    step = found.step(torch.tensor([[-3.0, 1.0], [3.0, -1.0]]), 1, 12.0)
    torch.testing.assert_close(step[:, 1], torch.zeros(2))
    ends = torch.tensor([-3.0, 3.0]) + step[:, 0]
    assert (ends.abs() <= 4.5).all()
    assert ends.isfinite().all()


def test_no_step_is_longer_than_the_greatest():
    weight = torch.tensor([[-0.01, 0.0], [0.01, 0.0]])
    step = LatentClassifier(weight, torch.zeros(2), weight).step(torch.zeros(1, 2), 1, 12.0)
    torch.testing.assert_close(step, torch.tensor([[FARTHEST, 0.0]]))


def test_principal_components():
    torch.manual_seed(0)
    rows = torch.randn(2000, 4) * torch.tensor([0.1, 3.0, 0.1, 1.0]) + 5
    mean, basis = principal_components(rows)
    torch.testing.assert_close(mean, rows.mean(0))
    torch.testing.assert_close(basis, torch.eye(4)[[1, 3]], rtol=0, atol=0.02)
    assert basis[0, 1] == pytest.approx(1, abs=1e-3)


def test_the_best_of_several_steps_is_taken_for_each_latent_vector():
    weight = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    found = LatentClassifier(weight, torch.zeros(2), weight)
    latents = torch.tensor([[-1.0, 0.0], [0.0, 1.0]])
    wanted = torch.tensor([1.0, 0.5])
    step = best_step(found, latents, 0, (0.0, 1.0, 2.0, 4.0), lambda moved: -(moved[:, 0] - wanted).abs())
    torch.testing.assert_close(latents + step, torch.tensor([[1.0, 0.0], [0.5, 1.0]]))
    same = best_step(found, latents, 0, (0.0, 1.0, 2.0), lambda moved: torch.zeros(len(moved)))
    torch.testing.assert_close(same, found.step(latents, 0, 0.0))

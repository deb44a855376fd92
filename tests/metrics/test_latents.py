"""Directions by regression, and principal components, on latents whose structure is known."""

import pytest
import torch

from genlab.metrics.latents import log_odds, principal_components, slopes, unit_directions


def test_log_odds_of_two_values_are_the_logit_and_its_negative():
    logits = torch.tensor([[0.0, 1.5], [0.0, -2.0]])
    found = log_odds(logits.log_softmax(1))
    torch.testing.assert_close(found, torch.stack((-logits[:, 1], logits[:, 1]), 1))


def test_log_odds_compare_each_value_with_all_others():
    chances = torch.tensor([[0.7, 0.2, 0.1]])
    torch.testing.assert_close(log_odds(chances.log()), (chances / (1 - chances)).log())


def test_slopes_of_a_linear_function():
    torch.manual_seed(0)
    latents, true = torch.randn(4000, 5), torch.tensor([[1.0, 0, -2, 0, 0], [0, 3, 0, 0, 1]])
    found = slopes(latents, latents @ true.T + 7)  # the constant does not count
    torch.testing.assert_close(found, true / 1.01, rtol=0.02, atol=0.01)  # shrunk by the ridge penalty


def test_slopes_within_classes_ignore_what_the_class_adds():
    torch.manual_seed(0)
    groups = torch.arange(3000) % 3
    latents = torch.randn(3000, 2)
    latents[:, 1] += groups  # so that the class is visible in the latents
    targets = latents[:, :1] + 10.0 * groups[:, None]
    assert slopes(latents, targets)[0, 1].abs() > 1
    torch.testing.assert_close(slopes(latents, targets, groups), torch.tensor([[1.0, 0.0]]), rtol=0.03, atol=0.03)


def test_directions_have_length_one_and_leave_the_others_unchanged():
    torch.manual_seed(0)
    hair, glasses = torch.randn(3, 8), torch.randn(1, 8)
    hair = hair - hair.mean(0)  # dependent, as the slopes of one attribute usually are
    glasses = torch.cat((glasses, -glasses))
    found = unit_directions([hair, glasses])
    for directions, others in ((found[0], glasses), (found[1], hair)):
        torch.testing.assert_close(directions.norm(dim=1), torch.ones(len(directions)))
        torch.testing.assert_close(directions @ others.T, torch.zeros(len(directions), len(others)), rtol=0, atol=1e-5)
    assert (found[0] * hair).sum(1).min() > 0  # still towards the value
    torch.testing.assert_close(found[1][0], -found[1][1])


def test_a_slope_in_the_span_of_the_others_has_no_direction():
    found = unit_directions([torch.tensor([[1.0, 1.0]]), torch.eye(2)])
    assert not found[0].any()


def test_one_attribute_alone_keeps_its_slopes():
    (found,) = unit_directions([torch.tensor([[3.0, 4.0]])])
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8]]))


def test_principal_components():
    torch.manual_seed(0)
    rows = torch.randn(2000, 4) * torch.tensor([0.1, 3.0, 0.1, 1.0]) + 5
    mean, basis = principal_components(rows)
    torch.testing.assert_close(mean, rows.mean(0))
    torch.testing.assert_close(basis, torch.eye(4)[[1, 3]], rtol=0, atol=0.02)
    assert basis[0, 1] == pytest.approx(1, abs=1e-3)

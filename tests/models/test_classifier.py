"""Logits, probabilities, losses, and the classifiers of rows."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genlab.models.classifier import (
    BinaryClassifier,
    RowClassifier,
    Temperature,
    class_logits,
    classification_loss,
    probabilities,
)


def test_one_logit_is_a_sigmoid() -> None:
    logits = torch.randn(9, 1)
    both = probabilities(logits)
    torch.testing.assert_close(both[:, 1], logits.sigmoid()[:, 0])
    torch.testing.assert_close(both.sum(1), torch.ones(9))


def test_more_are_a_softmax() -> None:
    logits = torch.randn(9, 4)
    assert class_logits(logits) is logits
    torch.testing.assert_close(probabilities(logits), logits.softmax(1))


def test_the_loss_of_one_logit_is_binary_cross_entropy() -> None:
    logits, labels = torch.randn(9, 1), torch.randint(2, (9,))
    expected = F.binary_cross_entropy_with_logits(logits[:, 0], labels.float())
    torch.testing.assert_close(classification_loss(logits, labels), expected)


def test_classes_drawn_more_often_leave_the_probabilities_alone() -> None:
    """With uninformative features, the best logits give the frequencies in the data, not in the samples."""
    shares, drawn = torch.tensor([0.9, 0.1]), torch.tensor([0.75, 0.25])
    logit = nn.Parameter(torch.zeros(1, 1))
    optimizer = torch.optim.LBFGS([logit], max_iter=50)
    labels = torch.tensor([0, 0, 0, 1])  # in the drawn shares

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = classification_loss(logit.expand(4, 1), labels, (drawn / shares).log())
        loss.backward()
        return loss

    optimizer.step(closure)
    torch.testing.assert_close(probabilities(logit.detach()), shares[None], atol=1e-3, rtol=0)


def test_temperature_starts_at_one_and_divides() -> None:
    temperature = Temperature()
    logits = torch.randn(3, 2)
    assert torch.equal(temperature(logits), logits)
    temperature.value.fill_(2.0)
    assert torch.equal(temperature(logits), logits / 2)
    assert list(temperature.state_dict()) == ["value"]


def test_a_binary_classifier_trained_by_hand() -> None:
    torch.manual_seed(0)
    network = BinaryClassifier(features=10)
    rows = torch.randn(200, 10)
    labels = (rows[:, 0] * rows[:, 1] > 0).float()[:, None]  # no straight map tells these apart
    assert network(rows).shape == (200, 1)
    torch.testing.assert_close(network(rows), network.logits(rows).sigmoid())
    optimizer, criterion = torch.optim.Adam(network.parameters(), lr=0.01), nn.BCELoss()
    for _ in range(150):
        loss = criterion(network(rows), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert ((network(rows) > 0.5) == (labels > 0.5)).float().mean() > 0.97


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (5, 5)])
def test_rows_to_logits(classes: int, outputs: int) -> None:
    network = RowClassifier(7, classes, 16, 3, 0.1).eval()
    rows = torch.randn(4, 7)
    assert network(rows).shape == (4, outputs)
    assert network(rows).abs().max() == 0  # before training


def test_without_its_bend_a_row_classifier_is_logistic_regression() -> None:
    network = RowClassifier(7, 3, 16, 2, 0.0).eval()
    nn.init.normal_(network.straight.weight)
    rows = torch.randn(4, 7)
    torch.testing.assert_close(network(rows), rows @ network.straight.weight.T + network.straight.bias)

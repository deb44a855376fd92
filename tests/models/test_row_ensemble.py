"""The ensemble of perceptrons for table rows."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genlab.models.classifier import RowClassifierShape, class_logits, classification_loss, probabilities
from genlab.models.row_ensemble import BinPositions, RowEnsemble, per_member

EDGES: list[list[float]] = [[-1.0, 0.0, 2.0], [], [0.0, 1.0, 2.0, 4.0]]


def ensemble(classes: int = 3, dropout: float = 0.0) -> RowEnsemble:
    torch.manual_seed(0)
    network = RowEnsemble(RowClassifierShape(5, classes, [0, 1, 3], EDGES), 12, 2, 4, dropout).eval()
    nn.init.normal_(network.correction)
    network.set_additive_part(torch.randn(network.additive_weight.shape), torch.randn(network.additive_bias.shape))
    return network


def test_positions_in_bins_by_hand() -> None:
    found = BinPositions([EDGES[0], EDGES[2]])(torch.tensor([[-3.0, 0.5], [0.5, 3.0], [9.0, 9.0]]))
    expected = [[[0, 0, 0], [0.5, 0, 0]], [[1, 0.25, 0], [1, 1, 0.5]], [[1, 1, 0], [1, 1, 1]]]  # of a missing bin: 0
    torch.testing.assert_close(found, torch.tensor(expected))


@pytest.mark.parametrize(("classes", "outputs"), [(2, 1), (5, 5)])
def test_shapes(classes: int, outputs: int) -> None:
    network = ensemble(classes)
    rows = torch.randn(7, 5)
    assert network(rows).shape == (7, outputs)
    assert network.members(rows).shape == (7, 4, outputs)


@pytest.mark.parametrize("classes", [2, 3])
def test_the_prediction_is_the_mean_probability_of_the_members(classes: int) -> None:
    network = ensemble(classes)
    rows = torch.randn(7, 5)
    mean = torch.stack([probabilities(network.members(rows)[:, member]) for member in range(4)]).mean(0)
    torch.testing.assert_close(probabilities(network(rows)), mean)


def test_members_start_as_the_logistic_regression_and_then_differ() -> None:
    network = RowEnsemble(RowClassifierShape(5, 3, [0, 1, 3], EDGES), 12, 2, 4, 0.0).eval()
    weight, bias, rows = torch.randn(3, 11), torch.randn(3), torch.randn(7, 5)
    network.set_additive_part(weight, bias)
    logits = network.additive_inputs(rows) @ weight.T + bias
    torch.testing.assert_close(network.members(rows), logits[:, None].expand(-1, 4, -1))
    torch.testing.assert_close(probabilities(network(rows)), logits.softmax(1))
    nn.init.ones_(network.correction)
    assert (network.members(rows) - logits[:, None]).std(1).min() > 1e-3


def test_a_member_is_a_perceptron_with_its_scales() -> None:
    """The batched ensemble against one member written out."""
    network = ensemble()
    rows = torch.randn(7, 5)
    x = torch.cat([rows, network.embed(network.positions(rows[:, [0, 3]]))], 1)
    for layer in network.hidden:
        own = 1 if layer.input_scale is None else layer.input_scale[2]
        x = F.relu(F.linear(x * own, layer.weight.T) * layer.output_scale[2] + layer.bias[2])
    torch.testing.assert_close(
        network.members(rows)[:, 2],
        F.linear(network.additive_inputs(rows), network.additive_weight, network.additive_bias)
        + x @ network.correction[2],
    )


def test_the_loss_is_that_of_each_member() -> None:
    network, labels = ensemble(), torch.randint(3, (7,))
    rows = torch.randn(7, 5)
    each = [classification_loss(network.members(rows)[:, member], labels) for member in range(4)]
    torch.testing.assert_close(classification_loss(*per_member(network.members(rows), labels)), sum(each) / 4)
    mean = classification_loss(network(rows), labels)
    assert mean < sum(each) / 4  # of mean probabilities: Jensen's inequality


def test_the_edges_belong_to_the_shape_and_are_no_weights() -> None:
    network = ensemble()
    assert not {name for name in network.state_dict() if "low" in name or "rate" in name or "numbers" in name}
    other = RowEnsemble(RowClassifierShape(5, 3, [0, 1, 3], EDGES), 12, 2, 4, 0.0).eval()
    other.load_state_dict(network.state_dict())
    rows = torch.randn(7, 5)
    assert torch.equal(other(rows), network(rows))


def test_without_bins_numbers_enter_as_they_are() -> None:
    network = RowEnsemble(RowClassifierShape(5, 2, [0, 1, 3]), 12, 1, 4, 0.0)
    assert network(torch.randn(3, 5)).shape == (3, 1)


def test_it_learns_what_logistic_regression_cannot() -> None:
    torch.manual_seed(0)
    rows = torch.randn(400, 5)
    labels = (rows[:, 0].abs() > 0.7).long()
    network = RowEnsemble(RowClassifierShape(5, 2, [0], [[-3.0, -0.7, 0.7, 3.0]]), 16, 2, 4, 0.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(100):
        loss = classification_loss(*per_member(network.members(rows), labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (class_logits(network(rows)).argmax(1) == labels).float().mean() > 0.97

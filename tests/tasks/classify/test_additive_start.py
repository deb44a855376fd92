"""The additive logistic regression that a classifier of rows starts from."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression

from genlab.models.classifier import RowClassifierShape, classification_loss, probabilities
from genlab.models.row_ensemble import RowEnsemble
from genlab.tasks.classify import additive_start
from genlab.tasks.classify.additive_start import fit_additive_part, logistic_regression


def made(rows: int, classes: int, noise: float, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    """Rows of five features, the first two of which decide the label."""
    random = torch.Generator().manual_seed(seed)
    features = torch.randn(rows, 5, generator=random)
    scores = features[:, :1] * torch.arange(classes) + features[:, 1:2] * torch.arange(classes).flip(0)
    return features, (scores + noise * torch.randn(rows, classes, generator=random)).argmax(1)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_is_scikit_learns(monkeypatch: pytest.MonkeyPatch, classes: int) -> None:
    monkeypatch.setattr(additive_start, "PENALTIES", (10.0,))
    rows, labels = made(400, classes, 1.0)
    outputs = 1 if classes == 2 else classes
    weight, bias = logistic_regression(rows, labels, outputs)
    theirs = LogisticRegression(C=0.1, tol=1e-8, max_iter=1000).fit(rows.numpy(), labels.numpy())
    # The loss is flat near its minimum: probabilities agree better than weights.
    ours = probabilities(rows @ weight.T + bias).numpy()
    np.testing.assert_allclose(ours, theirs.predict_proba(rows.numpy()), atol=0.01)


def test_noise_gets_a_stronger_penalty_than_signal() -> None:
    """Pure noise needs weights near zero, clean labels do not."""
    noise, _ = logistic_regression(*made(200, 2, 1000.0), 1)
    signal, _ = logistic_regression(*made(200, 2, 0.1), 1)
    assert noise.abs().max() < 0.1
    assert signal.abs().max() > 1


def test_it_bends_where_a_number_crosses_an_edge() -> None:
    rows, _ = made(1000, 2, 1.0)
    labels = (rows[:, 0].abs() > 0.7).long()
    losses = {}
    for edges in ([], [-3.0, -0.7, -0.6, 0.6, 0.7, 3.0]):
        classifier = RowEnsemble(RowClassifierShape(5, 2, [0], [edges]), 4, 1, 2, 0.0).eval()
        fit_additive_part(classifier, rows, labels)
        losses[len(edges)] = classification_loss(classifier(rows), labels).item()
    assert losses[0] > 0.6
    assert losses[6] < 0.1


def test_a_large_table_is_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file may be sorted: its first rows are no sample."""
    monkeypatch.setattr(additive_start, "NUMBERS", 1000)
    monkeypatch.setattr(additive_start, "FEWEST", 200)
    rows, labels = made(5000, 2, 1.0)
    order = labels.argsort()
    classifier = RowEnsemble(RowClassifierShape(5, 2), 4, 1, 2, 0.0).eval()
    seen = []
    monkeypatch.setattr(classifier, "additive_inputs", lambda few: seen.append(len(few)) or few)
    fit_additive_part(classifier, rows[order], labels[order])
    assert seen == [200]
    whole = RowEnsemble(RowClassifierShape(5, 2), 4, 1, 2, 0.0).eval()
    monkeypatch.undo()
    fit_additive_part(whole, rows, labels)
    torch.testing.assert_close(classifier.additive_weight, whole.additive_weight, atol=0.5, rtol=0.3)


@pytest.mark.parametrize(
    ("bound", "classes", "sizes"),
    [
        ({}, 2, (75, 200)),
        ({"COMPARED": 40}, 2, (30, 200)),
        ({"PRODUCTS_COMPARED": 200}, 2, (30, 200)),
        ({"PRODUCTS_COMPARED": 600}, 3, (30, 200)),
        ({"PRODUCTS": 600}, 2, (75, 120)),
        ({"PRODUCTS": 600}, 3, (30, 40)),
        ({"PRODUCTS": 1, "PRODUCTS_COMPARED": 1}, 3, (15, 20)),
    ],
)
def test_rows_inputs_and_classes_bound_the_work(monkeypatch: pytest.MonkeyPatch, bound, classes, sizes) -> None:
    """Rows of the fits that choose the penalty (three of four folds), and of the last one."""
    for name, value in {"COMPARED": 100, "FEWEST": 20, **bound}.items():
        monkeypatch.setattr(additive_start, name, value)
    rows, labels = made(200, classes, 1.0)
    classifier = RowEnsemble(RowClassifierShape(5, classes), 4, 1, 2, 0.0).eval()
    seen, fit = [], additive_start._fit
    monkeypatch.setattr(additive_start, "_fit", lambda rows, *rest: seen.append(len(rows)) or fit(rows, *rest))
    fit_additive_part(classifier, rows, labels)
    assert (seen[0], seen[-1]) == sizes

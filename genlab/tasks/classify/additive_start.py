"""The additive logistic regression that a classifier of rows corrects; cross-validation chooses its penalty."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.models.classifier import classification_loss
from genlab.models.row_ensemble import RowEnsemble

PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3, 0.1)
"""Weights of half the sum of squares, added to the summed loss; tried in this order until they get worse."""
FOLDS = 4
COMPARED = 5000
"""Most rows that choose the penalty; its best value depends little on their number."""
FEWEST = 1000
"""Number of rows to fit whatever the bounds below."""
NUMBERS = 2**25
"""Most numbers in the matrix to fit (128 MB); of more rows a sample is fitted."""
PRODUCTS = 2**27
"""Most products of a row, an input and an output in a step of the fit, which takes a tenth of a second."""
PRODUCTS_COMPARED = 2**23
"""The same in a step of cross-validation, which takes many more steps."""
ITERATIONS = 100
"""Most steps of L-BFGS."""

Regression = tuple[Float[Tensor, "outputs inputs"], Float[Tensor, " outputs"]]


def fit_additive_part(
    classifier: RowEnsemble, rows: Float[Tensor, "rows features"], labels: Int[Tensor, " rows"]
) -> None:
    """Fits the classifier's additive part to training rows."""
    outputs, inputs = classifier.additive_weight.shape
    most = max(FEWEST, min(NUMBERS // inputs, PRODUCTS // (inputs * outputs)))
    some = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:most]  # files may be sorted
    device = classifier.additive_weight.device
    matrix = classifier.additive_inputs(rows[some].to(device))
    classifier.set_additive_part(*logistic_regression(matrix, labels[some].to(device), outputs))


def logistic_regression(rows: Float[Tensor, "rows inputs"], labels: Int[Tensor, " rows"], outputs: int) -> Regression:
    """Weights and biases of a logistic regression on rows in random order, its penalty chosen by cross-validation."""
    compared = max(FEWEST, min(COMPARED, PRODUCTS_COMPARED // (outputs * rows.shape[1])))
    few, truth = rows[:compared], labels[:compared]
    fold = torch.arange(len(few), device=rows.device) % FOLDS
    fitted = [(rows.new_zeros(outputs, rows.shape[1]), rows.new_zeros(outputs))] * FOLDS
    best, chosen, start = float("inf"), PENALTIES[0], fitted[0]
    for penalty in PENALTIES:
        total = 0.0
        for held in range(FOLDS):
            weight, bias = fitted[held] = _fit(few[fold != held], truth[fold != held], penalty, fitted[held])
            logits = few[fold == held] @ weight.T + bias
            total += classification_loss(logits, truth[fold == held]).item() * len(logits)
        if total > best:
            break
        best, chosen, start = total, penalty, fitted[0]
    return _fit(rows, labels, chosen, start)


def _fit(
    rows: Float[Tensor, "rows inputs"], labels: Int[Tensor, " rows"], penalty: float, start: Regression
) -> Regression:
    weight, bias = (part.clone().requires_grad_() for part in start)
    optimizer = torch.optim.LBFGS(
        [weight, bias], max_iter=ITERATIONS, tolerance_change=1e-6, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = classification_loss(rows @ weight.T + bias, labels) + penalty / 2 * weight.square().sum() / len(rows)
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()

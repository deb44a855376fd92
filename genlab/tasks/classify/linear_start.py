"""The logistic regression that a classifier of rows corrects; cross-validation chooses its penalty."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.models.classifier import classification_loss

PENALTIES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Weights of half the sum of squares, added to the summed loss."""
FOLDS = 4
COMPARED = 5000
"""Most rows that choose the penalty; its best value depends little on their number."""
ITERATIONS = 100
"""Most steps of L-BFGS."""


def logistic_regression(
    rows: Float[Tensor, "rows features"], labels: Int[Tensor, " rows"], outputs: int
) -> tuple[Float[Tensor, "outputs features"], Float[Tensor, " outputs"]]:
    """Weights and biases."""
    some = torch.randperm(len(rows), generator=torch.Generator().manual_seed(0))[:COMPARED]  # files may be sorted
    few, truth = rows[some], labels[some]
    fold = torch.arange(len(few)) % FOLDS

    def held_out_loss(penalty: float) -> float:
        total = 0.0
        for held in range(FOLDS):
            weight, bias = _fit(few[fold != held], truth[fold != held], outputs, penalty)
            logits = few[fold == held] @ weight.T + bias
            total += classification_loss(logits, truth[fold == held]).item() * len(logits)
        return total

    return _fit(rows, labels, outputs, min(PENALTIES, key=held_out_loss))


def _fit(
    rows: Float[Tensor, "rows features"], labels: Int[Tensor, " rows"], outputs: int, penalty: float
) -> tuple[Float[Tensor, "outputs features"], Float[Tensor, " outputs"]]:
    weight, bias = torch.zeros(outputs, rows.shape[1]), torch.zeros(outputs)
    weight.requires_grad_(), bias.requires_grad_()
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=ITERATIONS, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = classification_loss(rows @ weight.T + bias, labels) + penalty / 2 * weight.square().sum() / len(rows)
        loss.backward()
        return loss

    optimizer.step(closure)
    return weight.detach(), bias.detach()

"""Metrics of classifiers: accuracy, log-loss and calibration."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

BINS = 15
"""Number of equal-width bins of the confidences."""
PRIOR = 10.0
"""Precision of the normal prior on log T: most temperatures lie between 0.5 and 2."""
TEMPERATURES = (1e-3, 1e3)
"""Lowest and highest temperature that can be fitted."""


def classification(
    probabilities: Float[Tensor, "samples classes"], labels: Int[Tensor, " samples"]
) -> dict[str, float]:
    """Compares predicted probabilities with the true labels.

    Args:
        probabilities: Probability of each class; rows sum to 1. Two classes have two columns.
        labels: The true class of each sample.

    Returns:
        `accuracy`: fraction of samples whose most probable class is the true one. `macro_f1`: mean F1 over the classes
        that are true or predicted at least once. `log_loss`: mean of -log p(true class), in nats.
        `calibration_error`: mean gap between confidence (the highest probability) and accuracy, in 15 bins of equal
        width (ECE; Guo et al. 2017, arXiv 1706.04599, eq. 3): 0 is perfect.
    """
    probabilities, labels = probabilities.cpu().double(), labels.cpu()
    confidence, predicted = probabilities.max(1)
    right = (predicted == labels).double()
    counts = confusion(predicted, labels, probabilities.shape[1]).double()
    occurs = counts.sum(0) + counts.sum(1)
    f1 = 2 * counts.diagonal() / occurs
    least = torch.finfo(torch.float64).eps  # a true class with probability 0 costs 36 nats, not infinity
    true = probabilities.gather(1, labels[:, None].long()).clamp(min=least)
    bins = (confidence * BINS).ceil().long() - 1
    misses = torch.zeros(BINS, dtype=torch.float64).index_add(0, bins.clamp(0, BINS - 1), right - confidence)
    return {
        "accuracy": right.mean().item(),
        "macro_f1": f1[occurs > 0].mean().item(),
        "log_loss": -true.log().mean().item(),
        "calibration_error": misses.abs().sum().item() / len(labels),
    }


def confusion(
    predicted: Int[Tensor, " samples"], labels: Int[Tensor, " samples"], classes: int
) -> Int[Tensor, "classes classes"]:
    """Confusion matrix: number of samples of each true class (row) predicted as each class (column)."""
    return torch.bincount(labels.long() * classes + predicted.long(), minlength=classes**2).view(classes, classes)


def fit_temperature(logits: Float[Tensor, "samples classes"], labels: Int[Tensor, " samples"]) -> float:
    """Fits the temperature T that calibrates a classifier whose probabilities are softmax(logits / T).

    Temperature scaling (Guo et al. 2017, section 4.2) minimises the log-loss on held-out samples and changes no
    prediction. On a few hundred samples of a good classifier only the handful that are wrong or unsure carry
    information on T, and their number is left to chance: the minimum may lie far from 1 and make unseen data worse.
    So this is the maximum a posteriori with log T ~ N(0, 1 / PRIOR): it minimises

        sum of -log p(true class) + PRIOR / 2 · (log T)²

    About log T a sample carries the variance of its logits / T under the predicted probabilities: next to nothing
    where the classifier is sure, and at most 0.44 between two classes (at 92 %). The prior weighs as much as 23 such
    samples, so it decides on small sets of easy samples and vanishes on large or hard ones.

    Args:
        logits: Logits of held-out samples; one column is the logit of class 1 against class 0.
        labels: The true class of each sample.

    Returns:
        The temperature; above 1 for an overconfident classifier.
    """
    logits = logits.cpu().double()
    if logits.shape[1] == 1:
        logits = F.pad(logits, (1, 0))
    true = logits.gather(1, labels.cpu().long()[:, None]).sum()
    low, high = (math.log(bound) for bound in TEMPERATURES)
    for _ in range(60):  # bisection on the derivative by log T
        middle = (low + high) / 2
        inverse = math.exp(-middle)
        expected = ((logits * inverse).softmax(1) * logits).sum()
        slope = inverse * (true - expected).item() + PRIOR * middle
        low, high = (low, middle) if slope > 0 else (middle, high)
    return math.exp(middle)

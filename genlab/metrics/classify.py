"""Metrics of classifiers: accuracy, log-loss and calibration."""

import math

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

BINS = 15
"""Number of equal-width bins of the confidences."""
PRIOR = 10.0
"""Precision of the normal prior on log T of a classifier that is not calibrated: most lie between 0.5 and 2."""
CALIBRATED = 0.9
"""Prior probability that a classifier of pictures needs no temperature (docs/log.md)."""
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


def fit_temperature(
    logits: Float[Tensor, "samples classes"], labels: Int[Tensor, " samples"], calibrated: float = CALIBRATED
) -> float:
    """Fits the temperature T that calibrates a classifier whose probabilities are softmax(logits / T).

    Temperature scaling (Guo et al. 2017, section 4.2) minimises the log-loss on held-out samples and changes no
    prediction. On a few hundred samples of a good classifier, only the handful of wrong or uncertain ones carry
    information on T, and their number varies by chance: the minimum may lie far from 1 and hurt unseen data. So this is
    a Bayesian average of two hypotheses (Kass and Raftery 1995, "Bayes factors"): that the classifier is calibrated,
    T = 1, and that log T ~ N(0, 1 / PRIOR). Under the second, log T is approximately the m that minimises

        sum of -log p(true class) + PRIOR / 2 · (log T)²

    and the Bayes factor in its favour is, by Laplace's approximation, the ratio of the likelihoods at m and at T = 1
    times exp(-PRIOR / 2 · m²) · sqrt(PRIOR / (PRIOR + information)). The information of a sample on log T is the
    variance of its logits / T under the predicted probabilities. The temperature is exp(m · probability of the second
    hypothesis): it stays at 1 on small sets of easy samples and approaches exp(m) as evidence accumulates.

    Args:
        logits: Logits of held-out samples; one column is the logit of class 1 against class 0.
        labels: The true class of each sample.
        calibrated: Prior probability that the classifier is calibrated.

    Returns:
        The temperature; above 1 for an overconfident classifier.
    """
    logits, labels = logits.cpu().double(), labels.cpu().long()
    if logits.shape[1] == 1:
        logits = F.pad(logits, (1, 0))
    true = logits.gather(1, labels[:, None]).sum()
    low, high = (math.log(bound) for bound in TEMPERATURES)
    for _ in range(60):  # bisection on the derivative by log T
        middle = (low + high) / 2
        inverse = math.exp(-middle)
        expected = ((logits * inverse).softmax(1) * logits).sum()
        slope = inverse * (true - expected).item() + PRIOR * middle
        low, high = (low, middle) if slope > 0 else (middle, high)
    scaled = logits * math.exp(-middle)
    chances = scaled.softmax(1)
    information = ((chances * scaled.square()).sum() - (chances * scaled).sum(1).square().sum()).item()
    gain = (F.cross_entropy(logits, labels, reduction="sum") - F.cross_entropy(scaled, labels, reduction="sum")).item()
    evidence = gain - PRIOR / 2 * middle**2 - math.log1p(information / PRIOR) / 2  # log of the Bayes factor
    probability = 1 / (1 + math.exp(min(-evidence, 700)) * calibrated / (1 - calibrated))
    return math.exp(middle * probability)

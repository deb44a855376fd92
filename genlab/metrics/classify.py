"""Measures of a classifier: how often it is right, and whether its probabilities can be believed."""

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

BINS = 15
"""Bins of equal width that confidences are sorted into."""
TEMPERATURES = (1e-3, 1e3)
"""The least and the greatest that may be fitted."""


def classification(
    probabilities: Float[Tensor, "samples classes"], labels: Int[Tensor, " samples"]
) -> dict[str, float]:
    """How good predicted probabilities are, read against the true labels.

    Args:
        probabilities: Of each class, a row sums to 1; two columns where there are two classes.
        labels: The true class of each sample.

    Returns:
        `accuracy`: share of samples whose likeliest class is the true one; `macro_f1`: mean over classes of the
        harmonic mean of precision and recall, classes that are neither true nor predicted anywhere left out;
        `log_loss`: mean of -log p(true class), in nats; `calibration_error`: by how much confidence, the
        likeliest class's probability, misses accuracy on average (Guo et al. 2017, arXiv 1706.04599, eq. 3, in 15
        bins of equal width): 0 is perfect, and 0.1 says ten in a hundred too many or too few.
    """
    probabilities, labels = probabilities.cpu().double(), labels.cpu()
    confidence, predicted = probabilities.max(1)
    right = (predicted == labels).double()
    counts = confusion(predicted, labels, probabilities.shape[1]).double()
    occurs = counts.sum(0) + counts.sum(1)
    f1 = 2 * counts.diagonal() / occurs
    least = torch.finfo(torch.float64).eps  # a class given no chance at all costs 36 nats, not infinity
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
    """How many samples of each true class (row) were taken for each class (column)."""
    return torch.bincount(labels.long() * classes + predicted.long(), minlength=classes**2).view(classes, classes)


def fit_temperature(logits: Float[Tensor, "samples classes"], labels: Int[Tensor, " samples"]) -> float:
    """The temperature that logits are divided by to make their probabilities believable.

    Guo et al. (2017), section 4.2: the one that minimises the log-loss of samples not trained on; it changes no
    prediction. One sample more counts whose label is anybody's guess (compare Platt 1999, section 2.2): else
    samples that are all predicted right would ask for a temperature of zero.

    Args:
        logits: Before the softmax; or one column, before a sigmoid, with labels 0 and 1.
        labels: The true class of each sample.

    Returns:
        The temperature, between 0.001 and 1000; above 1 where the classifier was too sure of itself.
    """
    logits = logits.cpu().double()
    if logits.shape[1] == 1:
        logits = F.pad(logits, (1, 0))  # a sigmoid is a softmax beside a logit of zero
    true = logits.gather(1, labels.cpu().long()[:, None]).squeeze(1)
    aim = (len(logits) * true + logits.mean(1)).mean() / (len(logits) + 1)
    # the loss is convex in 1 / temperature: its slope, expected minus aimed-at logit, changes sign once
    coldest, hottest = (torch.tensor(bound, dtype=torch.float64).log() for bound in TEMPERATURES)
    for _ in range(60):
        middle = (coldest + hottest) / 2
        slope = ((logits / middle.exp()).softmax(1) * logits).sum(1).mean() - aim
        coldest, hottest = (middle, hottest) if slope > 0 else (coldest, middle)
    return middle.exp().item()

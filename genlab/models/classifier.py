"""Classifiers of rows of numbers, and what every classifier shares: logits, probabilities, losses.

A discriminative model: P(class | features), nothing about how the features came about.

Data flow::

    features (batch, features) -> network -> logits (batch, classes) -> softmax -> probabilities (batch, classes)
    of two classes:                          logits (batch, 1)       -> sigmoid -> probability of the second

Two classes share one logit: beside a logit of zero for the first class a softmax is a sigmoid.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

# --- from logits to probabilities and losses ------------------------------------------------------


def class_logits(logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch classes"]:
    """A logit for every class: a single one is that of the second class, and the first class gets zero."""
    return F.pad(logits, (1, 0)) if logits.shape[1] == 1 else logits


def probabilities(logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch classes"]:
    """Of every class: a sigmoid and what it leaves to one, or a softmax."""
    return class_logits(logits).softmax(1)


def classification_loss(
    logits: Float[Tensor, "batch outputs"],
    labels: Int[Tensor, " batch"],
    drawn: Float[Tensor, " classes"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy in nats.

    Args:
        logits: Before the sigmoid or softmax.
        labels: The true classes.
        drawn: Log of how many times as often as in the data each class is drawn in training. By Bayes's rule the
            network's own probabilities then stay those of the data (Menon et al. 2020, arXiv 2007.07314, eq. 10).
    """
    each = class_logits(logits)
    return F.cross_entropy(each if drawn is None else each + drawn, labels)


class Temperature(nn.Module):
    """What logits are divided by so that their probabilities can be believed, kept with the weights."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.ones(()))

    def forward(self, logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch outputs"]:
        return logits / self.value


# --- networks -------------------------------------------------------------------------------------


class BinaryClassifier(nn.Module):
    """The smallest whole classifier: two hidden layers, one logit, a sigmoid.

    Trained by hand in four lines: `loss = classification_loss(network.logits(rows), labels)`, `loss.backward()`,
    `optimizer.step()`, `optimizer.zero_grad()`; or with `nn.BCELoss` on what `forward` gives.

    Args:
        features: Numbers in a row.
        width: Features of a hidden layer.
    """

    def __init__(self, features: int = 10, width: int = 32) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(features, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def logits(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch 1"]:
        """Log of the odds of the second class: any number."""
        return self.out(F.relu(self.hidden2(F.relu(self.hidden1(rows)))))

    def forward(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch 1"]:
        """Probability of the second class, from 0 to 1."""
        return self.logits(rows).sigmoid()


@dataclass(frozen=True)
class RowClassifierShape:
    """What a classifier of table rows is built for."""

    features: int
    """Numbers in a row."""
    classes: int

    @property
    def outputs(self) -> int:
        """Logits; two classes share one, that of the second."""
        return 1 if self.classes == 2 else self.classes


class RowClassifier(nn.Module):
    """Rows to logits: a straight map, as in logistic regression, plus a perceptron that bends it.

    The straight map finds at once what is a matter of weighing columns; the perceptron, whose last layer starts
    at zero, adds what depends on several at a time.

    Args:
        features: Numbers in a row, standardised.
        classes: How many there are; two share one logit.
        width: Features of a hidden layer.
        depth: Hidden layers.
        dropout: Share of hidden features dropped in training.
    """

    def __init__(self, features: int, classes: int, width: int, depth: int, dropout: float) -> None:
        super().__init__()
        outputs = 1 if classes == 2 else classes
        self.straight = nn.Linear(features, outputs)
        layers = [nn.Linear(before, after) for before, after in pairwise([features, *[width] * depth])]
        for layer in layers:
            nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
            nn.init.zeros_(layer.bias)
        self.hidden = nn.ModuleList(layers)
        self.bend = nn.Linear(width, outputs, bias=False)
        self.dropout = dropout
        for weight in (self.straight.weight, self.straight.bias, self.bend.weight):
            nn.init.zeros_(weight)

    def forward(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch outputs"]:
        x = rows
        for layer in self.hidden:
            x = F.dropout(F.relu(layer(x)), self.dropout, self.training)
        return self.straight(rows) + self.bend(x)

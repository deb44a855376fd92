"""Classifiers of table rows, and the logits, probabilities and losses of all classifiers.

Discriminative models: they learn P(class | features), not the distribution of the features.

Data flow::

    features (batch, features) -> network -> logits (batch, classes) -> softmax -> probabilities (batch, classes)
    of two classes:                          logits (batch, 1)       -> sigmoid -> probability of the second

Two classes share one logit: with a logit of zero for the first class, softmax equals sigmoid.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

# --- from logits to probabilities and losses ------------------------------------------------------


def class_logits(logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch classes"]:
    """A logit for every class: a single logit, that of the second class, gets a zero for the first."""
    return F.pad(logits, (1, 0)) if logits.shape[1] == 1 else logits


def probabilities(logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch classes"]:
    """Probability of every class."""
    return class_logits(logits).softmax(1)


def classification_loss(
    logits: Float[Tensor, "batch outputs"],
    labels: Int[Tensor, " batch"],
    adjustment: Float[Tensor, " classes"] | None = None,
) -> Float[Tensor, ""]:
    """Cross-entropy in nats.

    Args:
        logits: The network's output.
        labels: The true classes.
        adjustment: Log of each class's frequency in training batches over that in the data (logit adjustment; Menon et
            al. 2020, arXiv 2007.07314, eq. 10), so that the network's probabilities refer to the data's frequencies.
    """
    logits = class_logits(logits)
    return F.cross_entropy(logits if adjustment is None else logits + adjustment, labels)


class Temperature(nn.Module):
    """Divides logits by the calibration temperature, which is saved with the weights."""

    value: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("value", torch.ones(()))

    def forward(self, logits: Float[Tensor, "batch outputs"]) -> Float[Tensor, "batch outputs"]:
        return logits / self.value


# --- networks -------------------------------------------------------------------------------------


class BinaryClassifier(nn.Module):
    """A minimal binary classifier: two hidden layers, one logit, a sigmoid.

    A training step by hand: `loss = classification_loss(network.logits(rows), labels)`, `loss.backward()`,
    `optimizer.step()`, `optimizer.zero_grad()`; or use `nn.BCELoss` on the output of `forward`.

    Args:
        features: Number of features of a row.
        width: Width of the hidden layers.
    """

    def __init__(self, features: int = 10, width: int = 32) -> None:
        super().__init__()
        self.hidden1 = nn.Linear(features, width)
        self.hidden2 = nn.Linear(width, width)
        self.out = nn.Linear(width, 1)

    def logits(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch 1"]:
        """Log-odds of the second class."""
        return self.out(F.relu(self.hidden2(F.relu(self.hidden1(rows)))))

    def forward(self, rows: Float[Tensor, "batch features"]) -> Float[Tensor, "batch 1"]:
        """Probability of the second class."""
        return self.logits(rows).sigmoid()


@dataclass(frozen=True)
class RowClassifierShape:
    """Shape of a classifier of table rows."""

    features: int
    """Number of features of a row."""
    classes: int
    numeric: tuple[int, ...] = ()
    """Indices of the features that are quantities; the others are 0 or 1."""
    edges: tuple[tuple[float, ...], ...] = ()
    """Edges of the bins of each quantity; none for one without bins."""

    @property
    def outputs(self) -> int:
        """Number of logits; two classes share one, that of the second."""
        return 1 if self.classes == 2 else self.classes


class RowClassifier(nn.Module):
    """Maps rows to logits: a linear map, as in logistic regression, plus an MLP.

    The linear map learns the effect of single columns quickly; the MLP, whose output starts at zero, adds interactions.

    Args:
        features: Number of features of a row, standardised.
        classes: Number of classes; two share one logit.
        width: Width of the hidden layers.
        depth: Number of hidden layers.
        dropout: Dropout probability of the hidden activations.
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

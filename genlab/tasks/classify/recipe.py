"""The base of the classifiers' recipes: batches, calibration, validation."""

from typing import Any, ClassVar

import numpy as np
import torch
from jaxtyping import Int
from torch import nn

from genlab.engine.custom import try_network
from genlab.engine.recipe import Recipe, Setup
from genlab.engine.samples import Sample
from genlab.layers.average import Average
from genlab.metrics.classify import CALIBRATED
from genlab.models.classifier import Temperature, classification_loss
from genlab.tasks.classify.evaluate import judge, pictures_of
from genlab.tasks.classify.inputs import Inputs
from genlab.tasks.classify.pipeline import ClassifyPipeline
from genlab.tasks.classify.sampling import draw


class ClassifyRecipe(Recipe):
    """Trains a classifier; subclasses add the data and the step.

    Args:
        setup: Data, options and machine, common to all recipes.
        classifier: The network to train.
        inputs: Turns its inputs into tensors.
        classes: Names of the classes.
    """

    replaceable = ("classifier",)
    losses = ("loss",)
    rebalances: ClassVar[bool] = True
    """Whether training oversamples small classes."""
    calibrated: ClassVar[float] = CALIBRATED
    """Prior probability that the network needs no temperature."""
    pipeline: ClassifyPipeline

    def __init__(self, setup: Setup, classifier: nn.Module, inputs: Inputs, classes: list[str]) -> None:
        options, device = setup.options, setup.machine.device
        self.classifier = classifier.to(device)
        if "classifier" in setup.networks:
            outputs = inputs.shape(len(classes)).outputs
            hint = f"it must take {inputs.noun}s of that shape"
            try_network("classifier", classifier, (inputs.blank(2).to(device),), [(2, outputs)], hint)
        self.average = Average(classifier, options.average).to(device)
        self.temperature = Temperature().to(device)
        self.loss = setup.losses.get("loss", classification_loss)
        self.draw = draw(setup.data.train.labels, len(classes), self.rebalances)
        self.shift = self.draw.shift.to(device)
        common = int(np.bincount(self.draw.labels).argmax())
        super().__init__(
            setup,
            ClassifyPipeline(options, inputs, classes, common, self.average.network, self.temperature, setup.machine),
            {"classifier": classifier, "average": self.average, "temperature": self.temperature},
            {"classifier": [adamw(classifier, options.learning_rate, options.weight_decay)]},
        )

    def picks(self, step: int) -> Int[np.ndarray, " batch"]:
        """Indices of the training examples of a step."""
        return self.draw.picks(step, self.options.batch, self.seed, self.machine.rank, self.machine.processes)

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        """Measures on the validation split; fits the temperature, which is saved with the weights it calibrates."""
        judged = judge(self.pipeline, self.data.validation)
        temperature = judged.temperature(self.calibrated)
        self.temperature.value.fill_(temperature)
        return judged.measures(temperature)

    def test(self) -> dict[str, float]:
        if self.data.test is None:
            return {}
        return judge(self.pipeline, self.data.test).measures(self.temperature.value.item())

    def preview(self) -> list[Sample]:
        """The confusion matrix and the worst mistakes among validation examples."""
        if self.data.validation is None:
            return []
        some = self.shown(self.data.validation)
        return list(pictures_of(self.pipeline, judge(self.pipeline, some), some).values())

    def shown(self, validation: Any) -> Any:
        """The part of the validation split that a preview uses."""
        return validation


def adamw(network: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW without weight decay on norms, scales and biases."""
    trained = [(name, weight) for name, weight in network.named_parameters() if weight.requires_grad]
    free = {name for name, weight in trained if weight.ndim <= 1 or name.endswith(("scale", "bias"))}
    groups = [
        {"params": [weight for name, weight in trained if name not in free], "weight_decay": weight_decay},
        {"params": [weight for name, weight in trained if name in free], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=(0.9, 0.99), fused=True)

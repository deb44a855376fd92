"""A trained classifier: maps pictures or table rows to classes with calibrated probabilities."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.engine.machine import Machine
from genlab.engine.pipeline import Pipeline, Prediction, Saved
from genlab.engine.progress import say
from genlab.errors import InputError
from genlab.models.classifier import Temperature, probabilities
from genlab.models.cnn import CNN
from genlab.tasks.classify.inputs import PICTURES, Inputs, PictureInputs, RowInputs
from genlab.tasks.classify.options import CNNOptions, PredictRequest


class ClassifyPipeline(Pipeline):
    """A classifier with its classes.

    Args:
        options: The model's options.
        inputs: Turns its inputs into tensors.
        classes: Names of the classes, in the order of the logits.
        common: Index of the most frequent class of the training data, the baseline of an evaluation.
        classifier: The network, from inputs to logits.
        temperature: Divides the logits to calibrate them.
        machine: The machine that it runs on.
    """

    def __init__(
        self,
        options: Any,
        inputs: Inputs,
        classes: list[str],
        common: int,
        classifier: nn.Module,
        temperature: Temperature,
        machine: Machine,
    ) -> None:
        self.options, self.inputs, self.classes, self.common = options, inputs, classes, common
        self.classifier, self.temperature, self.machine = classifier, temperature, machine
        self.networks = {"classifier": classifier, "temperature": temperature}

    def save(self, folder: Path) -> None:
        self.inputs.save(folder, self.classes, self.common)

    @classmethod
    def load(cls, saved: Saved) -> "ClassifyPipeline":
        inputs: Inputs
        if isinstance(saved.options, CNNOptions):
            inputs, classes, common = PictureInputs.load(saved.path, saved.options)
        else:
            inputs, classes, common = RowInputs.load(saved.path, saved.options)
        classifier = saved.build(saved.options, inputs.shape(len(classes)), saved.networks)
        device = saved.machine.device
        return cls(
            saved.options, inputs, classes, common, classifier.to(device), Temperature().to(device), saved.machine
        )

    def logits(self, batches: Iterable[Float[Tensor, "batch ..."]]) -> Float[Tensor, "inputs outputs"]:
        """The logits of all batches, in float32 on the CPU."""
        with self.evaluating():
            return torch.cat([self.classifier(batch.to(self.machine.device)).float().cpu() for batch in batches])

    def predict(self, request: PredictRequest) -> list[Prediction]:
        """Predicts the most likely class of each input, and the probabilities of all classes.

        Raises:
            InputError: the inputs cannot be read, or do not match the run.
        """
        opened = self.inputs.open(request.inputs, request.encoding)
        for note in opened.notes:
            say(f"Note: {note}")
        chances = probabilities(self.logits(opened.batches) / self.temperature.value.item())
        return [
            Prediction(name, self.classes[int(np.argmax(row))], dict(zip(self.classes, row, strict=True)))
            for name, row in zip(opened.names, chances.double().tolist(), strict=True)
        ]

    def embed(self, pictures: Float[Tensor, "pictures channels height width"]) -> Float[Tensor, "pictures features"]:
        """Pooled features of pictures in [-1, 1], from which genlab's network computes its logits; on the CPU.

        Pictures of another size are resized; colours are averaged if the network reads grey pictures.

        Raises:
            InputError: the classifier reads table rows, or its network is custom.
        """
        if not isinstance(self.inputs, PictureInputs) or not isinstance(self.classifier, CNN):
            raise InputError(
                "Only a classifier of pictures with genlab's own network has features to compare.", "features"
            )
        pixels, channels = self.inputs.pixels, self.inputs.channels
        features = []
        with self.evaluating():
            for part in pictures.split(PICTURES):
                part = part.to(self.machine.device)
                if part.shape[2:] != (pixels, pixels):
                    part = F.interpolate(part, (pixels, pixels), mode="bicubic", antialias=True)
                if part.shape[1] > channels:
                    part = part.mean(1, keepdim=True)
                features.append(self.classifier.features(part.expand(-1, channels, -1, -1)).float().cpu())
        return torch.cat(features)

"""Training a CNN to classify pictures.

Read it with `models/cnn.py` (the network) and `layers/augment.py` (the augmentation); `recipe.py` has what all
classifiers share: batches, calibration, validation.
"""

from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from genlab.data.pictures.picture_set import PictureSet, PictureSplit, read_pictures
from genlab.engine.custom import Networks
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup, Speed
from genlab.engine.samples import Sample
from genlab.layers.augment import Warp, warped
from genlab.models.cnn import CNN, PictureClassifierShape
from genlab.tasks.classify.inputs import PictureInputs, labels_of
from genlab.tasks.classify.options import CNNOptions
from genlab.tasks.classify.recipe import ClassifyRecipe
from genlab.tasks.classify.sampling import check_classes
from genlab.tasks.shared.picture_examples import picture_examples

WARPS = {"move": Warp(), "mirror": Warp(flip=True), "none": None}
WIDTHS = (16, 24, 32, 48, 64)
USUAL_WIDTH = 32
EPOCHS = 30
"""Epochs that the budget must allow before a wider network is chosen."""
REACHED = 0.35
"""Speed of convolutions of this size, relative to that of large matrix products."""
SHOWN = 500
"""Largest number of validation pictures in a preview."""


def build_network(options: CNNOptions, shape: PictureClassifierShape, networks: Networks) -> nn.Module:
    """Builds the classifier."""
    width = USUAL_WIDTH if options.width is None else options.width
    build = lambda shape: CNN(shape.channels, shape.classes, shape.pixels, width, options.depth, options.dropout)
    return networks.build("classifier", shape, build)


class CNNRecipe(ClassifyRecipe):
    """Trains a classifier of pictures."""

    data: PictureSet

    def __init__(self, setup: Setup) -> None:
        data: PictureSet = setup.data
        inputs = PictureInputs(setup.options.pixels, data.channels, data.ranges)
        classifier = build_network(setup.options, inputs.shape(len(data.classes)), setup.networks)
        super().__init__(setup, classifier, inputs, data.classes)

    # --- data ---

    @classmethod
    def read(cls, options: CNNOptions, place: Place, start: Pipeline | None) -> tuple[PictureSet, DataFacts]:
        pictures = read_pictures(*place, pixels=options.pixels, label=options.label)
        splits = {"data": pictures.train, "validation": pictures.validation, "test": pictures.test}
        labels = [labels_of(split, getattr(place, part), part) for part, split in splits.items() if split]
        counts = np.bincount(np.concatenate(labels), minlength=len(pictures.classes)).tolist()
        notes = check_classes(labels[0], dict(zip(pictures.classes, counts, strict=True)), "picture")
        notes = [*pictures.notes, *notes]
        return pictures, DataFacts(pictures.name, pictures.fingerprint, pictures.counts(), notes, pictures.left_out)

    @classmethod
    def examples(cls, data: PictureSet) -> list[Sample]:
        """A sheet of training pictures, spread over the classes."""
        return picture_examples(data.train)

    @classmethod
    def resolve(cls, options: CNNOptions, data: PictureSet, speed: Speed, start: Pipeline | None) -> CNNOptions:
        """Chooses the widest network that can train for `EPOCHS` epochs within the budget."""
        if options.width is not None:
            return options
        if speed.seconds is None or speed.operations is None:
            return replace(options, width=USUAL_WIDTH)
        width = WIDTHS[0]
        for wider in WIDTHS[1:]:
            operations = 3 * forward_operations(replace(options, width=wider), data)  # backward costs twice as much
            if EPOCHS * operations * len(data.train) < REACHED * speed.operations * speed.seconds:
                width = wider
        return replace(options, width=width)

    def batch(self, step: int) -> tuple[Float[Tensor, "batch channels height width"], Int[Tensor, " batch"]]:
        picks = self.picks(step)
        return self.data.train.tensor(picks), torch.from_numpy(self.draw.labels[picks])

    # --- the method ---

    def step(
        self, batch: tuple[Float[Tensor, "batch channels height width"], Int[Tensor, " batch"]], progress: float
    ) -> Metrics:
        pictures, labels = batch
        warp = WARPS[self.options.augment]
        if warp is not None:
            pictures = warped(pictures, warp)
        loss = self.loss(self.classifier(pictures), labels, self.shift)
        self.update(self.classifier, loss)
        self.average.update(self.classifier)
        return {"loss": loss}

    def shown(self, validation: PictureSplit) -> PictureSplit:
        return validation.take(np.unique(np.linspace(0, len(validation) - 1, SHOWN).astype(int)))

    def warnings(self, steps: int) -> list[str]:
        epochs = steps * self.options.batch * self.machine.processes / len(self.data.train)
        return [f"training sees each picture only {epochs:.1f} times: give it more time."] if epochs < 3 else []


def forward_operations(options: CNNOptions, data: PictureSet) -> int:
    """Floating-point operations of the forward pass of one picture."""
    inputs = PictureInputs(options.pixels, data.channels)
    network = build_network(options, inputs.shape(len(data.classes)), Networks())
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        network(inputs.blank(1))
    return counter.get_total_flops()

"""The classification accuracy score: are generated pictures good enough to train a classifier?

Ravuri and Vinyals (2019), "Classification Accuracy Score for Conditional Generative Models", arXiv 1905.10887: a
classifier trained only on generated pictures is tested on real ones, beside one trained on real pictures.
"""

from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from genlab.engine.machine import Machine, seed_everything
from genlab.engine.modes import evaluating
from genlab.layers.augment import Warp, warped
from genlab.models.classifier import classification_loss
from genlab.models.cnn import CNN
from genlab.tasks.shared.judges import fit

Pictures = Float[Tensor, "pictures channels side side"]
Labels = Int[Tensor, " pictures"]
STEPS, BATCH, WIDTH = 600, 64, 16
EPOCHS = 30
"""Largest number of epochs, within the limit of `STEPS`."""


def accuracy_after(
    draw: Callable[[int, int], tuple[Pictures, Labels]],
    count: int,
    test: tuple[Pictures, Labels],
    classes: int,
    machine: Machine,
) -> float:
    """Accuracy on `test` of a small CNN trained on the pictures from `draw`, always with the same recipe.

    Args:
        draw: Maps a step and a count to that many pictures in [-1, 1] and their labels.
        count: Number of real training pictures, which sets the number of steps.
        test: Real pictures and labels.
        classes: Number of classes.
        machine: The machine to train on.
    """
    seed_everything(0)
    pictures, labels = test
    network = CNN(pictures.shape[1], classes, pictures.shape[2], WIDTH).to(machine.device)
    fit(
        network,
        lambda step: draw(step, BATCH),
        lambda seen, known: classification_loss(network(warped(seen, Warp())), known),
        max(1, min(STEPS, EPOCHS * count // BATCH)),
        machine,
    )
    with evaluating(network, machine):
        logits = torch.cat([network(part.to(machine.device)).float().cpu() for part in pictures.split(250)])
    predicted = (logits[:, 0] > 0).long() if classes == 2 else logits.argmax(1)
    return (predicted == labels).double().mean().item()

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

Pictures = Float[Tensor, "pictures channels side side"]
Labels = Int[Tensor, " pictures"]
STEPS, BATCH, WIDTH, RATE = 600, 64, 16, 4e-3
READINGS = 30
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
    optimizer = torch.optim.AdamW(network.parameters(), RATE, weight_decay=0.05, fused=True)
    steps = max(1, min(STEPS, READINGS * count // BATCH))
    for step in range(steps):
        seed_everything(0, step)
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / 30) * (1 - step / steps)
        seen, known = machine.place(draw(step, BATCH))
        with torch.enable_grad(), machine.autocast():
            loss = classification_loss(network(warped(seen, Warp())), known)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
    with evaluating(network, machine):
        logits = torch.cat([network(part.to(machine.device)).float().cpu() for part in pictures.split(250)])
    predicted = (logits[:, 0] > 0).long() if classes == 2 else logits.argmax(1)
    return (predicted == labels).double().mean().item()

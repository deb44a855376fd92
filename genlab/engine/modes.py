"""Evaluation mode: everything that using a network changes, set in one place and restored."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from genlab.engine.machine import Machine, preserved_randomness, seed_everything


@contextmanager
def evaluating(networks: nn.Module | Iterable[nn.Module], machine: Machine, seed: int | None = None) -> Iterator[None]:
    """Inside, networks are in evaluation mode, without gradients, and compute in the run's number format.

    On leaving, every submodule is in the mode it was in before. A generator must not yield inside: its caller
    would run in these modes. What needs gradients (an inversion) adds `torch.enable_grad()`.

    Args:
        networks: All networks that are used inside.
        machine: Where they run; its precision is the number format.
        seed: Seeds all random numbers drawn inside; the caller's random state continues afterwards as if none
            had been drawn. With None the random state is left alone.
    """
    networks = [networks] if isinstance(networks, nn.Module) else list(networks)
    training = {module: module.training for network in networks for module in network.modules()}
    with ExitStack() as stack:
        if seed is not None:
            stack.enter_context(preserved_randomness())
            seed_everything(seed)
        stack.enter_context(torch.no_grad())
        stack.enter_context(machine.autocast())
        try:
            for network in networks:
                network.eval()
            yield
        finally:
            for module, mode in training.items():
                module.training = mode

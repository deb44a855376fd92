"""Evaluation mode: sets module modes, gradients, number format and random state in one place, and restores them."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

import torch
from torch import nn

from genlab.engine.machine import Machine, preserved_randomness, seed_everything


@contextmanager
def evaluating(networks: nn.Module | Iterable[nn.Module], machine: Machine, seed: int | None = None) -> Iterator[None]:
    """Context for using networks: evaluation mode, no gradients, and the run's number format.

    On exit, every submodule returns to its previous mode. A generator must not yield inside, because its caller would
    run in these modes. Code that needs gradients (an inversion) adds `torch.enable_grad()`.

    Args:
        networks: All networks used inside.
        machine: The machine that they run on, with the number format.
        seed: Seeds the global generators inside; on exit, the caller's random state is restored. None leaves the
            random state alone.
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

"""What the engine knows of anything that can be trained."""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.engine.machine import Machine
from genlab.engine.samples import Sample
from genlab.errors import InputError

Metrics = dict[str, Tensor]
"""Measures of one step, on the device."""


@dataclass(frozen=True)
class DataFacts:
    """What a run records of its data."""

    name: str
    """File or folder name, without its path."""
    fingerprint: str
    """SHA-256 of the content."""
    counts: dict[str, Any]
    """Sizes of the splits."""
    notes: list[str] = field(default_factory=list)
    """What the user should know: files left out, data too few."""


class Recipe(ABC):
    """One trainable thing: its data, networks, optimisers and one step.

    What a finished run can do stands in the capabilities below, which a recipe has beside this.

    The engine calls, in this order: `read`, `resolve`, `build`, `build_optimizers`, then for every step `batch` and
    `step`, and now and then `validate` and `sample`. Everything that must survive a crash is in `networks` and
    `optimizers`; every step's randomness comes from torch's global generator, which the engine seeds.
    """

    task: ClassVar[str]
    name: ClassVar[str]
    steady: ClassVar[bool] = True
    """Whether worse validation means overfitting; samples of a GAN waver."""
    replaceable: ClassVar[tuple[str, ...]] = ()
    """Networks in whose place the user may put their own."""

    def __init__(self, config: Any, parts: dict[str, nn.Module] | None = None) -> None:
        self.config = config
        self.parts = parts or {}
        """Networks of the user's own, by the name of the one that they replace."""
        for name in self.parts.keys() - set(self.replaceable):
            known = " and ".join(self.replaceable) or "none that can be replaced"
            raise InputError(f"The {self.task} {self.name} has no network {name}: it has {known}.", name)
        self.seed = 0
        self.machine: Machine
        self.networks: dict[str, nn.Module] = {}
        self.optimizers: dict[str, list[Optimizer]] = {}
        """Of each trained network, by its name."""

    # --- training ---

    @abstractmethod
    def read(self, data: str, validation: str, test: str) -> DataFacts:
        """Opens the user's data and splits them."""

    @abstractmethod
    def resolve(self, seconds: float | None, speed: float | None) -> None:
        """Replaces every 'auto' of `config` by a value that fits the data and, when a time is to be
        kept, the machine: `speed` in floating-point operations a second."""

    @abstractmethod
    def build(self) -> None:
        """Makes `networks` on the machine's device."""

    @abstractmethod
    def build_optimizers(self) -> None:
        """Makes the `optimizers` of the networks that are trained; a run that is only loaded has none."""

    @abstractmethod
    def batch(self, step: int) -> Any:
        """The tensors of an update: a function of its number alone."""

    @abstractmethod
    def step(self, batch: Any) -> Metrics:
        """One update of every network."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Measures on the validation split; the first, lower being better, picks the best weights."""

    @abstractmethod
    def test(self) -> dict[str, float]:
        """The same measures on the test split; empty without one."""

    @property
    @abstractmethod
    def validates(self) -> bool:
        """Whether there is anything to validate on."""

    def saved(self) -> dict[str, nn.Module]:
        """The networks that make up model.safetensors."""
        return self.networks

    def warnings(self, steps: int) -> list[str]:
        """What speaks against this model on these data in so many steps."""
        return []

    def alarms(self) -> list[str]:
        """What the last validation showed to go wrong; each is said once, and the best weights are kept."""
        return []

    # --- a finished run ---

    @abstractmethod
    def save_files(self, folder: Path) -> None:
        """Writes what `load_files` needs beside the weights: a tokenizer, labels."""

    @abstractmethod
    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        """Reads it back; `about` is the run's run.json."""

    @abstractmethod
    def preview(self) -> list[Sample]:
        """A few samples to look at during training."""

    @abstractmethod
    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        """All measures on the test split, or on `data`, each beside what it must be read against."""

    # --- what steps are made of ---

    def update(self, network: nn.Module, loss: Tensor, clip: float | None = None) -> None:
        """Moves the weights of `network`, and of no other, against the gradient of `loss`.

        Args:
            network: One of `networks`.
            loss: What to lower.
            clip: Longest gradient allowed; a longer one is shortened to it.
        """
        name = next(name for name, mine in self.networks.items() if mine is network)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        network.zero_grad(set_to_none=True)
        loss.backward(inputs=weights)
        self.machine.average(network)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        for optimizer in self.optimizers[name]:
            optimizer.step()
        torch.clear_autocast_cache()  # it holds these weights in 16 bits as they were

    def groups(self) -> Iterator[dict[str, Any]]:
        """Every optimiser's parameter groups."""
        for optimizers in self.optimizers.values():
            for optimizer in optimizers:
                yield from optimizer.param_groups

    def state(self) -> dict[str, Any]:
        """All that the next step depends on."""
        return {
            "networks": {name: network.state_dict() for name, network in self.networks.items()},
            "optimizers": {name: [o.state_dict() for o in list_] for name, list_ in self.optimizers.items()},
        }

    def load_state(self, state: dict[str, Any]) -> None:
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizers in self.optimizers.items():
            for optimizer, mine in zip(optimizers, state["optimizers"][name], strict=True):
                optimizer.load_state_dict(mine)
                for weight, values in optimizer.state.items():
                    for key, value in values.items():
                        if isinstance(value, Tensor) and value.shape == weight.shape:
                            # files keep no layout in memory, and fused steps go through memory in the weight's
                            values[key] = torch.empty_like(weight, dtype=value.dtype).copy_(value)

"""How a pipeline is trained: what the engine knows of every recipe."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.engine.pipeline import Pipeline
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
    """What the user should know: files left out, classes out of balance."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Every file that was left out, and why."""


class Place(NamedTuple):
    """Where the data are and how they are split, as the user gave it."""

    data: str
    validation: str
    test: str


class Speed(NamedTuple):
    """The time to train, and what the machine can do in it."""

    seconds: float | None
    """Time budget; None for a fixed number of steps."""
    operations: float | None
    """Floating-point operations a second, of all processes together; None without a time budget."""
    processes: int


@dataclass(frozen=True)
class Setup:
    """What a recipe is built from."""

    options: Any
    """Resolved: no value is left open."""
    data: Any
    """What the recipe's `read` returned."""
    machine: Machine
    seed: int = 0
    networks: Networks = field(default_factory=Networks)
    losses: Mapping[str, Callable[..., Tensor]] = field(default_factory=dict)
    """The user's own, by the name of the loss that they replace."""
    start: Pipeline | None = None
    """The run whose weights training starts from."""


class Recipe(ABC):
    """How a pipeline is trained: its batches, its networks and optimisers, and one step.

    The engine calls the class methods `read` and `resolve`, builds the recipe with `Recipe(setup)`, and then calls
    `batch` and `step` for every step and `validate` now and then. All that must survive a crash is in `networks` and
    `optimizers`; every step draws from torch's global generator, which the engine seeds.
    """

    replaceable: ClassVar[tuple[str, ...]] = ()
    """Networks that the user can replace."""
    losses: ClassVar[tuple[str, ...]] = ()
    """Losses that the user can replace."""
    steady: ClassVar[bool] = True
    """Whether a worse validation means overfitting; a GAN's samples fluctuate."""

    def __init__(
        self,
        setup: Setup,
        pipeline: Pipeline,
        networks: dict[str, nn.Module],
        optimizers: Mapping[str, Sequence[Optimizer]],
    ) -> None:
        self.options, self.data = setup.options, setup.data
        self.machine, self.seed = setup.machine, setup.seed
        self.pipeline = pipeline
        self.networks = networks
        """Everything that a checkpoint holds, by name: trained networks, their averages, what is fitted beside them."""
        self.optimizers = optimizers
        """Those of each trained network, by its name."""

    # --- before there is anything to train ---

    @classmethod
    @abstractmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[Any, DataFacts]:
        """Opens the user's data and splits them.

        Raises:
            InputError: they cannot be read, or are too few.
        """

    @classmethod
    def resolve(cls, options: Any, data: Any, speed: Speed, start: Pipeline | None) -> Any:
        """The options with every open value fitted to the data and, with a time budget, to the machine."""
        return options

    @classmethod
    def examples(cls, data: Any) -> list[Sample]:
        """A few training examples, as `genlab look` shows them to a person."""
        return []

    @classmethod
    def continued(cls, options: Any, start: Pipeline) -> Any:
        """The options for training on from `start`, with those that its weights fix.

        Raises:
            InputError: such models cannot continue another run, or other values were given.
        """
        raise InputError("from: this model cannot start from another run: leave --from out.", "from")

    @classmethod
    def replaced(cls, options: Any, networks: Collection[str]) -> Any:
        """The options for training with the user's own networks: what concerns only a replaced network is settled."""
        return options

    # --- training ---

    @abstractmethod
    def batch(self, step: int) -> Any:
        """The tensors of one step: a function of its number alone."""

    @abstractmethod
    def step(self, batch: Any, progress: float) -> Metrics:
        """One update of every trained network; `progress` goes from 0 at the first step to 1 at the last."""

    @property
    @abstractmethod
    def validates(self) -> bool:
        """Whether there is anything to validate on."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Measures on the validation split; the first, lower being better, selects the best weights."""

    @abstractmethod
    def test(self) -> dict[str, float]:
        """The same measures on the test split, of the pipeline as it is; empty without a test split."""

    @abstractmethod
    def preview(self) -> list[Sample]:
        """A few samples to look at during training."""

    def warnings(self, steps: int) -> list[str]:
        """Reasons why this model may not suit these data and that number of steps."""
        return []

    def alarms(self, measures: dict[str, float]) -> list[str]:
        """What the measures of a validation show to go wrong; the user sees each sentence once."""
        return []

    # --- what steps are made of ---

    def update(
        self, network: nn.Module, loss: Tensor, clip: float | None = None, count: int | Tensor | None = None
    ) -> None:
        """Moves the weights of `network`, and of no other, against the gradient of `loss`.

        Args:
            network: One of `networks`.
            loss: What to lower.
            clip: Largest norm of the gradient; a larger one is scaled down to it.
            count: How many terms `loss` is the mean of, where that differs between processes.
        """
        name = next(name for name, mine in self.networks.items() if mine is network)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        network.zero_grad(set_to_none=True)
        loss.backward(inputs=weights)
        self.machine.average(network, count)
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(weights, clip)
        for optimizer in self.optimizers[name]:
            optimizer.step()
        torch.clear_autocast_cache()  # it holds 16-bit copies of the weights before the update

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
        """Restores what `state` returned."""
        for name, network in self.networks.items():
            network.load_state_dict(state["networks"][name])
        for name, optimizers in self.optimizers.items():
            for optimizer, mine in zip(optimizers, state["optimizers"][name], strict=True):
                optimizer.load_state_dict(mine)
                for weight, values in optimizer.state.items():
                    for key, value in values.items():
                        if isinstance(value, Tensor) and value.shape == weight.shape:
                            # files keep no memory format, and fused steps need that of the weight
                            values[key] = torch.empty_like(weight, dtype=value.dtype).copy_(value)

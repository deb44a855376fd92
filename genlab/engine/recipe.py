"""Recipes: how to train a pipeline, as the engine sees it."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.engine.custom import Networks
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.pipeline import Pipeline
from genlab.engine.samples import Sample
from genlab.errors import InputError

Metrics = dict[str, Tensor]
"""Metrics of one step, on the device."""


@dataclass(frozen=True)
class DataFacts:
    """The facts about the data that a run records."""

    name: str
    """File or folder name, without its path."""
    fingerprint: str
    """SHA-256 of the data."""
    counts: dict[str, Any]
    """Sizes of the splits."""
    notes: list[str] = field(default_factory=list)
    """Notes for the user, such as files left out or imbalanced classes."""
    left_out: dict[str, str] = field(default_factory=dict)
    """Every file that was left out, with the reason."""
    report: dict[str, str] = field(default_factory=dict)
    """What became of every file, where files can be repaired; left_out.txt then lists all of them."""


class Speed(NamedTuple):
    """The training time, and the speed of the machine."""

    seconds: float | None
    """Time budget; None for a fixed number of steps."""
    operations: float | None
    """Floating-point operations per second, over all processes; None without a time budget."""
    processes: int


@dataclass(frozen=True)
class Setup:
    """The arguments that every recipe is built from."""

    options: Any
    """The model's resolved options."""
    data: Any
    """The data, as the recipe's `read` returned them."""
    machine: Machine
    seed: int = 0
    networks: Networks = field(default_factory=Networks)
    losses: Mapping[str, Callable[..., Tensor]] = field(default_factory=dict)
    """Custom losses, by the name of the loss that they replace."""
    start: Pipeline | None = None
    """The run whose weights training starts from."""


class Recipe(ABC):
    """Trains a pipeline: its batches, networks and optimisers, and one step.

    The engine calls the class methods `read` and `resolve`, builds the recipe with `Recipe(setup)`, and then calls
    `prepare` once, `batch` and `step` for every step, and `validate` at intervals. `networks` and `optimizers` hold all
    state that must survive a crash; steps draw from torch's global generator, which the engine seeds for each of them.
    """

    replaceable: ClassVar[tuple[str, ...]] = ()
    """Names of the networks that custom ones can replace."""
    losses: ClassVar[tuple[str, ...]] = ()
    """Names of the losses that custom ones can replace."""
    steady: ClassVar[bool] = True
    """Whether a worse validation means overfitting; that of a GAN fluctuates."""

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
        """All modules in a checkpoint, by name: trained networks, their averages, and fitted parameters."""
        self.optimizers = optimizers
        """Optimisers of each trained network, by its name."""

    # --- before training ---

    @classmethod
    @abstractmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[Any, DataFacts]:
        """Reads and splits the user's data.

        Raises:
            InputError: the data cannot be read, or are too few.
        """

    @classmethod
    def resolve(cls, options: Any, data: Any, speed: Speed, start: Pipeline | None) -> Any:
        """Fits all open options to the data and, with a time budget, to the machine."""
        return options

    @classmethod
    def examples(cls, data: Any) -> list[Sample]:
        """A few training examples, for `genlab look`."""
        return []

    @classmethod
    def continued(cls, options: Any, start: Pipeline) -> Any:
        """The options for training from the weights of `start`, which determine some of them.

        Raises:
            InputError: the model does not support this, or `options` contradicts `start`.
        """
        raise InputError("from: this model cannot start from another run: omit --from.", "from")

    @classmethod
    def replaced(cls, options: Any, networks: Collection[str]) -> Any:
        """The options for training with the user's own networks: what concerns only a replaced network is settled."""
        return options

    def prepare(self) -> None:  # noqa: B027  most recipes start from the random weights of their constructor
        """Sets the weights that training starts from; not called on a recipe that only measures the speed."""

    # --- training ---

    @abstractmethod
    def batch(self, step: int) -> Any:
        """The tensors of one step, a pure function of its number."""

    @abstractmethod
    def step(self, batch: Any, progress: float) -> Metrics:
        """Updates every trained network; `progress` is 0 at the first step and 1 at the last."""

    def terms(self, batch: Any) -> int | Tensor:
        """Number of terms (such as tokens) in the mean loss of a batch, where batches differ in it.

        It weighs the batch in the logged metrics and, given to `update` as `count`, in the gradients.
        """
        return 1

    @property
    @abstractmethod
    def validates(self) -> bool:
        """Whether there is a validation split."""

    @abstractmethod
    def validate(self) -> dict[str, float]:
        """Metrics on the validation split; the first one selects the best weights, lower is better."""

    @abstractmethod
    def test(self) -> dict[str, float]:
        """The same metrics on the test split; empty without a test split."""

    @abstractmethod
    def preview(self) -> list[Sample]:
        """A few samples to inspect during training."""

    def warnings(self, steps: int) -> list[str]:
        """Warnings about the fit of the model to these data and this number of steps."""
        return []

    def alarms(self, measures: dict[str, float]) -> list[str]:
        """Warnings about problems that the metrics of a validation reveal; each is shown once."""
        return []

    # --- parts of a step ---

    def update(
        self, network: nn.Module, loss: Tensor, clip: float | None = None, count: int | Tensor | None = None
    ) -> None:
        """Updates the weights of `network`, and only those, with the gradient of `loss`.

        Args:
            network: One of `networks`.
            loss: The loss to minimise.
            clip: Largest norm of the gradient; larger ones are scaled down to it.
            count: Number of terms in the mean `loss`, if it differs between processes.
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
        torch.clear_autocast_cache()  # it holds 16-bit copies of the old weights

    def groups(self) -> Iterator[dict[str, Any]]:
        """Parameter groups of all optimisers."""
        for optimizers in self.optimizers.values():
            for optimizer in optimizers:
                yield from optimizer.param_groups

    def state(self) -> dict[str, Any]:
        """The state that the next step depends on."""
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
                            # files keep no memory format, but fused optimisers need that of the weight
                            values[key] = torch.empty_like(weight, dtype=value.dtype).copy_(value)

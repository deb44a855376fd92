"""The user's own networks and losses, in place of a recipe's."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.options import nearest

Factory = Callable[[Any], nn.Module]
"""From the shape of a network, a dataclass, to the network."""


@dataclass
class Networks:
    """Builds a recipe's networks: the user's own where there is a factory for them."""

    factories: Mapping[str, Factory] = field(default_factory=dict)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Class and shape of each custom network that was built, for the run's record."""

    def build(self, name: str, shape: Any, default: Factory) -> nn.Module:
        """The network `name`: the user's, if there is a factory of that name, or `default(shape)`.

        Raises:
            InputError: the user's factory returns no module, or one without trainable weights.
        """
        if name not in self.factories:
            return default(shape)
        made = self.factories[name](shape)
        if not isinstance(made, nn.Module):
            raise InputError(f"networks: your {name} is a {type(made).__name__}: return a torch.nn.Module.", name)
        if not any(weight.requires_grad for weight in made.parameters()):
            raise InputError(f"Your {name} has no weights to train: use one that has.", name)
        self.made[name] = {"class": f"{type(made).__module__}:{type(made).__qualname__}", "shape": asdict(shape)}
        return made

    def __contains__(self, name: str) -> bool:
        return name in self.factories


def check_names(given: Mapping[str, Any], known: tuple[str, ...], what: str, model: str) -> None:
    """Checks the names of custom networks or losses.

    Raises:
        InputError: the model has none of that name.
    """
    for name in given:
        if name not in known:
            there = nearest(name, list(known)) if known else "none that can be replaced"
            raise InputError(f"The {model} has no {what} {name}: it has {there}.", name)


def try_network(
    name: str, network: nn.Module, given: tuple[Tensor, ...], wanted: list[tuple[int, ...]], hint: str
) -> None:
    """Calls a custom network once, before anything is trained.

    Args:
        name: The network that it replaces.
        network: The user's module.
        given: Arguments as training passes them.
        wanted: Shapes of which it should return one.
        hint: What to do if it cannot take `given`.

    Raises:
        InputError: it cannot take `given`, or returns another shape.
    """
    shapes = " and ".join(str(tuple(tensor.shape)) for tensor in given)
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            found = tuple(network(*given).shape)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"Your {name} cannot take a batch of shape {shapes}, {hint} ({error}).", name) from None
    finally:
        for module, mode in modes.items():
            module.training = mode
    if found not in wanted:
        choices = " or ".join(str(shape) for shape in wanted)
        raise InputError(f"Your {name} turns {shapes} into {found}: make that {choices}.", name)

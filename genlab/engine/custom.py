"""Custom networks and losses, which replace those of a recipe."""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.options import nearest

Factory = Callable[[Any], nn.Module]
"""Builds a network from its shape, a dataclass."""


@dataclass
class Networks:
    """Builds the networks of a recipe, with custom factories where the user gives them."""

    factories: Mapping[str, Factory] = field(default_factory=dict)
    made: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Class and shape of each custom network built, for config.json."""

    def build(self, name: str, shape: Any, default: Factory) -> nn.Module:
        """Builds the network `name`, with the custom factory of that name or `default`.

        Raises:
            InputError: the custom factory fails, or does not return a module with trainable weights.
        """
        if name not in self.factories:
            return default(shape)
        try:
            made = self.factories[name](shape)
        except Exception as error:
            raise InputError(
                f"networks: the factory of {name} failed ({type(error).__name__}: {error}).", name
            ) from error
        if not isinstance(made, nn.Module):
            raise InputError(
                f"networks: the factory of {name} returned a {type(made).__name__}, not a torch.nn.Module.", name
            )
        if not any(weight.requires_grad for weight in made.parameters()):
            raise InputError(f"The custom {name} has no trainable weights.", name)
        self.made[name] = {"class": f"{type(made).__module__}:{type(made).__qualname__}", "shape": asdict(shape)}
        return made

    def __contains__(self, name: str) -> bool:
        return name in self.factories


def check_names(given: Mapping[str, Any], known: tuple[str, ...], what: str, model: str) -> None:
    """Checks the names of custom networks or losses.

    Raises:
        InputError: the model has no such network or loss.
    """
    for name in given:
        if name not in known:
            there = f"choose from {nearest(name, list(known))}" if known else "none can be replaced"
            raise InputError(f"The {model} has no {what} {name}: {there}.", name)


def try_network(
    name: str, network: nn.Module, given: tuple[Tensor, ...], wanted: list[tuple[int, ...]] | None, hint: str
) -> None:
    """Calls a custom network once before training, to check its interface.

    Args:
        name: Name of the network that it replaces.
        network: The custom module.
        given: Arguments, as training passes them.
        wanted: Allowed shapes of its output; None for any.
        hint: Advice if the network rejects `given`.

    Raises:
        InputError: the network rejects `given`, or returns another shape.
    """
    shapes = " and ".join(str(tuple(tensor.shape)) for tensor in given)
    modes = {module: module.training for module in network.modules()}
    network.eval()
    try:
        with torch.no_grad():
            found = tuple(network(*given).shape)
    except (RuntimeError, TypeError, ValueError, IndexError, AttributeError) as error:
        raise InputError(f"The custom {name} rejects a batch of shape {shapes}: {hint} ({error}).", name) from None
    finally:
        for module, mode in modes.items():
            module.training = mode
    if wanted is not None and found not in wanted:
        choices = " or ".join(str(shape) for shape in wanted)
        raise InputError(f"The custom {name} maps {shapes} to {found}, but must return {choices}.", name)

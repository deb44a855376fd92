"""What recipes with networks of the user's own share: a try of each, before anything is trained."""

import torch
from torch import Tensor, nn

from genlab.errors import InputError


def try_part(name: str, part: nn.Module, given: tuple[Tensor, ...], wanted: list[tuple[int, ...]], hint: str) -> None:
    """Tries a network of the user's own.

    Args:
        name: Which network it replaces.
        part: The user's module.
        given: What it will be called with.
        wanted: Shapes of which it should return one.
        hint: What to do if it cannot take `given`.

    Raises:
        InputError: it has nothing to train, cannot take what it is given, or returns another shape.
    """
    if not any(weight.requires_grad for weight in part.parameters()):
        raise InputError(f"Your {name} has no weights to train: use one that has.", name)
    shapes = " and ".join(str(tuple(tensor.shape)) for tensor in given)
    mode = part.training
    part.eval()
    try:
        with torch.no_grad():
            found = tuple(part(*given).shape)
    except (RuntimeError, TypeError, ValueError) as error:
        raise InputError(f"Your {name} cannot take a batch of shape {shapes}, {hint} ({error}).", name) from None
    finally:
        part.train(mode)
    if found not in wanted:
        choices = " or ".join(str(shape) for shape in wanted)
        raise InputError(f"Your {name} turns {shapes} into {found}: make that {choices}.", name)


def falling(first: float, last: float, progress: float) -> float:
    """From `first` to `last` as `progress` goes from 0 to 1, in equal ratios; 0 in either keeps the first."""
    return first * (last / first) ** progress if first and last else first


def twice(labels: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    """Labels of real content, and the same again for the fake content behind it."""
    return tuple(torch.cat((numbers, numbers)) for numbers in labels)

"""One process that trains as two: each half of a batch has the examples, random numbers and statistics of one."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest import mock

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

from genlab.engine.machine import seed_everything
from genlab.engine.recipe import Metrics, Recipe
from genlab.models.flow import draw_times

RANKS = (0, 1)
BY_SIZE = {torch.rand, torch.randn, torch.randint}
BY_ROWS = {torch.randn_like, F.dropout2d}
"""Functions with chance in them: of a size, or of rows."""


class Halves(TorchFunctionMode):
    """Inside, rows of the first half are drawn and normalised as in the first process, the others as in the second."""

    def __init__(self, seed: int, step: int) -> None:
        super().__init__()
        self.states = []
        for rank in RANKS:
            seed_everything(seed, step, rank)
            self.states.append(torch.get_rng_state())

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in BY_SIZE | BY_ROWS:
            return torch.cat([self._drawn(rank, function, args, kwargs) for rank in RANKS])
        if function is F.batch_norm and kwargs["training"]:
            rows, *running = args
            first, second = rows.chunk(2)
            kept = function(first, *running, **kwargs)
            return torch.cat((kept, function(second, *(buffer.clone() for buffer in running), **kwargs)))
        return function(*args, **kwargs)

    def _drawn(self, rank: int, function: Any, args: tuple, kwargs: dict[str, Any]) -> Tensor:
        if function in BY_ROWS:
            args = (args[0].chunk(2)[rank], *args[1:])
        elif function is torch.randint:
            limit, (count, *sizes) = args
            args = (limit, (count // 2, *sizes))
        else:
            args = (args[0] // 2, *args[1:])
        return self._in_process(rank, function, *args, **kwargs)

    def _in_process(self, rank: int, function: Callable[..., Tensor], *args: Any, **kwargs: Any) -> Tensor:
        torch.set_rng_state(self.states[rank])
        drawn = function(*args, **kwargs)
        self.states[rank] = torch.get_rng_state()
        return drawn

    def draw_times(self, count: int, *args: Any, **kwargs: Any) -> Tensor:
        """Times of a flow, which depend on one another: those of a process cover their range."""
        with torch._C.DisableTorchFunction():
            return torch.cat([self._in_process(rank, draw_times, count // 2, *args, **kwargs) for rank in RANKS])


def mean_of_halves(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """A loss with a statistic of the batch in it, as the mean of what both processes compute."""

    def mean(*batch: Tensor) -> Tensor:
        halves = zip(*(rows.chunk(2) for rows in batch), strict=True)
        return torch.stack([loss(*half) for half in halves]).mean()

    return mean


def shares(recipe: Recipe, step: int) -> list[Any]:
    """The batches of both processes."""
    half = replace(recipe.options, batch=recipe.options.batch // 2)
    found = []
    for rank in RANKS:
        with mock.patch.object(recipe.machine, "rank", rank), mock.patch.object(recipe, "options", half):
            found.append(type(recipe).batch(recipe, step))
    return found


WHOLE = ("reader_pictures", "reader_values")
"""Parts of a batch that a process uses at once, whatever the size of the batch."""


def joined(first: Any, second: Any, size: int) -> Any:
    """Both processes' batches as one, for every update in a step: `size` rows of the one, then of the other."""
    if isinstance(first, tuple):
        names = getattr(first, "_fields", range(len(first)))
        parts = [
            joined(one, other, len(one) if name in WHOLE else size)
            for name, one, other in zip(names, first, second, strict=True)
        ]
        return type(first)(*parts) if hasattr(first, "_fields") else tuple(parts)
    longest = [max(lengths) for lengths in zip(first.shape[1:], second.shape[1:], strict=True)]
    pairs = zip(padded(first, longest).split(size), padded(second, longest).split(size), strict=True)
    return torch.cat([rows for pair in pairs for rows in pair])


def padded(rows: Tensor, lengths: list[int]) -> Tensor:
    """Zeros after rows that are shorter, as a batch has them."""
    room = [length - own for length, own in zip(lengths, rows.shape[1:], strict=True)]
    return F.pad(rows, [edge for after in reversed(room) for edge in (0, after)])


@contextmanager
def in_halves(recipe_type: type[Recipe], drawn: bool) -> Iterator[None]:
    """Inside, recipes of that type train in one process as two would.

    Args:
        recipe_type: Of which model.
        drawn: Whether each process draws its examples by chance; the others share out those of one process.
    """
    batch, step, steps = recipe_type.batch, recipe_type.step, []

    def both(self: Recipe, number: int) -> Any:
        steps.append(number)
        if not drawn:
            return batch(self, number)
        with mock.patch.object(recipe_type, "batch", batch):
            return joined(*shares(self, number), self.options.batch // 2)

    def halved(self: Recipe, given: Any, progress: float) -> Metrics:
        halves = Halves(self.seed, steps[-1])
        with halves, mock.patch("genlab.tasks.images.flow.draw_times", halves.draw_times):
            return step(self, given, progress)

    with mock.patch.object(recipe_type, "batch", both), mock.patch.object(recipe_type, "step", halved):
        yield

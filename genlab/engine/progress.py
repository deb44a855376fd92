"""What the user sees while a model trains: on standard error, a live bar or, without a terminal, lines."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Prints one line for the user."""
    console.print(message, markup=False)


def clock(seconds: float) -> str:
    """125 -> 2:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


class Reporter:
    """Shows the progress of a training."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = bar.add_task("training", total=1.0, numbers="") if bar else None
        self._tenth = -1

    def show(self, done: float, step: int, measures: dict[str, float], left: float) -> None:
        """`done` from 0 to 1, the newest measures, and the seconds left."""
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in measures.items())
        text = f"step {step:,}  {numbers}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, numbers=f"{text}  {clock(left)} left")
        elif int(done * 10) > self._tenth:
            self._tenth = int(done * 10)
            say(f"{done:5.0%}  {text}")


PATIENCE = 2.0
"""Seconds after which the user sees what takes so long."""


@contextmanager
def working(what: str, quiet: bool) -> Iterator[None]:
    """Around work outside the budget: if it takes long, the user sees `what` and, on a terminal, for how long."""
    done = threading.Event()

    def show() -> None:
        if not console.is_terminal:
            say(f"{what} ...")
            return
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        with Progress(*columns, console=console, transient=True) as spinner:
            spinner.add_task(what, total=None)
            done.wait()

    timer = threading.Timer(PATIENCE, show)
    timer.daemon = True
    if quiet:
        yield
        return
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        done.set()
        timer.join()


@contextmanager
def reporting(quiet: bool) -> Iterator[Reporter | None]:
    """A reporter for the duration of a training; None if `quiet`."""
    if quiet:
        yield None
    elif not console.is_terminal:
        yield Reporter(None)
    else:
        columns = (BarColumn(bar_width=28), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.fields[numbers]}"), console=console, refresh_per_second=5) as bar:
            yield Reporter(bar)
    sys.stderr.flush()

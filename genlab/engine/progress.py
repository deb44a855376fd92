"""Progress of training on standard error: a live bar or, without a terminal, lines."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

console = Console(stderr=True, highlight=False, soft_wrap=True)


def say(message: str) -> None:
    """Prints one line on standard error."""
    console.print(message, markup=False)


def clock(seconds: float) -> str:
    """Formats seconds: 125 becomes 2:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def minutes(seconds: float) -> str:
    """Formats seconds as a number of minutes, as --minutes takes it: 20 becomes 0.333, 8640 becomes 144."""
    number = seconds / 60
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


class Reporter:
    """Shows the progress of training."""

    def __init__(self, bar: Progress | None) -> None:
        self._bar = bar
        self._task = bar.add_task("training", total=1.0, numbers="") if bar else None
        self._tenth = -1

    def show(self, done: float, step: int, measures: dict[str, float], left: float) -> None:
        """Shows the progress `done` from 0 to 1, the newest metrics, and the seconds left."""
        numbers = "  ".join(f"{name} {value:.4g}" for name, value in measures.items())
        text = f"step {step:,}  {numbers}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=done, numbers=f"{text}  {clock(left)} left")
        elif int(done * 10) > self._tenth:
            self._tenth = int(done * 10)
            say(f"{done:5.0%}  {text}")


PATIENCE = 2.0
"""Seconds before `working` shows a message."""


@contextmanager
def working(what: str, quiet: bool) -> Iterator[None]:
    """Context for work outside the budget: if it takes long, shows `what` and, on a terminal, the elapsed time."""
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
    """Context with a reporter; None if `quiet`."""
    if quiet:
        yield None
    elif not console.is_terminal:
        yield Reporter(None)
    else:
        columns = (BarColumn(bar_width=28), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn())
        with Progress(*columns, TextColumn("{task.fields[numbers]}"), console=console, refresh_per_second=5) as bar:
            yield Reporter(bar)
    sys.stderr.flush()

"""The catalogue of tasks: maps a name to a declaration, which it loads on demand.

Other packages add tasks with the entry-point group `genlab.tasks`: each entry point names a `Task`.
"""

from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from typing import TYPE_CHECKING, Any

from genlab.errors import InputError
from genlab.options import nearest

if TYPE_CHECKING:
    from genlab.tasks.task import Task

TASKS = ("classify", "text", "points", "images", "translate", "restyle", "music")


@cache
def places() -> dict[str, str]:
    """Where each task is declared, as "module:name": genlab's tasks, then those of other packages."""
    own = {name: f"genlab.tasks.{name}:TASK" for name in TASKS}
    return own | {point.name: point.value for point in entry_points(group="genlab.tasks") if point.name not in own}


def task_named(name: str) -> "Task":
    """Loads the declaration of a task.

    Raises:
        InputError: there is no such task.
    """
    if name not in places():
        raise InputError(f"There is no task {name}: choose from {nearest(name, list(places()))}.", "task")
    return load(places()[name])


def importing() -> list["Task"]:
    """The tasks that import models of other tools, the default first."""
    return [task for task in map(task_named, places()) if task.imports is not None]


def load(path: str) -> Any:
    """Imports the object "module:name"."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)

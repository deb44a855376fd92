"""Properties of the sources: generic code names no task, and declarations load nothing heavy."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import genlab
from genlab.catalog import places, task_named
from genlab.engine.samples import Kind

GENERIC = ("cli", "exchange", "engine", "show")
FOREIGN = {"gpt2"}
"""What other tools call an architecture in their files, in `exchange`."""
ROOT = Path(genlab.__file__).parent


def literals(path: Path) -> set[str]:
    """The string literals of a module, without docstrings and the values of enumerations."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and any(
            isinstance(base, ast.Name) and "Enum" in base.id for base in node.bases
        ):
            node.body = []
    return {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)}


def test_generic_code_names_no_task_and_no_model():
    tasks = [task_named(name) for name in places()]
    names = {task.name for task in tasks} | {model.name for task in tasks for model in task.models}
    paths = [ROOT / "api.py", *(path for folder in GENERIC for path in (ROOT / folder).rglob("*.py"))]
    found = {
        str(path.relative_to(ROOT)): names & literals(path) - (FOREIGN if path.parent.name == "exchange" else set())
        for path in paths
    }
    assert {path: sorted(used) for path, used in found.items() if used} == {}


def test_kinds_are_those_of_samples():
    assert {task_named(name).makes for name in places()} <= {*Kind, "label"}


@pytest.mark.parametrize(
    "module", [part for task in places() for part in (f"genlab.tasks.{task}", f"genlab.tasks.{task}.options")]
)
def test_declarations_and_options_load_nothing_heavy(module):
    code = f"import sys, {module}; print({{'torch', 'numpy', 'pydantic', 'PIL'}} & set(sys.modules) or '')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "\n"


def test_every_declared_name_can_be_loaded():
    from genlab.catalog import load

    for task in map(task_named, places()):
        for model in task.models:
            for path in (model.options, model.recipe, model.network, *model.requests.values()):
                assert callable(load(path)), path
        for path in (task.pipeline, task.evaluate, task.imports and task.imports.read):
            assert path is None or callable(load(path)), path
        for one in task.samples:
            assert callable(load(one.make))
            assert callable(load(one.files))
        for options in task.files.values():
            assert all(callable(load(option.read)) for option in options)

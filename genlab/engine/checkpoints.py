"""Checkpoints: nested states, such as those of optimisers, as flat tensors and JSON in one safetensors file."""

import hashlib
import json
from pathlib import Path
from typing import Any

from torch import Tensor

from genlab.engine.files import make_folder, write_atomically
from genlab.engine.weights import read_tensors, tensors_to_bytes
from genlab.errors import InputError


def flatten(state: Any, prefix: str, tensors: dict[str, Tensor]) -> Any:
    """JSON with every tensor moved to `tensors` and its key left in its place."""
    if isinstance(state, Tensor):
        tensors[prefix] = state
        return {"tensor": prefix}
    if isinstance(state, dict):
        return {"pairs": [[key, flatten(value, f"{prefix}.{key}", tensors)] for key, value in state.items()]}
    if isinstance(state, (list, tuple)):
        kind = "tuple" if isinstance(state, tuple) else "list"
        return {kind: [flatten(value, f"{prefix}.{index}", tensors) for index, value in enumerate(state)]}
    assert state is None or isinstance(state, (bool, int, float, str)), f"{prefix} has a {type(state)}"
    return {"value": state}


def unflatten(tree: Any, tensors: dict[str, Tensor]) -> Any:
    """What `flatten` took apart."""
    ((kind, value),) = tree.items()
    if kind == "tensor":
        return tensors[value]
    if kind == "pairs":
        return {key: unflatten(part, tensors) for key, part in value}
    if kind in ("tuple", "list"):
        parts = [unflatten(part, tensors) for part in value]
        return tuple(parts) if kind == "tuple" else parts
    return value


def save_state(folder: Path, step: int, state: dict[str, Any]) -> None:
    """Writes a checkpoint whose name carries its content's hash, then removes the older ones."""
    tensors: dict[str, Tensor] = {}
    tree = flatten(state, "state", tensors)
    data = tensors_to_bytes(tensors, {"tree": json.dumps(tree)})
    make_folder(folder)
    path = folder / f"step-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.safetensors"
    write_atomically(path, data)
    for older in folder.glob("step-*.safetensors"):
        if older != path:
            older.unlink()


def load_state(folder: Path) -> tuple[int, dict[str, Any]] | None:
    """The newest checkpoint, or None.

    Raises:
        InputError: it is damaged.
    """
    paths = sorted(folder.glob("step-*.safetensors"))
    if not paths:
        return None
    path = paths[-1]
    damaged = InputError(
        f"The checkpoint {path} is damaged. The run's best weights are in model.safetensors and still usable; "
        f"to train on, restore the file from a copy, or delete the folder {folder} and resume from the start.",
        "resume",
    )
    try:
        _, step, digest = path.stem.split("-")
        if hashlib.sha256(path.read_bytes()).hexdigest()[:16] != digest:
            raise damaged
        tensors, about = read_tensors(path)
        return int(step), unflatten(json.loads(about["tree"]), tensors)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.", "resume") from None
    except InputError:
        raise damaged from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise damaged from None

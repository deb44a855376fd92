"""Files that are whole or not there, and tensors in them without pickle."""

import errno
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import safetensors.torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from genlab.errors import InputError


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Context for writing `path`, which turns file errors into InputErrors.

    Raises:
        InputError: the disk is full, or the file cannot be written.
    """
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise InputError(
                f"There is no space left for {path}: free some and repeat the command, for training with --resume; "
                "everything saved so far is intact.",
                "out",
            ) from None
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST, errno.EISDIR):
            raise InputError(f"{path} cannot be written: {error.strerror}.", "out") from None
        raise


@contextmanager
def writing(path: Path) -> Iterator[Path]:
    """Context with a temporary path beside `path`, which is synced and renamed at the end, or removed on an error.

    A reader sees the old file or the new one, never a partial one.

    Raises:
        InputError: the disk is full, or the file cannot be written; the old file is unchanged.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with saving(path):
        try:
            yield beside
            _sync(beside)
            os.replace(beside, path)
            _sync(path.parent)
        except BaseException:
            with suppress(OSError):
                beside.unlink(missing_ok=True)
            raise


def write_atomically(path: Path, data: bytes) -> None:
    """Writes a file atomically: a reader sees the old file or the new one, never a partial one.

    Raises:
        InputError: the disk is full; the old file is unchanged.
    """
    with writing(path) as beside, open(beside, "wb") as file:
        file.write(data)


def make_folder(path: Path) -> None:
    """Creates a folder and its parents, if they do not exist."""
    with saving(path):
        path.mkdir(parents=True, exist_ok=True)


def _sync(path: Path) -> None:
    """Flushes a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Writes UTF-8; bytes of file names that are not UTF-8 (lone surrogates in Python) are written as \\udcff."""
    write_atomically(path, text.encode("utf-8", "backslashreplace"))


def write_json(path: Path, value: Any) -> None:
    """Writes JSON that `read_json` reads back unchanged; lone surrogates are escaped as \\udcff."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any]:
    """Reads a JSON object.

    Raises:
        InputError: the file is missing, damaged or not a JSON object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} is not a run folder: {path.name} is missing.", "run") from None
    except (OSError, ValueError):
        raise InputError(f"{path} is damaged: restore it from a copy, or train again.", "run") from None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: it must hold a JSON object.", "run")
    return value


def tensors_to_bytes(tensors: dict[str, Tensor], about: dict[str, str] | None = None) -> bytes:
    """Safetensors; tensors that share memory are written once each."""
    return safetensors.torch.save(
        {key: value.detach().cpu().contiguous().clone() for key, value in tensors.items()}, about
    )


def read_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The tensors of a safetensors file and its notes.

    Raises:
        InputError: the file is missing, cut off, or not safetensors (a pickle is never opened).
    """
    try:
        with safe_open(path, "pt") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except FileNotFoundError:
        raise InputError(f"{path} is missing: the run has no weights yet; resume it or train again.", "run") from None
    except (SafetensorError, OSError, ValueError) as error:
        raise InputError(
            f"{path} is damaged or not a safetensors file ({error}): restore it from a copy, or train again.", "run"
        ) from None


# --- nested states (optimisers) as flat tensors ---------------------------------------------------


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

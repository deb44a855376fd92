"""The weights of networks in safetensors files: nothing is pickled."""

import hashlib
import json
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from genlab.engine.files import write_atomically
from genlab.errors import InputError


def write_weights(path: Path, networks: dict[str, nn.Module], best: dict[str, float] | None = None) -> None:
    """Replaces the file by the weights of `networks` and their validation, `best`; tied weights are written once."""
    about = None if best is None else {"best": json.dumps(best)}
    write_atomically(path, tensors_to_bytes(_distinct(networks), about))


def read_best(path: Path) -> dict[str, float] | None:
    """The validation of the weights in a file; None if the file has none or does not exist.

    Raises:
        InputError: the file is damaged.
    """
    about = read_tensors(path)[1] if path.exists() else {}
    return json.loads(about["best"]) if "best" in about else None


def read_weights(path: Path, networks: dict[str, nn.Module]) -> None:
    """Loads what `write_weights` wrote into networks of the same shape.

    Raises:
        InputError: a tensor is missing, surplus or of another shape.
    """
    tensors, _ = read_tensors(path)
    expected = _distinct(networks)
    advice = ": the run is damaged or from another version of genlab, so train it again."
    for name in sorted(expected.keys() ^ tensors.keys()):
        what = "lacks" if name in expected else "has an unknown"
        raise InputError(f"{path} does not fit the run's config: it {what} tensor {name!r}{advice}", "run")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise InputError(f"{path} does not fit the run's config: tensor {name!r} has another shape{advice}", "run")
        expected[name].data.copy_(tensor)


def fingerprint(networks: dict[str, nn.Module]) -> str:
    """SHA-256 of the weights of `networks`, the same on every device."""
    digest = hashlib.sha256()
    for name, tensor in sorted(_distinct(networks).items()):
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().contiguous().view(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


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


def _distinct(networks: dict[str, nn.Module]) -> dict[str, Tensor]:
    """Tensors by "network.name"; the first of those that share memory."""
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, network in networks.items():
        for key, tensor in network.state_dict().items():
            if tensor.data_ptr() not in seen or tensor.numel() == 0:
                seen.add(tensor.data_ptr())
                tensors[f"{name}.{key}"] = tensor
    return tensors

"""What the exports of pictures' models share."""

from collections.abc import Iterable
from pathlib import Path

from torch import nn

from genlab.errors import InputError


def check_export(networks: Iterable[nn.Module], ours: tuple[type[nn.Module], ...], place: Path) -> None:
    """Checks that a model of these networks can be written to a new file.

    Raises:
        InputError: a network is not one of genlab's own, or `place` exists.
    """
    for network in networks:
        if type(network) not in ours:
            raise InputError(
                f"{type(network).__name__} is a custom network, which may do what a file cannot hold: only genlab's "
                "own networks can be exported; torch.onnx.export exports yours.",
                "run",
            )
    if place.exists():
        raise InputError(f"{place} already exists: choose a new file.", "place")

"""A run's data: finding them again, and saying what was left out."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol, TypeVar, runtime_checkable

from genlab.engine.files import write_atomically
from genlab.errors import InputError


@runtime_checkable
class Fingerprinted(Protocol):
    """Data that know their content."""

    @property
    def fingerprint(self) -> str: ...


Data = TypeVar("Data", bound=Fingerprinted)


def reopened(
    read: Callable[[str, str, str], Data], data: str | None, trained_on: dict[str, str], fingerprint: str
) -> tuple[Data, bool]:
    """The data to measure on, and whether they are those that the run was trained on.

    Args:
        read: Reads (data, validation, test).
        data: Where to; None for where the training data were.
        trained_on: The run's own path and splits.
        fingerprint: Of the run's data.

    Raises:
        InputError: the training data have gone or changed.
    """
    splits = trained_on["validation"], trained_on["test"]
    if data is None:
        try:
            found = read(trained_on["path"], *splits)
        except InputError as error:
            raise InputError(f"{error} The run was trained on it: say where it is now with --data.", "data") from None
        if found.fingerprint != fingerprint:
            raise InputError(
                f"{trained_on['path']} has changed since the training; give other data with --data.", "data"
            )
        return found, True
    with suppress(InputError):  # its splits are gone, or it is too little to train on: then it is other data
        found = read(data, *splits)
        if found.fingerprint == fingerprint:
            return found, True
    return read(data, "0", "0"), False


def write_left_out(folder: Path, left_out: dict[str, str]) -> None:
    """left_out.txt: every file that is not among the data, and why; nothing where there is none."""
    if left_out:
        lines = "".join(f"{file}: {why}\n" for file, why in sorted(left_out.items()))
        write_atomically(folder / "left_out.txt", lines.encode("utf-8", "replace"))

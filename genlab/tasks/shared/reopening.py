"""Reopens the data of a run, to evaluate on them or on other data."""

from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar, runtime_checkable

from genlab.data.shared.sample_sets import declared
from genlab.engine.options import Place
from genlab.engine.pipeline import Source
from genlab.errors import InputError


@runtime_checkable
class Fingerprinted(Protocol):
    """Data with a hash of their content."""

    @property
    def fingerprint(self) -> str: ...


Data = TypeVar("Data", bound=Fingerprinted)


def training_data(read: Callable[..., Data], source: Source) -> Data | None:
    """The training data, if they are what to evaluate on; None if the source is other data.

    Args:
        read: Reads (data, validation, test, encoding).
        source: The data in the request, and the location of the training data.

    Raises:
        InputError: the training data have moved or changed.
    """
    place = source.trained_on
    if source.data is None:
        try:
            found = _matching(read, place, source.fingerprint)
        except InputError as error:
            raise InputError(f"{error} The run was trained on it: give its new location with --data.", "data") from None
        if found is None:
            raise InputError(f"{place.data} has changed since training: give other data with --data.", "data")
        return found
    with suppress(InputError):  # if its splits have moved, or it is too small to train on, it is other data
        return _matching(read, place._replace(data=source.data), source.fingerprint)
    return None


def _matching(read: Callable[..., Data], place: Place, fingerprint: str) -> Data | None:
    """The data with this fingerprint: those at `place`, or an earlier version of that sample set."""
    for version in place.versions(declared().values()):
        found = read(*version)
        if found.fingerprint == fingerprint:
            return found
    return None


def reopened(read: Callable[..., Data], source: Source) -> tuple[Data, bool]:
    """The data to evaluate on, and whether the run was trained on them; arguments and errors of `training_data`."""
    found = training_data(read, source)
    if found is not None:
        return found, True
    return read(source.data, "0", "0", source.trained_on.encoding), False

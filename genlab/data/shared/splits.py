"""Splits that stay put: which one a piece of data falls into depends on its own content alone."""

import numpy as np
from jaxtyping import Bool

from genlab.errors import InputError

Shares = dict[str, float | None]
"""Of validation and test: the share of the data that each takes; None where it has a path of its own."""


def shares_of(validation: str, test: str) -> Shares:
    """The shares that these options state.

    Raises:
        InputError: one is a number, and no share, or together they leave nothing.
    """
    shares = {"validation": share_of(validation, "validation"), "test": share_of(test, "test")}
    if sum(share or 0.0 for share in shares.values()) >= 1:
        raise InputError("validation and test together must leave something to train on.", "validation")
    return shares


def share_of(value: str, option: str) -> float | None:
    """The share that `value` states; None where it is a path.

    Raises:
        InputError: it is a number, and no share.
    """
    try:
        share = float(value)
    except ValueError:
        return None
    if not 0 <= share < 1:
        raise InputError(f"{option}: {value} cannot be used, it is a share from 0 to below 1, or a path.", option)
    return share


def divided(digests: list[bytes], shares: Shares) -> dict[str, Bool[np.ndarray, " pieces"]]:
    """Which pieces of data, by a digest of the content of each, are for training, validation and test."""
    places = np.array([_place(digest) for digest in digests])
    test, validation = places < (shares["test"] or 0.0), places >= 1 - (shares["validation"] or 0.0)
    return {"train": ~test & ~validation, "validation": validation, "test": test}


def _place(digest: bytes) -> float:
    """A number in [0, 1) for a digest of the content; the test split takes the low ones, validation the high."""
    return (int.from_bytes(digest[:8], "little") >> 11) / 2.0**53

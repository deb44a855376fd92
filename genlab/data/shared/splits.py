"""Stable splits: the split of an example depends only on its content."""

import numpy as np
from jaxtyping import Bool

from genlab.errors import InputError

Shares = dict[str, float | None]
"""Fraction of the data in the validation and test split; None for a split read from a separate path."""


def shares_of(validation: str, test: str) -> Shares:
    """Parses the values of the options `validation` and `test`.

    Raises:
        InputError: a number is out of range, or together they leave nothing to train on.
    """
    shares = {"validation": share_of(validation, "validation"), "test": share_of(test, "test")}
    if sum(share or 0.0 for share in shares.values()) >= 1:
        raise InputError("validation and test together must leave something to train on.", "validation")
    return shares


def share_of(value: str, option: str) -> float | None:
    """Returns the fraction that `value` states, or None if `value` is a path.

    Raises:
        InputError: `value` is a number outside [0, 1).
    """
    try:
        share = float(value)
    except ValueError:
        return None
    if not 0 <= share < 1:
        raise InputError(
            f"{option}: {value} cannot be used; it must be a fraction from 0 to below 1, or a path.", option
        )
    return share


def divided(digests: list[bytes], shares: Shares) -> dict[str, Bool[np.ndarray, " pieces"]]:
    """Assigns examples to training, validation and test by the digests of their contents."""
    places = np.array([place_of(digest) for digest in digests])
    test, validation = places < (shares["test"] or 0.0), places >= 1 - (shares["validation"] or 0.0)
    return {"train": ~test & ~validation, "validation": validation, "test": test}


def place_of(digest: bytes) -> float:
    """Maps a digest to [0, 1); the test split takes the low end, validation the high end."""
    return (int.from_bytes(digest[:8], "little") >> 11) / 2.0**53

"""Splits that stay put: which one a piece of data falls into depends on its own content alone."""

from genlab.errors import InputError


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


def place_of(digest: bytes) -> float:
    """A number in [0, 1) for a digest of the content; the test split takes the low ones, validation the high."""
    return (int.from_bytes(digest[:8], "little") >> 11) / 2.0**53

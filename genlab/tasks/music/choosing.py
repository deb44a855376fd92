"""Which model is the default for the user's music."""

from genlab.data.notes.collection import collect
from genlab.data.notes.voices import why_not_all
from genlab.errors import InputError

SETS = ("@chorales",)
"""Sample sets in voices."""


def in_voices(data: str) -> bool:
    """Whether every piece is in the same few voices, two at least, that move in sixteenths."""
    if data.startswith("@"):
        return data in SETS
    if data.lower().endswith(".json"):
        return True
    try:
        scores = [piece.score for piece in collect(data).pieces]
    except (InputError, OSError):  # training reports it
        return False
    return bool(scores) and why_not_all(scores) is None and len(scores[0].tracks) > 1

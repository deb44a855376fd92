"""Where each token is in its piece: its step in the bar, and its track. Models embed both."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Int

from genlab.data.notes.vocabulary import TRACKS, Vocabulary


class Places(NamedTuple):
    """What the tokens up to each one, itself included, say of its place."""

    positions: Int[np.ndarray, " tokens"]
    """Step in the bar, 0 to `LONGEST_BAR` - 1: the value of the last Position in this bar, 0 before the first one."""
    tracks: Int[np.ndarray, " tokens"]
    """Number of the track, 0 to `TRACKS` - 1, and `TRACKS` for drums; of an Instrument, the track that plays it."""


def places_of(ids: Int[np.ndarray, " tokens"], vocabulary: Vocabulary) -> Places:
    """Returns the places of a piece's tokens, from Start on. A place does not depend on later tokens."""
    index = np.arange(len(ids))

    def is_a(kind: str) -> Bool[np.ndarray, " tokens"]:
        first, (_, count) = vocabulary.first[kind], vocabulary.kinds[kind]
        return (ids >= first) & (ids < first + count)

    def last(kind: str) -> Int[np.ndarray, " tokens"]:
        """Index of the last token of a kind; -1 before the first one."""
        return np.maximum.accumulate(np.where(is_a(kind), index, -1))

    bar, position, track, drum = (last(kind) for kind in ("Bar", "Position", "Track", "Drum"))
    inside = bar >= 0
    positions = np.where(inside & (position > bar), ids[position] - vocabulary.first["Position"], 0)
    tracks = np.where(inside & (track > bar), ids[track] - vocabulary.first["Track"], 0)
    melodic = np.maximum.reduce([bar, position, track, last("Pitch")])
    tracks = np.where(drum > melodic, TRACKS, tracks)
    instrument = is_a("Instrument")
    tracks = np.where(instrument, np.minimum(np.cumsum(instrument) - 1, TRACKS - 1), tracks)
    outside = is_a("End") | is_a("Pad")
    return Places(np.where(outside, 0, positions), np.where(outside, 0, tracks))

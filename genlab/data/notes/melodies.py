"""Finds pieces that share a melody in any key, so that a split keeps them together.

The melody of a piece is the sequence of intervals of its top voice, without repeated notes. A piece is described by
hashes of all stretches of `STRETCH` intervals (shingles), or the smallest `MOST` of them, an unbiased sample of the
stretches of any two pieces together (Broder, 1997, "On the resemblance and containment of documents"). Two pieces share
a melody if at least `SHARED` of the stretches of the shorter one are also in the other.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Int, UInt64

from genlab.data.notes.score import Score

STRETCH = 8
"""Intervals per stretch: a phrase of a song."""
MOST = 512
"""Maximum number of hashes per piece."""
SHARED = 0.3
"""Fraction of the shorter piece's stretches that two pieces share, at least, if they share a melody."""
FEWEST = 3
"""Number of stretches that two pieces share, at least, unless the shorter one has fewer."""
NEAR = 30
"""Number of pieces with the same stretch that a piece is compared with."""


def melody(score: Score) -> Int[np.ndarray, " intervals"]:
    """Returns the intervals, in semitones, between successive pitches of the top voice, without repeated notes.

    The top voice has the highest note that begins at each time, unless a higher one still sounds. Drums do not count.
    """
    notes = sorted(
        (note.start, -note.pitch, note.length) for track in score.tracks if not track.drums for note in track.notes
    )
    pitches: list[int] = []
    top, until = -1, 0
    for start, negative, length in notes:
        pitch = -negative
        if pitch >= top or start >= until:
            if not pitches or pitches[-1] != pitch:
                pitches.append(pitch)
            top, until = pitch, start + length
    return np.diff(np.array(pitches, np.int64))


def stretches(intervals: Int[np.ndarray, " intervals"]) -> UInt64[np.ndarray, " hashes"]:
    """Returns the hashes of all stretches of a melody, each once and in order, the smallest `MOST` of them.

    A melody that is shorter than a stretch is one stretch; an empty one has none.
    """
    if len(intervals) == 0:
        return np.zeros(0, np.uint64)
    length = min(STRETCH, len(intervals))
    windows = np.lib.stride_tricks.sliding_window_view(intervals + 128, length).astype(np.uint64)
    with np.errstate(over="ignore"):
        hashes = np.full(len(windows), 0x9E3779B97F4A7C15 ^ length, np.uint64)
        for place in range(length):  # the finaliser of splitmix64 (Steele et al., 2014) after each interval
            hashes = (hashes ^ windows[:, place]) * np.uint64(0xBF58476D1CE4E5B9)
            hashes = (hashes ^ (hashes >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            hashes ^= hashes >> np.uint64(31)
    return np.unique(hashes)[:MOST]


def split_keys(scores: Sequence[Score]) -> list[bytes]:
    """Returns a digest for each piece, the same for pieces that share a melody, to be divided by `divided`.

    A digest depends on the notes of one piece of its group. So pieces that are added move no others, except those that
    join two groups or, rarely, one whose new piece has the smallest digest.
    """
    described = [stretches(melody(score)) for score in scores]
    digests = [
        hashlib.sha256(found.tobytes() or _drums(score)).digest()
        for found, score in zip(described, scores, strict=True)
    ]
    groups = _joined(described)
    smallest: dict[int, bytes] = {}
    for group, digest in zip(groups, digests, strict=True):
        smallest[group] = min(smallest.get(group, digest), digest)
    return [smallest[group] for group in groups]


def _drums(score: Score) -> bytes:
    """The notes of a piece without a melody."""
    return repr([[tuple(note[:3]) for note in track.notes] for track in score.tracks]).encode()


def _joined(described: list[UInt64[np.ndarray, "..."]]) -> list[int]:
    """Returns the number of each piece's group."""
    group = list(range(len(described)))

    def root(number: int) -> int:
        while group[number] != number:
            group[number] = group[group[number]]
            number = group[number]
        return number

    for first, second, count in _pairs(described):
        shorter = min(
            _comparable(described[first], described[second]), _comparable(described[second], described[first])
        )
        if count >= max(SHARED * shorter, min(FEWEST, shorter)):
            group[max(root(first), root(second))] = min(root(first), root(second))
    return [root(number) for number in range(len(described))]


def _pairs(described: list[UInt64[np.ndarray, "..."]]) -> Iterator[tuple[int, int, int]]:
    """Yields each two pieces that share stretches, and how many.

    Of the pieces that have a stretch, each is compared with the `NEAR` after it. So the work stays in proportion to the
    data, and of a melody that more pieces have, these still form a chain.
    """
    pieces = len(described)
    owners = np.repeat(np.arange(pieces), [len(found) for found in described])
    hashes = np.concatenate([*described, np.zeros(0, np.uint64)])
    order = np.lexsort((owners, hashes))
    owners, hashes = owners[order], hashes[order]
    found = []
    for distance in range(1, NEAR + 1):
        same = hashes[distance:] == hashes[:-distance]
        if not same.any():
            break
        found.append(owners[:-distance][same] * pieces + owners[distance:][same])
    if found:
        pairs, counts = np.unique(np.concatenate(found), return_counts=True)
        for pair, count in zip(pairs.tolist(), counts.tolist(), strict=True):
            yield pair // pieces, pair % pieces, count


def _comparable(one: UInt64[np.ndarray, " some"], other: UInt64[np.ndarray, " others"]) -> int:
    """How many hashes of a piece the sample of the other piece would hold, if it had them."""
    return len(one) if len(other) < MOST else int(np.searchsorted(one, other[-1], side="right"))

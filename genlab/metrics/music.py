"""Histograms and statistics of music, for comparing sets of pieces.

Times are steps of a twelfth of a beat. `music_overlap.py` compares two sets, `music_structure.py` the bars of a piece.

Sources: Yang and Lerch (2020), "On the evaluation of generative models in music", for the histograms; Wu and Yang
(2020), "The Jazz Transformer on the front line", arXiv 2008.01307, for the pitch-class entropy and the groove
similarity; Mogren (2016), arXiv 1611.09904, for the scale consistency; Yu et al. (2022), Museformer, arXiv 2210.10349,
for the similarity of bars by their distance (`music_structure.py`).
"""

from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float, Int

Notes = Int[np.ndarray, "notes 4"]
"""A row per note: start, length, pitch (MIDI number) and track."""
Counts = Float[np.ndarray, " bins"]

BEAT = 12
"""Steps in a quarter note."""
SIXTEENTH = BEAT // 4
"""Steps in a sixteenth."""
START, LENGTH, PITCH, TRACK = range(4)
"""Columns of `Notes`."""
LONGEST = 4 * BEAT
"""Durations and times between onsets of at least this many steps count as equal."""
WIDEST = 12
"""Intervals of at least this many semitones count as equal."""
WITHIN_BAR = 8 * BEAT
"""Places in a bar from this step on count as the last."""
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11))
"""Semitones above the keynote in the major and the harmonic minor scale; natural minor is a major scale's."""
IN_SCALE = np.array([[(pitch - key) % 12 in scale for pitch in range(12)] for scale in SCALES for key in range(12)])
"""Which pitch classes are in each scale of each key."""


@dataclass(frozen=True)
class Piece:
    """The notes of a piece and its bars."""

    notes: Notes
    """Notes that have a pitch, in any order."""
    bars: Int[np.ndarray, " edges"]
    """Where each bar starts, and at last where the last one ends; at least two steps, ascending. Every note, drums
    included, starts within."""
    drums: Int[np.ndarray, "hits 4"] = field(default_factory=lambda: np.zeros((0, 4), np.int64))
    """Notes of drums, whose pitch is the number of the instrument. Only measures of rhythm and structure use them."""

    @property
    def everything(self) -> Notes:
        """Notes and drums; all drums are track -1."""
        return np.concatenate([self.notes, self.drums * [1, 1, 1, 0] - [0, 0, 0, 1]])


def melodies(notes: Notes) -> Int[np.ndarray, "tops 4"]:
    """The highest of the notes that start together in a track; in order of track and then start."""
    rows = notes[np.lexsort((-notes[:, PITCH], notes[:, START], notes[:, TRACK]))]
    first = np.ones(len(rows), bool)
    first[1:] = (rows[1:, [START, TRACK]] != rows[:-1, [START, TRACK]]).any(1)
    return rows[first]


def histograms(piece: Piece) -> dict[str, Float[np.ndarray, " _"]]:
    """How often each value occurs in a piece.

    Returns:
        `pitch_class`: of notes (12 bins); `interval`: semitones from one note of a track's melody to the next, from
        -`WIDEST` to `WIDEST`; `duration`: steps, from 0 to `LONGEST`; `inter_onset`: steps from one onset of a track to
        the next, from 0 to `LONGEST`; `onset`: steps from the start of the bar, from 0 to `WITHIN_BAR` - 1.
    """
    notes, every = piece.notes, piece.everything
    tops, onsets = melodies(notes), melodies(every)
    intervals = np.diff(tops[:, PITCH])[np.diff(tops[:, TRACK]) == 0].clip(-WIDEST, WIDEST)
    waits = np.diff(onsets[:, START])[np.diff(onsets[:, TRACK]) == 0].clip(max=LONGEST)
    places = (every[:, START] - piece.bars[bars_of(every, piece.bars)]).clip(max=WITHIN_BAR - 1)
    return {
        "pitch_class": _counts(notes[:, PITCH] % 12, 12),
        "interval": _counts(intervals + WIDEST, 2 * WIDEST + 1),
        "duration": _counts(notes[:, LENGTH].clip(max=LONGEST), LONGEST + 1),
        "inter_onset": _counts(waits, LONGEST + 1),
        "onset": _counts(places, WITHIN_BAR),
    }


def statistics(piece: Piece) -> dict[str, float]:
    """Numbers that describe a piece; NaN where it has too few notes or bars to say.

    Returns:
        `pitch_entropy`: bits of the distribution of pitch classes, from 0 to log2(12); `density`: notes per beat, drums
        included; `polyphony`: mean number of notes that sound together, silence aside; `scale_consistency`: largest
        share of notes in one major or harmonic minor scale; `groove`: see `groove_similarity`.
    """
    notes = piece.notes
    classes = _counts(notes[:, PITCH] % 12, 12)
    shares = classes[classes > 0] / max(len(notes), 1)
    sounding = _sounding_steps(notes)
    return {
        "pitch_entropy": float(-(shares * np.log2(shares)).sum()) if len(notes) else np.nan,
        "density": len(piece.everything) * BEAT / float(piece.bars[-1] - piece.bars[0]),
        "polyphony": float(notes[:, LENGTH].sum()) / sounding if sounding else np.nan,
        "scale_consistency": float((IN_SCALE @ classes).max()) / len(notes) if len(notes) else np.nan,
        "groove": groove_similarity(piece),
    }


def groove_similarity(piece: Piece) -> float:
    """Mean similarity of the onset patterns of adjacent bars: the share of sixteenths on which they agree.

    1 - |a xor b| / sixteenths, where a and b say at which sixteenths of a bar any note starts (Wu and Yang 2020).
    Departs from the paper: pairs of silent bars and of bars of different lengths do not count.

    Returns:
        The mean, from 0 to 1; NaN without such a pair.
    """
    every = piece.everything
    bar = bars_of(every, piece.bars)
    slots = (every[:, START] - piece.bars[bar]) // SIXTEENTH
    common, either = agreement(bar, slots, len(piece.bars) - 1, 1)
    lengths = np.diff(piece.bars)
    counted = (lengths[1:] == lengths[:-1]) & (either > 0)
    sixteenths = -(-lengths[1:] // SIXTEENTH)
    return float((1 - (either - common) / sixteenths)[counted].mean()) if counted.any() else np.nan


def _counts(values: Int[np.ndarray, " values"], bins: int) -> Counts:
    return np.bincount(values, minlength=bins).astype(float)


def bars_of(notes: Notes, bars: Int[np.ndarray, " edges"]) -> Int[np.ndarray, " notes"]:
    """The index of the bar in which each note starts."""
    index = np.searchsorted(bars, notes[:, START], "right") - 1
    assert len(notes) == 0 or (index.min() >= 0 and index.max() < len(bars) - 1), "a note starts outside the bars"
    return index


def _sounding_steps(notes: Notes) -> int:
    """Number of steps at which any note sounds."""
    if len(notes) == 0:
        return 0
    rows = notes[notes[:, START].argsort()]
    ends = np.maximum.accumulate(rows[:, START] + rows[:, LENGTH])
    before = np.concatenate([rows[:1, START], ends[:-1]])
    return int((ends - np.maximum(rows[:, START], before)).clip(0).sum())


def agreement(
    bar: Int[np.ndarray, " notes"], content: Int[np.ndarray, " notes"], bars: int, lag: int
) -> tuple[Int[np.ndarray, " pairs"], Int[np.ndarray, " pairs"]]:
    """How many different contents each bar has in common with the one `lag` bars later, and how many either has."""
    codes = np.unique(content * 2 * bars + bar)
    common = np.bincount(codes[np.isin(codes + lag, codes)] % (2 * bars), minlength=bars)[: bars - lag]
    sizes = np.bincount(codes % (2 * bars), minlength=bars)
    return common, sizes[: bars - lag] + sizes[lag:] - common

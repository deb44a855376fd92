"""Keys: their names, and the key that a piece sounds to be in."""

import re
from typing import NamedTuple

import numpy as np
from jaxtyping import Float

from genlab.data.notes.score import Score
from genlab.errors import InputError

NATURAL = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ACCIDENTALS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
NAMES = {
    False: ("C", "D flat", "D", "E flat", "E", "F", "F sharp", "G", "A flat", "A", "B flat", "B"),
    True: ("C", "C sharp", "D", "E flat", "E", "F", "F sharp", "G", "G sharp", "A", "B flat", "B"),
}
"""Usual names of the tonics of major and minor keys."""
PITCHES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "G#", "A", "Bb", "B")
PROFILES = {
    False: (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88),
    True: (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17),
}
"""How well each pitch class above the tonic fits a major or minor key, as listeners rated it: Krumhansl and Kessler
(1982), "Tracing the dynamic changes in perceived tonal organization in a spatial representation of musical keys"."""


class Tonality(NamedTuple):
    """A key."""

    tonic: int
    """Pitch class, 0 to 11; 0 is C."""
    minor: bool | None
    """None for either mode."""

    def __str__(self) -> str:
        name = NAMES[bool(self.minor)][self.tonic]
        return name if self.minor is None else f"{name} {'minor' if self.minor else 'major'}"


def tonality_of(name: str) -> Tonality:
    """Reads the name of a key: "D", "B flat minor", "F# major", "Bb", "Am".

    Raises:
        InputError: it is not one.
    """
    text = re.sub(r"[\s-]+", "", name.strip().lower()).replace("sharp", "#").replace("flat", "♭")
    found = re.fullmatch(r"([a-g])([#♯b♭]?)(major|minor|maj|min|m)?", text)
    if found is None:
        raise InputError(f"key: {name} is not a key: give one such as C, 'D minor' or 'B flat major'.", "key")
    letter, accidental, mode = found.groups()
    tonic = (NATURAL[letter] + ACCIDENTALS[accidental]) % 12
    return Tonality(tonic, None if mode is None else mode in ("minor", "min", "m"))


def pitch_name(pitch: int) -> str:
    """The name of a MIDI pitch: "C4" for 60."""
    return f"{PITCHES[pitch % 12]}{pitch // 12 - 1}"


def key_of(score: Score) -> Tonality:
    """The key whose profile correlates most with how long each pitch class sounds (Krumhansl 1990, "Cognitive
    Foundations of Musical Pitch", chapter 4); C major for silence.
    """
    weights = np.zeros(12)
    for track in score.tracks:
        if not track.drums:
            for note in track.notes:
                weights[note.pitch % 12] += note.length
    if weights.std() == 0:
        return Tonality(0, False)
    fits = {
        Tonality(tonic, minor): _correlation(np.roll(weights, -tonic), np.array(profile))
        for minor, profile in PROFILES.items()
        for tonic in range(12)
    }
    return max(fits, key=lambda key: fits[key])


def _correlation(one: Float[np.ndarray, " classes"], other: Float[np.ndarray, " classes"]) -> float:
    return float(np.corrcoef(one, other)[0, 1])

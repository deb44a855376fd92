"""The fields of ABC music: keys, metres, note lengths and tempos."""

import re
from dataclasses import dataclass, field
from fractions import Fraction

from genlab.data.notes.unreadable import Unreadable

TONICS = {"F": -1, "C": 0, "G": 1, "D": 2, "A": 3, "E": 4, "B": 5}
"""Sharps of the major keys."""
MODES = {"": 0, "maj": 0, "ion": 0, "lyd": 1, "mix": -1, "dor": -2, "m": -3, "min": -3, "aeo": -3, "phr": -4, "loc": -5}
"""Sharps that a mode adds to those of the major key with its tonic."""
MINOR = frozenset(("m", "min", "aeo", "dor", "phr", "loc"))
"""Modes with a minor third."""
ALTERS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
"""Semitones of the accidentals."""
SHARPS = "FCGDAEB"
"""Notes in the order in which key signatures sharpen them."""
KEY = re.compile(r"\s*([A-Ga-g])([#b]?)\s*((?i:maj|ion|lyd|mix|dor|min|aeo|phr|loc)|m(?![A-Za-z]))?[A-Za-z]*")
CHANGES = re.compile(r"(?<![a-z=])(\^\^|__|\^|=|_)([A-Ga-g])(?![a-z])")
FRACTION = re.compile(r"(\d{1,3})/(\d{1,3})")
COMPOUND = re.compile(r"\(?(\d{1,3}(?:\+\d{1,3})*)\)?/(\d{1,3})")


@dataclass(frozen=True)
class AbcKey:
    """A key: its signature, and what it does to the notes."""

    sharps: int = 0
    minor: bool = False
    alters: dict[str, int] = field(default_factory=dict)
    """Semitones by note, from A to G."""


def key_of(text: str) -> AbcKey:
    """The key that a field K: gives: tonic, mode and further accidentals.

    Raises:
        Unreadable: it is not a key.
    """
    text = text.strip()
    sharps, minor = 0, False
    changes = text
    if text[:2] in ("HP", "Hp"):  # bagpipes: F and C are sharp, whether it is written or not
        sharps, changes = 2, ""
    elif text and not re.match(r"none\b|exp\b|clef|treble|bass|perc", text, re.IGNORECASE):
        found = KEY.match(text)
        if found is None:
            raise Unreadable(f"K:{text[:20]} is not a key")
        mode = (found[3] or "").lower()
        sharps = TONICS[found[1].upper()] + {"": 0, "#": 7, "b": -7}[found[2]] + MODES[mode]
        minor, changes = mode in MINOR, text[found.end() :]
        if not -7 <= sharps <= 7:
            raise Unreadable(f"K:{text[:20]} has more than seven accidentals")
    order = SHARPS if sharps > 0 else SHARPS[::-1]
    alters = dict.fromkeys(order[: abs(sharps)], 1 if sharps > 0 else -1)
    for accidental, note in CHANGES.findall(changes):
        alters[note.upper()] = ALTERS[accidental]
    return AbcKey(sharps, minor, alters)


def metre_of(text: str) -> tuple[int, int] | None:
    """Beats and unit that a field M: gives; None for free metre.

    Raises:
        Unreadable: it is not a metre.
    """
    text = text.strip()
    if text.lower() in ("", "none"):
        return None
    if text in ("C", "c"):
        return 4, 4
    if text in ("C|", "c|"):
        return 2, 2
    found = COMPOUND.match(text.replace(" ", ""))
    beats, unit = (sum(map(int, found[1].split("+"))), int(found[2])) if found else (0, 0)
    if not 1 <= beats <= 255 or unit not in (1, 2, 4, 8, 16, 32, 64):
        raise Unreadable(f"M:{text[:20]} is not a metre")
    return beats, unit


def length_of(text: str) -> Fraction:
    """The unit of note lengths that a field L: gives, in quarter notes.

    Raises:
        Unreadable: it is not a length.
    """
    found = FRACTION.match(text.strip()) or re.match(r"(1)()$", text.strip())
    length = Fraction(int(found[1]), int(found[2] or "1") or 1) if found else Fraction(0)
    if length <= 0 or length.denominator > 512:
        raise Unreadable(f"L:{text.strip()[:20]} is not a note length")
    return 4 * length


def default_length(metre: tuple[int, int] | None) -> Fraction:
    """The unit without a field L:, in quarter notes: a sixteenth in metres shorter than 3/4, otherwise an eighth."""
    return Fraction(1, 4) if metre and Fraction(*metre) < Fraction(3, 4) else Fraction(1, 2)


def tempo_of(text: str, unit: Fraction) -> float | None:
    """Quarter notes per minute that a field Q: gives; None if it gives words only.

    Args:
        text: 1/4=120, or 120 of the `unit`.
        unit: The unit of note lengths, in quarter notes.
    """
    text = re.sub(r'"[^"]*"', " ", text)
    before, equals, after = text.partition("=")
    rate = re.match(r"\s*(\d{1,5}(?:\.\d{1,3})?)", after if equals else text)
    if rate is None:
        return None
    if equals and (beats := FRACTION.findall(before)):
        unit = 4 * sum((Fraction(int(top), int(bottom) or 1) for top, bottom in beats), Fraction(0))
    tempo = float(Fraction(rate[1]) * unit)
    return tempo if 1 <= tempo <= 10_000 else None

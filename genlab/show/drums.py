"""A drum kit of noise and falling tones, for the drums of General MIDI."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32

FADE = 0.01
"""Seconds of the ramp at the end of a drum."""


@dataclass(frozen=True)
class Drum:
    """How a drum sounds: a tone whose pitch falls, and noise."""

    seconds: float
    tone: float = 0.0
    """Strength of the tone."""
    start: float = 0.0
    """Its frequency at first, in Hz."""
    end: float = 0.0
    """Its frequency after the fall, in Hz."""
    noise: float = 0.0
    """Strength of the noise."""
    bright: int = 0
    """How often the noise is differentiated: 0 for white noise, more for brighter noise."""
    decay: float = 0.1
    """Seconds in which the noise falls to 37 %; the tone takes twice as long."""


KICK = Drum(0.35, 1.0, 130.0, 46.0, 0.08, 0, 0.05)
SNARE = Drum(0.3, 0.35, 220.0, 175.0, 0.45, 1, 0.075)
STICK = Drum(0.1, 0.4, 900.0, 800.0, 0.25, 1, 0.015)
CLAP = Drum(0.3, 0.0, 0.0, 0.0, 0.55, 1, 0.06)
CLOSED = Drum(0.12, 0.0, 0.0, 0.0, 0.3, 2, 0.025)
OPEN = Drum(0.6, 0.0, 0.0, 0.0, 0.28, 2, 0.16)
CRASH = Drum(1.8, 0.0, 0.0, 0.0, 0.4, 1, 0.5)
RIDE = Drum(0.9, 0.05, 3300.0, 3290.0, 0.2, 2, 0.25)
BELL = Drum(0.5, 0.4, 845.0, 840.0, 0.05, 2, 0.07)
SHAKER = Drum(0.12, 0.0, 0.0, 0.0, 0.25, 2, 0.03)
OTHER = Drum(0.15, 0.45, 520.0, 500.0, 0.1, 1, 0.03)
KIT = {
    35: KICK, 36: KICK, 37: STICK, 38: SNARE, 39: CLAP, 40: SNARE, 42: CLOSED, 44: CLOSED, 46: OPEN, 49: CRASH,
    51: RIDE, 52: CRASH, 53: BELL, 54: SHAKER, 55: CRASH, 56: BELL, 57: CRASH, 59: RIDE, 69: SHAKER, 70: SHAKER,
    82: SHAKER,
}  # fmt: skip
TOMS = {
    41: 80.0,
    43: 95.0,
    45: 112.0,
    47: 132.0,
    48: 150.0,
    50: 175.0,
    60: 330.0,
    61: 245.0,
    62: 300.0,
    63: 290.0,
    64: 200.0,
}
"""Frequencies of the toms, bongos and congas, in Hz."""


def drum_of(number: int) -> Drum:
    """The drum with this number in General MIDI."""
    if number in TOMS:
        return Drum(0.4, 0.8, 1.5 * TOMS[number], TOMS[number], 0.06, 0, 0.07)
    return KIT.get(number, OTHER)


def struck(number: int, rate: int) -> Float32[np.ndarray, " samples"]:
    """The sound of a drum of General MIDI, at `rate` samples per second; always the same."""
    drum = drum_of(number)
    time = np.arange(round(drum.seconds * rate), dtype=np.float32) / np.float32(rate)
    noise = np.random.default_rng(number).uniform(-1, 1, len(time) + drum.bright)
    for _ in range(drum.bright):
        noise = np.diff(noise) / 2
    sound = drum.noise * noise * np.exp(-time / drum.decay)
    frequency = drum.end + (drum.start - drum.end) * np.exp(-time / 0.03)
    sound += drum.tone * np.sin(2 * np.pi * np.cumsum(frequency) / rate) * np.exp(-time / (2 * drum.decay))
    rise, fall = max(2, round(0.001 * rate)), max(2, round(FADE * rate))
    sound[:rise] *= np.linspace(0, 1, rise)
    sound[-fall:] *= np.linspace(1, 0, fall)
    return sound.astype(np.float32)

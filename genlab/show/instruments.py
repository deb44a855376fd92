"""Instruments of the synthesiser: the sound of a held note, for the families of General MIDI.

A note is a sum of harmonics (additive synthesis). Harmonics that fade at the same speed are added up once, in a table
of one period, which is read at the pitch of the note.
"""

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, UInt32

TABLE = 14
"""Bits of the index into a period."""
A4, A4_PITCH = 440.0, 69
BANDS = ((1, 2), (3, 6), (7, 64))
"""Harmonics that fade together: the higher, the faster."""
VIBRATO = 5.2
"""Frequency of the vibrato, in Hz."""


@dataclass(frozen=True)
class Instrument:
    """How the notes of an instrument sound."""

    harmonics: tuple[float, ...]
    """Amplitudes of the harmonics."""
    attack: float
    """Seconds until a note has its full strength."""
    release: float
    """Seconds in which it fades after its end."""
    decay: float = 0.0
    """Seconds in which a held A4 falls to 37 % (longer for lower notes); 0 if it does not."""
    dulling: float = 3.0
    """Speed at which the next higher band of harmonics fades, relative to the band below."""
    chorus: float = 0.0
    """Detuning of a second player, in cents; 0 without one."""
    vibrato: float = 0.0
    """Depth of the vibrato, in cents."""
    gain: float = 1.0


def _falling(count: int, power: float, even: float = 1.0) -> tuple[float, ...]:
    """Amplitudes 1 / k ** power; those of even harmonics are multiplied by `even`."""
    return tuple((even if k % 2 == 0 else 1.0) / k**power for k in range(1, count + 1))


PIANO = Instrument((1.0, 0.62, 0.4, 0.28, 0.2, 0.13, 0.05, 0.07, 0.06, 0.04, 0.03, 0.02), 0.004, 0.16, 1.6)
MALLET = Instrument((1.0, 0.05, 0.02, 0.35, 0.0, 0.0, 0.0, 0.0, 0.0, 0.12), 0.003, 0.25, 0.7, 2.0)
ORGAN = Instrument((1.0, 0.7, 0.35, 0.4, 0.08, 0.2, 0.03, 0.22), 0.025, 0.09, chorus=4.0, gain=0.6)
PLUCKED = Instrument(_falling(24, 1.15), 0.003, 0.1, 0.75, 2.5)
BASS = Instrument(_falling(12, 1.4), 0.006, 0.08, 1.3, 2.5, gain=1.1)
STRINGS = Instrument(_falling(24, 1.35), 0.07, 0.16, chorus=7.0, vibrato=9.0, gain=0.55)
PIZZICATO = Instrument(_falling(16, 1.3), 0.003, 0.08, 0.25, 2.0)
CHOIR = Instrument((1.0, 0.55, 0.5, 0.22, 0.1, 0.07, 0.05, 0.03), 0.08, 0.2, chorus=9.0, vibrato=12.0, gain=0.65)
BRASS = Instrument((0.7, 0.9, 1.0, 0.8, 0.55, 0.4, 0.27, 0.18, 0.12, 0.08, 0.05), 0.045, 0.09, vibrato=4.0, gain=0.42)
REED = Instrument(_falling(20, 0.95, even=0.25), 0.03, 0.08, vibrato=6.0, gain=0.5)
FLUTE = Instrument((1.0, 0.35, 0.12, 0.05, 0.02), 0.05, 0.1, vibrato=10.0, gain=0.8)
LEAD = Instrument(_falling(24, 1.1), 0.01, 0.08, chorus=6.0, gain=0.5)
PAD = Instrument(_falling(12, 1.5), 0.15, 0.4, chorus=10.0, gain=0.6)
FAMILIES = (
    PIANO, MALLET, ORGAN, PLUCKED, BASS, STRINGS, STRINGS, BRASS, REED, FLUTE, LEAD, PAD, PAD, PLUCKED, MALLET, PAD,
)  # fmt: skip
"""The families of General MIDI, eight programs each."""
OTHERS = {
    45: PIZZICATO, 46: PLUCKED, 47: MALLET, 52: CHOIR, 53: CHOIR, 54: CHOIR, 104: PLUCKED, 109: REED, 110: STRINGS,
}  # fmt: skip
"""Programs that sound different from their family."""


def instrument_of(program: int) -> Instrument:
    """The instrument of a program of General MIDI, 0 to 127."""
    return OTHERS.get(program, FAMILIES[program // 8])


def frequency_of(pitch: int) -> float:
    """Frequency of a MIDI pitch in Hz, in equal temperament with A4 at 440 Hz."""
    return A4 * 2 ** ((pitch - A4_PITCH) / 12)


def held(instrument: Instrument, pitch: int, count: int, rate: int) -> Float32[np.ndarray, " samples"]:
    """The first `count` samples of a note that is never released.

    Args:
        instrument: The instrument.
        pitch: MIDI pitch.
        count: Number of samples.
        rate: Samples per second. Harmonics above 45 % of it are left out.
    """
    frequency = frequency_of(pitch)
    detunings = (-instrument.chorus / 2, instrument.chorus / 2) if instrument.chorus else (0.0,)
    wave = np.zeros(count, np.float32)
    for number, cents in enumerate(detunings):
        place = _places(instrument, frequency * 2 ** (cents / 1200), count, rate, 0.37 * number)
        speed = (frequency / A4) ** 0.5 / (instrument.decay or 1)
        for table in _tables(instrument.harmonics, frequency, rate):
            band = table[place]
            if instrument.decay:
                band *= np.exp(np.arange(count, dtype=np.float32) * np.float32(-speed / rate))
                speed *= instrument.dulling
            wave += band
    ramp = min(count, max(1, round(instrument.attack * rate)))
    wave[:ramp] *= _rising(ramp)
    # Low notes need more strength to sound equally loud.
    wave *= np.float32(instrument.gain / len(detunings) * (A4 / frequency) ** 0.2)
    return wave


def _places(
    instrument: Instrument, frequency: float, count: int, rate: int, start: float
) -> UInt32[np.ndarray, " samples"]:
    """Index into the period for each sample: the upper bits of a phase of 32 bits, which wraps around."""
    phase = np.arange(count, dtype=np.uint32) * np.uint32(round(frequency / rate * 2**32))
    phase += np.uint32(start * 2**32)
    if instrument.vibrato:
        depth = frequency * (2 ** (instrument.vibrato / 1200) - 1) / (2 * math.pi * VIBRATO)  # in periods
        time = np.arange(count, dtype=np.float32) / np.float32(rate)
        sway = np.sin(time * np.float32(2 * math.pi * VIBRATO) + np.float32(start))
        sway *= np.minimum(time / np.float32(0.6), 1) * np.float32(depth * 2**32)  # it sets in slowly
        phase += sway.astype(np.int64).astype(np.uint32)
    return phase >> np.uint32(32 - TABLE)


def _tables(harmonics: tuple[float, ...], frequency: float, rate: int) -> list[Float32[np.ndarray, " period"]]:
    """One period of each band that has harmonics below the limit; together their amplitudes are at most 1."""
    total = sum(harmonics)
    tables = []
    for first, last in BANDS:
        spectrum = np.zeros(2 ** (TABLE - 1) + 1, np.complex64)
        for k in range(first, min(last, len(harmonics)) + 1):
            if k * frequency < 0.45 * rate:
                # Spread phases keep the peaks low; the first two start at 0, as does the sum.
                spectrum[k] = -0.5j * harmonics[k - 1] / total * 2**TABLE * np.exp(1j * math.pi * (k > 2) * (k * k % 7))
        if spectrum.any():
            tables.append(np.fft.irfft(spectrum).astype(np.float32))
    return tables


def _rising(count: int) -> Float32[np.ndarray, " samples"]:
    """A ramp from 0 to 1 without corners."""
    return (0.5 - 0.5 * np.cos(np.linspace(0, math.pi, count, dtype=np.float32))).astype(np.float32)


def falling(count: int) -> Float32[np.ndarray, " samples"]:
    """A ramp from 1 to 0 without corners, which falls faster at first."""
    return _rising(count)[::-1] * np.exp(np.linspace(0, -2, count, dtype=np.float32))

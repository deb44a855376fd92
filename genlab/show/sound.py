"""A small synthesiser: from a score to sound, without samples or system packages."""

import io
import math
import wave
from collections import defaultdict

import numpy as np
from jaxtyping import Float, Float32, Int

from genlab.data.notes.score import Note, Score, Tempo
from genlab.show.drums import struck
from genlab.show.instruments import falling, held, instrument_of

RATE = 44_100
"""Samples per second."""
LONGEST = 20 * 60.0
"""Seconds after which the music is cut."""
PEAK = 0.89
"""Largest sample."""
CREST, AUDIBLE = 6.0, 0.003
"""Samples above `CREST` times the root mean square of those above `AUDIBLE` times the peak are softened."""
WIDTH = 0.7
"""How far apart the tracks are from left to right: 0 to 1."""
ROOM, ECHO, ABSORBING = 1.3, 0.2, np.hanning(12)
"""Reverberation: seconds, strength, and the filter of high frequencies, which rooms absorb."""
BLOCK = 17
"""Bits of the size of the Fourier transforms."""
END = 0.03
"""Seconds of the ramp at the end."""


def sound_of(score: Score, rate: int = RATE, stereo: bool = True) -> Float32[np.ndarray, "channels samples"]:
    """Plays a score, with its tempos, until `LONGEST`; a short reverberation follows the last note.

    Args:
        score: The score.
        rate: Samples per second.
        stereo: Two channels, with the tracks from left to right; otherwise one.

    Returns:
        Samples between -1 and 1. The first and the last one are 0.
    """
    starts, ends = _seconds(score)
    ends = [times.clip(max=LONGEST) for times in ends]
    last = min(seconds_of(score), LONGEST)
    mixed = np.zeros((2 if stereo else 1, math.ceil((last + ROOM + 0.5) * rate)), np.float32)
    for number, track in enumerate(score.tracks):
        gains = _gains(number, len(score.tracks), track.drums, stereo)
        groups: dict[int, list[int]] = defaultdict(list)
        for index, note in enumerate(track.notes):
            if starts[number][index] < LONGEST:
                groups[note.pitch].append(index)
        for pitch, indices in groups.items():
            chosen = [track.notes[index] for index in indices]
            if track.drums:
                _strike(mixed, struck(pitch, rate), chosen, starts[number][indices] * rate, gains)
            else:
                times = starts[number][indices] * rate, ends[number][indices] * rate
                _play(mixed, track.program, chosen, *times, gains, rate)
    mixed += _reverberation(mixed, rate)
    return _finished(mixed, rate)


def wav(samples: Float32[np.ndarray, "channels samples"], rate: int = RATE) -> bytes:
    """Encodes samples between -1 and 1 as a WAV file of 16 bits."""
    whole = np.round(samples.T * 32767).clip(-32768, 32767).astype("<i2")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(len(samples))
        out.setsampwidth(2)
        out.setframerate(rate)
        out.writeframes(whole.tobytes())
    return file.getvalue()


def seconds_of(score: Score) -> float:
    """Seconds until the last note ends; 0 without notes."""
    return max((float(times.max()) for times in _seconds(score)[1] if len(times)), default=0.0)


def seconds_at(ticks: Int[np.ndarray, " times"], per_beat: int, tempos: list[Tempo]) -> Float[np.ndarray, " times"]:
    """Seconds at these ticks.

    Args:
        ticks: Times in ticks.
        per_beat: Ticks per quarter note.
        tempos: In order, the first at tick 0.
    """
    places = np.array([tempo.start for tempo in tempos])
    speeds = np.array([60 / tempo.per_minute / per_beat for tempo in tempos])
    before = np.concatenate(([0.0], np.cumsum(np.diff(places) * speeds[:-1])))
    which = np.searchsorted(places, ticks, "right") - 1
    return before[which] + (ticks - places[which]) * speeds[which]


def _seconds(score: Score) -> tuple[list[Float[np.ndarray, " _"]], list[Float[np.ndarray, " _"]]]:
    """Starts and ends of the notes of each track, in seconds."""
    starts, ends = [], []
    for track in score.tracks:
        first = np.array([note.start for note in track.notes], np.int64)
        length = np.array([note.length for note in track.notes], np.int64)
        starts.append(seconds_at(first, score.ticks, score.tempos))
        ends.append(seconds_at(first + length, score.ticks, score.tempos))
    return starts, ends


def _gains(number: int, count: int, drums: bool, stereo: bool) -> Float32[np.ndarray, " channels"]:
    """Strength of a track on each channel; the power is equal wherever the track is."""
    if not stereo:
        return np.ones(1, np.float32)
    place = 0.0 if drums or count == 1 else WIDTH * (2 * number / (count - 1) - 1)
    angle = (place + 1) * math.pi / 4
    return np.array([math.cos(angle), math.sin(angle)], np.float32)


def _loudness(note: Note) -> np.float32:
    return np.float32((note.velocity / 127) ** 1.5)


def _play(
    mixed: Float32[np.ndarray, "channels samples"],
    program: int,
    notes: list[Note],
    starts: Float[np.ndarray, " notes"],
    ends: Float[np.ndarray, " notes"],
    gains: Float32[np.ndarray, " channels"],
    rate: int,
) -> None:
    """Adds the notes of one pitch of an instrument; starts and ends are in samples."""
    instrument = instrument_of(program)
    release = falling(max(2, round(instrument.release * rate)))
    first, lengths = starts.round().astype(int), (ends - starts).round().astype(int)
    whole = held(instrument, notes[0].pitch, int(lengths.max()) + len(release), rate)
    for note, start, length in zip(notes, first, lengths, strict=True):
        one = whole[: length + len(release)] * _loudness(note)
        one[length:] *= release
        mixed[:, start : start + len(one)] += gains[:, None] * one


def _strike(
    mixed: Float32[np.ndarray, "channels samples"],
    sound: Float32[np.ndarray, " length"],
    notes: list[Note],
    starts: Float[np.ndarray, " notes"],
    gains: Float32[np.ndarray, " channels"],
) -> None:
    """Adds the notes of one drum; starts are in samples."""
    for note, start in zip(notes, starts.round().astype(int), strict=True):
        part = sound[: mixed.shape[1] - start]
        mixed[:, start : start + len(part)] += gains[:, None] * part * _loudness(note)


def _reverberation(dry: Float32[np.ndarray, "channels samples"], rate: int) -> Float32[np.ndarray, "channels samples"]:
    """The echo of a room: the sound convolved with fading noise, another on each channel."""
    count = round(ROOM * rate)
    chance = np.random.default_rng(0)
    time = np.arange(count) / rate
    size = max(2**BLOCK, 2 ** math.ceil(math.log2(2 * count)))
    step = size - count + 1
    source = dry.mean(0)
    wet = np.zeros((len(dry), dry.shape[1] + size), np.float32)
    rooms = []
    for _ in dry:
        noise = chance.normal(size=count) * np.exp(-time * 6.9 / ROOM) * np.minimum(time / 0.012, 1)
        noise *= ECHO / np.sqrt(np.square(noise).sum())
        noise = np.convolve(noise, ABSORBING / ABSORBING.sum(), "same")
        rooms.append(np.fft.rfft(noise.astype(np.float32), size))
    for start in range(0, dry.shape[1], step):
        block = np.fft.rfft(source[start : start + step], size)
        for channel, room in enumerate(rooms):
            wet[channel, start : start + size] += np.fft.irfft(block * room, size)
    return wet[:, : dry.shape[1]]


def _finished(mixed: Float32[np.ndarray, "channels samples"], rate: int) -> Float32[np.ndarray, "channels samples"]:
    """Softens rare peaks, scales to the largest sample allowed, and fades out."""
    peak = float(np.abs(mixed).max())
    if peak > 0:
        audible = mixed[np.abs(mixed) > AUDIBLE * peak]
        level = np.float32(CREST * np.sqrt(np.square(audible).mean()))
        if peak > level:
            mixed = level * np.tanh(mixed / level)
            peak = float(np.abs(mixed).max())
        mixed = mixed * np.float32(PEAK / peak)
    fade = round(END * rate)
    mixed[:, -fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    mixed[:, 0] = 0
    return mixed

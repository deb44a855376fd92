import io
import struct
import wave

import numpy as np
import pytest

from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Note, Score, Tempo, Track
from genlab.errors import InputError
from genlab.show import soundfont
from tests.data.notes.made import tune

EMPTY = b"RIFF\x04\x00\x00\x00sfbk"
"""A SoundFont without instruments."""


@pytest.mark.parametrize("content", [b"", b"RIFF\x04\x00\x00\x00WAVE", b"MThd", b"x" * 100])
def test_what_is_not_a_soundfont(content):
    with pytest.raises(InputError, match=r"not a SoundFont \(\.sf2\)"):
        soundfont.check_soundfont(content)


def test_without_the_package(monkeypatch):
    monkeypatch.setattr(soundfont, "find_spec", lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'genlab\[sound\]'"):
        soundfont.check_soundfont(EMPTY)


def test_a_damaged_soundfont():
    soundfont.check_soundfont(EMPTY)
    with pytest.raises(InputError, match="the SoundFont cannot be played"):
        soundfont.played_with(EMPTY, write_midi(tune(0)))


def chunk(name: bytes, content: bytes) -> bytes:
    return name + struct.pack("<I", len(content)) + content + b"\0" * (len(content) % 2)


def soundfont_of(samples: np.ndarray, rate: int, pitch: int) -> bytes:
    """A SoundFont 2 with one instrument: a looped sample for all keys (SoundFont Technical Specification 2.04)."""
    name = b"one".ljust(20, b"\0")
    end = len(samples)
    generators = struct.pack("<HHHH", 54, 1, 53, 0)  # sampleModes: loop; sampleID
    header = struct.pack("<20sIIIIIBbHH", name, 0, end, 0, end, rate, pitch, 0, 0, 1)
    parts = [
        (b"phdr", struct.pack("<20sHHHIII20sHHHIII", name, *[0] * 6, b"EOP", 0, 0, 1, 0, 0, 0)),
        (b"pbag", struct.pack("<HHHH", 0, 0, 1, 0)),
        (b"pmod", bytes(10)),
        (b"pgen", struct.pack("<HHHH", 41, 0, 0, 0)),  # instrument
        (b"inst", struct.pack("<20sH20sH", name, 0, b"EOI", 1)),
        (b"ibag", struct.pack("<HHHH", 0, 0, 2, 0)),
        (b"imod", bytes(10)),
        (b"igen", generators + bytes(4)),
        (b"shdr", header + struct.pack("<20s26x", b"EOS")),
    ]  # fmt: skip
    about = chunk(b"ifil", struct.pack("<HH", 2, 1)) + chunk(b"isng", b"EMU8000\0") + chunk(b"INAM", b"one\0")
    sound = chunk(b"smpl", samples.astype("<i2").tobytes() + bytes(92))
    lists = [b"INFO" + about, b"sdta" + sound, b"pdta" + b"".join(chunk(*part) for part in parts)]
    return chunk(b"RIFF", b"sfbk" + b"".join(chunk(b"LIST", content) for content in lists))


def test_a_soundfont_plays_the_notes_at_their_pitches():
    rate, pitch, period = 44_100, 69, 100
    wave_of_a = 20_000 * np.sin(2 * np.pi * np.arange(20 * period) / period)  # 441 Hz at its own pitch
    content = soundfont_of(wave_of_a, rate, pitch)
    soundfont.check_soundfont(content)
    notes = [Note(0, 480, 69), Note(480, 480, 81)]
    played = soundfont.played_with(content, write_midi(Score([Track(notes)], 480, tempos=[Tempo(0, 60.0)])))
    with wave.open(io.BytesIO(played)) as file:
        assert file.getsampwidth() == 2
        frames = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, file.getnchannels())
        found = file.getframerate()
    for second, hertz in ((0, 441), (1, 882)):
        part = frames[int((second + 0.2) * found) : int((second + 0.8) * found), 0].astype(float)
        assert np.abs(part).max() > 300
        loudest = np.abs(np.fft.rfft(part * np.hanning(len(part)))).argmax() * found / len(part)
        assert loudest == pytest.approx(hertz, abs=4)

"""Random and mutated files: the reader ends within seconds, with a score that can be used or a reason."""

import contextlib
import random
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.notes import midi_events
from genlab.data.notes.midi import LONGEST_PIECE, read_midi
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.unreadable import Unreadable
from tests.data.notes.made import event, midi, played, tune


def check(data: bytes) -> bool:
    """Reads the data and checks what a score promises; returns whether there was one."""
    try:
        score, repairs = read_midi(data)
    except Unreadable:
        return False
    assert all(repairs)
    assert score.ticks > 0
    assert score.length <= LONGEST_PIECE * score.ticks
    assert score.metres[0].start == 0 and score.tempos[0].start == 0
    for changes in (score.metres, score.keys, score.tempos):
        starts = [change.start for change in changes]
        assert starts == sorted(set(starts))
    for track in score.tracks:
        assert track.notes and 0 <= track.program <= 127
        assert track.notes == sorted(track.notes, key=lambda note: (note.start, note.pitch))
        for start, length, pitch, velocity in track.notes:
            assert start >= 0 and length >= 1 and 0 <= pitch <= 127 and 1 <= velocity <= 127
    assert read_midi(write_midi(score))
    return True


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=400))
def test_random_events(content: bytes) -> None:
    check(midi(content))


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(0, 3), st.integers(-32768, 32767))
def test_random_chunks(content: bytes, form: int, division: int) -> None:
    check(midi(played((0, 60)), form=form, division=division) + content)


def test_mutated_files() -> None:
    chance = random.Random(0)
    good = write_midi(tune(1, 30, 3))
    readable = 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(chance.randrange(1, 8)):
            place = chance.randrange(len(data))
            kind = chance.randrange(3)
            if kind == 0:
                data[place] = chance.randrange(256)
            elif kind == 1:
                del data[place : place + chance.randrange(1, 20)]
            else:
                data[place:place] = chance.randbytes(chance.randrange(1, 6))
        readable += check(bytes(data))
    assert readable > 250  # most files are repaired, not refused


def test_hostile_files_take_neither_long_nor_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_events, "MOST", 15_000)
    contents = {
        "hanging notes": event(0, 0x90, 60, 80) + event(0, 60, 80) * 14_000,
        "hanging chords": b"".join(event(1, 0x90, number % 128, 80) for number in range(14_000)),
        "all notes off": b"".join(event(0, 0x91, pitch, 80) for pitch in range(128)) + event(0, 0xB0, 123, 0) * 20_000,
        "pedal": (event(0, 0xB0, 64, 127) + event(0, 0x90, 60, 80) + event(1, 60, 0)) * 7_000,
        "long steps": (b"\xff\xff\xff\x7f\x90\x3c\x50\xff\xff\xff\x7f\x90\x3c\0") * 7_000,
        "metres": (b"\1\xff\x58\4\1\6\x18\x08\1\xff\x58\4\2\6\x18\x08") * 7_000,
        "stray bytes": bytes(30_000),
        "names": b"\0\xff\3\x01A" * 10_000,
        "programs": b"".join(bytes([0, 0xC0 | number % 16, number // 16 % 128]) for number in range(10_000)),
        "too many notes": event(0, 0x90, 60, 80) + event(0, 60, 80) * 1_000_000,
    }
    files = {name: midi(content + played((1, 60))) for name, content in contents.items()}
    metres = b"\0\xff\x58\4\1\2\x18\x08" * 7_000
    programs = b"".join(bytes([0, 0xC0 | number % 16, number // 16]) for number in range(2_048))
    notes = played((1, 60))
    files |= {
        "too many tracks": midi(*[b""] * 10_000, notes),
        "empty tracks": midi(*[b""] * 4_000, notes),
        "hanging tracks": midi(*[event(0, 0x90, 60, 80) + event(0, 62, 80) + event(9, 62, 0)] * 3_000),
        "programs of tracks": midi(*[programs] * 30, notes),
        "patterns": midi(metres, *[notes] * 4_000, form=2),
    }
    for name, data in files.items():
        tracemalloc.start()
        start = time.process_time()
        with contextlib.suppress(Unreadable):
            read_midi(data)
        seconds, peak = time.process_time() - start, tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert seconds < 5, f"{name}: {seconds:.1f} s"
        assert peak < 1e6 + 150 * len(data), f"{name}: {peak / 1e6:.0f} MB"

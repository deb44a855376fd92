"""Reading and writing MIDI beside mido and symusic."""

import io
import random

import pytest

from genlab.data.notes.midi import read_midi
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track


def piece(seed: int) -> Score:
    """A piece of four tracks and drums, whose notes of one pitch do not overlap in a track."""
    chance = random.Random(seed)
    tracks = []
    for number in range(5):
        notes, tick = [], 0
        for _ in range(100):
            tick += chance.choice([0, 80, 120, 240])
            pitch = chance.randrange(128)
            if all(note.start + note.length <= tick for note in notes if note.pitch == pitch):
                notes.append(Note(tick, chance.choice([60, 120, 960]), pitch, chance.randrange(1, 128)))
        tracks.append(Track(sorted(notes, key=lambda note: (note.start, note.pitch)), 7 * number, number == 4))
    metres = [Metre(0, 3, 4), Metre(4320, 6, 8)]
    return Score(tracks, 480, metres, [Key(0, -2, True)], [Tempo(0, 100.0), Tempo(960, 60.0)])


@pytest.mark.parametrize("seed", range(3))
def test_mido_reads_what_we_write(seed: int) -> None:
    mido = pytest.importorskip("mido")
    score = piece(seed)
    file = mido.MidiFile(file=io.BytesIO(write_midi(score)))
    assert (file.type, file.ticks_per_beat, len(file.tracks)) == (1, 480, 6)
    changes, *tracks = file.tracks
    assert [(m.numerator, m.denominator) for m in changes if m.type == "time_signature"] == [(3, 4), (6, 8)]
    assert [m.key for m in changes if m.type == "key_signature"] == ["Gm"]
    assert [m.tempo for m in changes if m.type == "set_tempo"] == [600_000, 1_000_000]
    for ours, theirs in zip(score.tracks, tracks, strict=True):
        tick, down, found = 0, {}, []
        for message in theirs:
            tick += message.time
            if message.type == "program_change":
                assert (message.program, message.channel == 9) == (ours.program, ours.drums)
            elif message.type == "note_on" and message.velocity:
                down[message.note] = tick, message.velocity
            elif message.type in ("note_on", "note_off"):
                start, velocity = down.pop(message.note)
                found.append(Note(start, tick - start, message.note, velocity))
        assert sorted(found, key=lambda note: (note.start, note.pitch)) == ours.notes


@pytest.mark.parametrize("seed", range(3))
def test_we_read_what_mido_writes(seed: int) -> None:
    mido = pytest.importorskip("mido")
    score = piece(seed)
    file = mido.MidiFile(file=io.BytesIO(write_midi(score)))
    written = io.BytesIO()
    file.save(file=written)
    assert read_midi(written.getvalue()) == (score, [])


@pytest.mark.parametrize("seed", range(3))
def test_symusic_reads_the_same(seed: int) -> None:
    symusic = pytest.importorskip("symusic")
    score = piece(seed)
    theirs = symusic.Score.from_midi(write_midi(score))
    assert theirs.ticks_per_quarter == 480
    assert [(m.time, m.numerator, m.denominator) for m in theirs.time_signatures] == [(0, 3, 4), (4320, 6, 8)]
    tracks = sorted(theirs.tracks, key=lambda track: track.program if not track.is_drum else 999)
    for ours, track in zip(score.tracks, tracks, strict=True):
        found = [Note(note.time, note.duration, note.pitch, note.velocity) for note in track.notes]
        assert (track.program, track.is_drum) == (ours.program, ours.drums)
        assert sorted(found, key=lambda note: (note.start, note.pitch)) == ours.notes

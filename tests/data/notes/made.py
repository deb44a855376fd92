"""Pieces and MIDI files for the tests of notes."""

import random
import struct

from hypothesis import strategies as st

from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track

METRES = [(4, 4), (3, 4), (2, 2), (6, 8), (5, 8), (7, 16), (1, 4)]


def midi(*tracks: bytes, form: int = 1, division: int = 480, stated: int | None = None) -> bytes:
    """A MIDI file of these tracks."""
    count = len(tracks) if stated is None else stated
    return struct.pack(">4sIHHh", b"MThd", 6, form, count, division) + b"".join(map(chunk, tracks))


def chunk(content: bytes, kind: bytes = b"MTrk") -> bytes:
    return kind + struct.pack(">I", len(content)) + content


def number(value: int) -> bytes:
    """A number of variable length."""
    found = [value & 127]
    while value := value >> 7:
        found.append(value & 127 | 128)
    return bytes(reversed(found))


def event(delta: int, *content: int) -> bytes:
    return number(delta) + bytes(content)


def meta(delta: int, kind: int, content: bytes) -> bytes:
    return number(delta) + bytes([0xFF, kind]) + number(len(content)) + content


END = meta(0, 0x2F, b"")


def played(*notes: tuple[int, int], channel: int = 0, length: int = 480) -> bytes:
    """Notes of a delta and a pitch, each ended after `length`."""
    return b"".join(
        event(delta, 0x90 | channel, pitch, 80) + event(length, 0x80 | channel, pitch, 0) for delta, pitch in notes
    )


def spans(score: Score, track: int = 0) -> list[tuple[int, int, int]]:
    """Start, length and pitch of the notes of a track."""
    return [note[:3] for note in score.tracks[track].notes]


def tune(seed: int, count: int = 40, voices: int = 1, shift: int = 0) -> Score:
    """A random melody, in quarters and eighths, with random lower voices."""
    chance = random.Random(seed)
    tracks = []
    for voice in range(voices):
        notes, tick = [], 0
        for _ in range(count):
            length = chance.choice([240, 480])
            notes.append(Note(tick, length, 66 - 12 * voice + shift + chance.randrange(8), 80))
            tick += length
        tracks.append(Track(notes))
    return Score(tracks)


@st.composite
def scores(draw: st.DrawFn, ticks: int = 12, velocities: list[int] | None = None, drums: bool = True) -> Score:
    """Scores on the grid of a twelfth of a beat whose notes of one pitch do not overlap in a track.

    Args:
        draw: Draws from a strategy.
        ticks: Ticks per quarter note, a multiple of 12.
        velocities: The velocities to choose from.
        drums: Whether the last track may be drums.
    """
    step = ticks // 12
    count = draw(st.integers(1, 4))
    metres, place = [], 0
    pickup = draw(st.one_of(st.just(0), st.sampled_from([3, 6, 12, 24]))) * step
    for beats, unit in draw(st.lists(st.sampled_from(METRES), min_size=1, max_size=4)):
        if metres and (beats, unit) == metres[-1][1:]:
            continue
        bar = 4 * ticks * beats // unit
        if not metres:
            pickup = pickup if pickup < bar else 0
        metres.append(Metre(place, beats, unit))
        place += bar * draw(st.integers(2, 4)) + (pickup if place == 0 else 0)
    tracks = []
    for number in range(count):
        notes: list[Note] = []
        busy: dict[int, int] = {}
        start = 0
        for _ in range(draw(st.integers(1, 12))):
            start += draw(st.integers(0, 40)) * step
            pitch, length = draw(st.integers(0, 127)), draw(st.integers(1, 200)) * step
            if busy.get(pitch, 0) <= start:
                busy[pitch] = start + length
                notes.append(Note(start, length, pitch, draw(st.sampled_from(velocities or [1, 64, 80, 127]))))
        notes.sort(key=lambda note: (note.start, note.pitch, note.length, note.velocity))
        is_drums = drums and number == count - 1 and draw(st.booleans())
        name = draw(st.sampled_from(["", "Soprano", "Flöte", "тенор", "尺八"]))
        tracks.append(Track(notes, 0 if is_drums else draw(st.integers(0, 127)), is_drums, name))
    keys = [Key(0, draw(st.integers(-7, 7)), draw(st.booleans()))]
    return Score(tracks, ticks, metres, keys, [Tempo(0, 120.0), Tempo(48 * step, 100.0)], pickup, "Air")

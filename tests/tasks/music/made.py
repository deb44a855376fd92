"""Small pieces as MIDI files."""

import random
from pathlib import Path

from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Metre, Note, Score, Tempo, Track


def duet(seed: int, bars: int = 6, metre: tuple[int, int] = (4, 4), drums: bool = True, tempo: float = 100.0) -> Score:
    """A melody in eighths for flute over chords for piano, in C or F, with drums."""
    chance = random.Random(seed)
    beat = 480
    bar = 4 * beat * metre[0] // metre[1]
    root = chance.choice([0, 5])
    scale = [root + step for step in (0, 2, 4, 5, 7, 9, 11, 12)]
    melody, chords, beats = [], [], []
    place = chance.randrange(8)
    for number in range(bars):
        start = number * bar
        for tick in range(start, start + bar, beat // 2):
            place = min(7, max(0, place + chance.choice([-1, 0, 1])))
            melody.append(Note(tick, beat // 2, 60 + scale[place]))
        low = 48 + scale[chance.choice([0, 3, 4])]
        chords += [Note(start, bar, low + step) for step in (0, 4, 7)]
        beats += [Note(tick, beat // 4, 36 if tick == start else 42) for tick in range(start, start + bar, beat)]
    tracks = [Track(melody, 73), Track(chords, 0)]
    if drums:
        tracks.append(Track(beats, 0, True))
    return Score(tracks, beat, [Metre(0, *metre)], [], [Tempo(0, tempo)])


def folder_of(folder: Path, scores: list[Score]) -> Path:
    """A folder with the pieces as MIDI files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, score in enumerate(scores):
        (folder / f"{number:03d}.mid").write_bytes(write_midi(score))
    return folder


def duets(folder: Path, count: int = 24, **options) -> Path:
    """A folder of duets; every third is in 3/4."""
    return folder_of(
        folder, [duet(seed, metre=(3, 4) if seed % 3 == 2 else (4, 4), **options) for seed in range(count)]
    )

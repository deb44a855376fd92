"""Pieces of music as samples: notes, MIDI, sound, and a piano roll."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np
from jaxtyping import Float32

from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Note, Score
from genlab.engine.progress import clock, say
from genlab.engine.samples import Kind, Sample
from genlab.show.piano_roll import piano_roll
from genlab.show.sound import LONGEST, seconds_of, sound_of, wav
from genlab.show.soundfont import played_with

NAME = "music"
"""Prefix of the names of files."""


class MusicSample(Sample):
    """A piece of music; `content` is its score."""

    content: Score

    @property
    def notes(self) -> list[list[Note]]:
        """The notes of each track, in ticks of which `content.ticks` make a quarter note."""
        return [track.notes for track in self.content.tracks]

    def midi(self) -> bytes:
        """The piece as a MIDI file."""
        return self.files["mid"]

    def audio(self) -> Float32[np.ndarray, "channels samples"]:
        """The piece as sound, between -1 and 1: `RATE` samples per second, cut after `LONGEST` (`show/sound.py`)."""
        return sound_of(self.content)


class Files(Mapping[str, bytes]):
    """Files that are written when they are needed: a piece of a minute is 10 MB of sound.

    Args:
        writers: Functions that write them, by extension.
    """

    def __init__(self, writers: Mapping[str, Callable[[], bytes]]) -> None:
        self.writers = writers

    def __getitem__(self, ending: str) -> bytes:
        return self.writers[ending]()

    def __iter__(self) -> Iterator[str]:
        return iter(self.writers)

    def __len__(self) -> int:
        return len(self.writers)


def played_by(score: Score, programs: list[int]) -> Score:
    """The piece with these instruments for its tracks, one after another; the last one for all that remain.

    Drums stay drums.
    """
    chosen = iter(programs)
    current, tracks = 0, []
    for track in score.tracks:
        if not track.drums:
            current = next(chosen, current)
            track = replace(track, program=current)
        tracks.append(track)
    return replace(score, tracks=tracks)


def sample_of(score: Score, soundfont: bytes | None = None) -> MusicSample:
    """A piece as a sample; with a SoundFont, its WAV file is played with it."""

    def sound() -> bytes:
        if soundfont is not None:
            return played_with(soundfont, write_midi(score))
        if (seconds := seconds_of(score)) > LONGEST:
            say(f"Note: the music lasts {clock(seconds)}; its sound is cut after {clock(LONGEST)}.")
        return wav(sound_of(score))

    files = Files(
        {
            "mid": lambda: write_midi(score),
            "wav": sound,
            "png": lambda: piano_roll(score),
        }
    )
    return MusicSample(Kind.MUSIC, score, files, name=NAME)

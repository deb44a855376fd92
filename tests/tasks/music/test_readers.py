"""Other programs read the MIDI files of new pieces, with the same notes."""

from collections.abc import Iterable
from fractions import Fraction

import pytest

import genlab
from genlab.tasks.music.pieces import MusicSample
from tests.tasks.music.small import OPTIONS, data

Notes = list[tuple[Fraction, Fraction, int]]
"""Start and length in quarter notes, and pitch."""


@pytest.fixture(scope="module", params=["chorale", "transformer"])
def pieces(request, tmp_path_factory) -> list[MusicSample]:
    """New pieces of a few bars."""
    folder = tmp_path_factory.mktemp(request.param)
    options = OPTIONS[request.param]
    run = genlab.train(
        "music", data(folder, request.param), request.param, out=folder / "run", steps=5, quiet=True, **options
    )
    made = [piece for piece in run.generate(n=16, bars=4, tempo=90.0) if sum(map(len, piece.notes)) >= 4][:8]
    assert sum(len(notes) for piece in made for notes in piece.notes) >= 20
    return made


def ours(piece: MusicSample) -> list[Notes]:
    """The notes of each pitched track."""
    ticks, tracks = piece.content.ticks, [track for track in piece.content.tracks if not track.drums]
    return from_first_note(
        [(Fraction(note.start, ticks), Fraction(note.length, ticks), note.pitch) for note in track.notes]
        for track in tracks
    )


def from_first_note(tracks: Iterable[Notes]) -> list[Notes]:
    """The notes in order, counted from the first one, because a file may begin with silence before a pick-up."""
    found = [notes for notes in tracks if notes]
    first = min((start for notes in found for start, *_ in notes), default=Fraction())
    return sorted(sorted((start - first, length, pitch) for start, length, pitch in notes) for notes in found)


def test_symusic(pieces):
    symusic = pytest.importorskip("symusic")
    for piece in pieces:
        score = symusic.Score.from_midi(piece.midi())
        ticks, tracks = score.ticks_per_quarter, [track for track in score.tracks if not track.is_drum]
        found = from_first_note(
            [(Fraction(note.time, ticks), Fraction(note.duration, ticks), note.pitch) for note in track.notes]
            for track in tracks
        )
        assert found == ours(piece)
        assert [round(tempo.qpm) for tempo in score.tempos] == [90]


def test_music21(pieces):
    converter = pytest.importorskip("music21.converter")
    for piece in pieces:
        score = converter.parseData(piece.midi(), format="midi", quantizePost=False)
        found = from_first_note(
            [
                (twelfths(chord.getOffsetInHierarchy(part)), Fraction(), note.pitch.midi)
                for chord in part.flatten().notes
                for note in getattr(chord, "notes", [chord])
                if hasattr(note, "pitch") and (note.tie is None or note.tie.type == "start")  # drums have no pitch
            ]
            for part in score.parts
        )
        # It divides notes at bar lines and where others begin: lengths are not compared.
        assert found == sorted(sorted((start, Fraction(), pitch) for start, _, pitch in notes) for notes in ours(piece))


def twelfths(quarters: float | Fraction) -> Fraction:
    """The nearest twelfth of a quarter note."""
    return Fraction(round(12 * quarters), 12)

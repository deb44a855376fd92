"""Pieces as samples: every file is written, however long the music is."""

from genlab.data.notes.score import Note, Score, Tempo, Track
from genlab.engine.samples import write_samples
from genlab.show import sound
from genlab.tasks.music import pieces
from genlab.tasks.music.pieces import sample_of


def test_no_file_of_long_music_is_lost(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sound, "LONGEST", 1.0)
    monkeypatch.setattr(pieces, "LONGEST", 1.0)
    long, short = (Score([Track([Note(0, beats * 480, 60)])], tempos=[Tempo(0, 60.0)]) for beats in (65, 1))
    files = write_samples([sample_of(long), sample_of(short)], tmp_path)
    assert [file.name for file in files] == [
        f"sample-00{n}.{ending}" for n in (0, 1) for ending in ("mid", "wav", "png")
    ]
    assert files[1].stat().st_size == files[4].stat().st_size
    assert capsys.readouterr().err == "Note: the music lasts 1:05; its sound is cut after 0:01.\n"

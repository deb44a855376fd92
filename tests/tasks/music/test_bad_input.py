"""Music and requests that cannot be used: one sentence, exit code 2, and nothing lost."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Note, Score, Track
from tests.data.notes.made import midi, played, tune
from tests.tasks.music.made import folder_of

RUN = Path(__file__).parents[2] / "fixtures" / "format-1" / "music-chorale"


def files(**contents: bytes) -> Callable[[Path], None]:
    """Writes files, whose names end in .mid."""

    def write(folder: Path) -> None:
        for name, content in contents.items():
            (folder / f"{name}.mid").write_bytes(content)

    return write


@pytest.mark.parametrize(
    ("fill", "message"),
    [
        (lambda folder: (folder / "notes.txt").write_text("no music"), "no music"),
        (files(song=b"ID3\x04 an mp3" + bytes(100)), "not MIDI but an mp3"),
        (files(song=midi(played((0, 60)))[:20]), "song.mid"),
        (files(song=midi()), "has no tracks"),
        (files(**{f"p{seed}": write_midi(tune(seed)) for seed in range(3)}), "3 pieces"),
    ],
    ids=["none", "mp3", "cut off", "no tracks", "few"],
)
def test_music_that_cannot_be_learnt(refused, tmp_path, fill, message):
    folder = tmp_path / "music"
    folder.mkdir()
    fill(folder)
    said, field = refused("train", "music", folder, "--steps", 1, "--out", tmp_path / "run")
    assert message in said
    assert field == "data"


WIDE = Score([Track([Note(0, 480, 30), Note(480, 480, 100)])])


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--bars", "0"], "bars: 0 cannot be used", "bars"),
        (["--instruments", "kazzoo"], "kazzoo", "instruments"),
        (["--metre", "7/8"], "metre: the training pieces have no 7/8", "metre"),
        (["--key", "H"], "key: H is not a key", "key"),
        (["--tempo", "nan"], "tempo: nan cannot be used", "tempo"),
        (["--prompt", "missing.mid"], "missing.mid", "prompt"),
        (["--prompt", "mp3.mid"], "not MIDI but an mp3", "prompt"),
        (["--harmonise", "mp3.mid"], "not MIDI but an mp3", "harmonise"),
        (["--harmonise", "wide.mid"], "a wider range than in the training pieces", "harmonise"),
        (["--fill", "tune.mid"], "--fill needs --from-bar and --to-bar", "from_bar"),
        (["--fill", "tune.mid", "--from-bar", "1", "--to-bar", "99"], "to_bar: the piece has", "to_bar"),
    ],
)
def test_requests_that_cannot_be_fulfilled(refused, tmp_path, monkeypatch, words, message, field):
    monkeypatch.chdir(tmp_path)
    run = shutil.copytree(RUN, tmp_path / "run")
    (tmp_path / "mp3.mid").write_bytes(b"ID3\x04 an mp3" + bytes(100))
    (tmp_path / "wide.mid").write_bytes(write_midi(WIDE))
    (tmp_path / "tune.mid").write_bytes(write_midi(tune(0, voices=3)))
    said, named = refused("generate", run, *words)
    assert message in said
    assert named == field


def test_a_file_that_is_repaired_is_named(tmp_path, cli):
    """One damaged file among good ones: training goes on, and a line says what was done."""
    folder = folder_of(tmp_path / "music", [tune(seed, voices=2) for seed in range(8)])
    (folder / "damaged.mid").write_bytes(midi(played((0, 60), (0, 64), (0, 67)), stated=3, division=0))
    options = ["--steps", 1, "--width", 32, "--depth", 1, "--context", 32, "--batch", 2]
    code, _, err = cli("train", "music", folder, "--model", "transformer", "--out", tmp_path / "run", *options)
    assert code == 0, err
    lines = (tmp_path / "run" / "left_out.txt").read_text().splitlines()
    (line,) = [line for line in lines if "damaged.mid" in line]
    assert "repaired: the header states 3 tracks, the file has 1" in line
    assert sum("used" in line for line in lines) == 8

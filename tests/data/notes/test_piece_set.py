"""Sets of pieces: their splits, the report on the files, and what is refused."""

import json
from pathlib import Path

import pytest

from genlab.data.notes import collection, folder, sample_sets
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.piece_set import PieceSet, check_learnable, read_pieces
from genlab.data.notes.score import Score
from genlab.data.notes.transposing import transposed
from genlab.errors import InputError
from tests.data.notes.made import END, event, midi, played, tune

COUNT = 40


def written(path: Path, pieces: dict[str, Score | bytes]) -> str:
    path.mkdir(parents=True, exist_ok=True)
    for name, piece in pieces.items():
        (path / name).write_bytes(piece if isinstance(piece, bytes) else write_midi(piece))
    return str(path)


def tunes(count: int = COUNT, first: int = 0) -> dict[str, Score | bytes]:
    return {f"{number:03d}.mid": tune(number) for number in range(first, first + count)}


def names(pieces: PieceSet) -> dict[str, set[str]]:
    return {part: {piece.name for piece in split} for part, split in pieces.splits().items()}


def voices(path: Path, **splits: int) -> str:
    """A file of voices with this number of pieces per split, all different."""
    content, seed = {}, 0
    for split, count in splits.items():
        content[split] = []
        for _ in range(count):
            seed += 1
            content[split].append([[60 + (step * step * seed) % 11, 40 + (step * seed) % 7] for step in range(24)])
    path.write_text(json.dumps(content))
    return str(path)


def test_every_piece_is_in_one_split_and_adding_pieces_moves_none(tmp_path: Path) -> None:
    data = written(tmp_path / "set", tunes())
    before = names(read_pieces(data, "0.2", "0.3"))
    assert set.union(*before.values()) == set(tunes())
    assert sum(map(len, before.values())) == COUNT
    assert list(before) == ["train", "validation", "test"]
    written(tmp_path / "set", tunes(COUNT, COUNT))
    after = names(read_pieces(data, "0.2", "0.3"))
    assert all(before[part] <= after[part] for part in before)


def test_pieces_with_the_same_melody_in_any_key_share_a_split(tmp_path: Path) -> None:
    copies = {f"{key}-{number}.mid": transposed(tune(number), key) for number in range(COUNT) for key in (0, 3, -2)}
    found = names(read_pieces(written(tmp_path / "set", copies), "0.2", "0.3"))
    assert min(map(len, found.values())) > 0
    for split in found.values():
        for name in split:
            number = name.rpartition("-")[2]
            assert {f"{key}-{number}" for key in (0, 3, -2)} <= split


def test_each_file_has_a_line_and_the_notes_name_some(tmp_path: Path) -> None:
    hanging = midi(event(0, 0x90, 50, 80) + played((0, 60), (0, 64)) + END)
    abc = b"X:1\nT:Air\nK:C\nCDEFG\n\nX:2\nK:C\n\n"
    odd = {"bad.mid": b"ID3", "hangs.mid": hanging, "two.abc": abc, "a.pdf": b"%PDF"}
    pieces = read_pieces(written(tmp_path / "set", {**tunes(3), **odd}), "0", "0")
    assert pieces.report == {
        "000.mid": "used",
        "001.mid": "used",
        "002.mid": "used",
        "a.pdf": "left out: not music by its name",
        "bad.mid": "left out: not MIDI but an mp3",
        "hangs.mid": "repaired: 1 hanging note ended",
        "two.abc, tune 1": "used",
        "two.abc, tune 2": "left out: has no notes",
    }
    assert pieces.notes[0].startswith("3 files or tunes were left out (left_out.txt lists them all): ")
    assert pieces.notes[1] == (
        "1 file or tune was repaired (left_out.txt lists them all): hangs.mid: 1 hanging note ended"
    )
    assert pieces.counts() == {"train": {"pieces": 5, "notes": 3 * 40 + 3 + 5}}


def test_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = written(tmp_path / "set", {**tunes(6), "bad.mid": b"ID3"})
    first = read_pieces(data, "0", "0")
    monkeypatch.setattr(collection, "read_music", None)
    again = read_pieces(data, "0", "0")
    assert (again.train, again.report, again.fingerprint) == (first.train, first.report, first.fingerprint)
    monkeypatch.undo()
    written(tmp_path / "set", {"003.mid": tune(99)})
    changed = read_pieces(data, "0", "0")
    assert changed.fingerprint != first.fingerprint
    assert changed.train[3].score == tune(99)


def test_a_collection_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collection, "MOST_NOTES", 100)
    with pytest.raises(InputError, match=r"has more than 100 notes: give a part of it\.$"):
        read_pieces(written(tmp_path / "set", tunes(3, 500)), "0", "0")


def test_separate_validation_and_test_pieces(tmp_path: Path) -> None:
    data = written(tmp_path / "set", tunes(10))
    other = written(tmp_path / "other", {**tunes(4, 100), "copy.mid": transposed(tune(3), 2), "no.mid": b""})
    pieces = read_pieces(data, other, "0.2")
    assert names(pieces)["validation"] == {*tunes(4, 100), "copy.mid"}
    assert len(pieces.train) + len(pieces.test or []) == 10
    assert pieces.report["validation: no.mid"] == "left out: empty"
    shared = "the validation split shares the melodies of 1 of its 5 pieces with the training split"
    assert any(note.startswith(shared) for note in pieces.notes) == ("003.mid" in names(pieces)["train"])
    assert "the validation split has only 5 pieces: its metrics are rough." in pieces.notes
    assert pieces.fingerprint != read_pieces(data, "0", "0").fingerprint
    with pytest.raises(InputError) as error:
        read_pieces(data, str(tmp_path / "nothing"), "0")
    assert error.value.field == "validation"


def test_a_file_of_voices_keeps_its_splits(tmp_path: Path) -> None:
    data = voices(tmp_path / "voices.json", train=30, valid=6, test=7)
    pieces = read_pieces(data, "0.05", "0.1")
    assert {part: len(split) for part, split in pieces.splits().items()} == {"train": 30, "validation": 6, "test": 7}
    assert "the file has its own splits: train for training, validation for validation, test for test." in pieces.notes
    assert {name.split()[0] for name in names(pieces)["validation"]} == {"valid"}
    assert len(read_pieces(data, "0", "0").train) == 43
    other = written(tmp_path / "other", tunes(3))
    replaced = read_pieces(data, "0.05", other)
    assert (len(replaced.train), names(replaced)["test"]) == (30, set(tunes(3)))
    drawn = read_pieces(voices(tmp_path / "few.json", train=30, test=5), "0.3", "0.1")
    assert 0 < len(drawn.validation or []) < 20
    assert (len(drawn.train) + len(drawn.validation or []), len(drawn.test or [])) == (30, 5)


def test_a_melody_in_two_splits_of_a_file_is_noted(tmp_path: Path) -> None:
    data = Path(voices(tmp_path / "voices.json", train=8, valid=2))
    content = json.loads(data.read_text())
    content["valid"].append([[pitch + 2 for pitch in step] for step in content["train"][3]])
    data.write_text(json.dumps(content))
    notes = read_pieces(str(data), "0.05", "0").notes
    shared = (
        "the validation split shares the melodies of 1 of its 3 pieces with the training split: "
        "its metrics are optimistic."
    )
    assert shared in notes


def test_too_few_pieces_are_refused(tmp_path: Path) -> None:
    few = read_pieces(written(tmp_path / "few", tunes(4)), "0.05", "0.1")
    with pytest.raises(InputError, match=r"^few has only 4 pieces to learn from: give at least 5\.$"):
        check_learnable(few)
    check_learnable(read_pieces(written(tmp_path / "five", tunes(5)), "0", "0"))
    none_left = read_pieces(written(tmp_path / "held", tunes(6)), "0.5", "0.499")
    with pytest.raises(InputError, match=r"^held leaves [01] pieces? to train on: give more, or hold out less"):
        check_learnable(none_left)


def test_a_split_without_pieces_is_left_out(tmp_path: Path) -> None:
    pieces = read_pieces(written(tmp_path / "five", tunes(5)), "0.0001", "0.0001")
    assert (pieces.validation, pieces.test, len(pieces.train)) == (None, None, 5)
    assert pieces.notes == [f"the {part} split has no pieces: it was left out." for part in ("validation", "test")]


def test_sample_sets_are_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    scores = {f"bwv{number}": tune(number, voices=4) for number in range(6)}
    monkeypatch.setattr(sample_sets, "chorales", lambda: scores)
    pieces = read_pieces("@chorales", "0", "0")
    assert pieces.train == [folder.Piece(name, score) for name, score in scores.items()]
    assert (pieces.name, pieces.report) == ("@chorales", {})
    with pytest.raises(InputError, match="There is no sample set @choral"):
        read_pieces("@choral", "0", "0")


@pytest.mark.parametrize("content", [b"", b"not json", b"[]"])
def test_other_json_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"^a\.json is (not )?JSON"):
        read_pieces(str(tmp_path / "a.json"), "0.1", "0.1")

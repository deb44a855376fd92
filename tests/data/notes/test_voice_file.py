"""Files of voices on a grid, with splits: what is read, and what is refused."""

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.notes.score import Metre
from genlab.data.notes.voice_file import read_voice_file
from genlab.data.notes.voices import to_grid, why_not_voices
from genlab.errors import InputError

PIECE = [[72, 60, 55, 48]] * 2 + [[72, 60, 55, -1]] + [[74, 60, 0, 48]] * 2


def written(path: Path, content: object) -> Path:
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def test_pieces_are_on_the_grid_as_they_are_in_the_file(tmp_path: Path) -> None:
    report: dict[str, str] = {}
    file = written(tmp_path / "voices.json", {"train": [PIECE, [[60, 50]] * 3], "valid": [PIECE[1:]], "test": []})
    found = read_voice_file(file, "data", report)
    assert {split: [name for name, _ in pieces] for split, pieces in found.items()} == {
        "train": ["train 1", "train 2"],
        "validation": ["valid 1"],
    }
    assert report == {"train 1": "used", "train 2": "used", "valid 1": "used"}
    (_, score), _ = found["train"]
    grid, changes = to_grid(score)
    assert (why_not_voices(score), changes) == (None, [])
    assert grid.pitches.tolist() == [[max(0, pitch) for pitch in step] for step in PIECE]
    assert grid.onsets[:, 0].tolist() == [True, False, False, True, False]
    assert grid.onsets[:, 3].tolist() == [True, False, False, True, False]
    assert score.metres == [Metre(0, 1, 4)]
    assert grid.phases.tolist() == [0, 1, 2, 3, 0]


def test_rests_may_be_nan_or_null_and_other_names_of_the_splits_are_known(tmp_path: Path) -> None:
    text = '{"train": [[[60, NaN], [null, 0], [62.0, 50]]], "val": [[[60, 50]]]}'
    found = read_voice_file(written(tmp_path / "a.json", text), "data", {})
    assert to_grid(found["train"][0][1])[0].pitches.tolist() == [[60, 0], [0, 0], [62, 50]]
    assert list(found) == ["train", "validation"]


@pytest.mark.parametrize(
    ("piece", "reason"),
    [
        ([], "not a list of steps, each with 1 to 8 pitches"),
        ([[60, 50], [60]], "not a list of steps, each with a number per voice"),
        ([[60, 10**400]], "not a list of steps, each with a number per voice"),
        ([[60, "high"]], "not a list of steps, each with a number per voice"),
        ([[60, 50.5]], "pitches must be whole numbers up to 127, or -1 for a rest"),
        ([[60, 128]], "pitches must be whole numbers"),
        ([[60, 1e999]], "pitches must be whole numbers"),
        ([[-1, 0]], "has no notes"),
        ([60, 62], "not a list of steps, each with 1 to 8 pitches"),
        ([[60] * 9], "not a list of steps, each with 1 to 8 pitches"),
        ({"a": 1}, "not a list of steps"),
    ],
)
def test_pieces_that_cannot_be_used_say_why(tmp_path: Path, piece: object, reason: str) -> None:
    report: dict[str, str] = {}
    file = written(tmp_path / "voices.json", {"train": [PIECE, piece]})
    assert len(read_voice_file(file, "data", report)["train"]) == 1
    assert report["train 2"].startswith(f"left out: {reason}")
    with pytest.raises(InputError, match=r"No music can be read from voices.json \(train 1: left out: "):
        read_voice_file(written(file, {"train": [piece]}), "data", {})


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "voices.json is not JSON"),
        ("{", "voices.json is not JSON"),
        ("[" * 100_000, "voices.json is not JSON"),
        ("[1, 2]", "is JSON, but not of voices in splits"),
        ('{"valid": []}', "is JSON, but not of voices in splits"),
        ('{"train": [], "notes": []}', "is JSON, but not of voices in splits"),
        ('{"train": 3}', "train is not a list of pieces"),
        ('{"train": []}', r"No music can be read from voices.json \(train is empty\)"),
    ],
)
def test_files_that_are_not_voices_are_refused(tmp_path: Path, content: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence) as error:
        read_voice_file(written(tmp_path / "voices.json", content), "test", {})
    assert error.value.field == "test"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 130) | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(st.sampled_from(["train", "valid", "test", "a"]), inner, max_size=3)
    ),
    max_leaves=40,
)


def reads(data: bytes) -> None:
    """Reads a file; it must have voices, or be refused in one sentence."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "voices.json")
        path.write_bytes(data)
        report: dict[str, str] = {}
        try:
            found = read_voice_file(path, "data", report)
        except InputError:
            return
    assert found["train"]
    assert sum(line == "used" for line in report.values()) == sum(map(len, found.values()))
    assert all(score.tracks for pieces in found.values() for _, score in pieces)


@settings(deadline=None, max_examples=150)
@given(VALUES | st.dictionaries(st.sampled_from(["train", "valid", "test"]), VALUES, min_size=1))
def test_any_json(content: object) -> None:
    reads(json.dumps(content).encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 200), st.binary(max_size=3)), min_size=1, max_size=4))
def test_damaged_files(changes: list[tuple[int, bytes]]) -> None:
    data = bytearray(json.dumps({"train": [PIECE, PIECE[:3]], "valid": [PIECE]}).encode())
    for place, new in changes:
        data[place : place + len(new)] = new
    reads(bytes(data))


def test_deeply_nested_json_is_refused() -> None:
    reads(b"[" * 100_000 + b"]" * 100_000)

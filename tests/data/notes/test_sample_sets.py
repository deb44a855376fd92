"""@chorales and @tunes: complete, cached without loss, and written as files that are read as the sets themselves."""

import importlib.util
import json
from dataclasses import replace
from fractions import Fraction
from itertools import islice
from pathlib import Path

import pytest

from genlab.data.notes import SAMPLES, sample_sets
from genlab.data.notes.abc import read_abc
from genlab.data.notes.musicxml import read_musicxml
from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track
from genlab.data.notes.stored import from_json, to_json
from genlab.data.shared.sample_sets import sample_set
from genlab.errors import InputError

SCORE = Score(
    [Track([Note(0, 480, 60), Note(480, 7, 127, 1)], 19, False, "Örgel"), Track([Note(3, 1, 36)], 0, True)],
    960,
    [Metre(0, 3, 4), Metre(960, 6, 8)],
    [Key(0, -3, True), Key(7, 2)],
    [Tempo(0, 61.7), Tempo(960, 1 / 3)],
    480,
    'A "title"',
)


def test_scores_are_stored_without_loss() -> None:
    scores = {"one": SCORE, "two": replace(SCORE, tracks=[], keys=[])}
    assert from_json(to_json(scores)) == scores
    with pytest.raises(json.JSONDecodeError):
        from_json(to_json(scores)[:-9])
    with pytest.raises(KeyError):
        from_json('{"one": {}}')


def test_without_music21_the_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sample_sets, "find_spec", lambda name: None)
    sentence = r"@chorales needs the package music21 with its corpus: pip install 'genlab\[music\]'\."
    with pytest.raises(InputError, match=sentence):
        sample_sets.chorales()
    (tmp_path / "music21").mkdir()
    (tmp_path / "music21" / "__init__.py").touch()
    found = importlib.util.spec_from_file_location(
        "music21", tmp_path / "music21" / "__init__.py", submodule_search_locations=[str(tmp_path / "music21")]
    )
    monkeypatch.setattr(sample_sets, "find_spec", lambda name: found)
    with pytest.raises(InputError, match="@tunes needs the package music21 with its corpus"):
        sample_sets.tunes()


@pytest.fixture(scope="module")
def chorales() -> dict[str, Score]:
    """Every 24th file, as the whole set reads it."""
    return dict(sample_sets.in_four_parts(islice(sample_sets.chorale_sources(), 0, None, 24)))


@pytest.fixture(scope="module")
def tunes() -> dict[str, Score]:
    """Every 40th tune, as the whole set reads it."""
    return dict(sample_sets.in_full_bars(islice(sample_sets.tune_sources(), 0, None, 40)))


def test_every_chorale_has_four_voices(chorales: dict[str, Score]) -> None:
    assert len(list(sample_sets.chorale_sources())) == 408
    assert 12 < len(chorales) < 18  # of 17, some have more parts
    for score in chorales.values():
        assert len(score.tracks) == 4
        for track in score.tracks:
            after = track.notes[1:]
            assert all(one.start + one.length <= two.start for one, two in zip(track.notes, after, strict=False))
        ends = [track.notes[-1].start + track.notes[-1].length for track in score.tracks]
        assert max(ends) - min(ends) <= 4 * score.ticks
    assert sum(score.pickup > 0 for score in chorales.values()) > 3


def test_every_tune_has_one_voice_and_full_bars(tunes: dict[str, Score]) -> None:
    assert len(list(sample_sets.tune_sources())) > 3000
    assert len(tunes) > 60
    for score in tunes.values():
        assert (len(score.tracks), len(score.metres)) == (1, 1)
        assert len(score.tracks[0].notes) >= 8
        assert score.title


def test_a_set_is_read_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, chorales: dict[str, Score]) -> None:
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path))
    first = list(islice(sample_sets.chorale_sources(), 0, 49, 24))
    expected = {name: score for name, score in chorales.items() if f"{name}.mxl" in dict(first)}
    assert expected
    monkeypatch.setattr(sample_sets, "chorale_sources", lambda: iter(first))
    made = sample_set("@chorales", SAMPLES)
    assert made() == expected
    monkeypatch.setattr(sample_sets, "chorale_sources", lambda: iter([]))
    assert made() == expected


def test_written_files_are_read_as_the_sets_themselves(chorales: dict[str, Score], tunes: dict[str, Score]) -> None:
    some = dict(list(chorales.items())[::5])
    files = dict(sample_sets.chorale_files(some))
    assert {name.removesuffix(".mxl"): read_musicxml(content) for name, content in files.items()} == some
    some = dict(list(tunes.items())[::10])
    files = dict(sample_sets.tune_files(some))
    assert {name.removesuffix(".abc"): read_abc(content).popitem()[1] for name, content in files.items()} == some


def test_both_sets_have_a_licence() -> None:
    assert all("music21" in one.licence for one in SAMPLES)


def test_music21_reads_the_same_chorales(chorales: dict[str, Score]) -> None:
    """Three chorales, note by note: music21's reader of MusicXML is the reference."""
    converter = pytest.importorskip("music21.converter")
    folder = sample_sets._corpus("chorales") / "bach"
    for name in list(chorales)[1::5]:
        score = chorales[name]
        theirs = converter.parse(folder / f"{name}.mxl", forceSource=True)
        assert len(theirs.parts) == 4
        for part, track in zip(theirs.parts, score.tracks, strict=True):
            expected = [
                (Fraction(one.offset), Fraction(one.quarterLength), pitch.midi)
                for one in part.stripTies().flatten().notes
                for pitch in one.pitches
                if one.quarterLength > 0  # grace notes are skipped
            ]
            ours = [(Fraction(n.start, score.ticks), Fraction(n.length, score.ticks), n.pitch) for n in track.notes]
            assert ours == expected, name
            assert track.name == part.partName
        signature = theirs.parts[0].flatten().getElementsByClass("TimeSignature")[0]
        assert score.metres[0][1:] == (signature.numerator, signature.denominator)
        assert score.keys[0].sharps == theirs.parts[0].flatten().getElementsByClass("KeySignature")[0].sharps

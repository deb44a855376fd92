"""Folders, zips and single files of MIDI, and what is said of each file."""

import gzip
import zipfile
from pathlib import Path

import pytest

from genlab.data.notes.folder import find_music, read_music
from genlab.data.notes.midi_writing import write_midi
from genlab.errors import InputError
from tests.data.notes.made import END, event, midi, played, tune
from tests.data.notes.musicxml import CONTAINER, attributes, document, note, packed

GOOD = write_midi(tune(1))
SHEET = document([attributes() + note("C4", 8)])
HANGING = midi(event(0, 0x90, 50, 80) + played((0, 60)) + END)
FILES = {
    "b/two.MIDI": GOOD,
    "one.mid": GOOD,
    "b/hangs.kar": HANGING,
    "nameless": GOOD,
    "song.mid": b"ID3\x04" + bytes(50),
    "notes.txt": b"text",
    "typed.txt": b"X:1\nT:Air\nK:C\nCDEF\n",
    "score.mxl": packed({"score.xml": SHEET}),
    "sheet.xml": SHEET,
    "plain.musicxml": SHEET,
    "other.xml": b"<html/>",
    "torn.mxl": b"PK",
    "one.abc": b"X:9\nT:Air\nK:C\nCDEF\n",
    "two.abc": b"X:1\nT:Air\nK:C\nCDEF\n\nX:2\nK:C\n\nX:3\nK:C\nG4\n",
    "none.abc": b"words",
    "old.mus": b"",
}
REPORT = {
    "b/two.MIDI": "used",
    "one.mid": "used",
    "b/hangs.kar": "repaired: 1 hanging note ended",
    "nameless": "used",
    "song.mid": "left out: not MIDI but an mp3",
    "notes.txt": "left out: not music by its name",
    "typed.txt": "used",
    "score.mxl": "used",
    "sheet.xml": "used",
    "plain.musicxml": "used",
    "other.xml": "left out: XML with the root <html>, not <score-partwise>: export it again",
    "torn.mxl": "left out: a damaged archive (File is not a zip file): export it again",
    "one.abc": "used",
    "two.abc, tune 1": "used",
    "two.abc, tune 2": "left out: has no notes",
    "two.abc, tune 3": "used",
    "none.abc": "left out: no tunes: a tune of ABC starts with a line X:1",
    "old.mus": "left out: Finale: export it as MIDI or MusicXML",
}


def folder_of(path: Path, files: dict[str, bytes] = FILES) -> str:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return str(path)


def zip_of(path: Path, files: dict[str, bytes] = FILES, kind: int = zipfile.ZIP_DEFLATED) -> str:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return str(path)


def report_on(data: str) -> dict[str, str]:
    report: dict[str, str] = {}
    names = [piece.name for piece in read_music(find_music(data), report)]
    assert names == sorted(name for name, line in report.items() if not line.startswith("left out"))
    return report


def test_each_file_of_a_folder_or_zip_has_a_line(tmp_path: Path) -> None:
    assert report_on(folder_of(tmp_path / "set")) == REPORT
    assert report_on(zip_of(tmp_path / "set.zip", {**FILES, "__MACOSX/._one.mid": b"x", ".hidden.mid": b"x"})) == REPORT


def test_links_that_lead_nowhere_have_a_line(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "set", {"one.mid": GOOD})
    (tmp_path / "set" / "lost.mid").symlink_to(tmp_path / "nowhere")
    assert report_on(data) == {"one.mid": "used", "lost.mid": "left out: a broken link"}


def test_single_and_compressed_files(tmp_path: Path) -> None:
    files = {"any.name": GOOD, "one.mid.gz": gzip.compress(GOOD), "bad.mid.gz": gzip.compress(GOOD)[:40]}
    data = folder_of(tmp_path / "set", files)
    assert report_on(f"{data}/any.name") == {"any.name": "used"}
    assert report_on(f"{data}/one.mid.gz") == {"one.mid.gz": "used"}
    assert "damaged gzip file" in report_on(data)["bad.mid.gz"]
    (piece,) = read_music(find_music(f"{data}/one.mid.gz"), {})
    assert piece.score == tune(1)


def test_a_single_file_may_have_any_name(tmp_path: Path) -> None:
    mxl = packed({"META-INF/container.xml": CONTAINER, "score.musicxml": SHEET})
    files = {
        "a.mxl": mxl,
        "b": mxl,
        "c": SHEET,
        "d": SHEET.decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        "e": FILES["one.abc"],
    }
    data = folder_of(tmp_path / "set", files)
    for name in files:
        assert report_on(f"{data}/{name}") == {name: "used"}
    many = folder_of(tmp_path / "many", {"tunes.abc": FILES["two.abc"]})
    assert list(report_on(f"{many}/tunes.abc")) == ["tunes.abc, tune 1", "tunes.abc, tune 2", "tunes.abc, tune 3"]


def test_what_is_too_large_is_not_read(tmp_path: Path) -> None:
    bomb = bytes((1 << 23) + 100)
    files = {"one.mid": GOOD, "bomb.mid": bomb, "bomb.mid.gz": gzip.compress(bomb)}
    report = report_on(folder_of(tmp_path / "set", files))
    assert report["bomb.mid"] == "left out: larger than 8 MB"
    assert "more than 8 MB" in report["bomb.mid.gz"]
    assert report_on(zip_of(tmp_path / "set.zip", files))["bomb.mid"] == "left out: larger than 8 MB"


def test_damaged_members_of_a_zip_say_why(tmp_path: Path) -> None:
    data = zip_of(tmp_path / "set.zip", {"one.mid": GOOD, "two.mid": HANGING}, zipfile.ZIP_STORED)
    Path(data).write_bytes(Path(data).read_bytes().replace(HANGING, HANGING[:-1] + b"x"))
    report = report_on(data)
    assert report["one.mid"] == "used"
    assert report["two.mid"].startswith("left out: cannot be read (Bad CRC-32")
    unusual = zip_of(tmp_path / "lzma.zip", {"one.mid": GOOD}, zipfile.ZIP_LZMA)
    with pytest.raises(InputError, match=r"No music can be read from lzma.zip \(one.mid: unusual compression"):
        report_on(unusual)


@pytest.mark.parametrize("name", ["../evil.mid", "/etc/evil.mid", "C:/evil.mid", "a/../../evil.mid", "..\\evil.mid"])
def test_a_zip_that_names_files_outside_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="a file whose path points outside it"):
        find_music(zip_of(tmp_path / "set.zip", {name: GOOD}))


def test_data_without_music_say_what_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=r"empty has no music: genlab looks for .abc, .kar, .mid, .*, .xml\.$"):
        find_music(str(tmp_path / "empty"))
    with pytest.raises(InputError, match=r".xml; it has MuseScore: export it as MIDI or MusicXML\.$"):
        find_music(folder_of(tmp_path / "xml", {"a.mscz": b"", "b.mscx": b""}))
    with pytest.raises(InputError, match="There is no file or folder"):
        find_music(str(tmp_path / "nothing"))
    with pytest.raises(InputError, match=r"No music can be read from a.mp3 \(a.mp3: not MIDI but an mp3\)"):
        report_on(folder_of(tmp_path / "one", {"a.mp3": b"ID3"}) + "/a.mp3")


def test_a_folder_of_bad_files_names_the_first(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "bad", {f"{number}.mid": b"" for number in range(5)})
    report: dict[str, str] = {}
    message = r"No music can be read from bad \(0.mid: empty; 1.mid: empty; 2.mid: empty; and 2 more\)"
    with pytest.raises(InputError, match=message):
        list(read_music(find_music(data), report))
    assert report == {f"{number}.mid": "left out: empty" for number in range(5)}


def test_a_damaged_zip_is_refused(tmp_path: Path) -> None:
    data = Path(zip_of(tmp_path / "set.zip"))
    data.write_bytes(data.read_bytes().replace(b"PK\x01\x02", b"PK\x01\x09"))  # in its directory
    with pytest.raises(InputError, match=r"is a damaged zip file .*: create it again"):
        find_music(str(data))

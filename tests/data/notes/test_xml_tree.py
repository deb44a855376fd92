"""XML from strangers: archives and bombs."""

import contextlib
import io
import random
import time
import tracemalloc
import zipfile

import pytest

from genlab.data.notes import xml_tree
from genlab.data.notes.musicxml import read_musicxml
from genlab.data.notes.unreadable import Unreadable
from tests.data.notes.musicxml import CONTAINER, attributes, document, note, packed

PIECE = document([attributes() + note("C4", 4) + note("E4", 4), note("G4", 8)])


def refused(content: bytes) -> str:
    with pytest.raises(Unreadable) as error:
        read_musicxml(content)
    return str(error.value)


def test_archives_are_read_as_their_score() -> None:
    plain = read_musicxml(PIECE)
    assert read_musicxml(packed({"META-INF/container.xml": CONTAINER, "score.musicxml": PIECE})) == plain
    assert read_musicxml(packed({"other.xml": PIECE})) == plain
    pathless = CONTAINER.replace("score.musicxml", "missing.xml")
    assert read_musicxml(packed({"META-INF/container.xml": pathless, "a.xml": PIECE})) == plain


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_archives_that_could_expand_without_a_bound_are_refused(method: int) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", method) as archive:
        archive.writestr("score.musicxml", PIECE)
    assert refused(made.getvalue()) == "unusual compression: export it again"


def test_the_encoding_is_the_one_declared() -> None:
    text = PIECE.decode().replace("A piece", "Ä piece")
    for encoding in ("UTF-8", "UTF-16", "ISO-8859-1"):
        coded = text.replace('encoding="UTF-8"', f'encoding="{encoding}"').encode(encoding)
        assert read_musicxml(coded).title == "Ä piece"
    assert "unknown encoding" in refused(text.replace("UTF-8", "no-such-code").encode())


def test_a_document_type_is_harmless_but_its_entities_are_refused() -> None:
    outside = '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0" "http://www.musicxml.org/partwise.dtd">'
    assert read_musicxml(document([attributes() + note("C4", 8)], head=outside)).tracks
    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    bomb = document([attributes() + note("C4", 8)], head=f'<!DOCTYPE score-partwise [<!ENTITY l0 "ha">{laughs}]>')
    bomb = bomb.replace(b"A piece", b"&l11;")
    tracemalloc.start()
    start = time.process_time()
    assert "declares XML entities" in refused(bomb)
    assert tracemalloc.get_traced_memory()[1] < 10 << 20
    assert time.process_time() - start < 1
    tracemalloc.stop()
    files = document(FOUR, head='<!DOCTYPE score-partwise [<!ENTITY secret SYSTEM "file:///etc/hostname">]>')
    assert "declares XML entities" in refused(files.replace(b"A piece", b"&secret;"))


FOUR = [attributes() + note("C4", 8)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged XML"),
        (b"not music", "damaged XML"),
        (PIECE[:-40], "damaged XML"),
        (b"<score-timewise/>", "XML with the root <score-timewise>, not <score-partwise>"),
        (b"<html><body/></html>", "XML with the root <html>, not <score-partwise>"),
        (b"PK\x03\x04 and nothing more", "a damaged archive"),
        (packed({"picture.png": b"png"}), "an archive without MusicXML"),
        (packed({"META-INF/container.xml": "<container/>"}), "an archive without MusicXML"),
        (packed({"score.xml": PIECE})[:-30], "a damaged archive"),
    ],
)
def test_what_cannot_be_read(content: bytes, message: str) -> None:
    assert message in refused(content)


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    zeros = packed({"score.xml": b"<score-partwise>" + b" " * (4 << 20) + b"</score-partwise>"})
    assert len(zeros) < 10_000
    monkeypatch.setattr(xml_tree, "LARGEST", 1 << 20)
    assert "holds more than 1 MB of XML" in refused(zeros)
    assert "larger than 1 MB" in refused(b" " * (2 << 20))
    monkeypatch.setattr(xml_tree, "MOST_ELEMENTS", 100)
    assert "too many elements" in refused(document([attributes() + note("C4", 1) * 50]))
    assert "too many elements" in refused(b"<score-partwise>" + b"<part>" * 1000)
    unknown = b"<x>" * 5000 + b"</x>" * 5000  # skipped with all they contain
    whole = document([attributes() + note("C4", 8)]).replace(b"<work>", unknown + b"<work>")
    assert read_musicxml(whole).tracks


def test_damaged_files_are_read_or_refused() -> None:
    chance = random.Random(0)
    whole = packed({"META-INF/container.xml": CONTAINER, "score.musicxml": PIECE})
    outcomes = set()
    for _ in range(400):
        content = bytearray(chance.choice((PIECE, whole)))
        for _ in range(chance.randint(1, 6)):
            content[chance.randrange(len(content))] = chance.randrange(256)
        if chance.random() < 0.3:
            del content[chance.randrange(len(content)) :]
        score = None
        with contextlib.suppress(Unreadable):
            score = read_musicxml(bytes(content))
        outcomes.add(score is not None)
        tracks = score.tracks if score else []
        assert all(one.length > 0 and 0 <= one.pitch < 128 for track in tracks for one in track.notes)
    assert outcomes == {True, False}

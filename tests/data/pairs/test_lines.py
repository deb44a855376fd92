import bz2
import gzip
import io
import lzma
import sys
from functools import partial

import pytest

from genlab.catalog import task_named
from genlab.data.pairs.lines import Lines, lines_of, named_lines, read_blocks, read_lines
from genlab.data.shared.compressed import COMPRESSED, read_bytes
from genlab.errors import InputError


def everything(path: str) -> list[str]:
    return [text for block in read_blocks(path) for text in block.texts]


@pytest.mark.parametrize("compress", [bytes, gzip.compress, lzma.compress, bz2.compress])
def test_lines_of_a_file(tmp_path, compress):
    text = "\ufeffone\r\n\r\ntwo\u2028still two\nthree"
    (tmp_path / "x").write_bytes(compress(text.encode()))
    assert read_lines(tmp_path / "x", "input") == ["one", "", "two\u2028still two", "three"]
    assert everything(str(tmp_path / "x")) == ["one", "", "two\u2028still two", "three"]


def test_help_names_the_compressions_that_are_read():
    task = task_named("translate")
    helps = [text for _, text in task.parts][:1] + [option.help for option in task.files["generate"]]
    assert all("(.gz, .xz, .bz2)" in text for text in helps)
    assert [COMPRESSED.sub("", f"x{ending}") for ending in (".gz", ".xz", ".bz2", ".zip")] == ["x", "x", "x", "x.zip"]


@pytest.mark.parametrize("text", ["a\n\nb\nc\n", "a\n\nb\nc"])
def test_the_same_lines_from_everywhere_and_where_they_stand(tmp_path, monkeypatch, text):
    monkeypatch.setattr("genlab.data.pairs.lines.AT_ONCE", 3)
    (tmp_path / "x").write_text(text)
    expected = ("a", "", "b", "c")
    assert lines_of(text) == lines_of(expected) == Lines(expected)
    assert everything(str(tmp_path / "x")) == list(expected)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    first, second = read_blocks("-")
    assert (first.texts, second.texts) == (("a", "", "b"), ("c",))
    assert lines_of(second) is second
    assert second.place(0) == "Standard input, line 4"


def test_the_line_that_is_no_utf8(monkeypatch):
    monkeypatch.setattr("genlab.data.pairs.lines.AT_ONCE", 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a\nb\nc\nd \xff\n")))
    with pytest.raises(InputError, match="Standard input, line 4 is not"):
        everything("-")


def test_a_decompression_bomb_is_refused(tmp_path, monkeypatch):
    """Reads no more than may be held in memory."""
    monkeypatch.setattr("genlab.data.pairs.lines.read_bytes", partial(read_bytes, limit=1 << 20))
    for compress in (gzip.compress, lzma.compress):
        (tmp_path / "bomb").write_bytes(compress(b"a\n" * (1 << 24)))
        with pytest.raises(InputError, match="too much to read into memory"):
            read_lines(tmp_path / "bomb", "data")


def test_lines_are_named_by_their_numbers():
    found = [named_lines(list(range(3, 3 + count))) for count in (1, 2, 5, 6, 2_000)]
    assert found[:2] == ["line 3", "lines 3 and 4"]
    assert found[2:] == [
        "lines 3, 4, 5, 6 and 7",
        "lines 3, 4, 5, 6, 7 and 1 more",
        "lines 3, 4, 5, 6, 7 and 1,995 more",
    ]


def test_nothing_to_read():
    for prompt in (None, " \n", (), ("", " ")):
        with pytest.raises(InputError) as error:
            lines_of(prompt)
        assert error.value.field == "prompt"

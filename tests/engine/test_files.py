import errno
import os
from pathlib import Path

import pytest

from genlab.engine import files
from genlab.engine.files import read_json, write_atomically, write_json, writing
from genlab.errors import InputError


def test_a_full_disk_keeps_the_old_file(tmp_path, full_disk):
    path = tmp_path / "precious.json"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=r"no space left for .*precious.json: free some .*--resume"):
        write_atomically(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("code", [errno.EACCES, errno.EROFS])
def test_forbidden(tmp_path, monkeypatch, code):
    def forbidden(*_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(files, "open", forbidden, raising=False)
    with pytest.raises(InputError, match="cannot be written"):
        write_atomically(tmp_path / "file", b"new")


def test_other_errors_are_ours(tmp_path, monkeypatch):
    def broken(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(OSError, match="Input/output"):
        write_atomically(tmp_path / "file", b"new")
    assert not list(tmp_path.iterdir())


def test_json(tmp_path):
    value = {"a": [1, 2.5, None, "ü", "日本", "stra\udcdfe.txt"], "b": {"c": True}}
    write_json(tmp_path / "x.json", value)
    assert read_json(tmp_path / "x.json") == value
    (tmp_path / "x.json").read_bytes().decode()
    write_json(tmp_path / "x.json", {"new": 1})
    assert read_json(tmp_path / "x.json") == {"new": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe", b"null", b'{"a": 1} x'])
def test_damaged_json(tmp_path, content):
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.json is damaged"):
        read_json(tmp_path / "x.json")


def test_writing_is_undone_by_any_error(tmp_path):
    def interrupted(beside: Path) -> None:
        beside.write_bytes(b"half")
        raise KeyboardInterrupt

    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(KeyboardInterrupt), writing(tmp_path / "file") as beside:
        interrupted(beside)
    assert (tmp_path / "file").read_bytes() == b"old"
    assert len(list(tmp_path.iterdir())) == 1
    with writing(tmp_path / "file") as beside:
        beside.write_bytes(b"new")
        assert (tmp_path / "file").read_bytes() == b"old"
    assert (tmp_path / "file").read_bytes() == b"new"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_where_a_file_should_be(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_atomically(tmp_path, b"data")

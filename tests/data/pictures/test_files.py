"""Finding pictures in folders and zips: names, what reads them, and zips that cannot be trusted."""

import zipfile
from pathlib import Path

import pytest

from genlab.data.pictures import files as picture_files
from genlab.data.pictures.files import find_pictures
from genlab.data.pictures.image_decoding import Unreadable
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, picture


def contents(data: str) -> dict[str, bytes]:
    return {name: read() for name, read in find_pictures(data, "data").pictures}


def test_a_zip_is_a_folder(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "set", {"cat": 3, "dog": 2})
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        for file in sorted(Path(data).rglob("*.png")):
            archive.write(file, f"./{file.relative_to(data)}")
        archive.writestr("__MACOSX/cat/._000.png", b"x")
    assert contents(str(tmp_path / "set.zip")) == contents(data)
    assert list(contents(data)) == ["cat/000.png", "cat/001.png", "cat/002.png", "dog/000.png", "dog/001.png"]
    assert find_pictures(str(tmp_path / "set.zip"), "data").others == {}


def test_folders_that_all_share_are_left_off_and_the_last_is_kept(tmp_path: Path) -> None:
    folder_of(tmp_path / "data" / "set", {"cat": 2})
    found = find_pictures(str(tmp_path), "data")
    assert [name for name, _ in found.pictures] == ["000.png", "001.png"]
    assert found.around == "cat"


@pytest.mark.parametrize("name", ["../evil.png", "/etc/evil.png", "C:/evil.png", "a/../../evil.png", "..\\evil.png"])
def test_a_zip_that_names_files_outside_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr(name, encoded(picture()))
    with pytest.raises(InputError, match="a file outside of itself"):
        find_pictures(str(tmp_path / "set.zip"), "data")


def test_what_cannot_be_read_says_why(tmp_path: Path, monkeypatch) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("a.png", b"content that is stored as it is")
    (tmp_path / "set.zip").write_bytes((tmp_path / "set.zip").read_bytes().replace(b"content", b"another"))
    data = folder_of(tmp_path / "set", {"": 1})
    ((_, of_zip),) = find_pictures(str(tmp_path / "set.zip"), "data").pictures
    ((_, of_folder),) = find_pictures(data, "data").pictures
    with pytest.raises(Unreadable, match="Bad CRC-32"):
        of_zip()
    (tmp_path / "set" / "000.png").unlink()
    with pytest.raises(Unreadable, match="No such file"):
        of_folder()
    folder_of(tmp_path / "set", {"": 1})
    monkeypatch.setattr(picture_files, "LARGEST_FILE", 10)
    for read in (of_zip, of_folder):
        with pytest.raises(Unreadable, match="larger than"):
            read()

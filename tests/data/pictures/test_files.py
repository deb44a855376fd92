"""Finding pictures in folders and zips: names, readers, and zips that cannot be trusted."""

import os
import struct
import tracemalloc
import zipfile
from pathlib import Path

import pytest

from genlab.data.pictures import files as picture_files
from genlab.data.pictures.files import find_pictures
from genlab.data.pictures.image_decoding import Unreadable
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, picture, whole


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
    with pytest.raises(InputError, match="a file whose path points outside it"):
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


def test_linked_folders_are_read(tmp_path: Path) -> None:
    folder_of(tmp_path / "store", {"cat": 2, "dog": 3, "fish": 1})
    view = tmp_path / "view"
    view.mkdir()
    (view / "cat").symlink_to(tmp_path / "store" / "cat")
    (view / "dog").symlink_to("../store/dog")
    found = find_pictures(str(view), "data")
    assert [name for name, _ in found.pictures] == ["cat/000.png", "cat/001.png", *(f"dog/00{n}.png" for n in range(3))]
    assert found.others == {}
    (tmp_path / "link").symlink_to(view)
    assert contents(str(tmp_path / "link")) == contents(str(view))
    (view / "validation").symlink_to(view / "cat")  # two links to one folder are no circle
    assert len(find_pictures(str(view), "data").pictures) == 7


def test_links_in_a_circle_and_broken_ones_are_named(tmp_path: Path) -> None:
    folder_of(tmp_path / "view", {"cat": 2, "dog": 2})
    folder_of(tmp_path / "far", {"fish": 2})
    (tmp_path / "view" / "cat" / "again").symlink_to(tmp_path / "view")
    (tmp_path / "view" / "self").symlink_to("self")
    (tmp_path / "view" / "far").symlink_to(tmp_path / "far")
    (tmp_path / "far" / "back").symlink_to(tmp_path / "view")
    (tmp_path / "view" / "dog" / "gone.png").symlink_to("/nowhere/gone.png")
    os.mkfifo(tmp_path / "view" / "dog" / "pipe.png")
    found = find_pictures(str(tmp_path / "view"), "data")
    assert len(found.pictures) == 6
    assert found.others == {
        "cat/again": "a link to a folder that it is in",
        "far/back": "a link to a folder that it is in",
        "self": "a broken link",
        "dog/gone.png": "a broken link",
        "dog/pipe.png": "neither a file nor a folder",
    }


def test_folders_and_files_that_may_not_be_read_are_named(tmp_path: Path, monkeypatch) -> None:
    data = folder_of(tmp_path, {"cat": 2, "dog": 2, "locked": 2})
    (tmp_path / "attributes.csv").write_text("file,hair\n")
    scan, read = os.scandir, open

    def denied(path, *words, **options):
        if str(path).endswith(("locked", "000.png", "attributes.csv")):
            raise PermissionError(13, "Permission denied", path)
        return (scan if os.path.isdir(path) else read)(path, *words, **options)

    monkeypatch.setattr(picture_files.os, "scandir", denied)
    monkeypatch.setattr(picture_files, "open", denied, raising=False)
    found = whole(data)
    assert found.left_out == {
        "locked": "a folder that cannot be read (Permission denied)",
        "attributes.csv": "cannot be read (Permission denied)",
        "cat/000.png": "cannot be read (Permission denied)",
        "dog/000.png": "cannot be read (Permission denied)",
    }
    assert found.notes[0].startswith("4 files were left out")


def test_names_that_are_not_utf8(tmp_path: Path) -> None:
    for folder in (b"caf\xe9", b"caf\xe8", "hütte".encode()):
        place = os.path.join(os.fsencode(tmp_path), folder)
        os.makedirs(place)
        for number in range(2):
            with open(os.path.join(place, b"bild\xe4%d.png" % number), "wb") as file:
                file.write(encoded(picture(number)))
    with open(os.path.join(os.fsencode(tmp_path), b"\xff.txt"), "wb") as file:
        file.write(b"notes")
    found = whole(str(tmp_path))
    assert found.classes == [r"caf\xe8", r"caf\xe9", "hütte"]
    assert found.train.names[0] == r"caf\xe8/bild\xe40.png"
    assert found.left_out == {r"\xff.txt": "not a picture by its name"}
    assert len(found.fingerprint) == 64


@pytest.mark.parametrize("ending", [".jfif", ".jpe", ".pjpeg", ".PJP", ".JPG"])
def test_every_ending_of_jpeg(tmp_path: Path, ending: str) -> None:
    for number in range(2):
        (tmp_path / f"{number}{ending}").write_bytes(encoded(picture(number), "jpeg"))
    assert len(whole(str(tmp_path)).train) == 2


def test_pictures_with_unknown_endings_are_counted(tmp_path: Path) -> None:
    folder_of(tmp_path, {"": 2})
    (tmp_path / "a.img").write_bytes(encoded(picture(7)))
    (tmp_path / "b.img").write_bytes(encoded(picture(8), "jpeg"))
    (tmp_path / "c").write_bytes(encoded(picture(9), "webp"))
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0")
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty").write_bytes(b"")
    found = whole(str(tmp_path))
    assert any(
        note.startswith("4 files hold pictures without a known extension: .img (2), no ending (1), .heic (1); rename")
        for note in found.notes
    )
    assert found.left_out["c"] == "a picture without a known extension"
    assert found.left_out["notes.txt"] == found.left_out["empty"] == "not a picture by its name"
    for name in ("000.png", "001.png"):
        (tmp_path / name).unlink()
    with pytest.raises(
        InputError, match=r"There are no pictures in .*; 4 files hold pictures without a known extension"
    ):
        find_pictures(str(tmp_path), "data")


METHODS = {"stored": 0, "deflate": zipfile.ZIP_DEFLATED, "bzip2": zipfile.ZIP_BZIP2, "lzma": zipfile.ZIP_LZMA}


@pytest.mark.parametrize("method", METHODS)
def test_zips_of_every_method_whole_and_damaged(tmp_path: Path, method: str) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w", METHODS[method]) as archive:
        for number in range(3):
            archive.writestr(f"{number}.png", encoded(picture(number)))
    assert contents(str(path)) == {f"{number}.png": encoded(picture(number)) for number in range(3)}
    sound = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        start = archive.getinfo("1.png").header_offset + 30 + len("1.png")
    for at in (0, 2, 3, 5, 9, 20, 200):
        for value in (0, 255):
            damaged = bytearray(sound)
            damaged[start + at : start + at + 4] = bytes([value]) * 4
            path.write_bytes(damaged)
            found = whole(str(path))
            assert set(found.left_out) <= {"1.png"}
            assert len(found.train) + len(found.left_out) == 3


def test_damaged_zips_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "set.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", encoded(picture()))
    sound = path.read_bytes()
    directory = sound.index(b"PK\1\2")
    end = sound.index(b"PK\5\6")
    for place, value in ((directory, b"XXXX"), (end + 12, b"\xff\xff\0\0"), (directory + 6, b"\xff\xff")):
        path.write_bytes(sound[:place] + value + sound[place + len(value) :])
        with pytest.raises(InputError, match=r"is a damaged zip file|neither a folder nor a zip file") as error:
            find_pictures(str(path), "test")
        assert error.value.field == "test"


@pytest.mark.parametrize("method", ["deflate", "bzip2", "lzma"])
def test_a_member_never_expands_beyond_the_size_that_it_states(tmp_path: Path, method: str) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", METHODS[method], compresslevel=1) as archive:
        archive.writestr("a.png", bytes(1 << 26))
    data = bytearray(path.read_bytes())
    struct.pack_into("<L", data, data.index(b"PK\1\2") + 24, 1000)
    path.write_bytes(data)
    ((_, read),) = find_pictures(str(path), "data").pictures
    tracemalloc.start()
    try:
        with pytest.raises(Unreadable, match="cannot be read"):
            read()
        assert tracemalloc.get_traced_memory()[1] < 1 << 24
    finally:
        tracemalloc.stop()


def test_of_two_members_with_one_name_the_last_counts(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.writestr("cat/a.png", b"torn")
        with pytest.warns(UserWarning, match="Duplicate"):
            archive.writestr("cat/a.png", encoded(picture(1)))
        archive.writestr("dog\\b.png", encoded(picture(2)))
    found = whole(str(tmp_path / "set.zip"))
    assert found.train.names == ["cat/a.png", "dog/b.png"]
    assert found.left_out == {}

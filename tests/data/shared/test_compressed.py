import bz2
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest

from genlab.data.shared import compressed
from genlab.data.shared.compressed import Unusable, open_stream, read_bytes, read_member
from genlab.data.shared.csv_text import csv_text
from genlab.errors import InputError

PACK = {"gzip": gzip.compress, "xz": lzma.compress, "bzip2": bz2.compress}
TEXT = b"".join(b"%d geese and %d ducks\n" % (n * n % 1009, n * n * n % 997) for n in range(4000))


@pytest.mark.parametrize("pack", [bytes, *PACK.values()])
@pytest.mark.parametrize("data", [b"", b"x", TEXT])
def test_content_comes_back(tmp_path, monkeypatch, pack, data):
    monkeypatch.setattr(compressed, "BLOCK", 1000)
    path = tmp_path / "file"
    path.write_bytes(pack(data))
    assert read_bytes(path, "data") == data
    assert max(map(len, open_stream(path, "data")), default=0) <= 1000


def test_several_compressed_parts_are_one_file(tmp_path):
    for pack in PACK.values():
        (tmp_path / "file").write_bytes(pack(b"one ") + pack(b"two"))
        assert read_bytes(tmp_path / "file", "data") == b"one two"


@pytest.mark.parametrize("kind", PACK)
def test_damage_is_a_sentence(tmp_path, kind):
    """Wherever the damage lies, the file reads as before or is named as damaged."""
    whole = PACK[kind](TEXT)
    cut = [whole[:size] for size in (20, 100, len(whole) // 2, len(whole) - 1)]
    flipped = []
    for place in range(10, len(whole), max(1, len(whole) // 150)):
        flipped.append(bytearray(whole))
        flipped[-1][place] ^= 0xFF
    messages = set()
    for data in [*cut, *flipped]:
        (tmp_path / "file").write_bytes(data)
        try:
            assert read_bytes(tmp_path / "file", "input") == TEXT
        except InputError as error:
            messages.add((str(error), error.field))
    assert messages
    assert all(f"is a damaged {kind} file" in message and field == "input" for message, field in messages)


@pytest.mark.parametrize("pack", [bytes, *PACK.values()])
def test_a_bomb_is_refused_without_being_held(tmp_path, pack):
    import tracemalloc

    (tmp_path / "bomb").write_bytes(pack(bytes(60_000_000)))
    tracemalloc.start()
    with pytest.raises(InputError, match="more than 2 MB of data"):
        read_bytes(tmp_path / "bomb", "data", limit=2 << 20)
    assert tracemalloc.get_traced_memory()[1] < 20_000_000
    tracemalloc.stop()


def test_unreadable_files(tmp_path):
    with pytest.raises(InputError, match="cannot be read: No such file"):
        read_bytes(tmp_path / "nowhere", "data")
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        read_bytes(tmp_path, "data")


@pytest.mark.parametrize("pack", PACK.values())
def test_compressed_csv(tmp_path, pack):
    path = tmp_path / "x.csv"
    path.write_bytes(pack("\ufeffa;b\r\né;2\r\n".encode()))
    assert csv_text(path, "data") == "a;b\r\né;2\r\n"
    path.write_bytes(pack(TEXT)[:-9])
    with pytest.raises(InputError, match="damaged"):
        csv_text(path, "data")


# --- zip members ----------------------------------------------------------------------------------

METHODS = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA]


def zipped(data: bytes, method: int) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        archive.writestr("member", data)
    return file.getvalue()


def first(data: bytes, limit: int = 1 << 20) -> bytes:
    archive = zipfile.ZipFile(io.BytesIO(data))
    return read_member(archive, archive.infolist()[0], limit)


@pytest.mark.parametrize("method", METHODS)
def test_members(method):
    for data in (b"", b"x", TEXT):
        assert first(zipped(data, method)) == data
    with pytest.raises(Unusable, match="larger than 1 MB"):
        first(zipped(bytes(3_000_000), method))


@pytest.mark.parametrize("method", METHODS)
def test_damaged_members(method):
    whole = zipped(TEXT, method)
    end = whole.index(b"PK\x01\x02")
    failures = 0
    for place in range(0, end, max(1, end // 300)):
        data = bytearray(whole)
        data[place] ^= 0xFF
        try:
            assert first(bytes(data)) == TEXT
        except Unusable:
            failures += 1
    assert failures > 20


@pytest.mark.parametrize("method", METHODS)
def test_a_member_that_understates_its_size(method):
    """Its content ends at the declared size, which its checksum then contradicts."""
    import tracemalloc

    whole = zipped(bytes(200_000_000), method)
    archive = zipfile.ZipFile(io.BytesIO(whole))
    archive.infolist()[0].file_size = 1000
    tracemalloc.start()
    with pytest.raises(Unusable, match="cannot be read"):
        read_member(archive, archive.infolist()[0], 1 << 20)
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()


def test_bzip2_members_have_no_bound():
    with pytest.raises(Unusable, match="bzip2"):
        first(zipped(TEXT, zipfile.ZIP_BZIP2))


def test_pictures_of_a_damaged_lzma_zip(tmp_path: Path):
    from genlab.data.pictures.files import find_pictures
    from genlab.data.pictures.image_decoding import Unreadable

    with zipfile.ZipFile(tmp_path / "x.zip", "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("1.png", TEXT)
    data = bytearray((tmp_path / "x.zip").read_bytes())
    data[100:140] = bytes(40)
    (tmp_path / "x.zip").write_bytes(data)
    ((_, read),) = find_pictures(str(tmp_path / "x.zip"), "data").pictures
    with pytest.raises(Unreadable, match="cannot be read"):
        read()

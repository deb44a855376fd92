import bz2
import gzip
import lzma

import pytest

from genlab.data.shared import compressed
from genlab.data.shared.compressed import open_stream, read_bytes
from genlab.data.shared.delimited import read_cells
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
    """Wherever the damage is, the file either reads as before or is reported as damaged."""
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
    cells = read_cells(str(path), "data")
    assert (cells.names, [list(column) for column in cells.columns]) == (["a", "b"], [["é"], ["2"]])
    path.write_bytes(pack(TEXT)[:-9])
    with pytest.raises(InputError, match="damaged"):
        read_cells(str(path), "data")

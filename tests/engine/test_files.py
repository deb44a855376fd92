import errno
import hashlib
import json
import os
import pickle
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from genlab.engine import files
from genlab.engine.files import (
    flatten,
    load_state,
    read_json,
    read_tensors,
    save_state,
    tensors_to_bytes,
    unflatten,
    write_atomically,
    write_json,
    writing,
)
from genlab.errors import InputError


def full(*_, **__):
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(params=["write", "fsync", "replace", "open", "quota"])
def full_disk(request, monkeypatch):
    """A disk that is full, as it shows at different moments."""
    if request.param == "write":

        class Full:
            def __init__(self, path: Path, *_) -> None:
                self.file = open(path, "wb", buffering=0)  # noqa: SIM115

            def __enter__(self):
                return self

            def __exit__(self, *_):
                self.file.close()

            def write(self, data: bytes) -> None:
                self.file.write(data[: len(data) // 2])
                full()

        monkeypatch.setattr(files, "open", Full, raising=False)
    elif request.param == "open":
        monkeypatch.setattr(files, "open", full, raising=False)
    elif request.param == "quota":

        def over(*_):
            raise OSError(errno.EDQUOT, "Disk quota exceeded")

        monkeypatch.setattr(os, "fsync", over)
    else:
        monkeypatch.setattr(os, request.param, full)


def test_a_full_disk_keeps_the_old_file(tmp_path, full_disk):
    path = tmp_path / "precious.json"
    path.write_bytes(b"old")
    with pytest.raises(InputError, match=r"no space left for .*precious.json: free some .*--resume"):
        write_atomically(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.fixture
def saved(tmp_path) -> Path:
    """A folder with a checkpoint of step 5."""
    save_state(tmp_path / "resume", 5, {"weight": torch.ones(3)})
    return tmp_path / "resume"


def test_a_full_disk_keeps_the_old_checkpoint(saved, full_disk):
    folder = saved
    before = [(path.name, path.read_bytes()) for path in folder.iterdir()]
    with pytest.raises(InputError, match="no space left"):
        save_state(folder, 6, {"weight": torch.zeros(3)})
    assert [(path.name, path.read_bytes()) for path in folder.iterdir()] == before
    step, state = load_state(folder)
    assert step == 5
    assert state["weight"].tolist() == [1, 1, 1]


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


def optimizers() -> list[torch.optim.Optimizer]:
    torch.manual_seed(0)
    made = []
    for build in (
        lambda p: torch.optim.AdamW(p, lr=0.1, betas=(0.9, 0.95), fused=True),
        lambda p: torch.optim.Adam(p, lr=0.1, amsgrad=True),
        lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
        lambda p: torch.optim.Muon(p, lr=0.1),
        lambda p: torch.optim.RMSprop(p, lr=0.1, centered=True),
    ):
        weights = [nn.Parameter(torch.randn(3, 4)), nn.Parameter(torch.randn(4, 2))]
        optimizer = build(weights)
        for weight in weights:
            weight.grad = torch.randn_like(weight)
        optimizer.step()
        made.append(optimizer)
    return made


def same(one, other) -> bool:
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and one.dtype == other.dtype and torch.equal(one, other)
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other


def test_optimizer_states_come_back_exactly(tmp_path):
    state = {"optimizers": [optimizer.state_dict() for optimizer in optimizers()], "best": None}
    save_state(tmp_path / "resume", 7, state)
    step, read = load_state(tmp_path / "resume")
    assert step == 7
    assert same(read, state)


values = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()
keys = st.text(max_size=5) | st.integers()


@given(st.recursive(values, lambda x: st.lists(x) | st.dictionaries(keys, x) | st.tuples(x, x), max_leaves=20))
def test_nested_states_come_back_exactly(state):
    tensors: dict[str, torch.Tensor] = {}
    tree = json.loads(json.dumps(flatten(state, "state", tensors)))
    assert same(unflatten(tree, tensors), state)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.int64, torch.uint8, torch.bool, torch.float64])
def test_tensors_of_every_kind(tmp_path, dtype):
    tensors = {"a": torch.ones(2, 3).to(dtype), "b": torch.tensor(1).to(dtype), "empty": torch.empty(0, 3).to(dtype)}
    (tmp_path / "x").write_bytes(tensors_to_bytes(tensors, {"note": "ü"}))
    read, about = read_tensors(tmp_path / "x")
    assert same(dict(sorted(read.items())), dict(sorted(tensors.items())))
    assert about == {"note": "ü"}


def test_views_are_saved_by_themselves(tmp_path):
    base = torch.arange(12.0).view(3, 4)
    (tmp_path / "x").write_bytes(tensors_to_bytes({"rows": base[1:], "turned": base.T, "base": base}))
    read, _ = read_tensors(tmp_path / "x")
    assert torch.equal(read["rows"], base[1:])
    assert torch.equal(read["turned"], base.T)


def test_only_the_newest_checkpoint_stays(tmp_path):
    for step in (3, 20, 100):
        save_state(tmp_path / "resume", step, {"step": step, "weight": torch.full((2,), float(step))})
    assert len(list((tmp_path / "resume").iterdir())) == 1
    assert load_state(tmp_path / "resume")[0] == 100


def test_of_two_checkpoints_the_newer_counts(tmp_path):
    """Killed between writing the new one and removing the old."""
    save_state(tmp_path / "a", 9, {"weight": torch.zeros(2)})
    save_state(tmp_path / "b", 10, {"weight": torch.ones(2)})
    for path in (tmp_path / "a").iterdir():
        path.rename(tmp_path / "b" / path.name)
    assert load_state(tmp_path / "b")[0] == 10


def test_no_checkpoint(tmp_path):
    assert load_state(tmp_path / "resume") is None
    (tmp_path / "resume").mkdir()
    (tmp_path / "resume" / ".step-000000003-abc.safetensors.123.tmp").write_bytes(b"torn")
    assert load_state(tmp_path / "resume") is None


def sealed(folder: Path, step: int, data: bytes) -> Path:
    """A checkpoint whose name agrees with its content."""
    folder.mkdir(exist_ok=True)
    path = folder / f"step-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.safetensors"
    path.write_bytes(data)
    return path


class Bomb:
    """Makes a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.mark.parametrize("damage", ["cut", "a bit", "empty", "pickle", "sealed pickle", "sealed other", "name", "tree"])
def test_damaged_checkpoints_are_refused(tmp_path, damage):
    folder = tmp_path / "resume"
    save_state(folder, 4, {"weight": torch.arange(1000.0)})
    (path,) = folder.iterdir()
    data, bomb = path.read_bytes(), pickle.dumps(Bomb(tmp_path / "exploded"))
    if damage in ("cut", "a bit", "empty", "pickle"):
        flipped = data[:2000] + bytes([data[2000] ^ 1]) + data[2001:]
        path.write_bytes({"cut": data[:-8], "a bit": flipped, "empty": b"", "pickle": bomb}[damage])
    elif damage == "name":
        path.rename(folder / "step-last.safetensors")
    else:
        other = tensors_to_bytes({"x": torch.ones(1)})
        hostile = tensors_to_bytes({}, {"tree": '{"tensor": "../../etc/passwd"}'})
        sealed(folder, 5, {"sealed pickle": bomb, "sealed other": other, "tree": hostile}[damage])
    with pytest.raises(
        InputError, match=r"checkpoint .* is damaged.*still usable.*restore the file.*delete the folder"
    ):
        load_state(folder)
    assert not (tmp_path / "exploded").exists()


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

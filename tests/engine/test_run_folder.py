import json
import os
import pickle

import pytest
from torch import nn

import genlab
from genlab.engine.run_folder import RunFolder, list_runs
from genlab.engine.weights import write_weights
from genlab.errors import InputError


def made(tmp_path) -> RunFolder:
    folder = RunFolder.create(str(tmp_path / "run"), "text", "book.txt")
    folder.note(state="running")
    return folder


def test_default_names_count_up(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    paths = [
        RunFolder.create(None, "text", data).path.name for data in ("my book.txt", "my book.txt", "@bible", "日.txt")
    ]
    assert paths == ["text-my-book-001", "text-my-book-002", "text-bible-001", "text-data-001"]


def test_a_new_folder_may_be_an_empty_one(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / ".lock").touch()
    (tmp_path / "run" / ".run.json.77.tmp").touch()
    made(tmp_path).write_config({"task": "text", "model": "gpt", "plan": {}})
    with pytest.raises(InputError, match=r"already exists.*--resume"):
        RunFolder.create(str(tmp_path / "run"), "text", "book.txt")


def killed_start(path) -> RunFolder:
    """The folder of a training that was killed while it read its data."""
    path.mkdir(parents=True)
    folder = RunFolder(path)
    with folder.locked():
        folder.note(state="running", attempts=1, data={"name": "book.txt"})
        folder.write_config({"task": "text", "model": "gpt", "run": {}, "asked": {}})
        (path / "left_out.txt").write_text("x.bin: not text\n")
    return folder


def test_a_killed_start_is_no_obstacle(tmp_path, monkeypatch):
    """The same command gets the same folder, without traces of the first attempt."""
    monkeypatch.chdir(tmp_path)
    for out in (None, "runs/text-book-001"):
        assert not killed_start(tmp_path / "runs" / "text-book-001").begun()
        folder = RunFolder.create(out, "text", "book.txt")
        assert str(folder.path) == "runs/text-book-001"
        assert [child.name for child in folder.path.iterdir()] == [".lock"]
        with folder.locked():
            folder.note(state="running")
        folder.discard()


@pytest.mark.parametrize("left", ["weights", "plan", "state", "file", "damage"])
def test_a_start_with_anything_of_value_is_not_taken(tmp_path, monkeypatch, left):
    monkeypatch.chdir(tmp_path)
    folder = killed_start(tmp_path / "runs" / "text-book-001")
    if left == "weights":
        write_weights(folder.weights, {"net": nn.Linear(1, 1)})
    elif left == "plan":
        folder.write_config({"task": "text", "model": "gpt", "plan": {}})
    elif left == "state":
        folder.note(state="interrupted")
    elif left == "file":
        (folder.path / "notes.txt").write_text("precious")
    else:
        (folder.path / "config.json").write_text("{")
    before = {child: child.read_bytes() for child in folder.path.iterdir()}
    assert RunFolder.create(None, "text", "book.txt").path.name == "text-book-002"
    with pytest.raises(InputError, match="already exists"):
        RunFolder.create("runs/text-book-001", "text", "book.txt")
    assert {child: child.read_bytes() for child in folder.path.iterdir()} == before


def test_a_start_that_is_alive_is_not_taken(tmp_path, monkeypatch):
    """While it reads its data, nothing is trained yet, but the folder is locked."""
    monkeypatch.chdir(tmp_path)
    folder = killed_start(tmp_path / "runs" / "text-book-001")
    with folder.locked():
        assert RunFolder.create(None, "text", "book.txt").path.name == "text-book-002"
        with pytest.raises(InputError, match="another process"):
            RunFolder.create("runs/text-book-001", "text", "book.txt")
        assert folder.about()["attempts"] == 1
    assert RunFolder.create(None, "text", "book.txt").path.name == "text-book-001"


def test_a_folder_goes_to_another_process_without_its_lock(tmp_path):
    folder = made(tmp_path)
    with folder.locked():
        assert pickle.loads(pickle.dumps(folder)).path == folder.path


def test_names_that_are_not_utf8(tmp_path):
    """Values are read back from run.json as they were written."""
    folder = made(tmp_path)
    folder.note(data={"name": "stra\udcdfe.txt"})
    assert folder.about()["data"]["name"] == "stra\udcdfe.txt"


@pytest.mark.parametrize("name", [".git", ".env", "notes.txt", ".x.tmp"])
def test_a_folder_with_anything_in_it_is_not_taken(tmp_path, name):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / name).write_text("precious")
    with pytest.raises(InputError, match="already exists"):
        RunFolder.create(str(tmp_path / "run"), "text", "book.txt")
    assert (tmp_path / "run" / name).read_text() == "precious"


def test_notes_keep_what_was_there(tmp_path):
    folder = made(tmp_path)
    folder.note(step=3, state="done")
    assert folder.about() == {"format": 1, "state": "done", "step": 3}


def test_measures(tmp_path):
    """The last line of a step counts, steps are in order, and an incomplete line is left out."""
    folder = made(tmp_path)
    lines = [
        {"step": 1, "attempt": 1, "split": "train", "loss": 3.0},
        {"step": 2, "attempt": 1, "split": "train", "loss": 2.0},
        {"step": 2, "attempt": 1, "split": "validation", "loss": 2.5},
        {"step": 1, "attempt": 1, "split": "train", "loss": 3.5},
    ]
    for line in lines:
        folder.add_measures(line)
    assert folder.measures() == [lines[3], lines[1], lines[2]]
    path = folder.path / "metrics.jsonl"
    whole = path.read_bytes()
    for torn in (b'{"step": 3, "split": "tr', b"{", b'"', b"17", b"[]", b'{"loss": 1}', b"\xff\x00\x00", b"\n\n"):
        path.write_bytes(whole + torn)
        assert folder.measures() == [lines[3], lines[1], lines[2]], torn
        folder.add_measures({"step": 4, "split": "train", "loss": 1.0})
        assert folder.measures()[-1] == {"step": 4, "split": "train", "loss": 1.0}, torn
        assert len(folder.measures()) == 4
    assert [json.loads(line) for line in whole.decode().splitlines()] == lines


def test_an_abandoned_attempt_leaves_no_measures(tmp_path):
    """Attempt 1 was killed after step 350; attempt 2 resumed at step 200, and attempt 3 at step 250."""
    folder = made(tmp_path)
    steps = {1: (100, 200, 300, 350), 2: (210, 250, 300), 3: (260, 340)}
    for attempt, reached in steps.items():
        for step in reached:
            folder.add_measures({"step": step, "attempt": attempt, "split": "train"})
    folder.add_measures({"step": 340, "attempt": 3, "split": "validation"})
    assert [(line["step"], line["attempt"]) for line in folder.measures()] == [
        (100, 1), (200, 1), (210, 2), (250, 2), (260, 3), (340, 3), (340, 3),
    ]  # fmt: skip


def test_the_planned_best_comes_back(tmp_path):
    folder = made(tmp_path)
    planned, unplanned = nn.Linear(2, 2), nn.Linear(2, 2)
    write_weights(folder.weights, {"net": planned})
    before = folder.weights.read_bytes()
    folder.keep_planned_best()
    write_weights(folder.weights, {"net": unplanned})
    assert folder.weights.read_bytes() != before
    folder.restore_planned_best()
    assert folder.weights.read_bytes() == before
    folder.restore_planned_best()
    assert folder.weights.read_bytes() == before


def test_the_lock_falls_with_its_process(tmp_path):
    folder = made(tmp_path)
    child = os.fork()
    if child == 0:
        with folder.locked():
            os._exit(0)
    os.waitpid(child, 0)
    with folder.locked():
        pass


def test_discarding_leaves_other_runs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    first, second = (RunFolder.create(None, "text", "book.txt") for _ in range(2))
    second.discard()
    assert first.path.is_dir()
    first.discard()
    assert not list(tmp_path.iterdir())


def test_discarding_leaves_the_users_own_folders(tmp_path):
    (tmp_path / "mine").mkdir()
    for out, left in (("mine", ["mine"]), ("mine/a/b", ["mine"]), ("a/b/c", ["mine"])):
        folder = RunFolder.create(str(tmp_path / out), "text", "book.txt")
        with folder.locked():
            folder.note(state="running")
            (folder.path / "resume").mkdir()
            (folder.path / "resume" / "state.json").touch()
        folder.discard()
        assert [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")] == left
    with pytest.raises(InputError, match="cannot be created"):
        RunFolder.create(str(tmp_path / "new" / ("x" * 300)), "text", "book.txt")
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_listing(tmp_path, trained):
    import shutil

    shutil.copytree(trained, tmp_path / "good")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "run.json").write_text("{")
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "run.json").write_text('{"format": 1, "data": 3}')
    (tmp_path / "odd" / "config.json").write_text('{"task": "text", "model": "gpt"}')
    (tmp_path / "no run").mkdir()
    runs = {os.path.basename(run["run"]): run for run in list_runs(tmp_path)}
    assert runs.keys() == {"good", "bad", "odd"}
    assert runs["bad"]["state"] == runs["odd"]["state"] == "unreadable"
    good = runs["good"]
    assert (good["state"], good["task"], good["model"], good["step"]) == ("done", "text", "gpt", 60)
    assert list_runs(tmp_path / "nowhere") == []


def test_what_a_run_records(trained, book):
    about, config = json.loads((trained / "run.json").read_text()), json.loads((trained / "config.json").read_text())
    assert about["format"] == 1
    assert about["state"] == "done"
    assert about["step"] == 60
    assert about["attempts"] == 1
    assert about["seconds"] > 0
    assert about["seed"] == 0
    assert set(about["versions"]) >= {"genlab", "torch", "tokenizers"}
    assert about["versions"]["genlab"] == genlab.__version__
    assert about["machine"]["threads"] == 1
    assert about["data"]["path"] == str(book)
    assert about["data"]["counts"]["train"]["characters"] == 18_000
    assert about["data"]["counts"]["test"]["characters"] == 2_000
    assert "validation" not in about["data"]["counts"]
    assert config["config"]["size"] == "tiny"
    assert None not in [config["config"][key] for key in ("context", "batch", "learning_rate", "dropout")]
    assert "auto" not in config["config"].values()
    assert config["plan"]["steps"] == 60
    assert config["asked"]["context"] is None
    assert (trained / "tokenizer.json").exists()
    card = (trained / "README.md").read_text()
    assert f"{about['test']['loss']:.4g}" in card
    assert "State: done" in card
    assert str(book.parent) not in card

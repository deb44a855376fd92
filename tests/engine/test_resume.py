"""A run that is killed and resumed ends as if nothing had happened."""

import errno
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

import genlab
from genlab.engine.checkpoints import load_state
from genlab.engine.files import saving
from genlab.engine.loop import Loop
from genlab.engine.run_folder import RunFolder
from genlab.errors import InputError
from genlab.tasks.text.gpt import GPTRecipe
from tests.conftest import genlab_process
from tests.engine.short import interrupting
from tests.forks import genlab_fork

OPTIONS = {"steps": 40, "size": "tiny", "context": 16, "batch": 2, "dropout": 0.1}


def train(book: Path, out: Path, resume: bool = False, **options) -> genlab.Run:
    return genlab.train("text", book, out=out, resume=resume, quiet=True, **{**OPTIONS, **options})


def weights(out: Path) -> bytes:
    return (out / "model.safetensors").read_bytes()


def losses(out: Path, split: str = "train") -> list[tuple[int, float]]:
    return [(entry["step"], entry["loss"]) for entry in RunFolder(out).measures() if entry["split"] == split]


@pytest.fixture(scope="module", autouse=True)
def _often():
    """A checkpoint after every step."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Loop, "_checkpoint_due", lambda self: True)
        yield


@pytest.fixture(scope="module")
def whole(book, tmp_path_factory) -> Path:
    """The run that is never interrupted."""
    out = tmp_path_factory.mktemp("whole") / "run"
    train(book, out)
    return out


def fork(task) -> int:
    """Runs `task` in a fork of this process; returns its process id."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            task()
            code = 0
        finally:
            os._exit(code)
    return child


def forked(task, seconds: float | None = None) -> int:
    """Runs `task` in a fork of this process, killed after `seconds`; returns its exit status."""
    child = fork(task)
    if seconds is not None:
        time.sleep(seconds)
        os.kill(child, signal.SIGKILL)
    return os.waitpid(child, 0)[1]


def test_same_command_same_weights(book, whole, tmp_path):
    assert weights(train(book, tmp_path / "run").path) == weights(whole)


def test_killed_again_and_again(book, whole, tmp_path, monkeypatch):
    """SIGKILL at random moments of one run: while it starts, or shortly after a random number of steps."""
    chance, out = random.Random(0), tmp_path / "run"
    for steps in (0, 7, 4, 0, 9, 1):  # 21 of 40, so that every one of them is killed
        steps_made, in_child = os.pipe()
        with monkeypatch.context() as patch:
            patch.setattr(Loop, "_checkpoint_due", lambda self, in_child=in_child: bool(os.write(in_child, b".")))
            child = fork(lambda: train(book, out, resume=out.exists()))
        os.close(in_child)
        for _ in range(steps):
            assert os.read(steps_made, 1)
        time.sleep(chance.uniform(0, 0.01 if steps else 0.3))
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        os.close(steps_made)
    assert train(book, out, resume=True).about["state"] == "done"
    assert weights(out) == weights(whole)
    assert losses(out) == losses(whole)
    assert losses(out, "validation") == losses(whole, "validation")
    assert not list(out.rglob("*.tmp"))


def test_killed_at_every_file(book, tmp_path, monkeypatch):
    """Killed before each file of a short run is renamed: whatever is on disk, the result is the same."""
    options = {"steps": 2}
    whole = train(book, tmp_path / "whole", **options).path
    replace, count = os.replace, [0]

    def counted(*paths):
        if count[0] == 0:
            os._exit(9)
        count[0] -= 1
        replace(*paths)

    files_written, done = 0, False
    while not done:
        out = tmp_path / f"killed-{files_written}"
        with monkeypatch.context() as patch:
            patch.setattr(os, "replace", counted)
            count[0] = files_written
            done = forked(lambda out=out: train(book, out, **options)) == 0
        if not done:
            begun = [path.name for path in out.iterdir() if not path.name.startswith(".")]
            train(book, out, resume=bool(begun), **options)
        assert weights(out) == weights(whole), files_written
        assert losses(out) == losses(whole)
        files_written += 1
    assert files_written > 10


def test_full_disk_costs_nothing(book, whole, tmp_path, monkeypatch):
    """The disk is full at a random later write, repeatedly; the run continues from the checkpoint before."""
    out, chance, fsync, left = tmp_path / "run", random.Random(0), os.fsync, [0]

    def full(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    for _ in range(6):
        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            left[0] = chance.randint(25, 45)
            with pytest.raises(InputError, match=r"no space left.*--resume"):
                train(book, out, resume=out.exists())
        assert load_state(out / "resume") is not None
        assert not list(out.rglob("*.tmp"))
        genlab.load(out).generate(tokens=2)
    assert weights(train(book, out, resume=True).path) == weights(whole)


def test_full_disk_for_the_measures(book, tmp_path, monkeypatch):
    def full(self, entry):
        with saving(self.path / "metrics.jsonl"):
            raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RunFolder, "add_measures", full)
    with pytest.raises(InputError, match="no space left"):
        train(book, tmp_path / "run")


def test_interrupted_run_is_usable_and_resumes_to_the_same(book, whole, tmp_path, monkeypatch):
    out = tmp_path / "run"
    for at in (3, 5, 11, 6):  # before the first validation, and after some
        with monkeypatch.context() as patch:
            patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, at))
            run = train(book, out, resume=out.exists())
        assert run.about["state"] == "interrupted"
        assert run.generate(prompt="the river", tokens=5)[0].content.startswith("the river")
        assert genlab.load(out).generate(tokens=5)
    assert weights(train(book, out, resume=True).path) == weights(whole)
    assert losses(out) == losses(whole)


@pytest.mark.parametrize("other", ["optimisers", "weights of an optimiser", "network"])
def test_a_checkpoint_of_other_parts_is_refused(book, tmp_path, monkeypatch, other):
    """As after a new version of genlab; nothing is lost."""

    class Changed(GPTRecipe):
        def __init__(self, setup) -> None:
            super().__init__(setup)
            adam = self.optimizers["gpt"][-1]
            if other == "optimisers":
                self.optimizers["gpt"].pop()
            elif other == "network":
                self.networks["average"] = self.networks["gpt"]
            else:
                adam.add_param_group({"params": [torch.zeros(2, requires_grad=True)]})

    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 5))
        train(book, out)
    before = weights(out)
    with monkeypatch.context() as patch:
        patch.setattr("genlab.tasks.text.gpt.GPTRecipe", Changed)
        with pytest.raises(InputError, match="the checkpoint has other networks or optimisers") as error:
            train(book, out, resume=True)
    assert error.value.field == "resume"
    assert weights(out) == before
    assert train(book, out, resume=True).about["state"] == "done"


def test_interrupted_keeps_better_weights_and_gives_them_back(book, tmp_path, monkeypatch):
    """Weights of an unplanned moment are used if better, but leave no trace in the finished run."""
    measured = iter([2.5, 2.0, 2.6, 2.6, 2.7, 2.8, 2.9, 2.9, 2.9, 2.9, 2.9])  # the second at the interruption
    whole_measured = iter([2.5, 2.6, 2.6, 2.7, 2.8, 2.9, 2.9, 2.9, 2.9, 2.9])
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "validate", lambda self: {"loss": next(whole_measured)})
        whole = train(book, tmp_path / "whole").path
    monkeypatch.setattr(GPTRecipe, "validate", lambda self: {"loss": next(measured)})
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 6))
        run = train(book, tmp_path / "run")
    assert run.about["best"] == {"loss": 2.0, "step": 6}
    assert weights(run.path) != weights(whole)
    run = train(book, tmp_path / "run", resume=True)
    assert run.about["best"] == {"loss": 2.5, "step": 4}
    assert weights(run.path) == weights(whole)


def test_dropout_goes_on_after_previews(book, tmp_path, monkeypatch):
    """Looking at samples during training must not change it."""
    looked = train(book, tmp_path / "looked", steps=12)
    monkeypatch.setattr(GPTRecipe, "preview", lambda self: [])
    assert weights(train(book, tmp_path / "blind", steps=12).path) == weights(looked.path)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"seed": 1}, "seed"),
        ({"steps": 50}, "steps"),
        ({"size": "laptop"}, "size"),
        ({"batch": 3}, "batch"),
        ({"validation": 0.1}, "validation"),
        ({"test": 0}, "test"),
        ({"tokenizer": "byte"}, "tokenizer"),
        ({"precision": "bf16"}, "precision"),
        ({"model": "lstm"}, "model"),
    ],
)
def test_other_options_are_named(book, tmp_path, monkeypatch, change, field):
    out = tmp_path / "run"
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 2))
        train(book, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    if "model" in change:
        change = {**change, "steps": 40}
        options = {key: value for key, value in OPTIONS.items() if key != "steps"}
        with pytest.raises(InputError, match="started with model gpt, not lstm") as error:
            genlab.train("text", book, out=out, resume=True, quiet=True, **options, **change)
    else:
        with pytest.raises(InputError, match=f"started with {field} .*repeat its command") as error:
            train(book, out, resume=True, **change)
    assert error.value.field == field
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


def test_changed_data_are_refused(tmp_path, book, monkeypatch):
    mine, out = tmp_path / "mine.txt", tmp_path / "run"
    mine.write_text(book.read_text())
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 2))
        train(mine, out)
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    mine.write_text(book.read_text()[:-1] + "?")
    with pytest.raises(InputError, match="has changed since this run was started"):
        train(mine, out, resume=True)
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("change", ["relative", "moved"])
def test_the_same_data_elsewhere_are_the_same(tmp_path, book, monkeypatch, change):
    """Data are compared by content, not by path, including those of a separate validation file."""
    (tmp_path / "before").mkdir()
    mine, other = tmp_path / "before" / "mine.txt", tmp_path / "before" / "validation.txt"
    mine.write_text(book.read_text())
    other.write_text(book.read_text()[:3000])
    whole = train(mine, tmp_path / "whole", validation=other, steps=8)
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 4))
        train(mine, tmp_path / "run", validation=other, steps=8)
    if change == "moved":
        (tmp_path / "before").rename(tmp_path / "after")
        mine, other = tmp_path / "after" / "mine.txt", tmp_path / "after" / "validation.txt"
    else:
        monkeypatch.chdir(tmp_path / "before")
        mine, other = Path("mine.txt"), Path("validation.txt")
    with pytest.raises(InputError, match=r"started with validation a path, not 0\.05"):
        train(mine, tmp_path / "run", resume=True, validation=0.05, steps=8)
    assert weights(train(mine, tmp_path / "run", resume=True, validation=other, steps=8).path) == weights(whole.path)
    assert genlab.load(tmp_path / "run").about["data"]["path"] == str(mine.absolute())


def test_a_start_that_fails_leaves_nothing(tmp_path, book, monkeypatch):
    """Whatever failed, the same command works once the cause is removed."""
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "read", None)
        with pytest.raises(TypeError):
            train(book, tmp_path / "run", steps=2)
    assert not (tmp_path / "run").exists()


def test_a_start_that_is_killed_while_it_reads_is_no_obstacle(tmp_path, book, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "read", lambda *_: time.sleep(60))
        assert forked(lambda: train(book, tmp_path / "run", steps=2), 1.0) == signal.SIGKILL
    assert (tmp_path / "run" / "run.json").exists()
    assert train(book, tmp_path / "run", steps=2).about["attempts"] == 1


def test_finished_runs_are_refused(trained, book):
    about = (trained / "run.json").read_bytes()
    with pytest.raises(InputError, match="finished"):
        genlab.train("text", book, steps=60, size="tiny", validation=0, out=trained, resume=True, quiet=True)
    assert (trained / "run.json").read_bytes() == about


def test_two_writers(book, tmp_path):
    """A second process on the same folder is refused, and the first continues undisturbed."""
    out = tmp_path / "run"
    train(book, out, steps=4, validation=0)
    with RunFolder(out).locked():
        refused = genlab_fork("train", "text", book, "--out", out, "--steps", 4, "--resume", folder=tmp_path)
    assert refused.returncode == 2
    assert "another process" in refused.stderr
    with RunFolder(out).locked(), pytest.raises(InputError, match="another process"), RunFolder(out).locked():
        pass


def test_killed_from_outside(book, tmp_path):
    """The same with real processes, including their start-up; the last one finishes by itself."""
    command = ["train", "text", book, "--steps", 60, "--size", "tiny", "--context", 16, "--batch", 2, "--dropout", 0.1]
    command += ["--validation", 0, "--checkpoint-seconds", 0, "--out"]
    began = time.perf_counter()
    assert genlab_process(*command, "whole", folder=tmp_path).returncode == 0
    takes = time.perf_counter() - began
    out, chance = tmp_path / "killed", random.Random(0)
    for number in range(4):
        words = [*map(str, command), "killed", *(["--resume"] if out.exists() else [])]
        with open(tmp_path / f"errors-{number}", "wb") as errors:
            process = subprocess.Popen(
                [sys.executable, "-m", "genlab", *words], cwd=tmp_path, stdout=subprocess.DEVNULL, stderr=errors
            )
            time.sleep(chance.uniform(0.3 if number else 0.8, 0.9) * takes)
            stop = signal.SIGINT if number == 2 else signal.SIGKILL
            process.send_signal(stop)
            process.wait(60)
        said = (tmp_path / f"errors-{number}").read_text()
        assert process.returncode in (0, 130, -signal.SIGKILL, -signal.SIGINT) or "is finished" in said, said
        if process.returncode == 0 or "is finished" in said:  # or it was killed when all was written
            break
    else:
        last = genlab_process(*command, "killed", *(["--resume"] if out.exists() else []), folder=tmp_path)
        done = last.returncode == 0 or "is finished" in last.stderr  # or the last kill came when all was written
        assert done, last.stderr
    assert weights(out) == weights(tmp_path / "whole")


def test_control_c(book, tmp_path):
    """Ctrl-C gives exit code 130 and a usable run, which the same command finishes with --resume."""
    command = ["train", "text", book, "--steps", 400, "--size", "tiny", "--context", 16, "--batch", 2]
    command += ["--validation", 0, "--out", "run", "--json"]
    words = [sys.executable, "-m", "genlab", *map(str, command)]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "run" / "metrics.jsonl").exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert '"state": "interrupted"' in out
    run = genlab.load(tmp_path / "run")
    assert 0 < run.about["step"] < 400
    assert run.generate(tokens=5)

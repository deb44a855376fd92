"""Several processes train as one, on one machine and on two."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from filelock import FileLock

import genlab
from genlab.engine.budget import Plan, plan_steps
from genlab.engine.checkpoints import load_state
from genlab.engine.run_folder import RunFolder
from genlab.models.vae import reconstruction_loss
from genlab.tasks.text.gpt import GPTRecipe
from tests.engine.every_model import LONGER, MODELS, STEPS, moments, options, train
from tests.engine.halves import in_halves, mean_of_halves
from tests.engine.short import entries, interrupting
from tests.tasks.test_contract import built, recipe_class, small

ROOT = Path(genlab.__file__).parents[1]
DRAWS = ("points", "images", "restyle", "music")
"""Tasks whose processes draw their examples by chance; the others share out those that one process would see."""
HALVED = {"vae": {"reconstruction": mean_of_halves(reconstruction_loss)}}
"""Losses that depend on statistics of a process's batch."""
BY_TOKENS = ("translate",)
"""Tasks whose batches hold a number of tokens: the pairs of one are not those of two of half the size."""


def free_port() -> int:
    """A free port below those that the system gives to connections, which could take it before it is used."""
    while True:
        port = 20_000 + int.from_bytes(os.urandom(2)) % 10_000
        with socket.socket() as found, suppress(OSError):
            found.bind(("127.0.0.1", port))
            return port


def torchrun(*words: object, folder: Path, nodes: int = 1, node: int = 0, port: int | None = None) -> subprocess.Popen:
    """Starts `python -m` ... in two processes: both on this node, or one of two nodes with one process."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nnodes", nodes, "--nproc-per-node", 2 // nodes]
    command += ["--node-rank", node, "--master-addr", "127.0.0.1", "--master-port", port or free_port()]
    return subprocess.Popen(
        [str(word) for word in [*command, "-m", *words]],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
    )


@pytest.fixture(scope="module")
def both(book, tmp_path_factory) -> Path:
    """The folder in which two processes have trained every model."""
    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # the workers of pytest share one folder
    folder = base / "both"
    with FileLock(base / "both.lock"):
        if not folder.exists():
            folder.mkdir()
            shutil.copy(book, folder)
            for task, model in MODELS:
                (folder / f"{task}-{model}").mkdir()
                small(task).data(folder / f"{task}-{model}", model)
            process = torchrun("tests.engine.every_model", folder, folder=folder)
            _, errors = process.communicate(timeout=500)
            assert process.returncode == 0, errors
    return folder


def end(both: Path, task: str, model: str, rank: int = 0) -> dict:
    """What a process recorded of a model's networks and optimisers after the last step."""
    return json.loads((both / f"ends-{rank}.json").read_text())[f"{task}-{model}"]


@pytest.mark.parametrize(("task", "model"), MODELS)
def test_processes_stay_equal(both, task, model):
    """Weights, averages, batch statistics and optimiser states agree, although each process saw other examples."""
    assert end(both, task, model, rank=0)["digest"] == end(both, task, model, rank=1)["digest"]
    run = genlab.load(both / "runs" / f"{task}-{model}")
    assert run.about["state"] == "done"
    assert run.about["machine"]["processes"] == 2
    assert all(weight.isfinite().all() for network in run.pipeline.networks.values() for weight in network.parameters())


def test_a_time_budget_is_decided_for_all_processes(both):
    """Measuring, the plan and its changes: neither process waits for steps that the other does not make."""
    first, second = (json.loads((both / f"ends-{rank}.json").read_text())["timed"] for rank in (0, 1))
    assert first == second
    about = RunFolder(both / "runs" / "timed").about()
    assert about["state"] == "done"
    assert about["step"] == Plan.from_json(RunFolder(both / "runs" / "timed").config()["plan"]).end


def test_an_interrupted_run_keeps_the_metrics_of_all_processes(both):
    """Those that it has not logged yet are in its checkpoint."""
    losses = [json.loads((both / f"ends-{rank}.json").read_text())["interrupted"] for rank in (0, 1)]
    assert len(losses[0]) == len(losses[1]) == 3
    state = load_state(both / "runs" / "interrupted" / "resume")[1]
    assert state["summed"] == 3
    assert state["sums"]["loss"].item() == pytest.approx(sum(losses[0] + losses[1]) / 2)
    assert sum(losses[0]) != pytest.approx(sum(losses[1]))


def test_a_mistake_ends_all_processes(both):
    said = [(both / f"error-{rank}.txt").read_text() for rank in (0, 1)]
    assert said[0] == said[1]
    assert "missing.txt" in said[0]


def measures(out: Path, split: str) -> list[dict[str, float]]:
    """The metrics of each step of a training, without the time."""
    return [{name: entry[name] for name in entry.keys() - {"split", "seconds"}} for entry in entries(out, split)]


@pytest.mark.parametrize(("task", "model"), [(task, model) for task, model in MODELS if task not in BY_TOKENS])
def test_two_processes_equal_one_with_the_double_batch(both, task, model):
    """Compares every metric of every step, and the optimisers' running averages of gradients at the end."""
    with in_halves(recipe_class(task, model), drawn=task in DRAWS):
        run, recipe = train(both, task, model, f"one-{task}-{model}", losses=HALVED.get(model, {}))
    for split in ("train", "validation"):
        mine, theirs = measures(run.path, split), measures(both / "runs" / f"{task}-{model}", split)
        assert split == "validation" or len(mine) == STEPS
        for one, two in zip(mine, theirs, strict=True):
            assert one == pytest.approx(two, abs=2e-4, rel=1e-5)  # cycle errors are out of 255
    assert moments(recipe) == pytest.approx(end(both, task, model)["moments"], rel=1e-3)


@pytest.mark.parametrize("model", ["transformer", "gru"])
def test_pairs_weigh_as_much_as_they_have_tokens(both, model, monkeypatch):
    """Two processes take batches with different numbers of tokens; the update is that of all these tokens together."""
    data = next((both / f"translate-{model}").iterdir())
    given = options("translate", model, processes=2)
    monkeypatch.setitem(small("translate").OPTIONS, model, {key: given[key] for key in ("size", "batch", "dropout")})
    recipe = built("translate", model, str(data))
    peaks, update = [group["lr"] for group in recipe.groups()], recipe.update
    plan, counts, losses, shown = plan_steps(STEPS, validates=True), [], [], []
    monkeypatch.setattr(recipe, "update", lambda _, loss, count, clip=None: losses.append((loss, count, clip)))
    for step in range(STEPS):
        for group, peak in zip(recipe.groups(), peaks, strict=True):
            group["lr"] = peak * plan.factor(step)
        losses.clear()
        for rank in (0, 1):
            batch = recipe.data.train.batch(step, recipe.options.batch, 0, rank, 2)
            recipe.step(batch, plan.progress(step))
        total = sum(count for _, count, _ in losses)
        counts += [count for _, count, _ in losses]
        together = sum(loss * count / total for loss, count, _ in losses)
        shown.append(together.item())
        update(recipe.network, together, clip=losses[0][2])
    assert len(set(counts)) > 1
    trained = entries(both / "runs" / f"translate-{model}", "train")
    assert [line["loss"] for line in trained] == pytest.approx(shown, rel=1e-4)
    assert moments(recipe) == pytest.approx(end(both, "translate", model)["moments"], rel=1e-3)


def workers(process: subprocess.Popen) -> list[int]:
    """The processes started by a torchrun."""
    return [int(child) for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()]


def two_nodes(*words: object, folder: Path) -> list[subprocess.Popen]:
    port = free_port()
    return [torchrun("genlab", *words, folder=folder, nodes=2, node=node, port=port) for node in (0, 1)]


def wait_for_checkpoint(run: Path) -> None:
    until = time.perf_counter() + 100
    while not list((run / "resume").glob("*.safetensors")) and time.perf_counter() < until:
        time.sleep(0.01)


def test_control_c_reaches_all_processes(book, tmp_path, monkeypatch):
    """They end together, long before the next entry in metrics.jsonl is due; torchrun fails, as on every signal."""
    options = {"steps": 1_000_000, "size": "tiny", "context": 16, "batch": 2, "validation": 0}
    given = (f"--{name}={value}" for name, value in options.items())
    command = ["genlab", "train", "text", book, *given, "--checkpoint-seconds", 0, "--json", "--out", "run"]
    process = torchrun(*command, folder=tmp_path)
    wait_for_checkpoint(tmp_path / "run")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    out, errors = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "via Signals.SIGINT, forcefully exiting" not in errors
    assert json.loads(out)["state"] == "interrupted"
    folder = RunFolder.open(tmp_path / "run")
    step = folder.about()["step"]
    assert 0 < step < Plan.from_json(folder.config()["plan"]).log_every
    assert load_state(folder.path / "resume")[0] == step
    with monkeypatch.context() as patch:
        patch.setattr(GPTRecipe, "step", interrupting(GPTRecipe, 3))
        resumed = genlab.train("text", book, out=folder.path, resume=True, quiet=True, **options)
    assert (resumed.about["state"], resumed.about["attempts"], resumed.about["step"]) == ("interrupted", 2, step + 3)


def test_two_nodes_are_killed_and_resume(both, tmp_path):
    """One machine plays both nodes; the result is that of two uninterrupted processes on one node."""
    command = ["train", "text", both / "book.txt", *(f"--{name}={value}" for name, value in LONGER.items())]
    command += ["--checkpoint-seconds", 0, "--json", "--out"]
    nodes = two_nodes(*command, "killed", folder=tmp_path)
    wait_for_checkpoint(tmp_path / "killed")
    for process in nodes:
        started = workers(process)
        process.kill()
        for worker in started:
            os.kill(worker, signal.SIGKILL)
        process.communicate(timeout=60)
    step = load_state(tmp_path / "killed" / "resume")[0]
    assert 0 < step < 120
    said = []
    for process in two_nodes(*command, "killed", "--resume", folder=tmp_path):
        out, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors
        said.append(out)
    assert json.loads(said[0])["state"] == "done"
    assert said[1] == ""  # the first process speaks for all
    assert RunFolder.open(tmp_path / "killed").about()["attempts"] == 2
    ends = [(folder / "model.safetensors").read_bytes() for folder in (tmp_path / "killed", both / "whole")]
    assert ends[0] == ends[1]

"""docs/adding.md is executed: a swapped network, a swapped loss, and a task of another package with two models."""

import json
import random
import re
import subprocess
from pathlib import Path

import pytest

import genlab
from tests.conftest import squares_and_bars
from tests.forks import genlab_fork

PAGE = Path(__file__).parent.parent / "docs/adding.md"
BLOCKS = re.findall(r"```(python|toml)\n(.*?)```", PAGE.read_text(encoding="utf-8"), flags=re.S)


def test_networks_and_losses(tmp_path, monkeypatch):
    squares_and_bars(tmp_path / "pictures")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("genlab.tasks.images.recipe.WATCHED", 50)
    monkeypatch.setattr("genlab.tasks.images.gan.WATCHED", 50)
    names: dict = {}
    for _, code in [block for block in BLOCKS if not block[1].startswith("#")]:
        exec(code, names)
    assert names["same"].generate(n=1)
    assert genlab.load("runs/hinge").folder.config()["losses"]["discriminator"].endswith("hinge")


@pytest.fixture
def bell(tmp_path) -> Path:
    """The package of the page, as pip would install it."""
    for language, code in BLOCKS:
        if language == "python" and code.startswith("# bell/"):
            file, _, where = code.partition("\n")[0].removeprefix("# ").partition(", added ")
            path = tmp_path / "site" / file
            path.parent.mkdir(parents=True, exist_ok=True)
            before = path.read_text(encoding="utf-8") if where else ""
            if where == "to models":
                models, end, after = before.partition("    ),\n    pipeline=")
                path.write_text(models + code.partition("\n")[2] + end + after, encoding="utf-8")
            else:
                path.write_text(before + code, encoding="utf-8")
    about = tmp_path / "site" / "bell-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bell\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[genlab.tasks]\nbell = bell:TASK\n")
    chance = random.Random(0)
    (tmp_path / "numbers.txt").write_text("".join(f"{chance.gauss(1.7, 0.1)}\n" for _ in range(400)))
    return tmp_path


def call(folder: Path, *words: object) -> subprocess.CompletedProcess:
    """Runs genlab in a folder, with the package of the page installed."""
    path = f"{folder / 'site'}:{Path(genlab.__file__).parents[1]}"
    environment = {"PYTHONPATH": path, "PATH": "", "HOME": str(folder)}
    return genlab_fork(*words, folder=folder, env=environment)


def test_a_task_of_another_package(bell):
    """It trains, resumes, generates, evaluates and is listed, without a change in any file of genlab."""
    assert "bell" in call(bell, "train", "--help").stdout
    words = ["train", "bell", "numbers.txt", "--steps", 400, "--batch", 32, "--out", "runs/heights"]
    done = call(bell, *words)
    assert done.returncode == 0, done.stderr
    assert "finished" in call(bell, *words, "--resume").stderr
    made = call(bell, "generate", "runs/heights", "--n", 200, "--json")
    assert made.returncode == 0, made.stderr
    (rows,) = json.loads(made.stdout)["samples"]
    assert sum(row[0] for row in rows) / len(rows) == pytest.approx(1.7, abs=0.05)
    measured = call(bell, "evaluate", "runs/heights", "--json")
    found = json.loads(measured.stdout)
    assert found["split"] == "test"
    assert 20 < found["numbers"] < 60
    assert found["loss"] < 0  # a density above 1
    assert "bell" in call(bell, "runs").stdout
    wrong = call(bell, "train", "bell", "nothing.txt", "--steps", 4)
    assert wrong.returncode == 2
    assert "nothing.txt cannot be read" in wrong.stderr
    assert "learning rate of Adam" in call(bell, "train", "bell", "--help").stdout
    with (bell / "numbers.txt").open("a") as file:
        file.write("1.8\n")
    assert "has changed since training" in call(bell, "evaluate", "runs/heights").stderr


def test_a_model_and_a_sample_set_of_another_package(bell):
    words = ["--model", "laplace", "--median", 165, "--steps", 200, "--out", "runs/laplace"]
    done = call(bell, "train", "bell", "@heights", *words)
    assert done.returncode == 0, done.stderr
    (rows,) = json.loads(call(bell, "generate", "runs/laplace", "--n", 200, "--json").stdout)["samples"]
    assert sum(row[0] for row in rows) / len(rows) == pytest.approx(170, abs=5)
    measured = json.loads(call(bell, "evaluate", "runs/laplace", "--json").stdout)
    assert (measured["data"], measured["split"]) == ("@heights", "test")
    assert re.search("@heights +bell +1,000 heights", call(bell, "samples").stdout)
    assert call(bell, "samples", "@heights", "--to", "written").returncode == 0
    assert len((bell / "written/heights.txt").read_text().split()) == 1000
    assert "@heights holds numbers: choose from @ring, @grid" in call(bell, "train", "points", "@heights").stderr
    assert "@ring holds points: choose from @heights" in call(bell, "train", "bell", "@ring").stderr

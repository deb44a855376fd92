"""docs/adding.md is executed: a swapped network, a swapped loss, and a task of another package."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

import genlab
from tests.conftest import squares_and_bars

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
            path = tmp_path / "site" / code.partition("\n")[0].removeprefix("# ")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(code, encoding="utf-8")
    about = tmp_path / "site" / "bell-0.1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: bell\nVersion: 0.1\n")
    (about / "entry_points.txt").write_text("[genlab.tasks]\nbell = bell:TASK\n")
    (tmp_path / "numbers.txt").write_text("".join(f"{1.7 + (number * 37 % 41 - 20) / 100}\n" for number in range(400)))
    return tmp_path


def test_a_task_of_another_package(bell):
    """It trains, resumes, generates, evaluates and is listed, without a change in any file of genlab."""
    here = Path(genlab.__file__).parents[1]

    def call(*words: object) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "genlab", *map(str, words)]
        environment = {"PYTHONPATH": f"{bell / 'site'}:{here}", "PATH": "", "HOME": str(bell)}
        return subprocess.run(command, cwd=bell, capture_output=True, text=True, timeout=120, env=environment)

    assert "bell" in call("train", "--help").stdout
    words = ["train", "bell", "numbers.txt", "--steps", 400, "--batch", 32, "--out", "runs/heights"]
    done = call(*words)
    assert done.returncode == 0, done.stderr
    assert "finished" in call(*words, "--resume").stderr
    made = call("generate", "runs/heights", "--n", 200, "--json")
    assert made.returncode == 0, made.stderr
    (rows,) = json.loads(made.stdout)["samples"]
    assert sum(row[0] for row in rows) / len(rows) == pytest.approx(1.7, abs=0.05)
    measured = call("evaluate", "runs/heights", "--json")
    assert json.loads(measured.stdout)["loss"] < 5
    assert "bell" in call("runs").stdout
    wrong = call("train", "bell", "nothing.txt", "--steps", 4)
    assert wrong.returncode == 2
    assert "one number per line" in wrong.stderr
    assert "learning rate of Adam" in call("train", "bell", "--help").stdout

"""Ten steps of a tiny GPT lose what they lost when gpt.json was recorded.

A change of these figures means that training changed. Where it was meant to, record them anew:

    python -m tests.golden.test_gpt
"""

import json
import platform
import tempfile
from pathlib import Path

import pytest

RECORDED = Path(__file__).with_name("gpt.json")
OPTIONS = {
    "steps": 10, "size": "tiny", "context": 32, "batch": 8, "tokenizer": "char", "dropout": 0.0, "weight_decay": 0.0,
    "learning_rate": 0.03, "embedding_learning_rate": 0.01, "validation": 0, "test": 0, "seed": 7, "device": "cpu",
}  # fmt: skip


def losses(folder: Path) -> list[float]:
    import genlab
    from tests.conftest import sentences

    (folder / "book.txt").write_text(sentences(5_000, seed=1))
    run = genlab.train("text", folder / "book.txt", out=folder / "run", precision="32", quiet=True, **OPTIONS)
    return [entry["loss"] for entry in run.folder.measures() if entry["split"] == "train"]


def test_losses(tmp_path):
    recorded = json.loads(RECORDED.read_text())
    assert recorded["options"] == OPTIONS, "recorded with other options"
    assert losses(tmp_path) == pytest.approx(recorded["losses"], abs=1e-3)
    assert recorded["losses"][-1] < recorded["losses"][0] - 0.5


if __name__ == "__main__":
    import torch

    import genlab

    with tempfile.TemporaryDirectory() as folder:
        values = losses(Path(folder))
    made = {"genlab": genlab.__version__, "torch": torch.__version__, "processor": platform.machine()}
    record = {"about": "python -m tests.golden.test_gpt", "made with": made, "options": OPTIONS, "losses": values}
    RECORDED.write_text(json.dumps(record, indent=2) + "\n")

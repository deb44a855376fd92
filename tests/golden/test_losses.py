"""Ten steps of a tiny model lose what they lost when its record was made.

A change of these figures means that training changed. Where it was meant to, record them anew:

    python -m tests.golden.test_losses
"""

import json
import platform
import tempfile
from pathlib import Path
from unittest import mock

import pytest

COMMON = {
    "steps": 10, "size": "tiny", "tokenizer": "char", "dropout": 0.0, "weight_decay": 0.0, "learning_rate": 0.03,
    "embedding_learning_rate": 0.01, "validation": 0, "test": 0, "seed": 7, "device": "cpu", "precision": "32",
}  # fmt: skip
OPTIONS = {"gpt": {**COMMON, "context": 32, "batch": 8}, "transformer": {**COMMON, "batch": 512}}


def record(model: str) -> Path:
    return Path(__file__).with_name(f"{model}.json")


def losses(model: str, folder: Path) -> list[float]:
    """Of every step, with Muon in float32 on processors with bfloat16 units too."""
    import torch

    import genlab
    from tests.conftest import phrases, sentences, tabbed

    task, content = ("text", sentences(5_000, seed=1)) if model == "gpt" else ("translate", tabbed(phrases(300)))
    (folder / "data.txt").write_text(content, encoding="utf-8")
    with mock.patch("genlab.layers.muon.fast_dtype", return_value=torch.float32):
        run = genlab.train(task, folder / "data.txt", model, out=folder / "run", quiet=True, **OPTIONS[model])
    return [entry["loss"] for entry in run.folder.measures() if entry["split"] == "train"]


@pytest.mark.parametrize("model", OPTIONS)
def test_losses(model, tmp_path):
    recorded = json.loads(record(model).read_text())
    assert recorded["options"] == OPTIONS[model], "recorded with other options"
    assert losses(model, tmp_path) == pytest.approx(recorded["losses"], abs=1e-3)
    assert recorded["losses"][-1] < recorded["losses"][0] - 0.5


if __name__ == "__main__":
    import torch

    import genlab

    made = {"genlab": genlab.__version__, "torch": torch.__version__, "processor": platform.machine()}
    for model, options in OPTIONS.items():
        with tempfile.TemporaryDirectory() as folder:
            values = losses(model, Path(folder))
        about = {"about": "python -m tests.golden.test_losses", "made with": made, "options": options, "losses": values}
        record(model).write_text(json.dumps(about, indent=2) + "\n")

"""Import times: a command that needs no torch does not import it."""

import subprocess
import sys
from pathlib import Path

import pytest

import genlab

RUNS = str(Path(__file__).parents[1] / "fixtures" / "format-1")


@pytest.mark.parametrize(
    "words",
    [[], ["--help"], ["-h"], ["--version"], ["train", "--help"], ["train"], ["train", "text", "--help"],
     ["train", "text", "--model", "lstm", "--help"], ["train", "points", "--help"], ["generate", "--help"],
     ["attention", "--help"],
     ["evaluate", "-h"], ["runs", "--help"], ["samples"], ["train", "text", "--stesp", "3"],
     ["runs", "--folder", RUNS], ["attention", f"{RUNS}/text-gpt", "--help"],
     ["generate", f"{RUNS}/text-gpt", "--help"], ["generate", f"{RUNS}/images-gan", "--help"],
     ["generate", f"{RUNS}/points-gan", "--help"], ["generate", f"{RUNS}/translate-transformer", "--help"],
     ["predict", f"{RUNS}/classify-cnn", "--help"],
     ["export", f"{RUNS}/text-gpt", "--help"], ["evaluate", f"{RUNS}/points-gan", "--help"]],
    ids=" ".join,
)  # fmt: skip
def test_help_imports_no_torch(tmp_path, words):
    code = (
        "import sys\nfrom genlab.cli import main\ntry:\n    main(sys.argv[1:])\nfinally:\n"
        "    heavy = {'torch', 'lightning_fabric', 'tokenizers', 'matplotlib'} & set(sys.modules)\n"
        "    assert not heavy, heavy\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, timeout=60
    )
    assert "AssertionError" not in done.stderr
    assert "Traceback" not in done.stderr
    assert done.returncode == (2 if "--stesp" in words else 0)
    assert done.stdout or "--stesp" in words


def test_writing_loads_nothing_for_training():
    """Fabric and torch's compiler would take as long to load as torch."""
    code = (
        f"import sys, genlab\ngenlab.load({RUNS + '/text-gpt'!r}).generate(tokens=60)\n"
        "heavy = {'lightning_fabric', 'torch._dynamo', 'sympy', 'matplotlib'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_importing_genlab_is_lazy():
    code = "import genlab, sys; assert 'torch' not in sys.modules; genlab.train; assert 'torch' in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
    assert set(genlab.__all__) <= set(dir(genlab)) | {"Run", "import_folder", "load", "look", "train"}
    with pytest.raises(AttributeError, match="no attribute 'fly'"):
        _ = genlab.fly

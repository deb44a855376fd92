import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import decoding
import pytest
import torch

import genlab
from genlab.layers import packed
from tests.conftest import sentences

TINY = {"model": "qwen3", "depth": 2, "width": 64, "vocabulary": 100, "threads": 1}


def test_a_token_reads_every_matrix_once():
    network = decoding.ours(Namespace(**TINY), "plain")
    read = sum(weight.numel() for weight in network.parameters() if weight.ndim == 2)  # the tied head is the embedding
    assert decoding.weight_bytes(network) == 4 * read


def test_greedy_writing_is_the_likeliest_of_all_that_was_read():
    network = decoding.ours(Namespace(**TINY), "plain")
    prompt = torch.randint(100, (3, 7))
    written = decoding.write_greedily(network, prompt, 5)
    whole = torch.cat((prompt, written), 1)
    assert torch.equal(network(whole)[:, 6:-1].argmax(-1), written)


def test_a_way_answers():
    """The process that one method runs in: two jobs, with their seconds and memory peaks."""
    words = [f"--{key}={value}" for key, value in TINY.items()]
    done = subprocess.run(
        [sys.executable, Path(decoding.__file__), "--way", "int8", *words], input="[1, 4, 3]\n[2, 9, 1]\n", text=True,
        capture_output=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    built, *answers = map(json.loads, done.stdout.splitlines())
    assert built["built"] > 0
    assert len(answers) == 2
    assert all(answer["seconds"] > 0 and answer["peak"] > 50 for answer in answers)


def test_what_rounding_costs(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(packed, "MIN_WEIGHTS", packed.MIN_WEIGHTS)
    (tmp_path / "book.txt").write_text(sentences(3_000))
    options = {"size": "tiny", "context": 16, "batch": 2, "tokenizer": "char", "quiet": True}
    run = genlab.train("text", tmp_path / "book.txt", out=tmp_path / "run", steps=3, **options)
    decoding.losses(str(run.path))
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[2:]]
    found = {weights: float(loss) for weights, loss in rows}
    assert found["32"] == pytest.approx(found["plain"], abs=2e-6)
    assert found["plain"] == pytest.approx(run.about["test"]["loss"], abs=1e-5)
    assert found["16"] == pytest.approx(found["plain"], abs=1e-3)
    assert found["int8"] == pytest.approx(found["plain"], abs=0.05)
    assert found["int8"] != found["plain"]

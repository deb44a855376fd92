import json
import subprocess
import sys
from argparse import Namespace
from pathlib import Path

import decoding
import torch

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
    """The process that one way runs in: two jobs, their seconds and peaks."""
    words = [f"--{key}={value}" for key, value in TINY.items()]
    done = subprocess.run(
        [sys.executable, Path(decoding.__file__), "--way", "int8", *words], input="[1, 4, 3]\n[2, 9, 1]\n", text=True,
        capture_output=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    built, *answers = map(json.loads, done.stdout.splitlines())
    assert built["built"] > 0
    assert len(answers) == 2
    assert all(answer["seconds"] > 0 and answer["peak"] > 50 for answer in answers)

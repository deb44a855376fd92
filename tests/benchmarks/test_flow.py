"""The benchmark of flows: the peer's training, what is asked for, measures of real pictures, and the report."""

import json
import sys
from argparse import Namespace
from dataclasses import replace
from pathlib import Path

import flow
import flow_peer
import flow_report
import numpy as np
import pytest
import torch

from genlab.data.pictures.picture_set import read_pictures
from genlab.engine.machine import Machine
from genlab.tasks.images import accuracy_score
from genlab.tasks.images.options import FlowRequest
from genlab.tasks.shared import judges
from tests.data.made import folder_of

MATCHING = """
class ConditionalFlowMatcher:
    def __init__(self, sigma):
        assert sigma == 0

    def sample_location_and_conditional_flow(self, x0, x1):
        return x0.new_full((len(x0),), 0.5), (x0 + x1) / 2, x1 - x0
"""
NETWORK = """
from torch import nn


class UNetModel(nn.Module):
    def __init__(self, dim, num_channels, num_res_blocks, num_classes, class_cond):
        super().__init__()
        assert (dim, num_channels, num_res_blocks, class_cond) == ((1, 28, 28), 32, 1, True)
        self.colours = nn.Embedding(num_classes, 1)

    def forward(self, t, x, y):
        return self.colours(y)[:, :, None, None] - x
"""
SOLVER = """
import torch


def odeint(velocity, x, ends, rtol, atol, method):
    assert (rtol, atol, method) == (1e-4, 1e-4, "dopri5")
    return torch.stack([x, x + velocity(ends[0], x)])
"""


@pytest.fixture
def peer(tmp_path, monkeypatch) -> Path:
    """A folder with modules like torchcfm's, whose network learns the mean colour of each class."""
    folder = tmp_path / "peer"
    (folder / "torchcfm" / "models").mkdir(parents=True)
    (folder / "torchcfm" / "conditional_flow_matching.py").write_text(MATCHING)
    (folder / "torchcfm" / "models" / "unet.py").write_text(NETWORK)
    (folder / "torchdiffeq.py").write_text(SOLVER)
    monkeypatch.setattr(sys, "path", [*sys.path])
    known = set(sys.modules)
    yield folder
    for name in set(sys.modules) - known:
        if name.startswith(("torchcfm", "torchdiffeq")):
            del sys.modules[name]


@pytest.fixture(scope="module")
def grey(tmp_path_factory) -> Path:
    """Grey pictures of two classes."""
    return Path(folder_of(tmp_path_factory.mktemp("data") / "grey", {"a": 80, "b": 80}, channels=1))


@pytest.fixture
def quick(monkeypatch) -> None:
    monkeypatch.setattr(judges, "STEPS", 20)
    monkeypatch.setattr(accuracy_score, "STEPS", 3)


def test_the_peer_learns_classes_and_repeats_no_picture_within_an_epoch(grey, peer, monkeypatch):
    found = read_pictures(str(grey), "0", "0", pixels=28)
    monkeypatch.setattr(flow_peer, "BATCH", 50)
    orders, permuted = [], torch.randperm
    monkeypatch.setattr(torch, "randperm", lambda count: [orders.append(count), permuted(count)][1])
    make, steps, spent = flow_peer.train_torchcfm(peer, found.train, 2, 1.5, 0, Machine("cpu"))
    assert spent >= 1.5
    assert orders == [len(found.train)] * -(-steps // (len(found.train) // 50))
    labels = torch.tensor([0, 1, 0])
    made = make(labels, 3)
    assert made.shape == (3, 1, 28, 28)
    assert torch.equal(made, make(labels, 3))
    torch.testing.assert_close(made[0], made[2])
    assert (made[0] - made[1]).abs().max() > 0.01


def test_the_peer_must_be_installed(grey, tmp_path):
    found = read_pictures(str(grey), "0", "0", pixels=28)
    with pytest.raises(SystemExit, match=r"has no torchcfm: install it as flow_peer\.py says"):
        flow_peer.train_torchcfm(tmp_path, found.train, 2, 1.0, 0, Machine("cpu"))


def test_what_is_asked_for():
    options = Namespace(guidance=[1.0, 2.0], flow_steps=[4, 16], swept=1)
    usual = [FlowRequest(guidance=1.0), FlowRequest(guidance=2.0)]
    more = [(4, "heun"), (4, "euler"), (16, "euler")]
    swept = [FlowRequest(guidance=2.0, flow_steps=steps, sampler=sampler) for steps, sampler in more]
    assert flow.requests(options, 0) == usual + swept
    assert flow.requests(options, 1) == usual


def test_real_pictures_are_at_the_floor_and_show_their_classes(grey, quick):
    options = Namespace(data=str(grey), label=None, caption=[], pixels=16, pictures=30, against="train", score=True)
    bench = flow.prepare(options)
    test = bench.found.test
    assert len(bench.prompts) == len(test) < len(bench.wanted.labels) == len(bench.real) == 30
    again = np.arange(30) % len(test)
    real = replace(bench.prompts.pictures, described=None).take(again)
    assert real.labels.tolist() == bench.wanted.labels.tolist()
    trained = Namespace(make=lambda wanted, request: real.array[real.rows])
    found = flow.measure(options, bench, "gan", trained, FlowRequest(guidance=1.0))
    assert found["adherence"]["all"]["model"] == found["adherence"]["all"]["real"]
    assert found["score"].keys() == {"generated", "real"}
    noise = Namespace(make=lambda wanted, request: 255 - real.array[real.rows])
    assert found["frechet"] < flow.measure(options, bench, "gan", noise, FlowRequest())["frechet"]


def test_it_runs_in_pieces(grey, peer, quick, tmp_path, monkeypatch, capsys):
    command = ["flow.py", str(grey), "--pixels", "16", "--seconds", "1", "--pictures", "12", "--against", "train"]
    command += ["--guidance", "1", "--flow-steps", "2", "--score", "--results", str(tmp_path / "results.jsonl")]
    monkeypatch.setattr(sys, "argv", [*command, "--models", "flow"])
    flow.main()
    first = (tmp_path / "results.jsonl").read_text()
    (line,) = [json.loads(line) for line in first.splitlines()]
    asked = [(row["guidance"], row["flow_steps"], row["sampler"]) for row in line["measured"]]
    assert asked == [(1.0, 16, "heun"), (2.0, 2, "heun"), (2.0, 2, "euler")]
    assert ["score" in row for row in line["measured"]] == [True, False, False]
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*command, "--peer", str(peer), "--sheets", str(tmp_path)])
    flow.main()
    found = (tmp_path / "results.jsonl").read_text()
    assert found.startswith(first)
    lines = [json.loads(line) for line in found.splitlines()]
    assert [line["model"] for line in lines] == ["flow", "gan", "torchcfm"]
    assert all(line["steps"] > 0 and line["measured"][0]["score"] for line in lines)
    assert (tmp_path / "grey-torchcfm-1s.png").read_bytes().startswith(b"\x89PNG")
    out = capsys.readouterr().out
    assert "| sampler | steps |" in out
    assert "What pictures of torchcfm show" in out


def test_the_report_has_each_guidance_and_unseen_combinations(capsys):
    shares = lambda by: {"model": by, "real": 1.0, "chance": 0.25}
    about = {"features": {"name": "some", "sha256": "0" * 64}, "pictures": 1000, "prompts": 900}
    about |= {"floor": {"frechet": 6.4, "recall": 0.9, "precision": 0.8}, "seconds_of_shown": 9.0, "read": 100}

    def line(model: str, by: float, **more) -> dict:
        rows = [
            {"guidance": guidance, "flow_steps": 16, "sampler": "heun", "frechet": 100 * by, "recall": by,
             "precision": guidance / 4, "making": 5.0, **more}
            for guidance in (1.0, 2.0)[: 2 if model == "flow" else 1]
        ]  # fmt: skip
        return {"model": model, "seconds": 600, "steps": 1234, **about, "measured": rows}

    lines = []
    for by in (0.5, 0.7, 0.6):
        seen = {"each": {"hair": shares(0.9)}, "all": shares(by)}
        unseen = {"prompts": 90, "each": {"hair": shares(0.8)}, "all": shares(0.4)}
        lines.append(line("flow", by, adherence={**seen, "seen": {"prompts": 810, **seen}, "unseen": unseen}))
    flow_report.report([*lines, line("gan", 0.3)])
    out = capsys.readouterr().out.splitlines()
    assert "of each kind. Between real pictures: Fréchet distance 6.4, recall 0.900, precision 0.800." in out
    start = "60.0 (50.0 to 70.0) | 0.600 (0.500 to 0.700)"
    assert f"| flow | 2 | {start} | 0.500 | 60.0% (50.0% to 70.0%) | 5.0 |" in out
    assert "| gan |  | 30.0 | 0.300 | 0.250 |  | 5.0 |" in out
    assert "| flow | 600 | 1,234 | 100 | 9.0 |" in out
    assert "| all | 60.0% (50.0% to 70.0%) | 100.0% | 25.0% |" in out
    assert "| hair, seen combinations | 90.0% | 100.0% | 25.0% |" in out
    assert "| all, unseen combinations | 40.0% | 100.0% | 25.0% |" in out
    assert not any("score" in row or "sampler" in row for row in out)

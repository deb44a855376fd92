"""The benchmark of models that change pictures: the peer's updates, the pictures with two values, and the report."""

import json
import sys
from argparse import Namespace
from pathlib import Path

import numpy as np
import pytest
import restyle
import restyle_models
import restyle_peer
import torch

from genlab.data.pictures.attribute_set import read_attributed
from genlab.data.pictures.attributes import Attribute
from genlab.engine.machine import Machine
from genlab.tasks.shared import judges
from tests.data.made import folder_of
from tests.tasks.restyle.made import signs

NETWORKS = """
import torch
from torch import nn


class Generator(nn.Module):
    def __init__(self, conv_dim, c_dim, repeat_num):
        super().__init__()
        self.layer = nn.Conv2d(3 + c_dim, 3, 1)

    def forward(self, x, c):
        return torch.tanh(self.layer(torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:])], 1)))


class Discriminator(nn.Module):
    def __init__(self, image_size, conv_dim, c_dim, repeat_num):
        super().__init__()
        assert 1 <= image_size >> repeat_num < 2
        self.score, self.values = nn.Conv2d(3, 1, 3), nn.Linear(3, c_dim)

    def forward(self, x):
        return self.score(x), self.values(x.mean((2, 3)))
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Networks with the signatures of yunjey/stargan's, but of one layer each."""
    (tmp_path / "stargan").mkdir()
    (tmp_path / "stargan" / "model.py").write_text(NETWORKS)
    return tmp_path / "stargan"


@pytest.fixture
def quick_judge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judges, "STEPS", 60)


def read(folder: Path):
    return read_attributed(str(folder), *restyle_models.SHARES.values(), pixels=16, attributes=("colour",))


def test_the_peer_updates_its_generator_once_in_five_steps(tmp_path, repository, monkeypatch):
    found, updated, rates = read(signs(tmp_path / "signs")), [], []
    update = restyle_peer._update

    def recorded(optimizer: torch.optim.Optimizer, loss: torch.Tensor) -> None:
        (group,) = optimizer.param_groups
        updated.append("generator" if group["params"][0].shape[1] == 3 + 3 else "discriminator")
        rates.append(group["lr"])
        update(optimizer, loss)

    monkeypatch.setattr(restyle_peer, "_update", recorded)
    change, steps = restyle_peer.train_stargan(repository, found.train, [3], 1.0, 0, Machine("cpu"))
    assert steps == updated.count("discriminator") >= 10
    assert updated[:12] == [*["discriminator"] * 5, "generator", *["discriminator"] * 5, "generator"]
    assert rates[0] == restyle_peer.RATE
    assert sorted(rates, reverse=True) == rates
    assert rates[-1] < 0.5 * restyle_peer.RATE
    pictures = found.train.pictures.tensor(slice(4))
    one, other = (change(pictures, torch.full((4, 1), value)) for value in (0, 1))
    assert one.shape == pictures.shape
    assert not torch.equal(one, other)


def test_the_peer_needs_a_clone_and_colours(tmp_path, repository):
    found = read(signs(tmp_path / "signs"))
    with pytest.raises(SystemExit, match="clone https"):
        restyle_peer.train_stargan(tmp_path, found.train, [3], 1.0, 0, Machine("cpu"))
    grey = read_attributed(folder_of(tmp_path / "grey", {"a": 30, "b": 30}, channels=1), "0", "0", pixels=16)
    with pytest.raises(SystemExit, match="colour pictures only"):
        restyle_peer.train_stargan(repository, grey.train, [3], 1.0, 0, Machine("cpu"))


def test_the_pictures_with_two_values_are_written_as_read(tmp_path):
    found = read(signs(tmp_path / "signs"))
    restyle_models.write_pair(tmp_path / "pair.zip", found.train, found, [0, 2])
    again = read_attributed(str(tmp_path / "pair.zip"), "0", "0", pixels=16, attributes=("colour",))
    assert again.attributes == [Attribute("colour", ["blue", "red"])]
    assert again.kept == found.kept
    chosen = np.flatnonzero(found.train.values[:, 0] != 1)
    pictures = found.train.pictures
    np.testing.assert_array_equal(again.train.pictures.array[again.train.pictures.rows],
                                  pictures.array[pictures.rows[chosen]])  # fmt: skip
    np.testing.assert_array_equal(again.train.values, found.train.values[chosen] // 2)
    np.testing.assert_array_equal(again.train.kept, found.train.kept[chosen])


def test_values_get_the_indices_of_another_run():
    before = [Attribute("size", ["large", "small"]), Attribute("colour", ["blue", "green", "red"])]
    values = np.array([[0, 2], [1, 0], [0, 2]])
    found = restyle_models.recoded(values, before, [Attribute("colour", ["red", "blue"])])
    assert found.tolist() == [[0], [1], [0]]


def test_the_truth_has_no_error_and_the_input_every_one(quick_judge):
    bench = restyle.prepare(Namespace(data="@faces:400", attribute=["hair"], pixels=32))
    pair = list(bench.changes)[-1]
    changes = bench.changes[pair]
    assert set(changes.wanted) == set(changes.present) == set(bench.pair)
    assert (changes.wanted != changes.present).all()
    for name, truth in bench.truth.items():
        right, same = (restyle.measure(bench, name, made) for made in (truth, bench.changes[name].pictures))
        for suffix in ("", "_above_2"):
            assert [right[key + suffix] for key in ("outside_changed", "inside_wrong", "wrong")] == [0, 0, 0]
            assert same["outside_changed" + suffix] == 0
        assert same["inside_wrong"] == 1
        assert same["kept"] == dict.fromkeys(("glasses", "beard", "skin"), 1)


def test_it_runs_in_pieces(tmp_path, repository, quick_judge, monkeypatch, capsys):
    command = ["restyle.py", str(signs(tmp_path / "signs", 120)), "--attribute", "colour", "--seconds", "2"]
    command += ["--results", str(tmp_path / "results.jsonl"), "--sheets", str(tmp_path)]
    monkeypatch.setattr(sys, "argv", [*command, "--models", "stargan"])
    restyle.main()
    first = (tmp_path / "results.jsonl").read_text()
    assert [json.loads(line)["model"] for line in first.splitlines()] == [*restyle.BASELINES, "stargan"]
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", [*command, "--peer-repo", str(repository)])
    restyle.main()
    found = (tmp_path / "results.jsonl").read_text()
    assert found.startswith(first)
    lines = [json.loads(line) for line in found.splitlines()]
    assert [line["model"] for line in lines[4:]] == ["cyclegan", "peer"]
    everything, pair = lines[0]["measured"]
    assert everything == "all" and " <-> " in pair
    assert [list(line["measured"]) for line in lines[3:]] == [[everything, pair], [pair], [everything, pair]]
    assert all(line["steps"] > 0 for line in lines[3:])
    rows = [line.split("|")[1].strip() for line in capsys.readouterr().out.splitlines() if line.startswith("| ")]
    assert (rows.count("stargan"), rows.count("cyclegan"), rows.count("swap")) == (2, 1, 2)
    assert (tmp_path / "signs-cyclegan-2s.png").read_bytes().startswith(b"\x89PNG")


def test_the_report_has_medians_and_ranges(capsys):
    def line(model: str, flips: float, glasses: float, skin: float) -> dict:
        measured = {"judge": {"hair": 0.99, "glasses": 1.0, "skin": None}, "flip_rate": flips, "wrong": flips / 10}
        return {
            "model": model, "seconds": 600, "steps": 1234, "seed": 0,
            "measured": {"all": {**measured, "kept": {"glasses": glasses, "skin": skin}}},
        }  # fmt: skip

    restyle.report([line("swap", 0.9, 1.0, 0.7), *(line("ours", flips, 0.99, flips) for flips in (0.5, 0.8, 0.7))])
    out = capsys.readouterr().out.splitlines()
    assert "hair 99.0%, glasses 100.0%." in out[1]
    assert "| swap | 90.0% | 70.0% | 9.00% | 600 | 1,234 |" in out
    assert "| ours | 70.0% (50.0% to 80.0%) | 70.0% (50.0% to 80.0%) | 7.00% (5.00% to 8.00%) | 600 | 1,234 |" in out
    assert "| glasses | 100.0% | 99.0% |" in out

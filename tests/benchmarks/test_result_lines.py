"""Results as JSON lines: what belongs together, and medians with ranges."""

import json
from argparse import Namespace

import result_lines
import torch

OPTIONS = Namespace(data="@faces", seconds=600.0, sheets="somewhere")


def test_results_of_other_code_machines_and_options_are_not_mixed(tmp_path, monkeypatch, capsys):
    setting = lambda options=OPTIONS: result_lines.setting_of(options, ("data", "seconds"))
    before, results = setting(), tmp_path / "results.jsonl"
    assert result_lines.read(results, before) == []
    line = {"setting": before, "model": "flow", "seed": 0}
    result_lines.append(results, line)
    assert json.loads(capsys.readouterr().out) == line
    assert result_lines.read(results, setting()) == [line]
    assert len(before["revision"]) >= 40
    assert result_lines.read(results, setting(Namespace(**{**vars(OPTIONS), "sheets": "elsewhere"}))) == [line]
    assert result_lines.read(results, setting(Namespace(**{**vars(OPTIONS), "seconds": 60.0}))) == []
    with monkeypatch.context() as patch:
        patch.setattr(torch, "get_num_threads", lambda: 99)
        assert result_lines.read(results, setting()) == []
    monkeypatch.setattr(result_lines.subprocess, "check_output", lambda *_, **__: "another\n")
    assert result_lines.read(results, setting()) == []


def test_medians_and_ranges():
    assert result_lines.spread([]) == ""
    assert result_lines.spread([0.25]) == "25.0%"
    assert result_lines.spread([3.0, 1.0, 2.0], "{:.0f}") == "2 (1 to 3)"

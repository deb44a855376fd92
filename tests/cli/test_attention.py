"""`genlab attention`."""

import pytest
import torch

import genlab
from tests.cli.conftest import objects


def test_attention(cli, copied, tmp_path):
    """A table, two pictures in the run's samples, and the same as JSON."""
    code, out, err = cli("attention", copied, "--prompt", "the river\n")
    assert code == 0
    assert out.splitlines()[0].split() == ["self", "attention", "entropy", "(bits)", "distance", "(tokens)"]
    assert [line.split("  ")[0] for line in out.splitlines()[1:]] == [
        "layer 0, head 0", "layer 0, head 1", "layer 1, head 0", "layer 1, head 1", "uniform attention",
    ]  # fmt: skip
    samples = copied / "samples"
    assert err == f"wrote {samples / 'attention.png'}\nwrote {samples / 'attention-heads.png'}\n"
    for name in ("attention", "attention-heads"):
        assert (samples / f"{name}.png").read_bytes().startswith(b"\x89PNG")
    code, out, err = cli("attention", copied, "--prompt", "the river\n", "--to", "new/look.png", "--json")
    assert (code, err) == (0, "")
    (found,) = objects(out)
    assert found["files"] == ["new/look.png", "new/look-heads.png"]
    assert (tmp_path / "new" / "look.png").read_bytes() == (samples / "attention.png").read_bytes()
    maps = found["maps"]
    assert [(one["name"], one["layer"], one["heads"]) for one in maps] == [("self", 0, [0, 1]), ("self", 1, [0, 1])]
    assert maps[0]["rows"] == maps[0]["columns"] == [*"the␣river⏎"]
    for head in maps[1]["weights"]:
        assert [sum(row) for row in head] == pytest.approx([1] * 10, abs=1e-5)
        assert all(weight == 0 for place, row in enumerate(head) for weight in row[place + 1 :])
    again = genlab.load(copied).attention("the river\n")
    assert [one.entropy for one in again] == [one["entropy"] for one in maps]
    for mine, theirs in zip(again, maps, strict=True):
        torch.testing.assert_close(mine.weights, torch.tensor(theirs["weights"]), rtol=0, atol=1e-6)


def test_attention_of_one_layer_or_head(cli, copied):
    (whole,) = objects(cli("attention", copied, "--prompt", "the", "--json")[1])
    for words, stem, layers, heads, count in (
        (["--layer", 1], "attention-layer-1", [1], [0, 1], 2),
        (["--head", 1], "attention-head-1", [0, 1], [1], 2),
        (["--layer", 1, "--head", 1], "attention-layer-1-head-1", [1], [1], 1),
    ):
        (found,) = objects(cli("attention", copied, "--prompt", "the", *words, "--json")[1])
        files = [copied / "samples" / f"{stem}{end}.png" for end in ("", "-heads")][:count]
        assert found["files"] == [str(file) for file in files]
        assert all(file.exists() for file in files)
        assert [one["layer"] for one in found["maps"]] == layers
        for one in found["maps"]:
            assert one["heads"] == heads
            assert one["weights"] == [whole["maps"][one["layer"]]["weights"][head] for head in heads]
            assert one["distance"] == [whole["maps"][one["layer"]]["distance"][head] for head in heads]

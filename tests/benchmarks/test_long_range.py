import json
import os
from pathlib import Path

import pytest
import torch
from dilated_cnn import DilatedCNN, depth_to_see
from gru_attention import AdditiveAttention
from long_range_models import MODELS, new_model, optimizers, parameters
from long_range_report import accuracy, tables
from long_range_tasks import AFTER, KEYS, NONE, ORDERS, SYMBOLS, TASKS

from tests.forks import python

ROOT = Path(__file__).parents[2]


def sequences(task: str, distance: int, batch: int = 5, seed: int = 0):
    return TASKS[task].make(batch, distance, torch.Generator().manual_seed(seed))


# --- the tasks ------------------------------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("distance", [2, 8, 64])
def test_sequences(task, distance):
    tokens, targets = sequences(task, distance)
    assert tokens.shape == targets.shape == (5, TASKS[task].length * distance)
    asked = targets[targets != NONE]
    for kind in (tokens, asked):
        assert 0 <= kind.min() <= kind.max() < TASKS[task].vocabulary
    again, _ = sequences(task, distance)
    other, _ = sequences(task, distance, seed=1)
    assert torch.equal(tokens, again)
    assert not torch.equal(tokens, other)


def test_answers_are_as_many_as_chance_says():
    for task, about in TASKS.items():
        _, targets = sequences(task, 64, 400)
        kinds, counts = targets[targets != NONE].unique(return_counts=True)
        assert len(kinds) == about.answers
        assert (counts / counts.sum() - 1 / about.answers).abs().max() < 0.2 / about.answers


def test_copying_asks_for_what_stood_a_distance_back():
    tokens, targets = sequences("copying", 6)
    assert (tokens[:, 6] == SYMBOLS).all()
    assert (targets[:, :6] == NONE).all()
    for place in range(6, 12):
        assert torch.equal(targets[:, place], tokens[:, place - 6])
    assert torch.equal(tokens[:, 7:], targets[:, 6:-1])


def test_reversal_asks_for_the_last_first():
    tokens, targets = sequences("reversal", 6)
    assert torch.equal(targets[:, 6:], tokens[:, :6].flip(1))
    assert torch.equal(tokens[:, 7:], targets[:, 6:-1])


def test_recall_asks_for_the_value_of_every_key():
    tokens, targets = sequences("recall", 16)
    for row, wanted in zip(tokens.tolist(), targets.tolist(), strict=True):
        told = dict(zip(row[:16:2], row[1:16:2], strict=True))
        assert len(told) == 8
        assert max(told) < KEYS <= min(told.values())
        assert sorted(row[16::2]) == sorted(told)
        assert wanted[16::2] == [told[key] for key in row[16::2]] == row[17::2]
        assert set(wanted[:16] + wanted[17::2]) == {NONE}


def test_the_orders_of_three_things_are_a_group():
    """The identity, an inverse for each, and an order of moves that matters."""
    whole = ORDERS.index((0, 1, 2))
    assert AFTER[whole].tolist() == AFTER[:, whole].tolist() == list(range(6))
    for one in range(6):
        assert AFTER[one].sort().values.tolist() == AFTER[:, one].sort().values.tolist() == list(range(6))
        for two in range(6):
            for three in range(6):
                assert AFTER[AFTER[one, two], three] == AFTER[one, AFTER[two, three]]
    assert (AFTER != AFTER.T).any()


def test_state_is_what_all_moves_made():
    tokens, targets = sequences("state", 20)
    for moves, wanted in zip(tokens.tolist(), targets.tolist(), strict=True):
        things = (0, 1, 2)
        for move, lies in zip(moves, wanted, strict=True):
            things = tuple(things[place] for place in ORDERS[move])
            assert ORDERS[lies] == things


# --- the models -----------------------------------------------------------------------------------


def moved(network: torch.nn.Module) -> torch.nn.Module:
    """Adds noise to every parameter, so that those initialised to zero have an effect."""
    torch.manual_seed(0)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    return network.eval()


@pytest.mark.parametrize("model", MODELS)
def test_a_future_token_changes_no_past_logit(model):
    network = moved(new_model(model, "copying", 8))
    tokens, _ = sequences("copying", 8, 2)
    changed = tokens.clone()
    changed[:, 9] = (changed[:, 9] + 1) % SYMBOLS
    with torch.no_grad():
        before, after = network(tokens), network(changed)
    assert before.shape == (2, 16, SYMBOLS + 1)
    torch.testing.assert_close(after[:, :9], before[:, :9])
    assert (after[:, 9] != before[:, 9]).any()


@pytest.mark.parametrize("model", MODELS)
def test_the_last_token_sees_the_first(model):
    for task, distance in (("state", 16), ("copying", 64)):
        network = moved(new_model(model, task, distance))
        tokens, _ = sequences(task, distance, 1)
        changed = tokens.clone()
        changed[:, 0] = (changed[:, 0] + 1) % 6
        with torch.no_grad():
            assert (network(changed)[:, -1] != network(tokens)[:, -1]).any()


def test_layers_as_many_as_it_takes():
    for length, layers in ((3, 1), (4, 2), (7, 2), (8, 3), (1023, 9), (1024, 10)):
        assert depth_to_see(length) == layers
        assert len(DilatedCNN(5, 8, length).layers) == layers


def test_additive_attention_by_hand():
    torch.manual_seed(0)
    layer, hidden = AdditiveAttention(6, 4), torch.randn(2, 5, 6)
    found = layer(hidden)
    for row in range(2):
        for ask in range(5):
            seen = hidden[row, : ask + 1]
            scores = layer.score(torch.tanh(layer.query(hidden[row, ask]) + layer.key(seen)))[:, 0]
            torch.testing.assert_close(found[row, ask], scores.softmax(0) @ seen)


@pytest.mark.parametrize("task", TASKS)
def test_parameters_are_alike(task):
    for distance in (16, 128, 512):
        wanted = parameters("transformer", task, distance)
        for model in MODELS:
            assert abs(parameters(model, task, distance) / wanted - 1) < 0.05
    network = new_model("gru_attention", task, 16)
    assert sum(weight.numel() for weight in network.parameters()) == parameters("gru_attention", task, 16)


@pytest.mark.parametrize("model", MODELS)
def test_every_weight_has_one_optimiser_and_a_gradient(model):
    network = moved(new_model(model, "recall", 8)).train()
    groups = optimizers(network, 0.01)
    weights = [weight for optimizer in groups for group in optimizer.param_groups for weight in group["params"]]
    assert sorted(map(id, weights)) == sorted(map(id, network.parameters()))
    network(sequences("recall", 8)[0]).square().mean().backward()
    assert all(weight.grad is not None and weight.grad.isfinite().all() for weight in weights)


# --- the page -------------------------------------------------------------------------------------


def test_accuracy_is_a_mean_with_its_range():
    assert accuracy([]) == ""
    assert accuracy([{"accuracy": 0.5}]) == "50.0%"
    assert accuracy([{"accuracy": value} for value in (1.0, 0.5, 0.9)]) == "80.0% (50.0% to 100.0%)"


def test_tables_have_what_was_measured():
    common = {
        "task": "copying", "seconds": 20.0, "threads": 2, "took": 20.0, "updates": 1000, "memory": 50.0, "loss": 0.1,
        "tokens_per_second": 30_000.0, "transformer_parameters": 100, "rate": 0.03,
    }  # fmt: skip
    records = [
        {**common, "model": model, "distance": distance, "seed": seed, "accuracy": right, "parameters": size}
        for model, size in (("lstm", 98), ("transformer", 100))
        for distance, right in ((16, 1.0), (32, 0.25))
        for seed in range(2)
        if (model, distance) != ("lstm", 32)
    ]
    text = tables(records, {("copying", "transformer"): 0.03, ("copying", "lstm"): 0.006})
    assert "| copying | 16 | 100.0% (100.0% to 100.0%) | 100.0% (100.0% to 100.0%) | 6.2% |" in text
    assert "| copying | 32 | 25.0% (25.0% to 25.0%) |  | 6.2% |" in text
    assert "within 2.0%" in text
    assert "| Transformer | 32 | 20.0 | 1,000 | 30,000 | 50 |" in text
    assert "| copying | 0.03; 100 | 0.006; 98 |" in text
    assert "reversal" not in text


def test_it_runs_in_pieces(tmp_path):
    """Runs one part, then the same part with another: nothing is trained twice, and the page has both."""
    script = [ROOT / "benchmarks" / "long_range.py", "--seconds", "0.05", "--seeds", "1"]
    script += ["--tasks", "copying", "--table", "page.md", "--plot", "plot.png", "--distances", "16"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}

    def call(*words: str) -> list[dict]:
        done = python(*script, *words, folder=tmp_path, env=environment)
        assert done.returncode == 0, done.stderr
        assert done.stdout == (tmp_path / "page.md").read_text() + "\n"
        lines = (tmp_path / "long_range.jsonl").read_text().splitlines()
        return [json.loads(line) for line in lines if line.endswith("}")]

    first = call("--models", "transformer")
    assert [record["seed"] for record in first] == [-1, -1, -1, 0]
    assert all(0 <= record["accuracy"] <= 1 and record["updates"] > 0 for record in first)
    with (tmp_path / "long_range.jsonl").open("a") as file:
        file.write('{"task": "cop')  # as a killed process leaves it
    assert "GRU" not in (tmp_path / "page.md").read_text()
    second = call("--models", "transformer", "gru_attention")
    assert second[: len(first)] == first
    assert [record["model"] for record in second[len(first) :]] == ["gru_attention"] * 4
    for title in ("Transformer", "GRU with attention"):
        assert title in (tmp_path / "page.md").read_text()
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")

"""Permutation importance of the columns of a table."""

import numpy as np
import pytest

import genlab
from genlab.data.tables.table_set import read_examples
from genlab.tasks.classify import importance as module
from genlab.tasks.classify.importance import importance


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("importance")
    draws = np.random.default_rng(0)
    number, noise = draws.normal(size=(2, 400))
    colour = draws.choice(["red", "blue", "green"], 400)
    side = np.where(number + 2 * (colour == "red") > 0.7, "up", "down")
    lines = [f"{n},{c},{x},{s}" for n, c, x, s in zip(number, colour, noise, side, strict=True)]
    (folder / "rows.csv").write_text("\n".join(["number,colour,noise,side", *lines]) + "\n")
    run = genlab.train("classify", folder / "rows.csv", out=folder / "run", quiet=True, steps=150, test=0.5)
    return run, folder / "rows.csv"


def test_columns_that_decide_come_first(table) -> None:
    run, _ = table
    report = run.evaluate()
    found = report["importance"]
    assert list(found)[:2] == ["colour", "number"]
    assert found["colour"] > found["number"] > 0.1 > abs(found["noise"])
    assert list(found.values()) == sorted(found.values(), reverse=True)
    assert run.evaluate()["importance"] == found


def test_it_is_the_increase_by_hand(table, monkeypatch) -> None:
    """With every repeat the same shuffle: against predictions for a file with that column shuffled."""
    run, path = table
    inputs = run.pipeline.inputs
    split, _ = read_examples(str(path), inputs.encoder, "data", None, [])
    order = np.random.default_rng(5).permutation(400)

    class Fixed:
        def choice(self, size, count, replace):
            return np.arange(size)

        def permutation(self, count):
            return order

    before = split.rows.copy()
    monkeypatch.setattr(np.random, "default_rng", lambda seed: Fixed())
    found = importance(run.pipeline, inputs, split)
    assert np.array_equal(before, split.rows)
    lines = [line.split(",") for line in path.read_text().splitlines()[1:]]

    def loss(colours: list[str]) -> float:
        rows = [{"number": n, "colour": c, "noise": x} for (n, _, x, _), c in zip(lines, colours, strict=True)]
        predicted = run.predict(rows)
        return -np.mean([np.log(one.probabilities[line[3]]) for one, line in zip(predicted, lines, strict=True)])

    colours = [line[1] for line in lines]
    assert found["colour"] == pytest.approx(loss([colours[n] for n in order]) - loss(colours), rel=1e-3)


def test_wide_tables_use_fewer_rows_and_name_the_first(table, monkeypatch) -> None:
    run, path = table
    split, _ = read_examples(str(path), run.pipeline.inputs.encoder, "data", None, [])
    monkeypatch.setattr(module, "CELLS", 90)
    monkeypatch.setattr(module, "NAMED", 2)
    seen = []
    original = run.pipeline.logits
    monkeypatch.setattr(run.pipeline, "logits", lambda batches: seen.append(original(batches)) or seen[-1])
    assert len(importance(run.pipeline, run.pipeline.inputs, split)) == 2
    assert {len(logits) for logits in seen} == {30}

"""Training on music in voices: batches, validation, resuming, and that it learns."""

from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Note, Score, Track
from genlab.data.notes.voices import to_grid
from genlab.engine.loop import Loop
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import Place
from genlab.engine.recipe import Setup
from genlab.errors import InputError
from genlab.models.chorale_writing import log_likelihood
from genlab.tasks.music.chorale import ChoraleRecipe, nats_per_cell
from genlab.tasks.music.grids import as_tensors
from genlab.tasks.music.options import ChoraleOptions
from tests.data.notes.made import tune
from tests.engine.short import interrupting

pytestmark = pytest.mark.usefixtures("no_previews")

TINY = {"width": 32, "depth": 1, "window": 24, "batch": 4, "dropout": 0.0}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Twenty pieces in two voices, of which the lower follows the upper an octave below."""
    place = tmp_path_factory.mktemp("pieces")
    for seed in range(20):
        upper = tune(seed, count=24).tracks[0]
        lower = Track([note._replace(pitch=note.pitch - 12) for note in upper.notes])
        (place / f"{seed:02d}.mid").write_bytes(write_midi(Score([upper, lower])))
    return place


def recipe(folder: Path, **options) -> ChoraleRecipe:
    options = ChoraleOptions(**{**TINY, **options})
    data, _ = ChoraleRecipe.read(options, Place(str(folder), "0.2", "0.2"), None)
    seed_everything(0)
    return ChoraleRecipe(Setup(options, data, Machine("cpu")))


def test_a_batch_is_a_part_of_a_piece_in_a_key_of_its_range(folder):
    """Finds each row among all pieces and shifts; a first step counts only where it is not transposed."""
    made = recipe(folder)
    (low, high), (bass, _) = made.data.facts.ranges
    seen, starts = set(), []
    for step in range(20):
        batch = made.batch(step)
        assert torch.equal(batch.codes, made.batch(step).codes)
        for row in range(len(batch.codes)):
            real, codes = batch.scored[row].clone(), batch.codes[row]
            if batch.past.first[row, 0]:
                starts.append(real[0].item())
                real[0] = True
            assert real.sum() + batch.ended[row].sum() == batch.inside[row].sum() <= 24
            part, matches = codes[real].numpy(), []
            for grid in made.data.train:
                whole = as_tensors(grid, made.data.facts).codes.numpy()
                for first in range(len(whole) - len(part) + 1):
                    shifts = np.unique(part - whole[first : first + len(part)])
                    if len(shifts) == 1:
                        matches.append(int(shifts[0]))
            assert matches
            seen |= set(matches[:1])
            if batch.past.first[row, 0]:
                assert starts[-1] == (0 in matches)
            pitches = part[:, 0] + bass - 1
            assert low <= pitches.min() <= pitches.max() <= high
    assert len(seen) > 1
    assert any(starts) and not all(starts)
    plain = recipe(folder, transpose=False)
    whole = {tuple(row) for grid in plain.data.train for row in as_tensors(grid, plain.data.facts).codes.tolist()}
    batch = plain.batch(0)
    assert {tuple(row) for row in batch.codes[batch.scored].tolist()} <= whole


def test_what_a_step_knows_does_not_depend_on_where_its_window_begins(folder):
    made = recipe(folder, window=9, transpose=False)
    for step in range(10):
        batch = made.batch(step)
        for row in range(len(batch.codes)):
            inner = batch.scored[row, 1:]
            assert torch.equal(batch.past.old[row, 1:][inner], batch.codes[row, :-1][inner])
            first = batch.past.first[row].nonzero().flatten().tolist()
            assert first in ([], [0])
            assert (batch.places[row, 1:, 0] == (batch.places[row, :-1, 0] + 1) % 16)[batch.inside[row, 1:]].all()


def test_validation_is_the_likelihood_of_whole_pieces(folder):
    """Compares with one piece at a time."""
    made = recipe(folder)
    grids, facts, network = made.data.validation, made.data.facts, made.pipeline.network
    total = cells = 0.0
    with made.pipeline.evaluating():
        for grid in grids:
            piece = as_tensors(grid, facts)
            total -= (
                log_likelihood(network, piece.places[None, :-1], piece.codes[None], piece.struck[None]).sum().item()
            )
            cells += piece.codes.numel()
    found = made.validate()
    assert list(found) == ["nats_per_cell", "nats_per_end"]
    assert found["nats_per_cell"] == pytest.approx(total / cells, rel=1e-4)
    assert nats_per_cell(made.pipeline, grids[:1])["nats_per_end"] > 0


def test_it_learns_that_voices_move_together(folder, tmp_path):
    options = {**TINY, "window": 64, "batch": 8, "steps": 150, "validation": "0.2"}
    run = genlab.train("music", folder, "chorale", out=tmp_path / "run", quiet=True, **options)
    first, *_, last = [entry["nats_per_cell"] for entry in run.folder.measures() if entry["split"] == "validation"]
    assert last < 0.75 * first
    together = []
    for sample in run.generate(n=8, bars=4):
        grid, _ = to_grid(sample.content)
        together.append(np.mean(grid.pitches[:, 0] - grid.pitches[:, 1] == 12))
    assert np.mean(together) > 0.55
    again = genlab.load(run.path)
    assert [s.notes for s in again.generate(n=2, bars=2)] == [s.notes for s in run.generate(n=2, bars=2)]
    report = run.evaluate()
    assert report["nats_per_cell"].keys() == {"model", "ngram"}
    assert report["split"] == "test"
    assert "n-gram" in report["verdict"]
    assert run.evaluate(str(folder))["split"] == "test"


def test_interrupted_and_resumed_training_gives_the_same_weights(folder, tmp_path, monkeypatch):
    options = {"quiet": True, "steps": 8, **TINY}
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    whole = genlab.train("music", folder, "chorale", out=tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        patch.setattr(ChoraleRecipe, "step", interrupting(ChoraleRecipe, 5))
        run = genlab.train("music", folder, "chorale", out=tmp_path / "run", **options)
        assert run.about["state"] == "interrupted"
    again = genlab.train("music", folder, "chorale", out=tmp_path / "run", resume=True, **options)
    assert (again.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_pieces_with_different_numbers_of_voices_are_refused(folder, tmp_path):
    (tmp_path / "a.mid").write_bytes(write_midi(tune(0, voices=3)))
    for seed in range(6):
        (tmp_path / f"{seed}.mid").write_bytes(write_midi(tune(seed + 1, voices=2)))
    with pytest.raises(InputError, match=r"same number of voices, but .* use --model transformer"):
        recipe(tmp_path)


def test_the_width_is_a_multiple_of_32(folder):
    with pytest.raises(InputError, match="width: 40 cannot be used"):
        recipe(folder, width=40)


def test_melodies_far_apart_fold_into_the_range(folder, tmp_path):
    """Held-out music may go beyond the training pieces."""
    made = recipe(folder)
    wide = Score([Track([Note(0, 480, 100)]), Track([Note(0, 480, 20)])])
    piece = as_tensors(to_grid(wide)[0], made.data.facts)
    assert 1 <= piece.codes.min() <= piece.codes.max() <= made.data.facts.pitches

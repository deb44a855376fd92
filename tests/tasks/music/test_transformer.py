"""Training on music as tokens: the command line, resuming, what is measured, and which model is the default."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.catalog import task_named
from genlab.data.notes.formats import MIDI
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.errors import InputError
from genlab.tasks.music.token_recipe import nats_per_note
from genlab.tasks.music.tokens import values_in
from genlab.tasks.music.transformer import TransformerRecipe
from tests.data.notes.made import tune
from tests.engine.short import interrupting
from tests.tasks.music.made import duet, duets, folder_of

pytestmark = pytest.mark.usefixtures("no_previews")

TINY = {"context": 48, "batch": 4, "width": 32, "depth": 1, "dropout": 0.1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return duets(tmp_path_factory.mktemp("pieces") / "duets", bars=4)


def recipe(folder: Path, **more) -> TransformerRecipe:
    from genlab.tasks.music.options import TransformerOptions

    options = TransformerOptions(**{**TINY, **more})
    data, _ = TransformerRecipe.read(options, Place(str(folder), "0.2", "0.2"), None)
    options = TransformerRecipe.resolve(options, data, Speed(None, None, 1), None)
    seed_everything(0)
    return TransformerRecipe(Setup(options, data, Machine("cpu")))


def test_train_and_generate(folder, tmp_path, cli):
    """Through the command line; files can be read again."""
    words = [f"--{name}={value}" for name, value in TINY.items()]
    run, out = tmp_path / "run", tmp_path / "out"
    code, printed, _ = cli("train", "music", folder, "--steps", 3, "--out", run, "--json", *words, "--relative")
    assert code == 0
    about = json.loads(printed)
    assert list(about["best"])[:2] == ["nats_per_note", "nats_per_token"]
    code, _, _ = cli("generate", run, "--bars", 2, "--n", 2, "--seed", 1, "--metre", "3/4", "--to", out)
    assert code == 0
    assert sorted({path.suffix for path in out.iterdir()}) == [".mid", ".png", ".wav"]
    for path in out.glob("*.mid"):
        score, repairs = MIDI.read(path.read_bytes())[""]
        assert score.metres[0][1:] == (3, 4)
        assert repairs == []
    code, _, errors = cli("generate", run, "--harmonise", folder / "000.mid")
    assert code == 2
    assert "--harmonise is an option of chorale, not of transformer: train with --model chorale." in errors
    with pytest.raises(InputError, match="--fill is an option of chorale, not of transformer"):
        genlab.load(run).generate(fill=duet(0), from_bar=1, to_bar=2)


@pytest.mark.parametrize("model", ["transformer", "lstm"])
def test_interrupted_and_resumed(folder, tmp_path, monkeypatch, model):
    """A run that is interrupted and resumed has the weights of one that was not."""
    from genlab.catalog import load

    kind = load(task_named("music").model(model).recipe)
    options = {"steps": 6, "quiet": True, **TINY}
    whole = genlab.train("music", folder, model, out=tmp_path / "whole", **options)
    with monkeypatch.context() as patch:
        patch.setattr(kind, "step", interrupting(kind, 4))
        stopped = genlab.train("music", folder, model, out=tmp_path / "run", **options)
    assert stopped.about["state"] == "interrupted"
    resumed = genlab.train("music", folder, model, out=tmp_path / "run", resume=True, **options)
    assert resumed.about["state"] == "done"
    assert (resumed.path / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()


def test_validation_is_the_total_over_notes(folder):
    """In parts, it is near what whole pieces give; padding and Start do not count."""
    made = recipe(folder, context=400)
    with torch.no_grad():
        for weight in made.pipeline.network.parameters():
            weight.add_(0.1 * torch.randn_like(weight))
    pieces, total = made.data.validation, 0.0
    made.pipeline.network.eval()
    for piece in pieces:
        ids = torch.from_numpy(piece.ids.astype(np.int64))[None]
        logits = made.pipeline.network(ids[:, :-1], torch.from_numpy(piece.places)[None, :-1])
        total += torch.nn.functional.cross_entropy(logits[0], ids[0, 1:], reduction="sum").item()
    notes = sum(piece.notes for piece in pieces)
    assert notes == sum(len(track.notes) for piece in made.data.pieces.validation for track in piece.score.tracks)
    found = nats_per_note(made.pipeline, pieces)
    assert found["nats_per_note"] == pytest.approx(total / notes, rel=1e-4)
    assert found["nats_per_token"] == pytest.approx(total / sum(len(piece.ids) - 1 for piece in pieces), rel=1e-4)


def test_transposition_keeps_drums_and_ranges(folder):
    made, plain = recipe(folder), recipe(folder, transpose=False)
    vocabulary = made.data.facts.vocabulary
    played = {value for piece in made.data.train for value in values_in(piece.ids, "Pitch", vocabulary)}
    moved = 0
    for step in range(12):
        ours, theirs = made.batch(step).tokens.numpy(), plain.batch(step).tokens.numpy()
        assert set(values_in(ours.ravel(), "Pitch", vocabulary)) <= set(range(min(played), max(played) + 1))
        if ours.shape == theirs.shape:
            moved += int((ours != theirs).any())
    assert moved
    drums = {value for piece in made.data.train for value in values_in(piece.ids, "Drum", vocabulary)}
    assert set(values_in(made.batch(0).tokens.numpy().ravel(), "Drum", vocabulary)) <= drums == {36, 42}


def test_it_learns(folder):
    made = recipe(folder, dropout=0.0, batch=8)
    losses = []
    for step in range(30):
        losses.append(made.step(made.batch(step), step / 30)["nats_per_token"].item())
    assert losses[-1] < 0.6 * losses[0]


def test_a_custom_network_is_checked(folder, tmp_path):
    with pytest.raises(InputError, match=r"The custom transformer .* must return \(1, 4, ") as error:
        genlab.train(
            "music", folder, "transformer", steps=1, out=tmp_path / "run", quiet=True, **TINY,
            networks={"transformer": lambda shape: Narrow()},
        )  # fmt: skip
    assert error.value.field == "transformer"


class Narrow(torch.nn.Module):
    """Too few logits."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(3))

    def forward(self, tokens, places):
        return self.weight.expand(*tokens.shape, 3)


def test_likelihoods_are_beside_those_of_an_ngram(folder, tmp_path):
    """A network that has hardly learnt is worse; other music has no n-gram, because it has no training split."""
    run = genlab.train("music", folder, "transformer", steps=1, out=tmp_path / "run", quiet=True, test=0.2, **TINY)
    report = run.evaluate()
    per_note, per_token = report["nats_per_note"], report["nats_per_token"]
    assert per_note.keys() == per_token.keys() == {"model", "ngram"}
    assert per_note["ngram"] / per_token["ngram"] == pytest.approx(per_note["model"] / per_token["model"])
    assert 0.1 < per_token["ngram"] < 0.6 * per_token["model"]
    assert "higher than that of the n-gram" in report["verdict"]
    assert "training pieces than held-out music does" in report["verdict"]
    other = run.evaluate(str(duets(tmp_path / "other", count=8, bars=2)))
    assert other["nats_per_note"].keys() == {"model"}
    assert "n-gram" not in other["verdict"]


def test_bad_options(folder, tmp_path):
    for options, message in (
        ({"width": 40}, "width: 40 cannot be used; this model needs a multiple of 32."),
        ({"tempos": 1}, "tempos: 1 cannot be used; it must be 0, or from 2 to 32."),
    ):
        with pytest.raises(InputError) as error:
            genlab.train(
                "music", folder, "transformer", steps=1, out=tmp_path / "run", quiet=True, **{**TINY, **options}
            )
        assert str(error.value) == message


# --- the default model ----------------------------------------------------------------------------


def test_the_default_is_chosen_from_the_data(folder, tmp_path):
    """chorale where every piece has the same few voices that move in sixteenths; else transformer. Nothing raises."""
    voices = [tune(seed, voices=3) for seed in range(6)]
    places = {
        str(folder): "transformer",  # chords and drums
        str(folder_of(tmp_path / "voices", voices)): "chorale",
        str(folder_of(tmp_path / "mixed", [*voices * 5, tune(9, voices=2)])): "transformer",
        str(folder_of(tmp_path / "alone", [tune(seed) for seed in range(6)])): "transformer",
        str(folder_of(tmp_path / "triplets", [in_triplets(seed) for seed in range(6)])): "transformer",
        "@chorales": "chorale",
        "@tunes": "transformer",
        "@nothing": "transformer",
        "Jsb16thSeparated.json": "chorale",
        str(tmp_path / "missing"): "transformer",
        "": "transformer",
    }
    (tmp_path / "song.mid").write_bytes(b"ID3 not music")
    places[str(tmp_path / "song.mid")] = "transformer"
    task = task_named("music")
    assert {place: task.model(None, place).name for place in places} == places
    assert task.default == "transformer for most music, chorale for pieces in the same few voices"
    assert task.model("lstm", "@chorales").name == "lstm"


def in_triplets(seed: int):
    """Two voices in thirds of a beat."""
    score = tune(seed, voices=2)
    tracks = [
        type(track)([note._replace(start=2 * note.start // 3, length=2 * note.length // 3) for note in track.notes])
        for track in score.tracks
    ]
    return type(score)(tracks)

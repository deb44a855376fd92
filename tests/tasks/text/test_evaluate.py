"""Measuring language models on a text."""

import json
import math

import pytest
import torch
import torch.nn.functional as F

import genlab
from genlab.data.text.corpus import read_corpus
from genlab.engine.options import Place
from genlab.engine.pipeline import Source
from genlab.engine.run_folder import RunFolder
from genlab.errors import InputError
from genlab.layers import packed
from genlab.tasks.text.evaluate import evaluate, split_loss, text_measures
from genlab.tasks.text.pipeline import TextPipeline
from genlab.tasks.text.recipe import text_warnings
from tests.conftest import sentences
from tests.tasks.conftest import CONTEXT
from tests.tasks.text.made import pipeline_of, with_network


def split(tmp_path, text: str):
    (tmp_path / "x.txt").write_text(text)
    return read_corpus(str(tmp_path / "x.txt"), "0", "0", kind="byte").train


@pytest.fixture
def pipeline(network, tokenizer) -> TextPipeline:
    return pipeline_of(network, tokenizer)


# --- measures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("characters", [1, 5, CONTEXT - 1, CONTEXT, CONTEXT + 1, 5 * CONTEXT, 700, 9_000])
def test_split_loss_counts_every_token_once(tmp_path, network, pipeline, characters):
    """Compares with the loss of each token by itself, in windows that do not overlap."""
    made = split(tmp_path, sentences(characters))
    tokens = torch.from_numpy(made.tokens[:].astype("int64"))
    network.eval()
    losses = []
    for start in range(0, characters, CONTEXT):
        window = tokens[start : start + CONTEXT + 1]
        logits = network(window[None, :-1])[0]
        losses += [F.cross_entropy(row, target).item() for row, target in zip(logits, window[1:], strict=True)]
    assert len(losses) == characters
    assert split_loss(pipeline, made) == pytest.approx(sum(losses) / characters, rel=1e-5)


def test_split_loss_of_some_windows(tmp_path, pipeline):
    made = split(tmp_path, sentences(9_000))
    whole, some = split_loss(pipeline, made), split_loss(pipeline, made, most=2_000)
    assert some == pytest.approx(whole, rel=0.05)
    assert some != whole
    assert split_loss(pipeline, made, most=2_000) == some
    assert split_loss(pipeline, made, most=10**9) == whole


@pytest.mark.parametrize("characters", [1, 5, CONTEXT - 1])
def test_a_split_shorter_than_a_window(tmp_path, pipeline, characters):
    made = split(tmp_path, sentences(characters))
    expected = split_loss(pipeline, made)
    assert split_loss(pipeline, made, most=2_000) == pytest.approx(expected)


@pytest.mark.parametrize("mode", [True, False])
def test_split_loss_leaves_the_mode_as_it_was(tmp_path, pipeline, mode):
    pipeline.network.train(mode)
    with pipeline.evaluating():
        split_loss(pipeline, split(tmp_path, sentences(100)))
        assert not pipeline.network.training
    assert pipeline.network.training == mode
    split_loss(pipeline, split(tmp_path, sentences(100)))
    assert pipeline.network.training == mode


def test_bits_per_byte_of_a_multi_byte_text(tmp_path):
    """Three characters in six bytes, as bytes: tokens are bytes."""
    made = split(tmp_path, "aé日")
    assert (len(made.tokens) - 1, made.characters, made.bytes) == (6, 3, 6)
    found = text_measures(math.log(2) * 1.5, made)
    assert found == pytest.approx(
        {
            "loss": 1.5 * math.log(2),
            "loss_per_character": 6 * 1.5 * math.log(2) / 3,
            "bits_per_byte": 1.5,
            "perplexity": 2**1.5,
        }
    )


def test_units_agree_between_tokenizers(tmp_path):
    """A model that guesses uniformly over V tokens: each unit by hand, for multi-byte characters."""
    (tmp_path / "x.txt").write_text("aé日" * 100)
    made = read_corpus(str(tmp_path / "x.txt"), "0", "0", kind="char").train
    found = text_measures(math.log(5), made)
    assert found["loss_per_character"] == pytest.approx(math.log(5))
    assert found["bits_per_byte"] == pytest.approx(300 * math.log2(5) / 600)


def test_perplexity_does_not_overflow(tmp_path):
    assert text_measures(1e6, split(tmp_path, "abc"))["perplexity"] > 1e300


def test_warnings(tmp_path):
    (tmp_path / "x.txt").write_text(sentences(1000))
    corpus = read_corpus(str(tmp_path / "x.txt"), "0", "0", kind="byte")
    assert text_warnings(corpus, 1000, 5_000) == []
    assert "few for 5,001 parameters" in text_warnings(corpus, 5001, 1)[0]
    assert "reads the text 25 times" in text_warnings(corpus, 10, 25_000)[0]


@pytest.mark.parametrize(("weights", "most"), [("16", 0.001), ("int8", 0.02)])
def test_fewer_bits_cost_little_loss(trained, book, weights, most, monkeypatch):
    """As stated in docs/text.md, in nats per token."""
    monkeypatch.setattr(packed, "MIN_WEIGHTS", 1)
    pipeline = genlab.load(trained).pipeline
    split = read_corpus(str(book), "0", "0", tokenizer=pipeline.tokenizer).train
    fast = with_network(pipeline, packed.pack(pipeline.network, weights))
    with pipeline.evaluating():
        losses = [split_loss(one, split) for one in (pipeline, fast)]
    assert losses[0] < 3
    assert 0 < abs(losses[1] - losses[0]) < most


# --- evaluating -----------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Replaces the generation of evaluations with ready-made text."""
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter([sentences(2_000, seed=9)]))


def test_evaluate(copied, book, quick):
    run = genlab.load(copied)
    result = run.evaluate()
    assert result["loss"] == pytest.approx(run.about["test"]["loss"])
    assert result["split"] == "test"
    assert (result["tokens"], result["characters"]) == (2_000, 2_000)
    assert result["bits_per_byte"] == pytest.approx(result["loss"] / math.log(2))  # a letter is a byte here
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]))
    assert result["copying"]["held_out"]["longest_shared"] > 5
    assert 0 < result["copying"]["generated"]["unseen_ngrams"] < 1
    assert result["baselines"]["xz"] < result["baselines"]["bytes"]


def test_evaluate_on_other_text(trained, tmp_path, quick):
    other = tmp_path / "other.txt"
    other.write_text(sentences(3_000, seed=4) + "日")
    run = genlab.load(trained)
    result = run.evaluate(other)
    assert result["split"] == "all"
    assert result["characters"] == 3_001
    assert result["unknown_characters"] == 1
    assert result["copying"] is None
    assert "evaluation" not in run.about


def test_evaluate_on_other_text_without_the_old_splits(book, tmp_path, quick):
    (tmp_path / "v.txt").write_text(sentences(500, seed=1))
    small = {"steps": 2, "size": "tiny", "context": 16, "batch": 2}
    run = genlab.train("text", book, **small, validation=tmp_path / "v.txt", out=tmp_path / "r", quiet=True)
    (tmp_path / "v.txt").unlink()
    (tmp_path / "other.txt").write_text(sentences(3_000, seed=4))
    assert run.evaluate(tmp_path / "other.txt")["split"] == "all"
    with pytest.raises(InputError, match="There is no file"):
        run.evaluate(tmp_path / "gone.txt")


def test_evaluate_a_killed_run(copied, quick):
    """Its run.json has no seconds, and perhaps no step yet."""
    path = copied / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({key: about[key] for key in about.keys() - {"seconds", "step", "test"}}))
    run = genlab.load(copied)
    assert run.evaluate()["loss"] > 0
    assert "0 of about" in (copied / "README.md").read_text()


def test_evaluating_while_another_process_trains_changes_nothing(copied, quick):
    run = genlab.load(copied)
    before = (copied / "run.json").read_bytes()
    with RunFolder(copied).locked():
        assert run.evaluate()["loss"] > 0
    assert (copied / "run.json").read_bytes() == before


def test_evaluate_after_the_data_moved(copied, book, tmp_path, quick):
    moved = tmp_path / "elsewhere.txt"
    moved.write_bytes(book.read_bytes())
    run = genlab.load(copied)
    run.folder.note(data={**run.about["data"], "path": str(tmp_path / "gone.txt")})
    with pytest.raises(InputError, match=r"There is no file .*gone\.txt.*give its new location with --data"):
        run.evaluate()
    result = run.evaluate(moved)
    assert result["split"] == "test"
    assert result["loss"] == pytest.approx(run.about["test"]["loss"])
    moved.write_text(book.read_text()[:-1] + "#")
    run.folder.note(data={**run.about["data"], "path": str(moved)})
    with pytest.raises(InputError, match="has changed since training"):
        run.evaluate()


def test_evaluate_without_test_data(book, tmp_path, quick):
    run = genlab.train("text", book, steps=2, size="tiny", context=16, batch=2, test=0, out=tmp_path / "r", quiet=True)
    assert run.about["test"] is None
    for data in (None, book):  # nor is the training text any use
        with pytest.raises(InputError, match=r"has no test split.*--data"):
            run.evaluate(data)


def test_generated_text_ends_up_whole_in_the_copy_check(trained, monkeypatch):
    """The copy check detects a model that recites: generated text that is the training text."""
    run = genlab.load(trained)
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter([sentences(20_000)[:9_000]]))
    about = run.about["data"]
    with run.pipeline.evaluating():
        place = Place(about["path"], about["validation"], about["test"])
        result = evaluate(run.pipeline, Source(None, place, about["fingerprint"])).report["copying"]
    assert result["generated"]["longest_shared"] == 9_000
    assert result["verdict"] == "The model repeats passages of its training text."


@pytest.mark.parametrize("characters", [40, 400, 1_000, 1_500])
def test_small_texts_train(tmp_path, characters, quick):
    """With the default options, down to almost nothing."""
    (tmp_path / "x.txt").write_text(sentences(characters))
    run = genlab.train("text", tmp_path / "x.txt", steps=2, size="tiny", out=tmp_path / "run", quiet=True)
    assert run.about["best"]["loss"] > 0
    assert run.about["test"]["loss"] > 0
    assert run.evaluate()["loss"] > 0

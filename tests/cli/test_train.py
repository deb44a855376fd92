"""`genlab train`, and the whole path from data to text."""

import errno
import json
import os

import pytest

import genlab
from genlab.engine.run_folder import RunFolder
from genlab.tasks.text.gpt import GPTRecipe
from tests.cli.conftest import SHORT, objects
from tests.conftest import genlab_process

pytestmark = pytest.mark.usefixtures("no_previews")


def test_train_evaluate_generate_through_processes(book, tmp_path):
    """The whole path of a user: train, generate, evaluate."""
    done = genlab_process("train", "text", book, *SHORT, "--tokenizer", "bpe", "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (made,) = objects(done.stdout)
    assert made["run"] == "runs/text-book-001"
    assert made["state"] == "done"
    assert made["step"] == 3
    assert made["test"]["loss"] > 0
    assert "parameters" in done.stderr
    done = genlab_process("evaluate", made["run"], "--json", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    (found,) = objects(done.stdout)
    assert found["loss"] == pytest.approx(made["test"]["loss"])
    assert {"loss", "loss_per_character", "bits_per_byte", "perplexity", "copying"} <= found.keys()
    for text in ("generated", "held_out"):
        assert {"longest_shared", "unseen_ngrams", "passage"} <= found["copying"][text].keys()
    done = genlab_process("generate", made["run"], "--prompt", "the ", "--tokens", 20, folder=tmp_path)
    assert done.returncode == 0
    assert done.stdout.startswith("the ")
    assert "the " not in done.stderr


def test_json_is_one_object(cli, book, tmp_path, quick_copy_check):
    for words in (
        ["train", "text", book, *SHORT, "--out", "run"],
        ["generate", "run", "--tokens", 3],
        ["generate", "run", "--tokens", 3, "--n", 3],
        ["evaluate", "run"],
        ["evaluate", "run", "--data", book],
        ["runs", "--folder", "."],
        ["runs"],
        ["samples"],
    ):
        code, out, _ = cli(*words, "--json")
        assert code == 0
        assert len(objects(out)) == 1, words
        assert isinstance(objects(out)[0], dict)
        assert cli(*(["train", "text", book, *SHORT, "--out", "again"] if words[0] == "train" else words))[0] == 0


def test_train_says_where_and_what_next(cli, book):
    code, out, err = cli("train", "text", book, *SHORT)
    assert code == 0
    assert out == "runs/text-book-001\n"
    assert "genlab generate runs/text-book-001" in err
    assert "validation: loss" in err
    assert "test: loss" in err
    assert cli("train", "text", book, *SHORT)[1] == "runs/text-book-002\n"
    code, out, _ = cli("runs")
    assert "runs/text-book-001" in out
    assert "runs/text-book-002" in out


def test_options_reach_the_config(cli, book, tmp_path):
    code, _, _ = cli(
        "train", "text", book, *SHORT, "--out", "run", "--seed", 5, "--tokenizer", "bpe", "--vocabulary", 300, "--tied",
        "--dropout", 0.25, "--weight-decay", 0.5, "--validation", 0.2, "--test", 0, "--precision", "bf16",
        "--learning-rate", "1e-2", "--embedding-learning-rate", "2e-3", "--device", "cpu", "--checkpoint-seconds", 5,
    )  # fmt: skip
    assert code == 0
    config = RunFolder(tmp_path / "run").config()
    assert config["config"] == {
        **config["config"], "size": "tiny", "context": 16, "batch": 2, "tokenizer": "bpe", "vocabulary": 300,
        "tied": True, "dropout": 0.25, "weight_decay": 0.5, "learning_rate": 0.01, "embedding_learning_rate": 0.002,
    }  # fmt: skip
    assert config["run"]["seed"] == 5
    about = RunFolder(tmp_path / "run").about()
    assert about["seed"] == 5
    assert about["machine"]["precision"] == "bf16"
    assert about["data"]["counts"]["validation"]["characters"] == 4_000
    assert about["test"] is None


def test_zero_stays_zero(cli, book, tmp_path):
    """An explicit 0 differs from an option that is not given."""
    assert cli("train", "text", book, *SHORT, "--out", "run", "--dropout", 0, "--weight-decay", 0)[0] == 0
    config = RunFolder(tmp_path / "run").config()["config"]
    assert (config["dropout"], config["weight_decay"]) == (0, 0)


@pytest.mark.parametrize("model", ["gpt", "gpt2", "lstm"])
@pytest.mark.parametrize("tokenizer", ["char", "byte", "bpe"])
def test_models_and_tokenizers(cli, book, tmp_path, model, tokenizer):
    code, out, _ = cli(
        "train", "text", book, *SHORT, "--model", model, "--tokenizer", tokenizer, "--out", "r", "--json"
    )
    assert code == 0
    code, out, _ = cli("generate", "r", "--tokens", 8, "--prompt", "The river", "--json")
    assert code == 0
    assert objects(out)[0]["samples"][0].startswith("The river")


def test_every_kind_of_data(cli, book, tmp_path):
    import gzip

    text = book.read_text()[:6_000]
    (tmp_path / "x.txt.gz").write_bytes(gzip.compress(text.encode()))
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "a.txt").write_text(text)
    (tmp_path / "folder" / "b.md").write_text(text)
    (tmp_path / "folder" / "c.jpg").write_bytes(b"\xff\xd8")
    (tmp_path / "x.jsonl").write_text("".join(json.dumps({"text": part}) + "\n" for part in text.split("\n\n")))
    for data, name in (("x.txt.gz", "x"), ("folder", "folder"), ("x.jsonl", "x")):
        code, out, err = cli("train", "text", data, *SHORT, "--validation", 0)
        assert code == 0
        assert out.startswith(f"runs/text-{name}")
        assert ("left out (not text by name): c.jpg" in err) == (data == "folder")


def test_a_full_disk(cli, book, tmp_path, monkeypatch):
    """Exits with code 2 and a sentence; once there is space again, --resume finishes the run."""
    words = ["train", "text", book, *SHORT, "--checkpoint-seconds", 0, "--out", "run"]
    fsync, left = os.fsync, [14]

    def full(descriptor):
        left[0] -= 1
        if left[0] < 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        code, out, err = cli(*words)
    assert code == 2
    assert out == ""
    assert "no space left" in err
    assert "Traceback" not in err
    assert cli(*words, "--resume")[0] == 0
    assert RunFolder.open(tmp_path / "run").about()["state"] == "done"


def test_a_full_disk_at_the_start_leaves_nothing(cli, book, tmp_path, monkeypatch):
    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    code, _, err = cli("train", "text", book, *SHORT)
    assert code == 2
    assert "no space left" in err
    assert not list(tmp_path.iterdir())


def test_our_own_faults_are_not_hidden(book, tmp_path, monkeypatch):
    def broken(self, batch, progress):
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(GPTRecipe, "step", broken)
    with pytest.raises(ZeroDivisionError):
        genlab.train("text", book, steps=3, size="tiny", out=tmp_path / "run", quiet=True)

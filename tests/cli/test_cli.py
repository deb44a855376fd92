import errno
import json
import os
import subprocess
import sys

import pytest
import torch

import genlab
from genlab.engine.run_folder import RunFolder
from genlab.tasks.text.gpt import GPTRecipe
from genlab.tasks.text.options import TextRequest
from genlab.tasks.text.pipeline import TextPipeline
from tests.conftest import genlab_process, sentences

SHORT = ["--steps", 3, "--size", "tiny", "--context", 16, "--batch", 2]


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    """Evaluations that need not write, and no previews."""
    monkeypatch.setattr(GPTRecipe, "preview", lambda self: [])


@pytest.fixture
def quick_copy_check(monkeypatch):
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter([sentences(2_000, seed=9)]))


def objects(out: str) -> list:
    """The JSON values on standard output, of which there should be one."""
    return [json.loads(line) for line in out.splitlines()]


# --- starting -------------------------------------------------------------------------------------


def test_help_lists_every_option(cli):
    _, out, _ = cli("train", "text", "--help")
    for option in ("out", "minutes", "steps", "model", "size", "context", "tokenizer", "validation", "test", "seed",
                   "device", "precision", "resume", "json", "log", "dropout"):  # fmt: skip
        assert f"--{option}" in out
    assert "laptop has 4 layers" in out
    _, lstm, _ = cli("train", "text", "--model", "lstm", "--help")
    assert "the recurrent baseline" in lstm


def test_help_of_a_run_lists_its_options(cli, trained):
    code, out, _ = cli("generate", trained, "--help")
    assert code == 0
    for option in ("prompt", "tokens", "n", "temperature", "top-k", "top-p", "min-p", "repetition-penalty", "stop",
                   "greedy", "weights", "seed", "json"):  # fmt: skip
        assert f"--{option}" in out
    code, out, _ = cli("evaluate", trained, "--help")
    assert "--data" in out
    code, out, _ = cli("attention", trained, "--help")
    for option in ("prompt", "layer", "head", "to", "json", "device"):
        assert f"--{option}" in out


# --- training -------------------------------------------------------------------------------------


def test_train_evaluate_generate_through_processes(book, tmp_path):
    """The whole way, as a user goes it."""
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
    """What is asked for as 0 is not taken for nothing asked."""
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
    """Code 2 and a sentence; with room again, --resume ends it."""
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


# --- attention ------------------------------------------------------------------------------------


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


# --- generating -----------------------------------------------------------------------------------


def generated(cli, trained, *words) -> list[str]:
    code, out, _ = cli("generate", trained, *words, "--json")
    assert code == 0
    (found,) = objects(out)
    return found["samples"]


def test_options_reach_the_request(cli, trained, monkeypatch):
    seen = []

    def noted(self, request, show=None):
        seen.append(request)
        return iter(())

    monkeypatch.setattr(TextPipeline, "generate", noted)
    cli(
        "generate", trained, "--prompt", "a b", "--tokens", 7, "--n", 2, "--temperature", 0.5, "--top-k", 3,
        "--top-p", 0.9, "--min-p", 0.1, "--repetition-penalty", 1.5, "--stop", "x", "--stop", "\n\n", "--greedy",
        "--seed", 9,
    )  # fmt: skip
    assert seen == [TextRequest("a b", 7, 2, 0.5, 3, 0.9, 0.1, 1.5, ("x", "\n\n"), True, 9)]
    cli("generate", trained)
    assert seen[1] == TextRequest()
    genlab.load(trained).generate(prompt="a b", stop=["x"], tokens=7, temperature=1)
    assert seen[2] == TextRequest(prompt="a b", stop=("x",), tokens=7, temperature=1.0)


def test_generating(cli, trained):
    assert generated(cli, trained, "--seed", 1) == generated(cli, trained, "--seed", 1)
    assert generated(cli, trained, "--seed", 1) != generated(cli, trained, "--seed", 2)
    greedy = generated(cli, trained, "--greedy", "--tokens", 50)
    assert greedy == generated(cli, trained, "--greedy", "--tokens", 50, "--seed", 8)
    assert greedy == generated(cli, trained, "--top-k", 1, "--tokens", 50, "--seed", 8)
    several = generated(cli, trained, "--n", 3, "--tokens", 30, "--prompt", "the ")
    assert len(several) == len(set(several)) == 3
    assert all(text.startswith("the ") and len(text) == 34 for text in several)
    assert generated(cli, trained, "--tokens", 30, "--prompt", "the ")[0] == several[0]
    whole = generated(cli, trained, "--tokens", 80, "--seed", 4)[0]
    stop = whole[40:43]
    assert generated(cli, trained, "--tokens", 80, "--seed", 4, "--stop", stop)[0] == whole[: whole.index(stop)]


def test_a_prompt_that_looks_like_the_run(cli, copied, tmp_path):
    copied.rename(tmp_path / "the")
    assert generated(cli, "the", "--tokens", 1, "--prompt", "the")[0].startswith("the")


def test_text_goes_to_standard_output_as_it_is_written(cli, trained, monkeypatch):
    code, out, err = cli("generate", trained, "--tokens", 40, "--n", 2, "--prompt", "the ")
    assert code == 0
    assert err == ""
    texts = generated(cli, trained, "--tokens", 40, "--n", 2, "--prompt", "the ")
    assert out == f"{texts[0]}\n\n{texts[1]}\n"
    pieces = []
    monkeypatch.setattr(sys.stdout, "write", pieces.append)
    genlab.load(trained).generate(show=pieces.append, tokens=40, prompt="the ")
    assert len(pieces) > 20
    assert "".join(pieces) == texts[0]


def test_texts_as_files(cli, trained, tmp_path):
    code, _, err = cli("generate", trained, "--tokens", 10, "--n", 2, "--to", "texts/new")
    assert code == 0
    texts = generated(cli, trained, "--tokens", 10, "--n", 2)
    for number, text in enumerate(texts):
        assert (tmp_path / "texts" / "new" / f"generated-{number:03d}.txt").read_text() == text
    assert "wrote texts/new/generated-000.txt" in err


def test_a_reader_that_leaves(trained, tmp_path):
    """`genlab generate ... | head` ends without a traceback."""
    command = [sys.executable, "-m", "genlab", "generate", str(trained), "--tokens", "3000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.read(5)
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""


def test_generating_leaves_the_run_as_it_is(cli, trained):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    cli("generate", trained, "--tokens", 3)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before


# --- evaluating and listing -----------------------------------------------------------------------


def test_evaluate(cli, copied, quick_copy_check):
    code, out, _ = cli("evaluate", copied)
    assert code == 0
    assert "loss: " in out
    assert "verdict: " in out
    assert "evaluation" in RunFolder(copied).about()
    assert "## Evaluated" in (copied / "README.md").read_text()


def test_evaluate_after_the_data_moved(cli, copied, book, tmp_path, quick_copy_check):
    folder = RunFolder(copied)
    before = folder.about()["test"]["loss"]
    folder.note(data={**folder.about()["data"], "path": "gone.txt"})
    code, out, err = cli("evaluate", copied)
    assert code == 2
    assert out == ""
    assert "gone.txt" in err
    assert "--data" in err
    code, out, _ = cli("evaluate", copied, "--data", book, "--json")
    assert code == 0
    assert objects(out)[0]["loss"] == pytest.approx(before)
    assert objects(out)[0]["split"] == "test"


def test_evaluate_from_another_folder(cli, book, tmp_path, monkeypatch, quick_copy_check):
    """Relative paths are remembered as absolute ones."""
    (tmp_path / "x.txt").write_text(book.read_text())
    (tmp_path / "v.txt").write_text(book.read_text()[:500])
    assert cli("train", "text", "x.txt", *SHORT, "--validation", "v.txt", "--out", "run")[0] == 0
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    assert cli("evaluate", "../run")[0] == 0


def test_runs_and_samples(cli, copied, tmp_path):
    code, out, _ = cli("runs", "--folder", tmp_path, "--json")
    assert code == 0
    (run,) = objects(out)[0]["runs"]
    assert run["run"] == str(copied)
    assert run["state"] == "done"
    assert "copied" in cli("runs", "--folder", tmp_path)[1]
    code, out, err = cli("runs")
    assert (code, out) == (0, "")
    assert "no runs" in err
    code, out, _ = cli("samples", "--json")
    assert {sample["name"] for sample in objects(out)[0]["samples"]} >= {"@bible", "@python", "@ring", "@grid"}
    assert "@bible" in cli("samples")[1]


# --- from Python ----------------------------------------------------------------------------------


def test_python(book, tmp_path, monkeypatch, quick_copy_check):
    monkeypatch.chdir(tmp_path)
    run = genlab.train("text", str(book), steps=3, size="tiny", context=16, batch=2, quiet=True)
    assert run.path.name == "text-book-001"
    assert run.about["state"] == "done"
    assert "text gpt" in repr(run)
    assert run.evaluate()["loss"] == pytest.approx(run.about["test"]["loss"])
    again = genlab.load(str(run.path))
    monkeypatch.undo()
    (sample,) = again.generate(prompt="the", tokens=5, seed=1)
    assert str(sample) == sample.content
    assert str(sample).startswith("the")
    assert len(sample.content) == 8
    assert run.generate(prompt="the", tokens=5, seed=1)[0].content == sample.content


@pytest.mark.parametrize(
    ("options", "field"),
    [
        ({"steps": 0}, "steps"),
        ({"minutes": float("nan")}, "minutes"),
        ({"minutes": "soon"}, "minutes"),
        ({"size": "huge"}, "size"),
        ({"colour": "red"}, "colour"),
        ({"seed": None}, "seed"),
        ({"dropout": float("inf")}, "dropout"),
        ({"validation": 2}, "validation"),
        ({"model": "oracle"}, "model"),
        ({"log": ["paper"]}, "log"),
    ],
)
def test_python_raises_input_errors(book, tmp_path, options, field):
    with pytest.raises(genlab.InputError) as error:
        genlab.train("text", book, out=tmp_path / "run", quiet=True, **{"steps": 2, **options})
    assert error.value.field == field
    assert isinstance(error.value, ValueError)
    assert not (tmp_path / "run").exists()


def test_python_generate_raises_input_errors(trained):
    run = genlab.load(trained)
    for options, field in (({"temperature": float("nan")}, "temperature"), ({"tone": 1}, "tone"), ({"n": 0}, "n")):
        with pytest.raises(genlab.InputError) as error:
            run.generate(**options)
        assert error.value.field == field
    with pytest.raises(genlab.InputError, match="no run folder"):
        genlab.load("nowhere")

"""Translating and evaluating, on the command line and from Python."""

import gzip
import io
import json
import sys

import pytest

import genlab
from genlab.data.pairs.lines import Lines
from genlab.engine.run_folder import RunFolder
from genlab.errors import InputError
from genlab.tasks.translate.options import TranslateRequest
from tests.conftest import phrases, tabbed
from tests.forks import genlab_fork
from tests.tasks.translate.made import SMALL, UNSEEN


def said(out: str) -> list[str]:
    return out.removesuffix("\n").split("\n")


def test_one_line_in_one_line_out_in_order(cli, translator, tmp_path, monkeypatch):
    lines = [source for source, _ in UNSEEN[:7]]
    lines[3] = ""
    expected = genlab.load(translator).pipeline.translate(lines, TranslateRequest())
    assert expected[3] == ""
    text = "".join(f"{line}\n" for line in lines)
    (tmp_path / "lines.txt").write_text(text)
    (tmp_path / "lines.gz").write_bytes(gzip.compress(text.encode()))
    for file in ("lines.txt", "lines.gz"):
        code, out, err = cli("generate", translator, "--input", file)
        assert (code, said(out), err) == (0, expected, "")
    for words in ([], ["--input", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert said(cli("generate", translator, *words)[1]) == expected
    monkeypatch.setattr("genlab.data.pairs.lines.AT_ONCE", 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert said(cli("generate", translator)[1]) == expected
    assert said(cli("generate", translator, "--prompt", lines[0])[1]) == expected[:1]
    code, out, _ = cli("generate", translator, "--input", "lines.txt", "--json")
    assert json.loads(out) == {"samples": expected, "files": []}


def test_n_best_and_sampling(cli, translator):
    lines = f"{UNSEEN[0][0]}\n{UNSEEN[1][0]}"
    _, out, _ = cli("generate", translator, "--prompt", lines, "--n-best", 3)
    best = said(cli("generate", translator, "--prompt", lines)[1])
    assert len(said(out)) == 6
    assert said(out)[::3] == best
    assert len(set(said(out)[:3])) == 3
    drawn = [
        cli("generate", translator, "--prompt", lines, "--sample", "--temperature", 5, "--seed", n)[1]
        for n in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert said(cli("generate", translator, "--prompt", lines, "--sample", "--top-k", 1)[1]) == said(
        cli("generate", translator, "--prompt", lines, "--beam", 1)[1]
    )


def test_two_files_through_processes(cli, tmp_path, monkeypatch):
    """The whole path of a user: train, translate, evaluate."""
    for side, texts in zip(("en", "fr"), zip(*phrases(300), strict=True), strict=True):
        (tmp_path / f"a.{side}.gz").write_bytes(gzip.compress("".join(f"{text}\n" for text in texts).encode()))
    words = ["--steps", 3, "--size", "tiny", "--batch", 256]
    done = genlab_fork(
        "train", "translate", "--source", "a.en.gz", *words, "--target=a.fr.gz", "--json", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["run"] == "runs/translate-a-en-a-fr-001"
    assert {"loss", "bleu", "chrf", "exact"} <= made["test"].keys()
    assert str(tmp_path) not in (tmp_path / made["run"] / "config.json").read_text()
    done = genlab_fork("generate", made["run"], folder=tmp_path, input="The old miller waits now.\nThe ship.\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 2
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path / "deep")
    for more in ([], ["--data", "../a.en.gz,../a.fr.gz"]):  # paths are remembered as absolute ones
        code, out, _ = cli("evaluate", f"../{made['run']}", *more, "--json")
        assert code == 0
        found = json.loads(out)
        assert found["split"] == "test"
        assert found["data"] == "a.en.gz + a.fr.gz"
        assert found["bleu"] == pytest.approx(made["test"]["bleu"])


def test_python_takes_two_files(tmp_path):
    for side, texts in zip(("en", "fr"), zip(*phrases(100), strict=True), strict=True):
        (tmp_path / f"a.{side}").write_text("\n".join(texts))
    run = genlab.train(
        "translate", source=tmp_path / "a.en", target=tmp_path / "a.fr", out=tmp_path / "run", quiet=True, **SMALL
    )
    other = genlab.train("translate", f"{tmp_path}/a.en,{tmp_path}/a.fr", out=tmp_path / "other", quiet=True, **SMALL)
    assert run.about["data"]["fingerprint"] == other.about["data"]["fingerprint"]
    assert (run.path / "model.safetensors").read_bytes() == (other.path / "model.safetensors").read_bytes()


def test_evaluate(cli, translator, tmp_path):
    code, out, _ = cli("evaluate", translator, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["exact"] > 0.75 > found["copying_the_source"]["exact"] == 0
    assert found["bleu"] > 80 > 30 > found["copying_the_source"]["bleu"]
    assert found["loss"] == pytest.approx(RunFolder(translator).about()["test"]["loss"])
    assert found["pairs"] == found["measured"] == RunFolder(translator).about()["data"]["counts"]["test"]["pairs"]
    assert found["worst"]["1"]["chrf"] <= found["worst"]["2"]["chrf"] <= found["best"]["1"]["chrf"]
    assert set(found["best"]["1"]) == {"chrf", "source", "reference", "translation"}
    assert "tok:13a" in found["signatures"]["bleu"]
    (tmp_path / "other.tsv").write_text(tabbed(UNSEEN[:5]))
    code, out, _ = cli("evaluate", translator, "--data", "other.tsv", "--json")
    other = json.loads(out)
    assert (code, other["split"], other["pairs"], other["data"]) == (0, "all", 5, "other.tsv")
    assert {row["source"] for row in other["worst"].values()} == {source for source, _ in UNSEEN[:5]}
    assert "translation: Le " in cli("evaluate", translator)[1]


def test_without_sacrebleu_a_training_ends_well(cli, pairs, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    code, out, err = cli("train", "translate", pairs, "--steps", 2, "--size", "tiny", "--out", "run", "--json")
    assert code == 0
    assert "genlab[translate]" in err
    assert json.loads(out)["test"].keys() == {"loss", "exact"}
    code, _, err = cli("evaluate", "run")
    assert code == 2
    assert "genlab[translate]" in err


def test_python_must_say_what_to_translate(translator):
    with pytest.raises(InputError, match="prompt is missing: give the lines"):
        genlab.load(translator).generate()


def test_lines_of_a_list_and_blocks_of_a_file_are_translated_and_named(translator):
    run = genlab.load(translator)
    lines = [source for source, _ in UNSEEN[:3]]
    expected = run.pipeline.translate(lines, TranslateRequest())
    assert [sample.content for sample in run.generate(prompt=lines)] == expected
    block = Lines(tuple(lines), "lines.txt", before=2_048, option="input")
    assert [sample.content for sample in run.generate(prompt=block)] == expected
    with pytest.raises(InputError, match=r"^The prompt, line 2 has \d+ tokens") as error:
        run.generate(prompt=[lines[0], lines[1] * 20])
    assert error.value.field == "prompt"
    with pytest.raises(InputError, match=r"^lines.txt, line 2,050 has \d+ tokens|^lines.txt, line 2050") as error:
        run.generate(prompt=Lines((lines[0], lines[1] * 20), "lines.txt", before=2_048, option="input"))
    assert error.value.field == "input"

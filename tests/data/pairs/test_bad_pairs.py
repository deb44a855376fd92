"""Pairs and prompts that cannot be used: one sentence, exit code 2, no traceback, no file created or lost."""

import gzip
import io
import lzma
import re
import sys

import pytest

from tests.conftest import phrases, tabbed

SHORT = ["--steps", 2, "--size", "tiny"]
GOOD = tabbed(phrases(50))
SIDES = ["".join(f"{pair[side]}\n" for pair in phrases(50)) for side in (0, 1)]

FILES = {
    "empty": (b"", r"data is empty"),
    "blank lines only": ("\n \n\t\n", r"data has only blank lines"),
    "no tab": (GOOD + "The old miller waits now.\n" + GOOD, r"data, line 51 has no tab.*SOURCE,TARGET"),
    "two tabs": (GOOD + "The.\tLe.\tCC-BY\n", r"data, line 51 has more than one tab.*cut -f1,2"),
    "several lines": (
        GOOD + "One\n" + GOOD + "One\n" * 6 + "a\tb\tc\nThe.\t\n",
        r"data, lines 51, 102, 103, 104, 105 and 2 more have no tab; line 108 has more than one tab; "
        r"line 109 has an empty target: a pair",
    ),
    "no tabs at all": ("The,Le\n" * 1_000, r"data, lines 1, 2, 3, 4, 5 and 995 more have no tab"),
    "no source": (GOOD + " \tLe.\n", r"data, line 51 has an empty source"),
    "no target": (GOOD + "The.\t\n", r"data, line 51 has an empty target"),
    "a very long line": (
        GOOD + "x " * 100_000 + "\tLe.\n",
        r"data, line 51 has more than 10,000 characters.*199,999.*split",
    ),
    "a very long word": (
        GOOD + "The.\t" + "🜁" * 100_000 + "\n",
        r"data, line 51 has more than 10,000 characters.*100,000",
    ),
    "very long lines": (
        GOOD + ("x " * 10_000 + "\tLe.\n") * 7,
        r"data, lines 51, 52, 53, 54, 55 and 2 more have more than 10,000 characters",
    ),
    "many tokens": (
        GOOD + "".join(map(chr, range(0x4E00, 0x5300))) + "\tLe.\n",
        r"data, line 51 has more than 1,000 tokens.*split",
    ),
    "the same on both sides": (tabbed([(a, a) for a, _ in phrases(50)]), r"every target equals its source"),
    "too few": (tabbed(phrases(10)), r"leaves \d pairs to train on.*at least 20"),
    "one pair, often": ("The.\tLe.\n" * 500, r"leaves 1 pairs? to train on|leaves 0 pairs"),
    "latin-1": (GOOD.encode() + "The heron.\tLe héron.\n".encode("latin-1"), r"data, line 51 is not UTF-8.*iconv -c"),
    "a zero byte": (GOOD.encode() + b"The\0.\tLe.\n", r"data, line 51 is not text.*zero"),
    "gzip, cut off": (gzip.compress(GOOD.encode())[:-9], r"damaged gzip"),
    "xz, cut off": (lzma.compress(GOOD.encode())[:-9], r"damaged xz"),
}


@pytest.mark.parametrize("kind", FILES)
def test_files(refused, tmp_path, kind):
    content, message = FILES[kind]
    (tmp_path / "data").write_bytes(content if isinstance(content, bytes) else content.encode())
    sentence, field = refused("train", "translate", "data", *SHORT)
    assert re.search(message, sentence), sentence
    assert field == "data"


TWO = {
    "unequal": (SIDES[0], SIDES[1] + "Le.\n", r"a\.en has 50 lines and a\.fr 51"),
    "an empty line": (SIDES[0] + "The.\n", SIDES[1] + "\n", r"a\.fr, line 51 is empty.*both"),
    "empty lines": (
        SIDES[0] + "The.\n" * 7 + "\n\n",
        SIDES[1] + "\n" * 8 + "Le.\n",
        r"a\.en, line 59 is empty; a\.fr, lines 51, 52, 53, 54, 55 and 2 more are empty: .*both",
    ),
    "latin-1": (SIDES[0], SIDES[1].encode("latin-1"), r"a\.fr, line \d+ is not UTF-8.*--encoding"),
    "the same file": (SIDES[0], SIDES[0], r"every target equals its source.*same file"),
    "a very long line": (
        SIDES[0] + "The.\n",
        SIDES[1] + "x " * 100_000 + "\n",
        r"a\.fr, line 51 has more than 10,000 characters",
    ),
    "empty": (SIDES[0], "", r"a\.fr is empty"),
}


@pytest.mark.parametrize("kind", TWO)
def test_two_files(refused, tmp_path, kind):
    *contents, message = TWO[kind]
    for side, content in zip(("en", "fr"), contents, strict=True):
        (tmp_path / f"a.{side}").write_bytes(content if isinstance(content, bytes) else content.encode())
    for words in (["a.en,a.fr"], ["--source", "a.en", "--target", "a.fr"]):
        sentence, field = refused("train", "translate", *words, *SHORT)
        assert re.search(message, sentence), sentence
        assert field == ("encoding" if "--encoding" in message else "data")


TRAIN = [
    ([], "source FILE and --target FILE|data is missing|DATA is missing", "data"),
    (["gone.tsv"], "There is no file gone.tsv", "data"),
    (["gone.en,gone.fr"], "There is no file gone.en", "data"),
    (["x.tsv,gone.fr"], "There is no file gone.fr", "data"),
    (["."], "is a folder", "data"),
    (["@ring"], "holds points: choose from @numbers-fr", "data"),
    (["@numbers-fr:0"], "whole number from 1", "data"),
    (["--source", "a.en"], "target is missing", "target"),
    (["--target", "a.fr"], "source is missing", "source"),
    (["x.tsv", "--source", "a.en", "--target", "a.fr"], "given twice", "data"),
    (["x.tsv", "--validation", "gone.tsv"], "There is no file gone.tsv", "validation"),
    (["x.tsv", "--test", "bad.tsv"], "bad.tsv, line 1 has no tab", "test"),
    (["x.tsv", "--validation", 0.5, "--test", 0.5], "something to train on", "validation"),
    (["x.tsv", "--validation", "x.tsv"], "leaves 0 pairs to train on", "data"),
    (["x.tsv", "--tokenizer", "byte"], "byte.*is not a choice.*bpe", "tokenizer"),
    (["x.tsv", "--vocabulary", 100], "vocabulary: 100", "vocabulary"),
    (["x.tsv", "--label-smoothing", 1], "label_smoothing: 1.0.*below 1", "label_smoothing"),
    (["x.tsv", "--batch", 1], "batch: 1 cannot be used.*from 16", "batch"),
    (["x.tsv", "--model", "lstm"], "no model lstm.*transformer, gru", "model"),
]


@pytest.mark.parametrize(("words", "message", "field"), TRAIN, ids=str)
def test_training(refused, tmp_path, words, message, field):
    (tmp_path / "x.tsv").write_text(GOOD)
    (tmp_path / "bad.tsv").write_text("no tab\n")
    for side, text in zip(("en", "fr"), SIDES, strict=True):
        (tmp_path / f"a.{side}").write_text(text)
    sentence, found = refused("train", "translate", *words, *SHORT)
    assert re.search(message, sentence), sentence
    assert found == field


PROMPTS = [
    (["--prompt", ""], "text is empty", "prompt"),
    (
        ["--prompt", "The miller. " * 40],
        r"The prompt, line 1 has \d+ tokens, but the longest training sentence has \d+",
        "prompt",
    ),
    (["--prompt", "The miller.\n" + "The miller. " * 40], r"The prompt, line 2 has \d+ tokens", "prompt"),
    (["--input", "gone.txt"], "There is no file gone.txt", "input"),
    (["--input", "empty.txt"], "empty.txt is empty", "input"),
    (["--input", "latin.txt"], "latin.txt, line 2 is not UTF-8", "encoding"),
    (["--input", "long.txt"], r"long.txt, line 3 has \d+ tokens", "input"),
    (["--prompt", "a", "--input", "long.txt"], "both give the prompt", "input"),
    (["--prompt", "a", "--n-best", 9], "--beam 9", "n_best"),
    (["--prompt", "a", "--beam", 0], "beam: 0", "beam"),
    (["--prompt", "a", "--length-penalty", "nan"], "length_penalty: nan", "length_penalty"),
    (["--prompt", "a", "--temperature", 0], "temperature: 0.0", "temperature"),
]


@pytest.mark.parametrize(("words", "message", "field"), PROMPTS, ids=str)
def test_prompts(refused, translator, tmp_path, words, message, field):
    (tmp_path / "empty.txt").write_text("")
    (tmp_path / "latin.txt").write_bytes("one\ntwö\n".encode("latin-1"))
    (tmp_path / "long.txt").write_text("The miller.\n\n" + "The miller. " * 40 + "\n")
    sentence, found = refused("generate", translator, *words)
    assert re.search(message, sentence), sentence
    assert found == field


def test_standard_input(cli, translator, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("one\ntwö\n".encode("latin-1"))))
    code, _, err = cli("generate", translator)
    assert code == 2
    assert "Standard input, line 2 is not UTF-8" in err


@pytest.mark.parametrize(("tokenizer", "message"), [("char", "characters.*'Q', '?'"), ("word", "words.*'queen'")])
def test_text_outside_the_vocabulary(refused, cli, tmp_path, tokenizer, message):
    (tmp_path / "x.tsv").write_text(GOOD)
    assert cli("train", "translate", "x.tsv", *SHORT, "--tokenizer", tokenizer, "--out", "run")[0] == 0
    sentence, field = refused("generate", "run", "--prompt", "The Queen?" if tokenizer == "char" else "The queen.")
    assert re.search(f"The prompt, line 1 has {message}", sentence.replace("'?', 'Q'", "'Q', '?'")), sentence
    assert field == "prompt"
    (tmp_path / "lines").write_text("The old miller waits now.\n\nThe queen?\n")
    sentence, field = refused("generate", "run", "--input", "lines")
    assert sentence.startswith("lines, line 3 has ")
    assert field == "input"

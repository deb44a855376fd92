import sys

import pytest

from genlab.errors import InputError
from genlab.metrics.translate import corpus_measures, exact_match, extremes, signatures

REFERENCES = ["The cat sat on the mat.", "A dog runs through the tall grass today.", "Two men wait."]


def test_perfect_and_hopeless():
    perfect = corpus_measures(REFERENCES, REFERENCES)
    assert perfect == pytest.approx({"bleu": 100, "chrf": 100, "exact": 1})
    hopeless = corpus_measures(["xyzzy"] * 3, REFERENCES)
    assert hopeless["bleu"] < 1
    assert hopeless["chrf"] < 5
    assert hopeless["exact"] == 0


def test_bleu_by_hand():
    """8 of 9 words, 6 of 8 pairs, 4 of 7 triples and 2 of 6 quadruples are right; nothing is too short."""
    reference = "one two three four five six seven eight nine"
    found = corpus_measures(["one two three four FIVE six seven eight nine"], [reference])["bleu"]
    assert found == pytest.approx(100 * (8 / 9 * 6 / 8 * 4 / 7 * 2 / 6) ** 0.25)


def test_exact_counts_whole_sentences():
    assert exact_match(["a b", "c", "d"], ["a b", "C", "d"]) == pytest.approx(2 / 3)


def test_extremes_by_chrf():
    found = extremes(["x", "y", "z"], REFERENCES, ["The cat sat on a mat.", "No.", REFERENCES[2]], 2)
    assert [row["source"] for row in found["worst"].values()] == ["y", "x"]
    assert [row["source"] for row in found["best"].values()] == ["z", "x"]
    assert found["best"]["1"]["chrf"] == 100 > found["best"]["2"]["chrf"] > 50 > found["worst"]["1"]["chrf"]
    assert found["worst"]["1"] == {**found["worst"]["1"], "reference": REFERENCES[1], "translation": "No."}


def test_signatures_name_the_tokenizer_and_the_version():
    found = signatures()
    assert "tok:13a" in found["bleu"]
    assert "nc:6" in found["chrf"]
    assert all("version:" in signature and "nrefs:1" in signature for signature in found.values())


def test_without_sacrebleu(monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    with pytest.raises(InputError, match=r"pip install 'genlab\[translate\]'"):
        corpus_measures(["a"], ["a"])
    assert exact_match(["a"], ["a"]) == 1

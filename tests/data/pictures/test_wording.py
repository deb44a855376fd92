"""Descriptions: words, vocabularies, and writing them from attributes."""

import random
import unicodedata

import pytest

from genlab.data.pictures.wording import COMPLETE, OMITTED, Vocabulary, describe, words_of

FACTS = {"hair": "red", "glasses": "yes", "beard": "no"}


def test_words():
    assert words_of("A woman, with Red-brown hair! ÉTÉ 2x") == [
        "a",
        "woman",
        "with",
        "red",
        "brown",
        "hair",
        "été",
        "2x",
    ]
    assert words_of("... !") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("一只红色的猫。", [*"一只红色的猫"]),
        ("赤いネコ、3匹 Tama", [*"赤いネコ", "3", "匹", "tama"]),
        ("लाल टोपी वाली लड़की", ["लाल", "टोपी", "वाली", "लड़की"]),
        ("ผู้หญิง", ["ผู้", "ห", "ญิ", "ง"]),
        ("می\u200cخواهم برود", ["می\u200cخواهم", "برود"]),
        ("e\u0301te\u0301", ["été"]),
        ("🐈 \u2764\ufe0f", []),
    ],
)
def test_words_of_scripts_with_marks_and_without_spaces(text, words):
    assert words_of(text) == [unicodedata.normalize("NFC", word) for word in words]


def test_indices_start_and_pad_and_leave_out_unknown_words():
    vocabulary = Vocabulary.of(["red hair", "Red nose"])
    assert vocabulary.words == ["hair", "nose", "red"]
    assert len(vocabulary) == 5
    assert vocabulary.indices(["Red hair", "a nose", "", "red red red red"], 4).tolist() == [
        [1, 4, 2, 0],
        [1, 3, 0, 0],
        [1, 0, 0, 0],
        [1, 4, 4, 4],
    ]
    assert vocabulary.unknown("a red nose, a hat") == ["a", "hat"]
    assert vocabulary.indices([""], 4).tolist() == [[1]]


def test_facts_become_phrases():
    texts = {describe(FACTS, random.Random(seed), ["a person"], omitted=0.0) for seed in range(50)}
    assert "a person with red hair, glasses and no beard" in texts
    assert "a person who has no beard, glasses and hair that is red" in texts
    assert {describe({"hair": "red"}, random.Random(seed)) for seed in range(20)} == {"red hair", "hair that is red"}


def test_facts_are_left_out_as_often_as_asked():
    texts = [describe(FACTS, random.Random(seed)) for seed in range(2000)]
    left = (1 - COMPLETE) * (OMITTED - OMITTED**3 / 3)
    assert sum("glasses" not in text for text in texts) / 2000 == pytest.approx(left, abs=0.03)
    assert all(texts)

"""A first row that names the columns is not a pair; a first pair that could be a header is kept."""

import pytest

from genlab.data.pairs.header import is_header


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("english", "french"), ("English", "Français"), ("source", "target"), ("SRC", "TGT"), ("en", "fr"),
        ("eng", "fra"), ("en_US", "de-DE"), ("eng_Latn", "deu_Latn"), ("Source text", "target_text"),
        ('"English"', '"German"'), ("# source", "target"), ("English sentence", "French sentence"),
        ("input", "output"), ("text", "translation"),
        ("english", "translation"), ("sentence1", "sentence2"), ("from", "to"), ("it", "en"), ("English", "中文"),
        ("zh", "ja"), ("source_language", "target_language"),
    ],
)  # fmt: skip
def test_headers(source, target):
    assert is_header(source, target)
    assert is_header(target, source)


@pytest.mark.parametrize(
    ("source", "target"),
    [
        ("The miller waits.", "Le meunier attend."), ("english", "anglais"), ("german", "deutsch"),
        ("English", "english"), ("et", "en"),
        ("Chinese", "中文"), ("source", "source"), ("source", "Quelle"), ("it", "es"), ("no", "ja"), ("is", "est"),
        ("to", "zu"), ("french fries", "frites"), ("English text", "texte anglais"), ("go", "va"), ("", "fr"),
        ("Hi.", "Salut!"), ("text", "language"), ("text", ""),
        ("text", "texte"), ("Hi", "Ja"), ("polish", "polieren"), ("english", "french lesson"), ("de la", "of the"),
    ],
)  # fmt: skip
def test_pairs(source, target):
    assert not is_header(source, target)

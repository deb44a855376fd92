import os
import signal
import threading
import time

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from genlab.data.shared.tokenizers import (
    END,
    LONGEST_WORD,
    UNKNOWN,
    character_tokenizer,
    fitting_vocabulary,
    kind_of,
    load_tokenizer,
    token_label,
    train_tokenizer,
)
from genlab.errors import InputError
from tests.conftest import sentences

TEXT = sentences(30_000)
TRICKY = [
    "",
    " ",
    "<|end|>",
    "a<|end|>b<|unknown|>c",
    "\r\n\t\v\f\x01\x1f\x7f\x85",
    "👩‍👩‍👧‍👦🏳️‍🌈 é é \u200b\ufeff\u2028",
    "日本語 العربية עברית हिन्दी",
    "  leading, trailing  ",
    "x" * 500,
    "\U0010ffff\ue000",
]


@pytest.fixture(scope="module", params=["byte", "bpe"])
def tokenizer(request) -> Tokenizer:
    return train_tokenizer(request.param, iter([TEXT]), len(TEXT), 400)


@pytest.fixture(scope="module")
def characters() -> Tokenizer:
    return character_tokenizer(set(TEXT) | set("\n é日👩"))


def through(tokenizer: Tokenizer, text: str) -> str:
    return tokenizer.decode(tokenizer.encode(text, add_special_tokens=False).ids, skip_special_tokens=False)


@settings(max_examples=300, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
@example(text="<|end|>")
@example(text="0<|end|>\x00")
def test_any_string_comes_back_exactly(tokenizer, text):
    assert through(tokenizer, text) == text


@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_tricky_strings_come_back_exactly(tokenizer, text):
    assert through(tokenizer, text) == text
    assert through(tokenizer, f"the{text}river{text}{text}") == f"the{text}river{text}{text}"


def test_text_that_spells_a_mark_is_text(tokenizer, characters):
    for made in (tokenizer, character_tokenizer(set(END + UNKNOWN))):
        for mark in (END, UNKNOWN):
            ids = made.encode(mark, add_special_tokens=False).ids
            assert made.token_to_id(END) not in ids
            assert made.token_to_id(UNKNOWN) not in ids
            assert len(ids) > 1


def test_vocabularies(tokenizer, characters):
    for made in (tokenizer, characters):
        assert made.token_to_id(END) == 0
        vocabulary = made.get_vocab()
        assert sorted(vocabulary.values()) == list(range(len(vocabulary)))
    assert characters.token_to_id(UNKNOWN) == 1
    assert characters.get_vocab_size() == len(set(TEXT) | set("\n é日👩")) + 2
    assert tokenizer.get_vocab_size() == {"byte": 257, "bpe": 400}[kind_of(tokenizer)]


def test_bytes_are_bytes():
    made = train_tokenizer("byte", iter([TEXT]), len(TEXT), None)
    for text in ("abc", "é", "日", "👩‍👩‍👧"):
        assert len(made.encode(text).ids) == len(text.encode())


def test_bpe_is_shorter():
    made = train_tokenizer("bpe", iter([TEXT]), len(TEXT), 400)
    assert len(made.encode(TEXT).ids) < 0.5 * len(TEXT)
    again = train_tokenizer("bpe", iter([TEXT]), len(TEXT), 400)
    assert again.to_str() == made.to_str()


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.sampled_from(sorted(set(TEXT) | set("\n é日👩"))), max_size=300))
def test_characters_come_back_exactly(characters, text):
    encoded = characters.encode(text, add_special_tokens=False)
    assert len(encoded.ids) == len(text)
    assert through(characters, text) == text


@settings(max_examples=100, deadline=None)
@given(text=st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_unseen_characters_become_the_mark(characters, text):
    known = set(TEXT) | set("\n é日👩")
    ids = characters.encode(text, add_special_tokens=False).ids
    assert len(ids) == len(text)
    assert [number == characters.token_to_id(UNKNOWN) for number in ids] == [c not in known for c in text]
    assert through(characters, text) == "".join(c if c in known else UNKNOWN for c in text)


def test_long_words_of_characters_are_quick(characters):
    assert through(characters, "a" * 200_000) == "a" * 200_000


HAN = "".join(map(chr, np.random.default_rng(0).integers(0x4E00, 0x5200, 200_000)))


def test_text_without_spaces():
    """A text that is one long word is split for training only; it would otherwise take hours for a book."""
    made = train_tokenizer("bpe", iter([HAN]), len(HAN), 600)
    assert through(made, HAN[:5000]) == HAN[:5000]
    assert len(made.encode(HAN[:5000]).ids) < 2.5 * 5000
    repeated = train_tokenizer("bpe", iter(["x" * 1_000_000]), 1_000_000, 400)
    assert max(map(len, repeated.get_vocab())) == LONGEST_WORD


def test_words_of_usual_length_are_learnt_whole():
    """Splits words as the library alone does."""
    text = TEXT + "".join(f" {'gwy' * (n % 9)}{'日本語' * (n % 20)}{n % 13}  \n" for n in range(3000))
    plain = Tokenizer(models.BPE())
    plain.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    plain.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=500, special_tokens=[END], initial_alphabet=alphabet, show_progress=False)
    plain.train_from_iterator([text], trainer)
    assert train_tokenizer("bpe", iter([text]), len(text), 500).to_str() == plain.to_str()


def test_training_can_be_interrupted():
    started = threading.Event()

    def texts():
        started.set()
        yield from [HAN] * 5

    def interrupt():
        started.wait()
        time.sleep(0.2)
        os.kill(os.getpid(), signal.SIGINT)

    ended = []

    def train():
        ended.append(train_tokenizer("bpe", texts(), 5 * len(HAN), 30_000))
        signals.join()  # a signal that comes too late must not hit another test

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background jobs ignore
    signals = threading.Thread(target=interrupt)
    signals.start()
    with pytest.raises(KeyboardInterrupt):
        train()
    signal.signal(signal.SIGINT, before)
    assert not ended


def test_an_error_in_the_texts_comes_through():
    def texts():
        yield "some text"
        raise InputError("line 7 is damaged", "data")

    with pytest.raises(InputError, match="line 7"):
        train_tokenizer("bpe", texts(), 100, 400)


def test_files_reload_equal(tokenizer, characters, tmp_path):
    for made in (tokenizer, characters):
        made.save(str(tmp_path / "tokenizer.json"))
        read = load_tokenizer(tmp_path / "tokenizer.json")
        assert read.to_str() == made.to_str()
        for text in [*TRICKY, TEXT[:2000]]:
            assert read.encode(text, add_special_tokens=False).ids == made.encode(text, add_special_tokens=False).ids
        assert kind_of(read) == kind_of(made)


@pytest.mark.parametrize("content", [b"", b"{}", b"\x80\x04", b'{"version": "1.0"}'])
def test_damaged_files(tmp_path, content):
    (tmp_path / "tokenizer.json").write_bytes(content)
    with pytest.raises(InputError, match="missing or damaged"):
        load_tokenizer(tmp_path / "tokenizer.json")
    with pytest.raises(InputError, match="missing or damaged"):
        load_tokenizer(tmp_path / "nowhere.json")


def test_vocabulary_fits_the_length():
    sizes = [fitting_vocabulary(characters) for characters in (0, 10**5, 10**6, 10**7, 10**8, 10**9, 10**12)]
    assert sizes == sorted(sizes)
    assert sizes[0] == sizes[2] == 1024
    assert sizes[-1] == 32_768
    assert [fitting_vocabulary(n, 1_000) for n in (10, 1_100_000, 3_800_000, 10**9)] == [1024, 2048, 4096, 32_768]


def labels(tokenizer: Tokenizer, text: str) -> list[str]:
    return [token_label(tokenizer, token) for token in tokenizer.encode(text, add_special_tokens=False).ids]


def test_labels_of_characters(characters):
    assert labels(characters, "a é\n日") == ["a", "␣", "é", "⏎", "日"]
    assert labels(characters, "\x00") == [UNKNOWN]
    assert token_label(characters, 0) == END
    assert labels(character_tokenizer("\t\r\x07\ufffd\u200b"), "\t\r\x07\ufffd\u200b") == [
        "⇥", "␍", "\\x07", "\ufffd", "\\u200b",
    ]  # fmt: skip


def test_labels_of_pieces(tokenizer):
    """Whole characters as they are, pieces of one as bytes; together they are the text."""
    assert "".join(labels(tokenizer, "The river  runs\n")) == "The␣river␣␣runs⏎"
    assert labels(tokenizer, "é日") == ["\\xc3", "\\xa9", "\\xe6", "\\x97", "\\xa5"]
    assert labels(tokenizer, "\x01 ") == ["\\x01", "␣"]
    single = sorted(token_label(tokenizer, token) for token in range(1, 257))
    assert len(set(single)) == 256
    assert sum(label.startswith("\\x") for label in single) == 128 + 30  # no character, or one without ink

import lzma
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.metrics import text as measures
from genlab.metrics.text import baselines, copying, longest_shared, seen_share
from tests.conftest import sentences

few = st.text("ab", max_size=60).map(str.encode)
"""Strings of two letters share much."""
several = st.lists(few, max_size=6)


def longest_by_hand(training: bytes, text: bytes) -> int:
    return max(
        (j - i for i in range(len(text)) for j in range(i + 1, len(text) + 1) if text[i:j] in training), default=0
    )


def share_by_hand(training: bytes, text: bytes, length: int) -> float:
    grams = [text[i : i + length] for i in range(len(text) - length + 1)]
    return sum(gram in training for gram in grams) / len(grams) if grams else 0.0


@pytest.fixture(scope="module", params=[1, 7, 1 << 22], ids=lambda chunk: f"chunk {chunk}")
def chunk(request):
    """Makes the copy check read training texts in blocks of this many bytes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "CHUNK", request.param)
        yield request.param


@settings(max_examples=150, deadline=None)
@given(pieces=several, text=few)
def test_longest_shared(chunk, pieces, text):
    length, passage = longest_shared(lambda: pieces, text)
    assert length == len(passage) == longest_by_hand(b"".join(pieces), text)
    assert passage in text
    assert passage in b"".join(pieces)


@settings(max_examples=150, deadline=None)
@given(pieces=several, text=few, length=st.integers(1, 20))
def test_seen_share(chunk, pieces, text, length):
    expected = share_by_hand(b"".join(pieces), text, length)
    assert seen_share(lambda: pieces, text, length) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=50), st.binary(max_size=50), st.integers(1, 9))
def test_any_bytes(training, text, length):
    assert longest_shared(lambda: [training], text)[0] == longest_by_hand(training, text)
    assert seen_share(lambda: [training], text, length) == pytest.approx(share_by_hand(training, text, length))


@settings(max_examples=100, deadline=None)
@given(st.binary(min_size=1, max_size=80), st.integers(1, 80))
def test_hashes_tell_substrings_apart(text, length):
    hashes = measures._hashes(text, length)
    assert len(hashes) == max(0, len(text) - length + 1)
    grams = [text[i : i + length] for i in range(len(text) - length + 1)]
    assert len(set(hashes.tolist())) == len(set(grams))
    assert [hashes[grams.index(gram)] for gram in grams] == hashes.tolist()


def test_a_long_passage_in_a_long_text(monkeypatch):
    monkeypatch.setattr(measures, "CHUNK", 10_000)
    training = sentences(60_000).encode()
    passage = training[9_500:10_777]  # across two blocks
    text = b"#" + sentences(3_000, seed=5).encode() + b"#" + passage + b"#"
    pieces = [training[i : i + 777] for i in range(0, len(training), 777)]
    assert longest_shared(lambda: pieces, text) == (len(passage), passage)


def test_copying():
    training = sentences(30_000).encode()
    fresh = sentences(40_000, seed=1).encode()
    same = copying(lambda: [training], training[5_000:9_000], fresh)
    assert same["generated"]["longest_shared"] == 4_000
    assert same["generated"]["unseen_ngrams"] == 0
    assert same["generated"]["passage"] == training[5_000:9_000].decode()
    assert same["verdict"] == "The model repeats passages of its training text."
    new = copying(lambda: [training], sentences(4_000, seed=2).encode(), fresh)
    assert new["verdict"] == "The model repeats no more than real text does."
    assert 0.3 < new["generated"]["unseen_ngrams"] < 1
    middle = fresh[18_000:22_000]  # as much as was generated, out of the middle
    assert new["held_out"]["longest_shared"] == longest_shared(lambda: [training], middle)[0]
    assert new["held_out"]["unseen_ngrams"] == pytest.approx(1 - share_by_hand(training, middle, measures.NGRAM))
    half = copying(lambda: [training], training[100:2_100] + sentences(2_000, seed=3).encode(), fresh)
    assert half["verdict"] == same["verdict"]


def test_copying_of_next_to_nothing():
    for generated, held_out in ((b"", b""), (b"abc", b""), (b"", b"abc"), ("é日".encode()[:-1], b"abc")):
        result = copying(lambda: [b"training"], generated, held_out)
        assert result["generated"]["unseen_ngrams"] == 1
        assert result["verdict"]


def test_the_training_text_can_be_read_again_and_again():
    calls = []

    def training():
        calls.append(1)
        yield b"abcabcabc" * 10

    assert longest_shared(training, b"xxabcabcxx")[0] == 6
    assert len(calls) > 1


def test_baselines_by_hand():
    """Byte frequencies with one added to each count, and what a compressor gains from the training text."""
    training, held_out = b"aaab" * 64, b"ab"
    total = 256 + 256
    bits = -math.log2((192 + 1) / total) - math.log2((64 + 1) / total)
    assert baselines([training], held_out)["bytes"] == pytest.approx(bits / 2)
    text = sentences(20_000).encode()
    found = baselines([text[:10_000], text[10_000:15_000]], text[15_000:])
    assert 1 < found["xz"] < found["bytes"] < 5
    alone = 8 * len(lzma.compress(text[15_000:])) / 5_000
    assert found["xz"] < alone

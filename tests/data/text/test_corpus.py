import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.data.shared import compressed
from genlab.data.shared.tokenizers import END
from genlab.data.text import corpus as reading
from genlab.data.text.corpus import Split, cut, describe, read_corpus, test_text, training_text
from genlab.errors import InputError
from tests.conftest import sentences

test_text.__test__ = False  # a function of the library, not a test


def corpus(data: Path, validation="0.05", test="0.10", kind="byte", vocabulary=None, tokenizer=None):
    return read_corpus(str(data), str(validation), str(test), kind=kind, vocabulary=vocabulary, tokenizer=tokenizer)


def decoded(made, split: Split) -> list[str]:
    """The documents of a split."""
    assert split.tokens[0] == made.tokenizer.token_to_id(END)
    places = [*np.flatnonzero(split.tokens == made.tokenizer.token_to_id(END)), len(split.tokens)]
    parts = [split.tokens[first + 1 : last].tolist() for first, last in pairwise(places)]
    return [made.tokenizer.decode(part, skip_special_tokens=False) for part in parts]


# --- splits ---------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(st.sampled_from("ab\n é日"), min_size=0, max_size=30), max_size=8), st.data())
def test_cut_by_position(documents, data):
    pieces = []
    for text in documents:  # each in two pieces
        place = data.draw(st.integers(0, len(text)))
        pieces += [(True, text[:place]), *([(False, text[place:])] if text[place:] else [])]
    whole = "".join(documents)
    start = data.draw(st.integers(0, len(whole)))
    end = data.draw(st.integers(start, len(whole)))
    got = list(cut(pieces, start, end))
    assert "".join(text for _, text in got) == whole[start:end]
    place = start
    starts = {0} | set(np.cumsum([len(text) for text in documents]).tolist())
    for begins, text in got:
        assert not begins or place in starts
        place += len(text)


@pytest.mark.parametrize("kind", ["char", "byte", "bpe"])
@pytest.mark.parametrize(
    "shares", [("0.05", "0.10"), ("0", "0.10"), ("0.3", "0"), ("0", "0"), ("0.333", "0.333")], ids=str
)
def test_splits_together_are_the_text(tmp_path, kind, shares):
    """Splits by position, exact to the character, whatever the tokenizer."""
    text = "\r\n 日本 é 👩‍👩‍👧" + sentences(9_973)
    (tmp_path / "x.txt").write_text(text, newline="")
    made = corpus(tmp_path / "x.txt", *shares, kind)
    splits = [split for split in (made.train, made.validation, made.test) if split is not None]
    parts = ["".join(decoded(made, split)) for split in splits]
    assert "".join(parts) == text
    assert sum(split.characters for split in splits) == len(text)
    for split, share in ((made.validation, shares[0]), (made.test, shares[1])):
        assert abs((split.characters if split else 0) - float(share) * len(text)) <= 1
    assert sum(split.bytes for split in splits) == len(text.encode())
    assert (made.validation is None) == (shares[0] == "0")
    assert (made.test is None) == (shares[1] == "0")
    assert b"".join(training_text(str(tmp_path / "x.txt"), *shares, None)).decode() == text[: made.train.characters]
    if made.test:
        assert b"".join(test_text(str(tmp_path / "x.txt"), *shares, None)).decode() == text[-made.test.characters :]


def test_splits_of_their_own(tmp_path, book):
    (tmp_path / "v.txt").write_text("validate this " * 50)
    (tmp_path / "t.txt").write_text("test this " * 50)
    made = corpus(book, tmp_path / "v.txt", tmp_path / "t.txt")
    assert decoded(made, made.train) == [book.read_text()]
    assert decoded(made, made.validation) == ["validate this " * 50]
    assert decoded(made, made.test) == ["test this " * 50]
    assert b"".join(test_text(str(book), "0.05", str(tmp_path / "t.txt"), None)) == b"test this " * 50
    assert (
        b"".join(training_text(str(book), "0.05", str(tmp_path / "t.txt"), None)).decode() == book.read_text()[:19_000]
    )


def test_splits_of_their_own_are_in_the_fingerprint(tmp_path, book):
    plain = corpus(book).fingerprint
    prints = []
    for text in ("test this " * 50, "test that " * 50):
        (tmp_path / "t.txt").write_text(text)
        prints.append(corpus(book, 0.05, tmp_path / "t.txt").fingerprint)
    assert len({plain, *prints}) == 3


def test_what_is_left_out_of_a_split_is_noted(tmp_path, book):
    for name in ("train", "held"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.txt").write_text(sentences(2000))
        (tmp_path / name / f"{name}.jpg").touch()
    assert corpus(tmp_path / "train", tmp_path / "held", 0.1).notes == (
        "left out (not text by name): train.jpg",
        "validation: left out (not text by name): held.jpg",
    )


def test_documents_without_text_are_left_out(tmp_path):
    (tmp_path / "x.jsonl").write_text(
        "".join(json.dumps({"text": text}) + "\n" for text in ("", "one", "", "two\n", ""))
    )
    made = corpus(tmp_path / "x.jsonl", 0, 0)
    assert decoded(made, made.train) == ["one", "two\n"]


def test_documents_have_marks(tmp_path):
    documents = [sentences(200, seed) for seed in range(20)]
    (tmp_path / "x.jsonl").write_text("".join(json.dumps({"text": text}) + "\n" for text in documents))
    made = corpus(tmp_path / "x.jsonl", "0.1", "0.1")
    assert decoded(made, made.train) == documents[:16]
    assert decoded(made, made.validation) == documents[16:18]
    assert decoded(made, made.test) == documents[18:]
    assert [split.documents for split in (made.train, made.validation, made.test)] == [16, 2, 2]
    assert describe(made.train) == {
        "characters": 3200, "bytes": 3200, "documents": 16, "unknown": 0, "tokens": 3200 + 15,
    }  # fmt: skip
    whole = corpus(tmp_path / "x.jsonl", "0.125", "0.0")
    assert decoded(whole, whole.train)[-1] == documents[17][:100]
    assert decoded(whole, whole.validation) == [documents[17][100:], *documents[18:]]


def test_unknown_characters_are_counted(tmp_path):
    (tmp_path / "x.txt").write_text("ab " * 300 + "äöü" * 10 + "ab" * 35)
    made = corpus(tmp_path / "x.txt", 0, "0.1", "char")
    assert made.train.unknown == 0
    assert made.test.unknown == 30


@pytest.mark.parametrize(
    ("text", "kind"),
    [(sentences(5000), "char"), ("".join(map(chr, range(0x4E00, 0x4F80))) * 5, "bpe"), (sentences(1000) * 2500, "bpe")],
    ids=["short", "many characters", "long"],
)
def test_auto_picks_by_the_text(tmp_path, text, kind):
    from genlab.data.shared.tokenizers import kind_of

    (tmp_path / "x.txt").write_text(text)
    assert kind_of(corpus(tmp_path / "x.txt", kind="auto").tokenizer) == kind


def test_slices():
    for text in ("", "a", "word " * 9000, "x" * 50_000, "x" * 9000 + " " + "y" * 40_000, "\n" * 40_000):
        parts = reading._slices(text)
        assert "".join(parts) == text
        assert max(map(len, parts)) <= 16_384
    assert {part[0] for part in reading._slices("word " * 9000)[1:]} == {" "}


@pytest.mark.parametrize("kind", ["byte", "bpe", "char"])
def test_a_long_text_in_pieces(tmp_path, monkeypatch, kind):
    """Three megabytes with characters across every kind of boundary are read back exactly."""
    text = ("日本é👩 " * 7 + sentences(20_011)) * 60 + "x" * 50_000 + "\n" * 20_000 + "日" * 40_000
    text = text[-200_000:] + text
    (tmp_path / "x.txt").write_text(text)
    sizes = ((compressed, "BLOCK"), (reading, "PIECE"))
    for module, name in sizes:
        monkeypatch.setattr(module, name, 10_007)
    made = corpus(tmp_path / "x.txt", "0.01", "0.01", kind, 500 if kind == "bpe" else None)
    assert "".join("".join(decoded(made, split)) for split in (made.train, made.validation, made.test)) == text
    pieces = [made.train.tokens[:], made.validation.tokens[:], made.test.tokens[:]]
    for module, name in sizes:
        monkeypatch.setattr(module, name, 1 << 20)
    monkeypatch.setattr(reading, "READER", 1000)  # another cache
    whole = corpus(tmp_path / "x.txt", "0.01", "0.01", kind, tokenizer=made.tokenizer)
    for piece, split in zip(pieces, (whole.train, whole.validation, whole.test), strict=True):
        assert np.array_equal(piece, split.tokens)  # what a token is does not depend on where a read ends


# --- the cache ------------------------------------------------------------------------------------


@pytest.fixture
def fresh_cache(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("GENLAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def count_encodings(monkeypatch) -> list[int]:
    encode, calls = reading._encode, []
    monkeypatch.setattr(reading, "_encode", lambda *args: (calls.append(1), encode(*args))[1])
    return calls


@pytest.mark.parametrize("kind", ["char", "byte", "bpe"])
def test_the_cache_is_used_and_never_stale(tmp_path, fresh_cache, monkeypatch, kind):
    path, calls = tmp_path / "x.txt", count_encodings(monkeypatch)
    text = sentences(5000)
    path.write_text(text)
    first = corpus(path, kind=kind)
    assert len(calls) == 3
    again = corpus(path, kind=kind)
    assert len(calls) == 3
    assert np.array_equal(first.train.tokens, again.train.tokens)
    (tmp_path / "moved.txt").write_text(text)
    corpus(tmp_path / "moved.txt", kind=kind)
    assert len(calls) == 3
    import os

    stamp = path.stat()
    changed = text[:100] + "#" + text[101:]
    path.write_text(changed)
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))  # same size, same time
    other = corpus(path, kind=kind)
    assert other.fingerprint != first.fingerprint
    assert decoded(other, other.train) == [changed[:4250]]
    assert len(calls) == 6


@pytest.mark.parametrize(
    "change",
    [{"validation": 0.06}, {"test": 0.2}, {"kind": "char"}, {"kind": "bpe"}, {"kind": "bpe", "vocabulary": 300}],
    ids=str,
)
def test_other_options_other_tokens(tmp_path, fresh_cache, change):
    path = tmp_path / "x.txt"
    path.write_text(sentences(6000))
    corpus(path)
    corpus(path, kind="bpe", vocabulary=400)
    made = corpus(path, **change)
    expected = int(6000 * (1 - change.get("validation", 0.05) - change.get("test", 0.1)) + 0.5)
    assert decoded(made, made.train) == [path.read_text()[:expected]]
    if "vocabulary" in change:
        assert made.tokenizer.get_vocab_size() == 300


def test_document_borders_are_content(tmp_path, fresh_cache):
    (tmp_path / "one.jsonl").write_text('{"text": "abab"}\n{"text": "cdcd"}\n')
    (tmp_path / "other.jsonl").write_text('{"text": "ab"}\n{"text": "abcdcd"}\n')
    one, other = corpus(tmp_path / "one.jsonl", 0, 0), corpus(tmp_path / "other.jsonl", 0, 0)
    assert one.fingerprint != other.fingerprint
    assert decoded(one, one.train) == ["abab", "cdcd"]
    assert decoded(other, other.train) == ["ab", "abcdcd"]


def test_a_failed_reading_leaves_no_cache(tmp_path, fresh_cache):
    (tmp_path / "bad.jsonl").write_text('{"text": "fine"}\n' * 5 + "{\n")
    with pytest.raises(InputError, match="line 6"):
        corpus(tmp_path / "bad.jsonl")
    assert not fresh_cache.exists() or not list(fresh_cache.iterdir())


def test_a_full_disk_is_told_and_leaves_no_cache(tmp_path, fresh_cache, monkeypatch):
    import errno

    (tmp_path / "x.txt").write_text(sentences(3000))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(reading, "_encode", full)
    with pytest.raises(InputError, match=r"cache .* cannot be written .No space left.*GENLAB_CACHE"):
        corpus(tmp_path / "x.txt")
    assert all(path.is_dir() and (path / "tokenizer.json").exists() for path in fresh_cache.iterdir())


def test_a_damaged_cache_is_made_anew(tmp_path, fresh_cache):
    (tmp_path / "x.txt").write_text(sentences(3000))
    made = corpus(tmp_path / "x.txt")
    whole = made.train.tokens[:].copy()
    for path in fresh_cache.rglob("tokens.bin"):
        path.write_bytes(path.read_bytes()[:-10])
    again = corpus(tmp_path / "x.txt")
    assert np.array_equal(again.train.tokens, whole)


# --- batches --------------------------------------------------------------------------------------


def numbered(count: int) -> Split:
    """A split whose tokens are their own positions."""
    return Split(np.arange(count, dtype=np.uint32), count, count, 1, 0)


@settings(max_examples=100, deadline=None)
@given(st.integers(3, 3000), st.integers(2, 70), st.integers(1, 9), st.integers(0, 5), st.integers(0, 50))
def test_windows(count, context, batch, seed, step):
    """Targets are the inputs one position later, and a batch is a function of its step alone."""
    split = numbered(max(count, context + 1))
    inputs, targets = split.batch(step, batch, context, seed)
    assert inputs.shape == targets.shape == (batch, context)
    assert (targets == inputs + 1).all()
    assert (inputs[:, 1:] == inputs[:, :-1] + 1).all()
    assert targets.max() < len(split.tokens)
    fresh = numbered(max(count, context + 1))
    for other in (step + 3, step, 0):
        again, _ = fresh.batch(other, batch, context, seed)
    again, _ = fresh.batch(step, batch, context, seed)
    assert (again == inputs).all()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("count", [1000, 1024, 1087])
def test_an_epoch_shows_every_token_once(count, seed):
    split, context = numbered(count), 32
    windows = split.windows(context)
    for epoch in range(3):
        shown = np.concatenate(
            [
                split.batch(step, 1, context, seed)[0][0].numpy()
                for step in range(epoch * windows, (epoch + 1) * windows)
            ]
        )
        assert len(np.unique(shown)) == len(shown)
        assert len(shown) >= count - 1 - 2 * context


@pytest.mark.parametrize("count", [66, 200, 1000, 1024, 1087])
def test_over_epochs_every_token_is_shown(count):
    split, context = numbered(count), 32
    steps = 300 * split.windows(context)
    inputs, targets = split.batch(0, steps, context, 0)
    assert set(inputs.unique().tolist()) == set(range(count - 1))
    assert set(targets.unique().tolist()) == set(range(1, count))


def test_epochs_are_cut_and_ordered_anew():
    split, context = numbered(1000), 32
    windows = split.windows(context)
    first = split.batch(0, windows, context, 0)[0][:, 0].tolist()
    second = split.batch(1, windows, context, 0)[0][:, 0].tolist()
    assert first != second
    assert first != sorted(first)
    assert split.batch(0, windows, context, 1)[0][:, 0].tolist() != first


@pytest.mark.parametrize("processes", [2, 3])
def test_processes_share_out_a_batch(processes):
    split = numbered(1500)
    for step in range(40):
        whole, _ = split.batch(step, 4 * processes, 16, 5)
        shares = [split.batch(step, 4, 16, 5, rank, processes)[0] for rank in range(processes)]
        assert (np.concatenate(shares) == whole.numpy()).all()

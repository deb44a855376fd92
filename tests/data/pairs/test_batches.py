"""Tokens and batches of pairs."""

import numpy as np
import pytest
import torch

from genlab.data.pairs.batches import END_TOKEN, LONGEST, Ragged, Vocabulary, tokenise
from genlab.data.pairs.pair_set import Pairs
from genlab.errors import InputError
from tests.conftest import phrases, sentences

TEXTS = ["Two dogs run.", "a dog's tail, (wagging)", "Ein Mädchen läuft über 12 Straßen!", "日本語  と spaces"]


def pairs_of(sources: list[str], targets: list[str]) -> Pairs:
    return Pairs(sources, targets, list(range(1, len(sources) + 1)), ("a.en", "a.fr"))


def letters(lengths: list[int]) -> list[str]:
    return ["ab"[number % 2] * length for number, length in enumerate(lengths)]


@pytest.fixture(scope="module")
def many():
    """2,000 pairs of 1 to 60 characters; a target is about as long as its source."""
    random = np.random.default_rng(0)
    lengths = random.integers(1, 60, 2000)
    others = np.maximum(1, lengths + random.integers(-5, 6, 2000))
    pairs = pairs_of(letters(lengths.tolist()), letters(others.tolist()))
    vocabulary = Vocabulary.make("char", pairs.sources, None)
    return tokenise(pairs, vocabulary, vocabulary)


# --- vocabularies ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["bpe", "char", "word"])
def test_decoding_gives_the_sentence_back(kind):
    vocabulary = Vocabulary.make(kind, TEXTS, 400)
    for text, tokens in zip(TEXTS, vocabulary.encode(TEXTS), strict=True):
        assert END_TOKEN not in tokens
        assert vocabulary.decode(tokens) == text
    assert vocabulary.kind == kind


def test_a_word_is_the_same_at_the_beginning():
    vocabulary = Vocabulary.make("word", TEXTS, 400)
    (one,), (_, other) = vocabulary.encode(["dogs", "Two dogs"])
    assert one == other


def test_bpe_merges_and_knows_everything():
    text = sentences(20_000)
    vocabulary = Vocabulary.make("bpe", text.split("\n"), 350)
    assert vocabulary.size == 350
    assert len(vocabulary.encode(["the river runs below"])[0]) < 10
    assert vocabulary.decode(vocabulary.encode(["Жук ☃"])[0]) == "Жук ☃"
    assert vocabulary.unknown is None


def test_strangers():
    characters, words = (Vocabulary.make(kind, TEXTS, 400) for kind in ("char", "word"))
    assert characters.unknown in characters.encode(["dog?"])[0]
    assert characters.unknown_in("dog? dig") == ["?"]
    assert words.unknown_in("Two cats run.") == ["cats"]
    assert words.unknown_in("Two dogs run.") == []


def test_the_commonest_words_stay():
    vocabulary = Vocabulary.make("word", ["a b", "a c", "a b d"], 4)
    assert vocabulary.size == 4
    assert vocabulary.unknown_in("a b c d") == ["c", "d"]


# --- tokens ---------------------------------------------------------------------------------------


def test_rows_have_their_marks():
    vocabulary = Vocabulary.make("char", ["ab"], None)
    parallel = tokenise(pairs_of(["ab", "b"], ["a", "bab"]), vocabulary, vocabulary)
    batch = parallel.rows(np.array([0, 1]))
    a, b = (vocabulary.tokenizer.token_to_id(letter) for letter in "ab")
    assert batch.source.tolist() == [[a, b, 0], [b, 0, 0]]
    assert batch.source_mask.tolist() == [[True, True, True], [True, True, False]]
    assert batch.inputs.tolist() == [[0, a, 0, 0], [0, b, a, b]]
    assert batch.target_index.tolist() == [0, 1, 4, 5, 6, 7]
    assert batch.targets.tolist() == [a, 0, b, a, b, 0]
    assert (parallel.tokens, parallel.cost, len(parallel)) == (6, 11, 2)


def test_rows_without_padding_have_no_masks():
    vocabulary = Vocabulary.make("char", ["ab"], None)
    batch = tokenise(pairs_of(["ab", "ba"], ["a", "b"]), vocabulary, vocabulary).rows(np.array([0, 1]))
    assert batch.source_mask is None
    assert batch.target_index is None
    assert batch.targets.view(2, 2)[:, 0].tolist() == batch.inputs[:, 1].tolist()


def test_unknown_tokens_are_counted():
    vocabulary = Vocabulary.make("char", ["ab"], None)
    assert tokenise(pairs_of(["ab", "xb"], ["a?!", "b"]), vocabulary, vocabulary).unknown == 3


def test_ragged_rows():
    ragged = Ragged.of([[1, 2], [], [3, 4, 5]])
    tokens, lengths = ragged.padded(np.array([2, 0, 1]))
    assert tokens.tolist() == [[3, 4, 5], [1, 2, 0], [0, 0, 0]]
    assert lengths.tolist() == [3, 2, 0]
    assert tokens.dtype == torch.int64


@pytest.mark.parametrize("side", [0, 1])
def test_a_sentence_that_is_too_long(side):
    vocabulary = Vocabulary.make("char", ["ab"], None)
    texts = (["a", "ab" * LONGEST, "b"], ["a", "a", "b"])
    with pytest.raises(InputError, match=rf"a\.{('en', 'fr')[side]}, line 2 has more than 1,000 tokens .up to 2,000"):
        tokenise(pairs_of(texts[side], texts[1 - side]), vocabulary, vocabulary)


# --- batches --------------------------------------------------------------------------------------


def as_rows(batch) -> list[tuple]:
    """Each pair's source tokens and, behind a marker, its targets; the inputs must be the targets one step later."""
    source, mask, inputs, index, targets = batch
    mask = torch.ones_like(source, dtype=torch.bool) if mask is None else mask
    index = torch.arange(inputs.numel()) if index is None else index
    written = torch.full((inputs.numel(),), -1).index_copy(0, index, targets).view(inputs.shape)
    assert (inputs[:, 0] == END_TOKEN).all()
    assert ((written[:, :-1] == inputs[:, 1:]) | (written[:, 1:] == -1)).all()
    rows = zip(source, mask, written, strict=True)
    return [(tuple(a[real].tolist()), tuple(b[b >= 0].tolist())) for a, real, b in rows]


def size(batch) -> int:
    return batch.source.numel() + batch.inputs.numel()


@pytest.mark.parametrize("most", [200, 1500])
def test_an_epoch_has_every_pair_once_in_full_batches(many, most):
    epochs = len(many._epoch(1, 0, most)[2])
    batches = [many.batch(step, most, 1) for step in range(epochs)]
    rows = [row for batch in batches for row in as_rows(batch)]
    assert sorted(rows) == sorted(as_rows(many.rows(np.arange(len(many)))))
    assert all(size(batch) <= most for batch in batches)
    real = sum(len(source) + len(target) for source, target in rows)
    assert real == many.cost
    assert real / sum(map(size, batches)) > 0.93
    assert np.mean([size(batch) for batch in batches]) > 0.7 * most


def test_lengths_come_in_no_order_and_epochs_differ(many):
    lengths = [many.batch(step, 500, 0).source.shape[1] for step in range(60)]
    assert np.corrcoef(lengths, range(60))[0, 1] < 0.5
    count = len(many._epoch(0, 0, 500)[2])
    first, second = ([as_rows(many.batch(step + start, 500, 0)) for step in range(20)] for start in (0, count))
    assert first != second
    assert first != [as_rows(many.batch(step, 500, 1)) for step in range(20)]


def test_a_batch_is_a_function_of_its_number(many):
    fresh = type(many)(many.source, many.target, 0)
    for step in (400, 3, 90, 0):
        assert as_rows(many.batch(step, 500, 5)) == as_rows(fresh.batch(step, 500, 5))


def test_processes_share_the_batches_out(many):
    alone = [as_rows(many.batch(step, 500, 0)) for step in range(6)]
    shared = [as_rows(many.batch(step, 500, 0, rank, 2)) for step in range(3) for rank in range(2)]
    assert alone == shared


def test_a_pair_longer_than_a_batch_is_one(many):
    assert min(len(many.batch(step, 16, 0).source) for step in range(50)) == 1


def test_in_order_reads_every_pair_once(many):
    rows = [row for batch in many.in_order(900) for row in as_rows(batch)]
    assert sorted(rows) == sorted(as_rows(many.rows(np.arange(len(many)))))
    assert all(size(batch) <= 900 for batch in many.in_order(900))


def test_phrases_are_hardly_padded():
    sources, targets = zip(*phrases(600), strict=True)
    vocabulary = Vocabulary.make("bpe", [*sources, *targets], 300)
    parallel = tokenise(pairs_of(list(sources), list(targets)), vocabulary, vocabulary)
    sizes = sum(size(parallel.batch(step, 512, 0)) for step in range(len(parallel._epoch(0, 0, 512)[2])))
    assert parallel.cost / sizes > 0.95

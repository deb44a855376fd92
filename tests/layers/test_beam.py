"""Decoding, against models small enough to list every sequence."""

import itertools
import math

import pytest
import torch

from genlab.layers.beam import beam_search, draw_sequences, length_penalty
from genlab.layers.sampling import shape_logits

END, LETTERS = 0, 4


class Table:
    """A model of the next token that depends on all tokens so far: logits from a hash of them, a row per text."""

    def __init__(self, batch: int, seed: int = 0) -> None:
        self.seed = seed
        self.texts = [[row] for row in range(batch)]  # which text, then its tokens
        self.asked = 0

    def logits(self, text: list[int]) -> torch.Tensor:
        number = hash((self.seed, *text)) % 2**31
        return 2 * torch.randn(LETTERS, generator=torch.Generator().manual_seed(number))

    def next(self, tokens: torch.Tensor) -> torch.Tensor:
        assert len(tokens) == len(self.texts)
        self.asked += len(tokens)
        self.texts = [[*text, token] for text, token in zip(self.texts, tokens.tolist(), strict=True)]
        return torch.stack([self.logits(text) for text in self.texts])

    def keep(self, rows: torch.Tensor) -> None:
        self.texts = [list(self.texts[row]) for row in rows.tolist()]

    def score(self, row: int, tokens: tuple[int, ...], alpha: float) -> float:
        """Log-probability of `tokens` and the end mark after them, divided by the length penalty."""
        total, text = 0.0, [row, END]
        for token in (*tokens, END):
            total += self.logits(text).log_softmax(-1)[token].item()
            text.append(token)
        return total / length_penalty(len(tokens) + 1, alpha)


def every_text(limit: int) -> list[tuple[int, ...]]:
    return [text for length in range(limit) for text in itertools.product(range(1, LETTERS), repeat=length)]


def test_length_penalty_by_hand():
    assert length_penalty(1, 0.6) == 1
    assert length_penalty(7, 0.5) == pytest.approx(math.sqrt(2))
    assert length_penalty(30, 0.0) == 1


@pytest.mark.parametrize("seed", range(5))
def test_greedy_takes_the_likeliest_token(seed):
    limits = torch.tensor([6, 1, 9, 4])
    table, checked = Table(4, seed), Table(4, seed)
    found = beam_search(table.next, table.keep, limits, END)
    for row, limit in enumerate(limits.tolist()):
        text = [row, END]
        while text[-1] != END or len(text) == 2:
            token = int(checked.logits(text).argmax())
            text.append(END if len(text) - 1 == limit else token)
        ((tokens, score),) = found[row]
        assert tokens == text[2:-1]
        assert score == pytest.approx(checked.score(row, tuple(tokens), 0.0), abs=1e-4)
    assert table.asked == sum(len(hypotheses[0].tokens) + 1 for hypotheses in found)  # finished rows are dropped


@pytest.mark.parametrize("alpha", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_beam_of_everything_finds_the_best(seed, alpha):
    """With a beam as wide as the number of texts, the search is exact for any penalty."""
    limit = 4
    texts = every_text(limit)
    table = Table(2, seed)
    found = beam_search(table.next, table.keep, torch.tensor([limit, limit]), END, len(texts), alpha, len(texts))
    for row in range(2):
        expected = sorted(((table.score(row, text, alpha), text) for text in texts), reverse=True)
        assert [tuple(hypothesis.tokens) for hypothesis in found[row]] == [text for _, text in expected]
        assert [hypothesis.score for hypothesis in found[row]] == pytest.approx(
            [score for score, _ in expected], abs=1e-4
        )


@pytest.mark.parametrize("beam", [1, 2, 3, 7])
def test_a_batch_finds_what_each_finds_alone(beam):
    """A text that ends early changes nothing for the others."""
    limits = torch.tensor([5, 12, 1, 8, 3])
    table = Table(5)
    together = beam_search(table.next, table.keep, limits, END, beam, 0.7)
    for row, limit in enumerate(limits):
        alone = Table(row + 1)
        alone.texts = alone.texts[-1:]
        (found,) = beam_search(alone.next, alone.keep, limit[None], END, beam, 0.7)
        assert [tokens for tokens, _ in found] == [tokens for tokens, _ in together[row]]


def test_hypotheses_are_ordered_and_differ():
    table = Table(3)
    for found in beam_search(table.next, table.keep, torch.tensor([9, 9, 9]), END, 6, 1.0, 4):
        assert len({tuple(tokens) for tokens, _ in found}) == len(found) == 4
        assert [score for _, score in found] == sorted((score for _, score in found), reverse=True)


@pytest.mark.parametrize("alpha", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("beam", [1, 2, 5, 9])
def test_unlikely_early_ends_do_not_stop_the_search(beam, alpha):
    """A model that is nearly certain of a long text, as after label smoothing: all else is equally unlikely."""
    text = [1, 3, 2, 2, 1, 3, 3, 1, 2, 1, END]
    table = Table(1)
    table.logits = lambda so_far: torch.full((LETTERS,), 0.0).index_fill(0, torch.tensor(text[len(so_far) - 2]), 4.0)
    ((best,),) = beam_search(table.next, table.keep, torch.tensor([11]), END, beam, alpha)
    assert best.tokens == text[:-1]


def test_limits_are_kept():
    table = Table(3)
    table.logits = lambda text: torch.tensor([-50.0, 1.0, 2.0, 3.0])  # never ends by itself
    for beam in (1, 3):
        table.texts = [[0], [1], [2]]
        found = beam_search(table.next, table.keep, torch.tensor([1, 5, 3]), END, beam)
        assert [len(hypotheses[0].tokens) for hypotheses in found] == [0, 4, 2]


def test_what_is_ruled_out_is_never_found():
    table = Table(2)
    logits = table.logits
    table.logits = lambda text: logits(text).index_fill(0, torch.tensor(2), -torch.inf)
    for found in beam_search(table.next, table.keep, torch.tensor([6, 6]), END, 5):
        assert found
        assert all(2 not in tokens and math.isfinite(score) for tokens, score in found)


def drawn(table: Table, limits: list[int], count: int, seed: int, shape=lambda logits: logits):
    generator = torch.Generator().manual_seed(seed)
    return draw_sequences(table.next, table.keep, torch.tensor(limits), END, count, shape, generator)


def test_drawing_follows_the_probabilities():
    """Draws each of two texts many times: every text occurs as often as the model predicts."""
    table, count, limit = Table(2, seed=3), 4000, 3
    found = drawn(table, [limit, limit], count, 0)
    for row in range(2):
        shares = dict.fromkeys(every_text(limit), 0.0)
        for tokens, _ in found[row]:
            shares[tuple(tokens)] += 1 / count
        for text, share in shares.items():
            score, at = 0.0, [row, END]
            for token in (*text, END)[: limit if len(text) < limit - 1 else limit - 1]:
                score += table.logits(at).log_softmax(-1)[token].item()
                at.append(token)
            assert share == pytest.approx(math.exp(score), abs=0.03), text


def test_drawing_keeps_limits_scores_and_the_seed():
    one, other = (drawn(Table(3), [1, 5, 3], 2, 7) for _ in range(2))
    assert one == other
    assert one != drawn(Table(3), [1, 5, 3], 2, 8)
    for row, limit in enumerate([1, 5, 3]):
        assert len(one[row]) == 2
        for tokens, score in one[row]:
            assert len(tokens) < limit
            assert score == pytest.approx(Table(3).score(row, tuple(tokens), 0.0), abs=1e-4)


def test_drawing_the_likeliest_is_greedy():
    def likeliest(logits):
        return shape_logits(logits, torch.zeros(len(logits), 0, dtype=torch.long), top_k=1)

    limits = [6, 9, 4]
    table = Table(3)
    greedy = beam_search(table.next, table.keep, torch.tensor(limits), END)
    for (best,), (one, two) in zip(greedy, drawn(Table(3), limits, 2, 0, likeliest), strict=True):
        assert best.tokens == one.tokens == two.tokens

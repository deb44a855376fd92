"""Tests of the text encoder."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from genlab.layers.text_encoder import TextEncoder

START, NO, BEARD, GLASSES = 1, 2, 3, 4
FILLERS = range(5, 13)


def descriptions(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Parts in random order, one of `beard` and `glasses` after `no`, and whether it is `beard`."""
    random = np.random.default_rng(count)
    negated, rows = random.random(count) < 0.5, []
    for no_beard in negated:
        parts = [[NO, BEARD], [GLASSES]] if no_beard else [[BEARD], [NO, GLASSES]]
        parts += [random.choice(FILLERS, random.integers(1, 3)).tolist() for _ in range(3)]
        words = sum((parts[place] for place in random.permutation(len(parts))), [START])
        rows.append(F.pad(torch.tensor(words), (0, 10 - len(words))))
    return torch.stack(rows), torch.from_numpy(negated).long()


def test_it_soon_binds_a_word_to_its_neighbour():
    """All descriptions have the same words, so that only their order says which of two is negated."""
    torch.manual_seed(0)
    encoder, last = TextEncoder(13, 10, 32, 2, 2), nn.Linear(32, 2)
    adam = torch.optim.Adam([*encoder.parameters(), *last.parameters()], 1e-3)
    words, negated = descriptions(2000)
    for rows in torch.arange(2000).split(20):
        loss = F.cross_entropy(last(encoder(words[rows]).context[:, 0]), negated[rows])
        adam.zero_grad()
        loss.backward()
        adam.step()
    words, negated = descriptions(300)
    assert (last(encoder(words).context[:, 0]).argmax(1) == negated).float().mean() > 0.95


def test_a_description_does_not_depend_on_its_padding():
    encoder = TextEncoder(5, 8, 32, 2, 2)
    words = torch.tensor([[START, NO, BEARD]])
    short, long = encoder(words), encoder(F.pad(words, (0, 3)))
    torch.testing.assert_close(long.context[:, :3], short.context)
    torch.testing.assert_close(long.summary, short.summary)
    assert long.given.tolist() == [[True] * 3 + [False] * 3]


def test_the_summary_hardly_depends_on_the_order_of_phrases():
    torch.manual_seed(0)
    encoder = TextEncoder(13, 10, 32, 2, 2)
    apart = [5, 5]
    parts = ([[NO, BEARD], [GLASSES]], [[GLASSES], [NO, BEARD]], [[BEARD], [NO, GLASSES]])
    rows = [[START, *apart, *first, *apart, *second, *apart] for first, second in parts]
    one, same, other = encoder(torch.tensor(rows)).summary
    assert (one - same).norm() < 0.1 * (one - other).norm()


def test_words_differ_before_training():
    words = TextEncoder(1000, 4, 32, 2, 1).words.weight
    assert words.std().item() == pytest.approx(1, rel=0.05)

"""Decoding translations: cached and in batches, by beam search."""

import numpy as np
import pytest
import torch

import genlab
from genlab.data.pairs.batches import END_TOKEN
from genlab.tasks.translate.options import TranslateRequest
from genlab.tasks.translate.pipeline import TranslatePipeline
from tests.tasks.translate.made import UNSEEN


def step_by_step(pipeline: TranslatePipeline, text: str) -> list[int]:
    """Greedy decoding without a cache, one sentence at a time, recomputing everything for every token."""
    ids = pipeline.source.encode([text])[0]
    limit = min(int(np.ceil(pipeline.lengths.stretch * (len(ids) + 1))) + 10, pipeline.lengths.longest_target)
    written = [END_TOKEN]
    pipeline.network.eval()
    with torch.inference_mode():
        while len(written) < limit:
            logits = pipeline.network(torch.tensor([[*ids, END_TOKEN]]), torch.tensor([written]))
            written.append(int(logits[-1].argmax()))
            if written[-1] == END_TOKEN:
                return written[1:-1]
    return written[1:]


@pytest.mark.parametrize("taught", [True, False])
def test_cached_batches_equal_uncached_sentences(translator, untaught, taught):
    """Lines of unequal lengths, whose rows end at different times."""
    pipeline = genlab.load(translator).pipeline if taught else untaught
    lines = [source for source, _ in UNSEEN[:20]]
    lines += [
        "The ship.",
        "now",
        "The old grey heron sings today and the far white bridge waits never again here."[:40],
    ]
    found = pipeline.search(lines, TranslateRequest(beam=1))
    assert [best.tokens for (best,) in found] == [step_by_step(pipeline, line) for line in lines]
    assert len({len(best.tokens) for (best,) in found}) > 1


@pytest.mark.parametrize("beam", [1, 4])
def test_the_order_of_input_and_the_batch_change_nothing(untaught, beam, monkeypatch):
    lines = [source[: 8 + 3 * (number % 5)] for number, (source, _) in enumerate(UNSEEN[:30])]
    request = TranslateRequest(beam=beam)
    together = untaught.translate(lines, request)
    assert untaught.translate(lines[::-1], request) == together[::-1]
    monkeypatch.setattr("genlab.tasks.translate.pipeline.ROOM", 100)  # a few at a time
    assert untaught.translate(lines, request) == together


def test_a_wider_beam_finds_likelier_translations(translator):
    pipeline = genlab.load(translator).pipeline
    lines = [
        source[: 8 + 3 * (number % 5)] for number, (source, _) in enumerate(UNSEEN[:40])
    ]  # it is not sure of these
    greedy, wide = (
        [found[0].score for found in pipeline.search(lines, TranslateRequest(beam=beam, length_penalty=0.0))]
        for beam in (1, 8)
    )
    assert np.mean(wide) > np.mean(greedy)
    assert np.mean(np.greater_equal(wide, np.array(greedy) - 1e-4)) > 0.8


def test_a_length_penalty_makes_translations_longer(untaught):
    lines = [source for source, _ in UNSEEN[:40]]
    lengths = [
        sum(
            len(found[0].tokens)
            for found in untaught.search(lines, TranslateRequest(beam=6, n_best=6, length_penalty=alpha))
        )
        for alpha in (0.0, 3.0)
    ]
    assert lengths[0] < lengths[1]


def test_translating_leaves_modes_gradients_and_random_state_alone(untaught):
    untaught.network.train()
    samples = untaught.generate(TranslateRequest(prompt="The ship.\nThe fish.", sample=True, seed=4))
    state = torch.get_rng_state()
    next(samples)
    assert untaught.network.training
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)

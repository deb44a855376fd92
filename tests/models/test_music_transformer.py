"""Networks that read the tokens of music."""

import math
from dataclasses import replace

import pytest
import torch

from genlab.models.gpt import GPT, GPTShape, next_token_loss
from genlab.models.lstm import LSTM, LSTMShape
from genlab.models.music_lstm import MusicLSTM
from genlab.models.music_transformer import BASE, HEAD, MusicShape, MusicTransformer, token_nats

SHAPE = MusicShape(vocabulary=40, bar=12, tracks=5, context=24, depth=2, width=32)
KINDS = {
    "rotary": (MusicTransformer, SHAPE),
    "relative": (MusicTransformer, replace(SHAPE, relative=True)),
    "lstm": (MusicLSTM, SHAPE),
}
every_kind = pytest.mark.parametrize("kind", list(KINDS))


@pytest.fixture(autouse=True)
def _seeded():
    torch.manual_seed(0)


def fresh(kind: str, **more) -> torch.nn.Module:
    network, shape = KINDS[kind]
    return network(replace(shape, **more))


def lively(kind: str, **more) -> torch.nn.Module:
    """A network whose weights are all random: a fresh one predicts uniformly."""
    network = fresh(kind, **more).eval()
    for weight in network.parameters():
        if weight.ndim >= 2:
            torch.nn.init.normal_(weight, std=weight.shape[-1] ** -0.5)
    return network


def read(batch: int, time: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Random tokens and places."""
    return torch.randint(40, (batch, time)), torch.stack(
        (torch.randint(12, (batch, time)), torch.randint(5, (batch, time))), -1
    )


@every_kind
def test_shapes_and_the_first_loss(kind):
    tokens, places = read(3, 24)
    network = fresh(kind)
    logits = network(tokens, places)
    assert logits.shape == (3, 24, 40)
    assert network(tokens, places, last=True).shape == (3, 1, 40)
    nats = token_nats(logits, tokens)
    assert nats.shape == tokens.shape
    torch.testing.assert_close(nats, torch.full((3, 24), math.log(40)))


@every_kind
def test_a_future_token_changes_no_past_logit(kind):
    """Neither do its place in the bar and its track."""
    network, (tokens, places) = lively(kind), read(2, 24)
    before = network(tokens, places)
    for place in (1, 11, 23):
        other_tokens, other_places = tokens.clone(), places.clone()
        other_tokens[:, place] = (tokens[:, place] + 1) % 40
        other_places[:, place] = (places[:, place] + 1) % 5
        for changed in ((other_tokens, places), (tokens, other_places)):
            after = network(*changed)
            torch.testing.assert_close(after[:, :place], before[:, :place], rtol=0, atol=0)
            assert (after - before).abs().amax(-1)[:, place].min() > 1e-6


@every_kind
@pytest.mark.parametrize("chunks", [[1] * 24, [20, 1, 1, 1, 1], [7, 9, 8]], ids=["one by one", "prompt", "chunks"])
def test_cached_equals_uncached(kind, chunks):
    network, (tokens, places) = lively(kind), read(3, 24)
    cache = network.new_cache()
    parts = [
        network(some, where, cache)
        for some, where in zip(tokens.split(chunks, 1), places.split(chunks, 1), strict=True)
    ]
    torch.testing.assert_close(torch.cat(parts, 1), network(tokens, places), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["rotary", "relative"])
def test_padding_before_the_first_token_changes_nothing(kind):
    network, (tokens, places) = lively(kind), read(2, 20)
    mask = torch.ones(2, 20, dtype=torch.bool)
    mask[1, :6] = False
    found, alone = network(tokens, places, mask=mask), network(tokens[1:, 6:], places[1:, 6:])
    torch.testing.assert_close(found[1:, 6:], alone, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(found[:1], network(tokens[:1], places[:1]), rtol=1e-4, atol=1e-4)


@every_kind
def test_overfits_one_batch(kind):
    network, (tokens, places) = fresh(kind), read(4, 25)
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.01)
    for _ in range(150):
        loss = token_nats(network(tokens[:, :-1], places[:, :-1]), tokens[:, 1:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert loss.item() < 0.05


@every_kind
def test_dropout_only_in_training(kind):
    network, (tokens, places) = lively(kind, dropout=0.5), read(1, 24)
    assert torch.equal(network(tokens, places), network(tokens, places))
    network.train()
    assert not torch.equal(network(tokens, places), network(tokens, places))


def test_without_places_it_is_a_gpt():
    """With the same weights, and no embeddings of places, the logits are those of `models/gpt.py`."""
    network, (tokens, places) = lively("rotary"), read(2, 24)
    gpt = GPT(GPTShape(40, 24, 2, 32, 1, 1, 96, rotary_base=BASE, head_width=HEAD)).eval()
    own = network.state_dict()
    places_of = {name: own.pop(f"embedding.{name}.weight") for name in ("position", "track")}
    own["embedding.weight"] = own.pop("embedding.token.weight")
    gpt.load_state_dict(own)
    assert (gpt(tokens) - network(tokens, places)).abs().max() > 1e-3
    for weight in places_of.values():
        weight.zero_()
    torch.testing.assert_close(network(tokens, places), gpt(tokens), rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(
        token_nats(network(tokens, places), tokens).mean(), next_token_loss(gpt(tokens), tokens), rtol=1e-5, atol=1e-5
    )


def test_without_places_it_is_an_lstm():
    network, (tokens, places) = lively("lstm"), read(2, 24)
    lstm = LSTM(LSTMShape(40, 2, 32)).eval()
    own = {name.removeprefix("lstm."): weight for name, weight in network.state_dict().items()}
    for name in ("position", "track"):
        own.pop(f"embedding.{name}.weight").zero_()
    own["embedding.weight"] = own.pop("embedding.token.weight")
    lstm.load_state_dict(own)
    torch.testing.assert_close(network(tokens, places), lstm(tokens), rtol=1e-5, atol=1e-5)

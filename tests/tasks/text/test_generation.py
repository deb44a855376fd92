"""Generating with language models: one text or several, with plain or packed weights."""

import os

import pytest
import torch
from torch import nn

from genlab.data.shared.tokenizers import END, UNKNOWN, character_tokenizer, train_tokenizer
from genlab.errors import InputError
from genlab.layers import packed
from genlab.layers.attention import KVCache
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2, GPT2Shape
from genlab.models.lstm import LSTM, LSTMShape
from genlab.tasks.text.generation import REPAID, encode_prompt, for_writing, write
from genlab.tasks.text.options import TextRequest
from tests.conftest import sentences
from tests.tasks.conftest import CONTEXT, CPU
from tests.tasks.text.made import pipeline_of

# --- writing --------------------------------------------------------------------------------------


def written(network, tokenizer, prompt="the river", context=CONTEXT, seed=0, **options) -> list[str]:
    """The pieces that come."""
    request = TextRequest(**{"tokens": 60, "temperature": 1.0, **options})
    generator = torch.Generator().manual_seed(seed)
    return list(write(network, tokenizer, encode_prompt(tokenizer, prompt, 1, CPU), context, request, generator))


def test_greedy_is_the_likeliest_token_of_the_whole_window(network, tokenizer):
    """With and without a cache, also when the context is full and its newest half is processed again."""
    text = "".join(written(network, tokenizer, greedy=True, tokens=40))
    network.eval()
    tokens = tokenizer.encode("the river").ids
    fed, end = list(tokens), tokenizer.token_to_id(END)
    for _ in range(40):
        if len(fed) > CONTEXT:
            fed = tokens[-CONTEXT // 2 :]
        token = int(network(torch.tensor([fed]))[0, -1].argmax())
        if token == end:
            break
        tokens.append(token)
        fed.append(token)
    whole = tokenizer.decode(tokens[len("the river") :])
    assert whole.startswith(text)  # the bytes of an unfinished character are kept back
    assert len(whole) - len(text) <= 3


def test_greedy_ignores_the_seed_and_drawing_does_not(network, tokenizer):
    assert written(network, tokenizer, greedy=True, seed=1) == written(network, tokenizer, greedy=True, seed=2)
    assert written(network, tokenizer, seed=1) == written(network, tokenizer, seed=1)
    assert written(network, tokenizer, seed=1) != written(network, tokenizer, seed=2)


def test_one_likeliest_token_is_greedy(network, tokenizer):
    greedy = written(network, tokenizer, greedy=True)
    for options in ({"top_k": 1}, {"top_p": 1e-6}, {"min_p": 0.9999}, {"temperature": 1e-6}):
        assert written(network, tokenizer, **options) == greedy, options


def test_a_penalty_keeps_from_repeating(network, tokenizer):
    plain = "".join(written(network, tokenizer, greedy=True, tokens=100))
    changed = "".join(written(network, tokenizer, greedy=True, tokens=100, repetition_penalty=5.0))
    assert len(set(changed)) > len(set(plain))


def test_stop_strings_end_before_themselves(network, tokenizer):
    whole = "".join(written(network, tokenizer, tokens=100, seed=3))
    places = [place for place in range(20, len(whole) - 3) if whole.index(whole[place : place + 3]) == place]
    for place in places[::12]:
        stop = whole[place : place + 3]
        pieces = written(network, tokenizer, tokens=100, seed=3, stop=(stop, "never there"))
        assert "".join(pieces) == whole[:place]
    assert places
    pieces = written(network, tokenizer, tokens=100, seed=3, stop=(whole[7], whole[9]))
    assert "".join(pieces) == whole[: min(whole.index(whole[7]), whole.index(whole[9]))]


def test_an_end_mark_ends(network, tokenizer):
    with torch.no_grad():
        head = network.head.weight
        head[tokenizer.token_to_id(END)] = 100 * head[tokenizer.token_to_id(END)]
        lengths = [len("".join(written(network, tokenizer, seed=seed, tokens=1000))) for seed in range(5)]
    assert max(lengths) < 1000


def test_the_unknown_mark_is_never_written():
    tokenizer = character_tokenizer("ab")
    torch.manual_seed(0)
    network = GPT(GPTShape(4, CONTEXT, 1, 8, 1, 1, 8))  # all tokens alike
    text = "".join("".join(written(network, tokenizer, "ab", seed=seed, tokens=50)) for seed in range(10))
    assert set(text) == {"a", "b"}
    assert UNKNOWN not in text


def test_the_cache_has_room_for_what_is_written_and_no_more(network, tokenizer, monkeypatch):
    """The context of an imported network may be a hundred times the text."""
    rooms = []
    monkeypatch.setattr(
        KVCache, "__init__", lambda self, room, init=KVCache.__init__: rooms.append(room) or init(self, room)
    )
    prompt = "the river"
    list(written(network, tokenizer, prompt, greedy=True, tokens=4))
    list(written(network, tokenizer, prompt, greedy=True, tokens=CONTEXT))
    expected = [] if isinstance(network, LSTM) else [len(prompt) + 4] * network.shape.depth
    assert rooms[: len(expected)] == expected
    assert max(rooms, default=CONTEXT) == CONTEXT


def test_long_prompts_are_cut_to_the_context(network, tokenizer):
    long = sentences(300)
    assert written(network, tokenizer, long, greedy=True) == written(network, tokenizer, long[-CONTEXT:], greedy=True)


def test_prompts():
    tokenizer = character_tokenizer("ab\n")
    assert encode_prompt(tokenizer, "ab", 1, CPU).tolist() == tokenizer.encode("ab").ids
    end, newline = tokenizer.token_to_id(END), tokenizer.token_to_id("\n")
    assert encode_prompt(tokenizer, None, 100, CPU).tolist() == [end]
    assert encode_prompt(tokenizer, None, 1, CPU).tolist() == [newline]
    with pytest.raises(InputError, match="not UTF-8"):
        encode_prompt(tokenizer, os.fsdecode(b"caf\xe9"), 1, CPU)
    assert encode_prompt(tokenizer, "", 1, CPU).tolist() == [newline]
    assert encode_prompt(character_tokenizer("ab"), None, 1, CPU).tolist() == [end]
    with pytest.raises(InputError, match="'c', '日'") as error:
        encode_prompt(tokenizer, "a日bccc", 1, CPU)
    assert error.value.field == "prompt"
    spelled = encode_prompt(train_tokenizer("byte", iter([]), 0, None), END, 1, CPU)
    assert len(spelled) == len(END)


# --- fast writing ---------------------------------------------------------------------------------


def samples(network, tokenizer, prompt="the river", show=None, **options) -> list[str]:
    request = TextRequest(**{"prompt": prompt, "tokens": 60, "temperature": 1.0, **options})
    return [sample.content for sample in pipeline_of(network, tokenizer).generate(request, show)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 4)], ids=str)
@pytest.mark.parametrize("family", ["gpt", "gpt2", "lstm"])
def test_packed_weights_write_the_same(family, size, seed, monkeypatch):
    """Greedy decoding with random networks, far beyond the context."""
    monkeypatch.setattr(packed, "MIN_WEIGHTS", 1)
    torch.manual_seed(seed)
    tokenizer, (depth, heads) = character_tokenizer("".join(sorted(set(sentences(1000))))), size
    count = tokenizer.get_vocab_size()
    network = {
        "gpt": lambda: GPT(GPTShape(count, CONTEXT, depth, 16 * heads, heads, 1, 24, tied=seed % 2 == 0)),
        "gpt2": lambda: GPT2(GPT2Shape(count, CONTEXT, depth, 16 * heads, heads, 24)),
        "lstm": lambda: LSTM(LSTMShape(count, depth, 16 * heads)),
    }[family]()
    for weight in network.parameters():
        nn.init.normal_(weight, std=1.5 * weight.shape[-1] ** -0.5)
    for weight in network.head.parameters():
        weight.data[tokenizer.token_to_id(END)] = 0  # one of the other tokens is likelier
    one, fast = (samples(network, tokenizer, greedy=True, weights=weights) for weights in ("plain", "auto"))
    assert one == fast
    assert len(one[0]) == len("the river") + 60


def test_when_weights_are_packed(network, monkeypatch):
    monkeypatch.setattr(packed, "MIN_WEIGHTS", 1)
    long, short = TextRequest(tokens=REPAID), TextRequest(tokens=REPAID - 1)
    assert for_writing(network, short, CPU) is network
    assert for_writing(network, long, torch.device("cuda")) is network
    assert for_writing(network, TextRequest(weights="plain", tokens=10_000), CPU) is network
    asked = [TextRequest(tokens=1, weights=weights) for weights in ("32", "16", "int8")]
    for request in (long, *asked):
        assert isinstance(for_writing(network, request, CPU).head, packed.Part)
    for weights in ("32", "16", "int8"):
        with pytest.raises(InputError, match=f"weights: {weights} needs a CPU") as error:
            for_writing(network, TextRequest(weights=weights), torch.device("cuda"))
        assert error.value.field == "weights"


def test_texts_do_not_depend_on_how_many_there_are(network, tokenizer):
    """A text depends neither on the others nor on their number; the first is that of the seed itself."""
    many = samples(network, tokenizer, n=18, seed=3)
    assert len(set(many)) == 18
    assert samples(network, tokenizer, n=18, seed=3) == many
    assert samples(network, tokenizer, n=2, seed=3) == many[:2]
    assert samples(network, tokenizer, n=1, seed=3) == many[:1]
    assert not set(samples(network, tokenizer, n=18, seed=4)) & set(many) - {"the river"}  # some end at once


def test_texts_together_end_each_for_itself(network, tokenizer):
    """Each text ends at a stop string, as if generated alone, with long prompts and short ones."""
    for prompt in ("the river", sentences(3 * CONTEXT)):
        whole = samples(network, tokenizer, prompt, n=6, tokens=80)
        begin = len(prompt)
        stop = whole[2][begin + 30 : begin + 32]
        cut = samples(network, tokenizer, prompt, n=6, tokens=80, stop=(stop,))
        for text, short in zip(whole, cut, strict=True):
            place = text.find(stop, begin)
            assert short == (text if place < 0 else text[:place])
        assert len(cut[2]) <= begin + 30
        assert max(map(len, cut)) > len(cut[2])


def test_texts_together_are_shown_one_after_the_other(network, tokenizer):
    shown: list[str] = []
    assert samples(network, tokenizer, n=3, show=shown.append) == shown
    one: list[str] = []
    (text,) = samples(network, tokenizer, show=one.append)
    assert one[0] == "the river"
    assert len(one) > 20
    assert "".join(one) == text

"""What every language model can do: be measured on text, and write."""

import json
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import genlab
from genlab.configs.text import TextRequest
from genlab.data.text import read_corpus
from genlab.data.tokenizers import END, UNKNOWN, character_tokenizer, train_tokenizer
from genlab.engine.folder import RunFolder
from genlab.errors import InputError
from genlab.layers import packed
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2, GPT2Shape
from genlab.models.lstm import LSTM, LSTMShape
from genlab.recipes.writing import (
    REPAID,
    encode_prompt,
    evaluate_text,
    for_writing,
    split_loss,
    text_measures,
    text_warnings,
    write,
    write_samples,
)
from tests.conftest import sentences

CPU = torch.device("cpu")
CONTEXT = 16


@pytest.fixture(params=["gpt", "lstm"])
def network(request) -> nn.Module:
    """A language model of bytes with random weights."""
    torch.manual_seed(0)
    if request.param == "gpt":
        made = GPT(GPTShape(257, CONTEXT, depth=2, width=16, heads=2, kv_heads=1, feed_forward=32))
    else:
        made = LSTM(LSTMShape(257, depth=1, width=16))
    for weight in made.parameters():
        if weight.ndim == 2:
            nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    return made


@pytest.fixture
def tokenizer():
    return train_tokenizer("byte", iter([]), 0, None)


def split(tmp_path, text: str):
    (tmp_path / "x.txt").write_text(text)
    return read_corpus(str(tmp_path / "x.txt"), "0", "0", "byte", None).train


# --- measures -------------------------------------------------------------------------------------


@pytest.mark.parametrize("characters", [1, 5, CONTEXT - 1, CONTEXT, CONTEXT + 1, 5 * CONTEXT, 700, 9_000])
def test_split_loss_counts_every_token_once(tmp_path, network, characters):
    """Against the loss of each token by itself, in windows that do not overlap."""
    made = split(tmp_path, sentences(characters))
    tokens = torch.from_numpy(made.tokens[:].astype("int64"))
    network.eval()
    losses = []
    for start in range(0, characters, CONTEXT):
        window = tokens[start : start + CONTEXT + 1]
        logits = network(window[None, :-1])[0]
        losses += [F.cross_entropy(row, target).item() for row, target in zip(logits, window[1:], strict=True)]
    assert len(losses) == characters
    assert split_loss(network, made, CONTEXT, CPU) == pytest.approx(sum(losses) / characters, rel=1e-5)


def test_split_loss_of_some_windows(tmp_path, network):
    made = split(tmp_path, sentences(9_000))
    whole, some = split_loss(network, made, CONTEXT, CPU), split_loss(network, made, CONTEXT, CPU, most=2_000)
    assert some == pytest.approx(whole, rel=0.05)
    assert some != whole
    assert split_loss(network, made, CONTEXT, CPU, most=2_000) == some
    assert split_loss(network, made, CONTEXT, CPU, most=10**9) == whole


@pytest.mark.parametrize("characters", [1, 5, CONTEXT - 1])
def test_a_split_shorter_than_a_window(tmp_path, network, characters):
    made = split(tmp_path, sentences(characters))
    expected = split_loss(network, made, CONTEXT, CPU)
    assert split_loss(network, made, CONTEXT, CPU, most=2_000) == pytest.approx(expected)


def test_split_loss_leaves_the_network_training(tmp_path, network):
    made = split(tmp_path, sentences(100))
    network.train()
    split_loss(network, made, CONTEXT, CPU)
    assert network.training


def test_bits_per_byte_of_a_multi_byte_text(tmp_path):
    """Three characters in six bytes, as bytes: tokens are bytes."""
    made = split(tmp_path, "aé日")
    assert (len(made.tokens) - 1, made.characters, made.bytes) == (6, 3, 6)
    found = text_measures(math.log(2) * 1.5, made)
    assert found == pytest.approx(
        {
            "loss": 1.5 * math.log(2),
            "loss_per_character": 6 * 1.5 * math.log(2) / 3,
            "bits_per_byte": 1.5,
            "perplexity": 2**1.5,
        }
    )


def test_units_agree_between_tokenizers(tmp_path):
    """A model that guesses uniformly over V tokens: by hand in each unit, for characters of several bytes."""
    (tmp_path / "x.txt").write_text("aé日" * 100)
    made = read_corpus(str(tmp_path / "x.txt"), "0", "0", "char", None).train
    found = text_measures(math.log(5), made)
    assert found["loss_per_character"] == pytest.approx(math.log(5))
    assert found["bits_per_byte"] == pytest.approx(300 * math.log2(5) / 600)


def test_perplexity_does_not_overflow(tmp_path):
    assert text_measures(1e6, split(tmp_path, "abc"))["perplexity"] > 1e300


def test_warnings(tmp_path):
    (tmp_path / "x.txt").write_text(sentences(1000))
    corpus = read_corpus(str(tmp_path / "x.txt"), "0", "0", "byte", None)
    assert text_warnings(corpus, 1000, 5_000) == []
    assert "few for 5,001 parameters" in text_warnings(corpus, 5001, 1)[0]
    assert "read 25 times" in text_warnings(corpus, 10, 25_000)[0]


# --- writing --------------------------------------------------------------------------------------


def written(network, tokenizer, prompt="the river", context=CONTEXT, seed=0, **options) -> list[str]:
    """The pieces that come."""
    request = TextRequest(**{"tokens": 60, "temperature": 1.0, **options})
    generator = torch.Generator().manual_seed(seed)
    return list(write(network, tokenizer, encode_prompt(tokenizer, prompt, 1, CPU), context, request, generator))


def test_greedy_is_the_likeliest_token_of_the_whole_window(network, tokenizer):
    """With a cache and without one, also when the context is full and its newest half is read anew."""
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
    first = whole[7]
    assert (
        "".join(written(network, tokenizer, tokens=100, seed=3, stop=(first, whole[9]))) == whole[: whole.index(first)]
    )


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


def test_long_prompts_are_cut_to_the_context(network, tokenizer):
    long = sentences(300)
    assert written(network, tokenizer, long, greedy=True) == written(network, tokenizer, long[-CONTEXT:], greedy=True)


def test_prompts():
    tokenizer = character_tokenizer("ab\n")
    assert encode_prompt(tokenizer, "ab", 1, CPU).tolist() == tokenizer.encode("ab").ids
    end, newline = tokenizer.token_to_id(END), tokenizer.token_to_id("\n")
    assert encode_prompt(tokenizer, None, 100, CPU).tolist() == [end]
    assert encode_prompt(tokenizer, None, 1, CPU).tolist() == [newline]
    assert encode_prompt(tokenizer, "", 1, CPU).tolist() == [newline]
    assert encode_prompt(character_tokenizer("ab"), None, 1, CPU).tolist() == [end]
    with pytest.raises(InputError, match="'c', '日'") as error:
        encode_prompt(tokenizer, "a日bccc", 1, CPU)
    assert error.value.field == "prompt"
    spelled = encode_prompt(train_tokenizer("byte", iter([]), 0, None), END, 1, CPU)
    assert len(spelled) == len(END)


# --- fast writing ---------------------------------------------------------------------------------


def samples(network, tokenizer, prompt="the river", context=CONTEXT, show=None, **options) -> list[str]:
    request = TextRequest(**{"prompt": prompt, "tokens": 60, "temperature": 1.0, **options})
    return [sample.content for sample in write_samples(network, tokenizer, context, 1, request, CPU, show)]


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [(1, 1), (3, 2), (2, 4)], ids=str)
@pytest.mark.parametrize("family", ["gpt", "gpt2", "lstm"])
def test_packed_weights_write_the_same(family, size, seed, monkeypatch):
    """Greedily, over random networks, far beyond the context."""
    monkeypatch.setattr(packed, "LEAST", 1)
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
    monkeypatch.setattr(packed, "LEAST", 1)
    long, short = TextRequest(tokens=REPAID), TextRequest(tokens=REPAID - 1)
    assert for_writing(network, short, CPU) is network
    assert for_writing(network, long, torch.device("cuda")) is network
    assert for_writing(network, TextRequest(weights="plain", tokens=10_000), CPU) is network
    for request in (long, TextRequest(tokens=1, weights="32"), TextRequest(tokens=1, weights="int8")):
        assert isinstance(for_writing(network, request, CPU).head, packed.Part)
    for weights in ("32", "int8"):
        with pytest.raises(InputError, match=f"weights: {weights} needs a CPU") as error:
            for_writing(network, TextRequest(weights=weights), torch.device("cuda"))
        assert error.value.field == "weights"


def test_eight_bits_cost_little_loss(trained, book, monkeypatch):
    """Stated in docs/text.md: less than 0.02 nats a token."""
    monkeypatch.setattr(packed, "LEAST", 1)
    recipe = genlab.load(trained).recipe
    split = read_corpus(str(book), "0", "0", "char", None, tokenizer=recipe.tokenizer).train
    losses = [split_loss(one, split, 64, CPU) for one in (recipe.network, packed.pack(recipe.network, "int8"))]
    assert losses[0] < 3
    assert 0 < abs(losses[1] - losses[0]) < 0.02


def test_texts_do_not_depend_on_how_many_there_are(network, tokenizer):
    """Not on their neighbours, nor on which were written together; the first is that of the seed itself."""
    many = samples(network, tokenizer, n=18, seed=3)
    assert len(set(many)) == 18
    assert samples(network, tokenizer, n=18, seed=3) == many
    assert samples(network, tokenizer, n=2, seed=3) == many[:2]
    assert samples(network, tokenizer, n=1, seed=3) == many[:1]
    assert not set(samples(network, tokenizer, n=18, seed=4)) & set(many)


def test_texts_together_end_each_for_itself(network, tokenizer):
    """At a stop string, as if written alone, with long prompts as with short ones."""
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


# --- evaluating -----------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch):
    """Evaluations that need not write."""
    monkeypatch.setattr("genlab.recipes.writing.write", lambda *_: iter([sentences(2_000, seed=9)]))


def test_evaluate(trained, book, quick):
    run = genlab.load(trained)
    result = run.recipe.evaluate(None, run.about["data"], run.about["data"]["fingerprint"])
    assert result["loss"] == pytest.approx(run.about["test"]["loss"])
    assert result["split"] == "test"
    assert (result["tokens"], result["characters"]) == (2_000, 2_000)
    assert result["bits_per_byte"] == pytest.approx(result["loss"] / math.log(2))  # a letter is a byte here
    assert result["perplexity"] == pytest.approx(math.exp(result["loss"]))
    assert result["copying"]["held_out"]["longest_shared"] > 5
    assert 0 < result["copying"]["generated"]["unseen_ngrams"] < 1
    assert result["baselines"]["xz"] < result["baselines"]["bytes"]


def test_evaluate_on_other_text(trained, tmp_path, quick):
    other = tmp_path / "other.txt"
    other.write_text(sentences(3_000, seed=4) + "日")
    run = genlab.load(trained)
    result = run.evaluate(other)
    assert result["split"] == "all"
    assert result["characters"] == 3_001
    assert result["unknown_characters"] == 1
    assert result["copying"] is None
    assert "evaluation" not in run.about


def test_evaluate_on_other_text_without_the_old_splits(book, tmp_path, quick):
    (tmp_path / "v.txt").write_text(sentences(500, seed=1))
    small = {"steps": 2, "size": "tiny", "context": 16, "batch": 2}
    run = genlab.train("text", book, **small, validation=tmp_path / "v.txt", out=tmp_path / "r", quiet=True)
    (tmp_path / "v.txt").unlink()
    (tmp_path / "other.txt").write_text(sentences(3_000, seed=4))
    assert run.evaluate(tmp_path / "other.txt")["split"] == "all"
    with pytest.raises(InputError, match="There is no file"):
        run.evaluate(tmp_path / "gone.txt")


def test_evaluate_a_killed_run(copied, quick):
    """Its run.json knows no seconds, and perhaps no step yet."""
    path = copied / "run.json"
    about = json.loads(path.read_text())
    path.write_text(json.dumps({key: about[key] for key in about.keys() - {"seconds", "step", "test"}}))
    run = genlab.load(copied)
    assert run.evaluate()["loss"] > 0
    assert "0 of about" in (copied / "README.md").read_text()


def test_evaluating_while_another_process_trains_changes_nothing(copied, quick):
    run = genlab.load(copied)
    before = (copied / "run.json").read_bytes()
    with RunFolder(copied).locked():
        assert run.evaluate()["loss"] > 0
    assert (copied / "run.json").read_bytes() == before


def test_evaluate_after_the_data_moved(copied, book, tmp_path, quick):
    moved = tmp_path / "elsewhere.txt"
    moved.write_bytes(book.read_bytes())
    run = genlab.load(copied)
    run.folder.note(data={**run.about["data"], "path": str(tmp_path / "gone.txt")})
    with pytest.raises(InputError, match=r"There is no file .*gone\.txt.*say where it is now with --data"):
        run.evaluate()
    result = run.evaluate(moved)
    assert result["split"] == "test"
    assert result["loss"] == pytest.approx(run.about["test"]["loss"])
    moved.write_text(book.read_text()[:-1] + "#")
    run.folder.note(data={**run.about["data"], "path": str(moved)})
    with pytest.raises(InputError, match="has changed since the training"):
        run.evaluate()


def test_evaluate_without_test_data(book, tmp_path, quick):
    run = genlab.train("text", book, steps=2, size="tiny", context=16, batch=2, test=0, out=tmp_path / "r", quiet=True)
    assert run.about["test"] is None
    for data in (None, book):  # nor is the training text any use
        with pytest.raises(InputError, match=r"kept no test data.*--data"):
            run.evaluate(data)


def test_generated_text_ends_up_whole_in_the_copy_check(trained, monkeypatch):
    """A model that recites is told: the real check, on writing that is the training text."""
    run = genlab.load(trained)
    monkeypatch.setattr("genlab.recipes.writing.write", lambda *_: iter([sentences(20_000)[:9_000]]))
    about = run.about["data"]
    result = evaluate_text(
        run.recipe.network, run.recipe.tokenizer, 16, 1, CPU, None, about, about["fingerprint"]
    )["copying"]  # fmt: skip
    assert result["generated"]["longest_shared"] == 9_000
    assert result["verdict"] == "The model repeats passages of its training text."


@pytest.mark.parametrize("characters", [40, 400, 1_000, 1_500])
def test_small_texts_train(tmp_path, characters, quick):
    """With the default options, down to almost nothing."""
    (tmp_path / "x.txt").write_text(sentences(characters))
    run = genlab.train("text", tmp_path / "x.txt", steps=2, size="tiny", out=tmp_path / "run", quiet=True)
    assert run.about["best"]["loss"] > 0
    assert run.about["test"]["loss"] > 0
    assert run.evaluate()["loss"] > 0

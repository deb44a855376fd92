"""Training language models: custom networks and losses, one process or several."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import genlab
from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.errors import InputError
from genlab.layers.muon import hidden_matrices
from genlab.models.gpt import GPT, GPTShape, next_token_loss
from genlab.models.gpt2 import GPT2
from genlab.models.lstm import LSTM
from genlab.tasks.text.gpt import GPTRecipe, fitting_dropout
from genlab.tasks.text.gpt2 import GPT2Recipe
from genlab.tasks.text.lstm import LSTMRecipe
from genlab.tasks.text.options import GPT2Options, GPTOptions, LSTMOptions
from tests.conftest import sentences
from tests.tasks.text.small import SMALL

MODELS = ["gpt", "gpt2", "lstm"]
RECIPES = {"gpt": (GPTRecipe, GPTOptions), "gpt2": (GPT2Recipe, GPT2Options), "lstm": (LSTMRecipe, LSTMOptions)}


class Averages(nn.Module):
    """A custom language model: the mean of the embeddings so far, through one hidden layer; it has no cache."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, 16)
        self.hidden = nn.Linear(16, 16)
        self.head = nn.Linear(16, shape.vocabulary)

    def forward(self, tokens):
        x = self.embedding(tokens)
        places = torch.arange(1, tokens.shape[1] + 1, device=tokens.device)[:, None]
        return self.head(self.hidden(x.cumsum(1) / places).relu())


class Positional(nn.Module):
    """A custom language model with only 8 positions."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.embedding, self.position = nn.Embedding(shape.vocabulary, 8), nn.Embedding(8, 8)
        self.head = nn.Linear(8, shape.vocabulary)

    def forward(self, tokens):
        return self.head(self.embedding(tokens) + self.position(torch.arange(tokens.shape[1])))


class Pair(nn.Module):
    """A custom language model that returns more than logits."""

    def __init__(self, shape) -> None:
        super().__init__()
        self.embedding = nn.Embedding(shape.vocabulary, shape.vocabulary)

    def forward(self, tokens):
        return self.embedding(tokens), None


def train(book: Path, out: Path, model: str = "gpt", **options) -> genlab.Run:
    return genlab.train("text", book, model, out=out, quiet=True, **{"steps": 3, **SMALL, **options})


# --- the user's own networks ----------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_custom_network_trains_writes_and_is_measured(book, tmp_path, model, monkeypatch):
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter([sentences(9_000, seed=9)]))
    shapes = []
    networks = {model: lambda shape: shapes.append(shape) or Averages(shape)}
    run = train(book, tmp_path / "run", model, networks=networks)
    assert isinstance(run.pipeline.network, Averages)
    assert shapes[0].vocabulary == run.pipeline.tokenizer.get_vocab_size()
    made = run.folder.config()["networks"][model]
    assert made["class"].endswith(":Averages")
    assert made["shape"]["vocabulary"] == shapes[0].vocabulary
    with pytest.raises(InputError, match=rf"networks={{\"{model}\": lambda shape: Averages"):
        genlab.load(run.path)
    again = genlab.load(run.path, networks={model: Averages})
    texts = [one.generate(prompt="the river", tokens=60, n=3) for one in (run, again)]
    assert [str(text) for text in texts[0]] == [str(text) for text in texts[1]]
    assert len({str(text) for text in texts[0]}) == 3
    assert again.evaluate()["loss"] == pytest.approx(run.about["test"]["loss"])


def test_without_a_cache_the_window_is_read_again(book, tmp_path):
    """Greedy decoding picks the likeliest token after the whole window, each time."""
    run = train(book, tmp_path / "run", networks={"gpt": Averages})
    pipeline, context = run.pipeline, SMALL["context"]
    tokens = pipeline.tokenizer.encode("the river").ids
    fed = list(tokens)
    for _ in range(40):
        if len(fed) > context:
            fed = tokens[-context // 2 :]
        with torch.no_grad():
            logits = pipeline.network(torch.tensor([fed]))[0, -1]
        logits[1] = -torch.inf  # unknown
        if logits.argmax() == 0:  # the end of the document
            break
        tokens.append(int(logits.argmax()))
        fed.append(tokens[-1])
    assert len(tokens) > len("the river") + context
    assert str(run.generate(prompt="the river", tokens=40, greedy=True)[0]) == pipeline.tokenizer.decode(tokens)


class Deeper(GPT):
    """A GPT with one more layer before the head: it inherits the cache."""

    def __init__(self, shape: GPTShape) -> None:
        super().__init__(shape)
        self.norm = nn.Sequential(self.norm, nn.Linear(shape.width, shape.width))


def test_a_custom_network_may_have_a_cache_and_attention(book, tmp_path):
    run = train(book, tmp_path / "run", networks={"gpt": Deeper})
    assert str(run.generate(prompt="the river", tokens=60)[0]) != "the river"
    assert [one.layer for one in run.attention("the river")] == [0, 1]
    with pytest.raises(InputError, match=r"Deeper is a custom network.*only genlab's gpt and gpt2") as error:
        run.export("hf", tmp_path / "hf")
    assert error.value.field == "run"
    assert not (tmp_path / "hf").exists()
    with pytest.raises(InputError, match="weights: a custom network runs as it is"):
        run.generate(weights="int8")


def test_a_custom_network_without_attention_shows_none(book, tmp_path):
    run = train(book, tmp_path / "run", networks={"gpt": Averages})
    with pytest.raises(InputError, match="custom network has no attention weights"):
        run.attention("the river")


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (Positional, r"rejects a batch of shape \(1, 16\): it must take tokens \(batch, time\)"),
        (Pair, "rejects a batch of shape"),
        (lambda shape: nn.Embedding(shape.vocabulary, 5), r"maps \(1, 16\) to \(1, 16, 5\), but must return \(1, 16, "),
        (lambda shape: nn.Identity(), "has no trainable weights"),
    ],
)
def test_networks_that_do_not_fit(book, tmp_path, network, message):
    with pytest.raises(InputError, match=message) as error:
        train(book, tmp_path / "run", networks={"gpt": network})
    assert error.value.field == "gpt"
    assert not (tmp_path / "run").exists()


def test_frozen_weights_stay(book, tmp_path):
    def frozen(shape: GPTShape) -> nn.Module:
        network = GPT(shape)
        network.embedding.requires_grad_(False)
        network.blocks[0].attention.query.requires_grad_(False)
        return network

    before: dict[str, torch.Tensor] = {}

    def build(shape: GPTShape) -> nn.Module:
        network = frozen(shape)
        before.update({name: weight.clone() for name, weight in network.state_dict().items()})
        return network

    after = train(book, tmp_path / "run", steps=8, networks={"gpt": build}).pipeline.network.state_dict()
    same = {name for name in before if torch.equal(before[name], after[name])}
    assert {"embedding.weight", "blocks.0.attention.query.weight"} <= same
    assert "blocks.1.attention.query.weight" not in same


def test_muon_trains_the_matrices_of_the_blocks():
    """Of our own network exactly these, in their order; of others all linear layers but the head."""
    for tied in (False, True):
        network = GPT(GPTShape(30, 16, 2, 8, 2, 1, 8, tied=tied))
        found = list(hidden_matrices(network))
        expected = [weight for weight in network.blocks.parameters() if weight.ndim == 2]
        assert [id(weight) for weight in found] == [id(weight) for weight in expected]
    averages = Averages(GPTShape(30, 16, 2, 8, 2, 1, 8))
    assert [id(weight) for weight in hidden_matrices(averages)] == [id(averages.hidden.weight)]
    assert list(hidden_matrices(nn.Embedding(3, 3))) == []


# --- the user's own loss --------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
def test_a_custom_loss_replaces_ours(book, tmp_path, model):
    def smoothed(logits, targets):
        return F.cross_entropy(logits.flatten(0, 1).float(), targets.flatten(), label_smoothing=0.5)

    plain = train(book, tmp_path / "plain", model)
    same = train(book, tmp_path / "same", model, losses={"loss": next_token_loss})
    other = train(book, tmp_path / "other", model, losses={"loss": smoothed})
    assert plain.folder.weights.read_bytes() == same.folder.weights.read_bytes()
    assert plain.folder.weights.read_bytes() != other.folder.weights.read_bytes()
    assert other.folder.config()["losses"]["loss"].endswith("smoothed")


# --- several processes ----------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize(("seconds", "operations"), [(None, None), (600.0, 1e12)])
def test_processes_share_the_batch(book, model, seconds, operations):
    """The same tokens per update, the same size and the same dropout, however many processes there are."""
    recipe, options = RECIPES[model]
    options = options(context=16)
    data, _ = recipe.read(options, Place(str(book), "0.05", "0.10"), None)
    one, four = (recipe.resolve(options, data, Speed(seconds, operations, count), None) for count in (1, 4))
    assert one.batch == 4 * four.batch
    assert {**vars(one), "batch": 0} == {**vars(four), "batch": 0}


def test_warnings_count_the_tokens_of_all_processes(book):
    options = GPTOptions(**SMALL)
    data, _ = GPTRecipe.read(options, Place(str(book), "0", "0"), None)
    options = GPTRecipe.resolve(options, data, Speed(None, None, 1), None)
    machine = Machine("cpu")
    recipe = GPTRecipe(Setup(options, data, machine))
    steps = 15 * 20_000 // (4 * 16)  # 15 epochs in one process
    few = [note for note in recipe.warnings(steps) if "reads the text" in note]
    machine.processes = 2
    more = [note for note in recipe.warnings(steps) if "reads the text" in note]
    assert few == []
    assert more == ["training reads the text 30 times: watch for overfitting, or give less time or more text."]


def test_dropout_grows_with_the_epochs(book):
    data, _ = GPTRecipe.read(GPTOptions(), Place(str(book), "0", "0"), None)
    tokens = len(data.train.tokens)
    assert [fitting_dropout(epochs * tokens, data) for epochs in (0.0, 3.0, 5.5, 100.0)] == [0.0, 0.0, 0.1, 0.2]


def test_a_pipeline_knows_its_window(book, tmp_path):
    """An LSTM's state carries over any number of tokens."""
    for model, kind in (("gpt", GPT), ("gpt2", GPT2), ("lstm", LSTM)):
        run = genlab.load(train(book, tmp_path / model, model).path)
        assert isinstance(run.pipeline.network, kind)
        assert (run.path / "shape.json").exists() == (model != "lstm")
        assert run.pipeline.window == (1 << 60 if model == "lstm" else 16)


def test_files_that_were_left_out_are_listed(tmp_path):
    for place in ("text", "check"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "book.txt").write_text(sentences(3_000))
    (tmp_path / "text" / "photo.png").write_bytes(b"\x89PNG")
    (tmp_path / "check" / "settings.json").write_text('{"volume": 11}')
    run = train(tmp_path / "text", tmp_path / "run", validation=tmp_path / "check")
    listed = (run.path / "left_out.txt").read_text().splitlines()
    assert [line.rpartition(": ")[0] for line in listed] == ["photo.png", "validation: settings.json"]
    assert "photo.png" in run.about["data"]["notes"][0]

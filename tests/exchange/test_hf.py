"""Folders in transformers' format: read, written and refused."""

import json
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

import genlab
from genlab.errors import InputError
from tests.exchange.conftest import change_config, foreign_tokenizer

transformers = pytest.importorskip("transformers")
TEXT = "The old miller waits, and 7 herons  sing.\n\nDon't!"
STRANGE = TEXT + " Äpfel, 日本 🙂\t."


def theirs(folder, tokens):
    with torch.no_grad():
        return transformers.AutoModelForCausalLM.from_pretrained(folder).eval()(tokens).logits


# --- reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "model"), [("gpt2", "gpt2"), ("qwen3", "gpt")])
def test_an_imported_run_says_what_transformers_says(foreign, tmp_path, kind, model):
    run = genlab.import_folder(foreign / kind, tmp_path / "run")
    assert run.model == model
    again = genlab.load(tmp_path / "run")
    tokens = torch.randint(300, (2, 60))
    for network in (run.pipeline.network, again.pipeline.network):
        with torch.no_grad():
            torch.testing.assert_close(network.eval()(tokens), theirs(foreign / kind, tokens), rtol=1e-4, atol=1e-4)
    card = (tmp_path / "run" / "README.md").read_text()
    assert "Imported into genlab" in card
    assert "genlab evaluate THIS_FOLDER --data FILE" in card
    assert "None" not in card


@pytest.mark.parametrize(
    ("kind", "rates"),
    [("gpt2", {"learning_rate": 0.01}), ("qwen3", {"learning_rate": 0.03, "embedding_learning_rate": 0.02})],
)
def test_it_is_measured_and_trained_on(foreign, tmp_path, book, kind, rates):
    run = genlab.import_folder(foreign / kind, tmp_path / "run")
    with pytest.raises(InputError, match="An imported run has no test split: give text with --data"):
        run.evaluate()
    before = run.evaluate(book)["loss"]
    options = {"steps": 30, "batch": 4, "quiet": True, **rates}
    after = genlab.train("text", book, from_=tmp_path / "run", out=tmp_path / "after", **options)
    assert after.pipeline.options.size == "imported"
    assert after.about["test"]["loss"] < before - 0.5
    with pytest.raises(InputError, match="was imported: continue its training in a new run with --from"):
        genlab.train("text", book, steps=1, resume=True, out=tmp_path / "run", quiet=True)


def test_a_context_beyond_that_of_any_training(foreign, tmp_path):
    """Qwen3's longest context: the run opens again and generates with all of it."""
    folder = shutil.copytree(foreign / "qwen3", tmp_path / "long")
    change_config(folder, max_position_embeddings=262_144)
    genlab.import_folder(folder, tmp_path / "run")
    again = genlab.load(tmp_path / "run")
    assert (again.pipeline.window, again.pipeline.options.context) == (262_144, 65_536)
    assert str(again.generate(prompt="The ", tokens=5)[0]).startswith("The ")


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_sixteen_bits_are_read(foreign, tmp_path, dtype):
    folder = shutil.copytree(foreign / "qwen3", tmp_path / "half")
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight.to(dtype) for name, weight in weights.items()}, folder / "model.safetensors")
    network = genlab.import_folder(folder, tmp_path / "run").pipeline.network
    assert {weight.dtype for weight in network.parameters()} == {torch.float32}
    assert torch.equal(network.embedding.weight, weights["model.embed_tokens.weight"].to(dtype).float())


@pytest.mark.parametrize("kind", ["gpt2", "qwen3"])
def test_weights_in_several_files(foreign, tmp_path, kind):
    network = transformers.AutoModelForCausalLM.from_pretrained(foreign / kind)
    network.save_pretrained(tmp_path / "cut", max_shard_size="20KB")
    assert len(list((tmp_path / "cut").glob("*.safetensors"))) > 2
    shutil.copy(foreign / kind / "tokenizer.json", tmp_path / "cut")
    run, tokens = genlab.import_folder(tmp_path / "cut", tmp_path / "run"), torch.randint(300, (1, 9))
    torch.testing.assert_close(
        run.pipeline.network.eval()(tokens), theirs(foreign / kind, tokens), rtol=1e-4, atol=1e-4
    )
    (tmp_path / "cut" / "model-00002-of-00003.safetensors").unlink(missing_ok=True)
    for shard in list((tmp_path / "cut").glob("model-00002-*")):
        shard.unlink()
    with pytest.raises(InputError, match=r"lacks model-00002-of-\d+.safetensors, one of \d+ weight files"):
        genlab.import_folder(tmp_path / "cut", tmp_path / "none")


def test_gpt2_as_it_was_first_published(foreign, tmp_path):
    """Names without "transformer.", the causal masks saved too, vocab.json and merges.txt for the tokenizer."""
    folder = shutil.copytree(foreign / "gpt2", tmp_path / "old")
    weights = {
        name.removeprefix("transformer."): weight for name, weight in load_file(folder / "model.safetensors").items()
    }
    weights["h.0.attn.bias"] = torch.ones(1, 1, 64, 64).tril()
    save_file(weights, folder / "model.safetensors")
    change_config(folder, n_ctx=64, n_inner="absent", tie_word_embeddings="absent")
    (folder / "tokenizer.json").unlink()
    model = json.loads(foreign_tokenizer().to_str())["model"]
    vocabulary = {**model["vocab"], "<|endoftext|>": 299}
    (folder / "vocab.json").write_text(json.dumps(vocabulary))
    merges = "".join(f"{first} {second}\n" for first, second in model["merges"])
    (folder / "merges.txt").write_text("#version: 0.2\n" + merges)
    run, tokens = genlab.import_folder(folder, tmp_path / "run"), torch.randint(300, (1, 9))
    torch.testing.assert_close(
        run.pipeline.network.eval()(tokens), theirs(foreign / "gpt2", tokens), rtol=1e-4, atol=1e-4
    )
    assert run.pipeline.tokenizer.encode(STRANGE).ids == foreign_tokenizer().encode(STRANGE).ids


# --- writing --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=["gpt-char", "gpt-byte", "gpt-bpe", "gpt2-bpe"])
def run(request, book, tmp_path_factory):
    model, tokenizer = request.param.split("-")
    options = {"vocabulary": 300} if tokenizer == "bpe" else {}
    out = tmp_path_factory.mktemp("run") / request.param
    genlab.train("text", book, model, steps=8, size="tiny", tokenizer=tokenizer, out=out, quiet=True, **options)
    return genlab.load(out)


def test_transformers_says_what_the_run_says(run, tmp_path, book):
    run.export("hf", tmp_path / "hf")
    text = book.read_text()[:200] if run.pipeline.options.tokenizer == "char" else STRANGE
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "hf")
    ids = tokenizer(text)["input_ids"]
    assert ids == run.pipeline.tokenizer.encode(text).ids
    assert tokenizer.decode(ids) == text
    assert tokenizer.eos_token_id == 0
    tokens = torch.tensor([ids[:64]])
    with torch.no_grad():
        torch.testing.assert_close(
            theirs(tmp_path / "hf", tokens), run.pipeline.network.eval()(tokens), rtol=1e-4, atol=1e-4
        )
    card = (tmp_path / "hf" / "README.md").read_text()
    assert "genlab import THIS_FOLDER" in card
    assert str(tmp_path) not in card


def test_there_and_back(run, tmp_path):
    run.export("hf", tmp_path / "hf")
    back = genlab.import_folder(tmp_path / "hf", tmp_path / "back")
    written = [one.generate(prompt="The ", tokens=30, seed=3)[0].content for one in (run, back)]
    assert written[0] == written[1]


def test_nothing_is_overwritten(run, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for place in ("full", "file"):
        with pytest.raises(InputError, match="already exists: choose a new folder"):
            run.export("hf", tmp_path / place)
    (tmp_path / "empty").mkdir()
    run.export("hf", tmp_path / "empty")
    assert (tmp_path / "empty" / "model.safetensors").exists()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file", "full"]


@pytest.mark.parametrize("to", ["gguf", "onnx"])
def test_no_file_is_overwritten(run, tmp_path, to):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="already exists: choose a new file") as error:
        run.export(to, tmp_path / "file")
    assert error.value.field == "place"
    assert (tmp_path / "file").read_text() == "mine"


def test_nothing_is_left_half_written(run, tmp_path, monkeypatch):
    def full(*_: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("genlab.exchange.hf.tensors_to_bytes", full)
    with pytest.raises(OSError, match="No space"):
        run.export("hf", tmp_path / "hf")
    assert list(tmp_path.iterdir()) == []


# --- what cannot be read --------------------------------------------------------------------------


def rewrite(folder, change):
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


def pickled(folder):
    torch.save(load_file(folder / "model.safetensors"), folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()


def small_vocabulary(folder):
    rewrite(folder, lambda weights: weights.update({EMBED: weights[EMBED][:200].clone()}))
    change_config(folder, vocab_size=200)


def without_marks(folder):
    entry = json.loads((folder / "tokenizer.json").read_text())
    entry["added_tokens"] = []
    (folder / "tokenizer.json").write_text(json.dumps(entry))


EMBED, UP = "model.embed_tokens.weight", "model.layers.1.mlp.up_proj.weight"
BAD = {
    "another architecture": (
        lambda folder: change_config(folder, architectures=["LlamaForCausalLM"]),
        "holds a LlamaForCausalLM; genlab reads Qwen3ForCausalLM and GPT2LMHeadModel",
    ),
    "an unnamed one": (
        lambda folder: change_config(folder, architectures="absent", model_type="mamba"),
        "holds a mamba; genlab reads",
    ),
    "quantised": (lambda folder: change_config(folder, quantization_config={"bits": 4}), "quantised weights"),
    "a sliding window": (lambda folder: change_config(folder, use_sliding_window=True), "use_sliding_window True"),
    "stretched positions": (
        lambda folder: change_config(folder, rope_parameters={"rope_type": "yarn", "rope_theta": 1e6}),
        "rope_type 'yarn'; genlab only reads models with 'default'",
    ),
    "no number": (lambda folder: change_config(folder, hidden_size="32"), "hidden_size '32': it must be a positive"),
    "heads that do not fit": (
        lambda folder: change_config(folder, num_key_value_heads=3),
        "4 heads, 3 key-value heads",
    ),
    "no config": (lambda folder: (folder / "config.json").unlink(), "holds no model: config.json is missing"),
    "a torn config": (lambda folder: (folder / "config.json").write_text('{"model'), "config.json is damaged"),
    "a pickle": (pickled, r"as a pickle \(pytorch_model.bin\).*save them as model.safetensors"),
    "no weights": (lambda folder: (folder / "model.safetensors").unlink(), "model.safetensors is missing"),
    "cut off": (
        lambda folder: (folder / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes()[:900]),
        "is truncated or not a safetensors file",
    ),
    "a torn index": (
        lambda folder: (
            (folder / "model.safetensors").unlink(),
            (folder / "model.safetensors.index.json").write_text('{"weight_map": {"a": "../../secret"}}'),
        ),
        "index.json is damaged",
    ),
    "a missing tensor": (
        lambda folder: rewrite(folder, lambda weights: weights.pop(UP)),
        "the weights lack model.layers.1.mlp.up_proj.weight",
    ),
    "a surplus tensor": (
        lambda folder: rewrite(folder, lambda weights: weights.update({"model.extra": torch.zeros(2)})),
        "have model.extra, which this architecture does not have",
    ),
    "another layer": (
        lambda folder: change_config(folder, num_hidden_layers=1),
        r"have model.layers.1.* and 8 more, which",
    ),
    "whole numbers": (
        lambda folder: rewrite(folder, lambda weights: weights.update({UP: weights[UP].to(torch.int8)})),
        "up_proj.weight is of int8: save the model in 32 or 16 bits",
    ),
    "NaN": (
        lambda folder: rewrite(folder, lambda weights: weights[UP][0].fill_(float("nan"))),
        "up_proj.weight holds NaN or infinity: save or download the model again",
    ),
    "another shape": (
        lambda folder: rewrite(folder, lambda weights: weights.update({UP: weights[UP][:40].clone()})),
        r"has the shape \(40, 32\), but config.json requires \(48, 32\)",
    ),
    "a head of its own": (
        lambda folder: rewrite(folder, lambda weights: weights.update({"lm_head.weight": weights[EMBED] + 1})),
        "lm_head.weight is another matrix",
    ),
    "no tokenizer": (lambda folder: (folder / "tokenizer.json").unlink(), "has no tokenizer"),
    "a torn tokenizer": (lambda folder: (folder / "tokenizer.json").write_text("{"), "the tokenizer is damaged"),
    "too many tokens": (small_vocabulary, "does not match: its last token is 299, but the model has 200"),
    "no mark between documents": (without_marks, "no end-of-text token; genlab knows"),
}


@pytest.mark.parametrize("case", BAD)
def test_what_cannot_be_read(foreign, tmp_path, cli, case):
    spoil, message = BAD[case]
    folder = shutil.copytree(foreign / "qwen3", tmp_path / "folder")
    spoil(folder)
    code, out, _ = cli("import", folder, "--out", tmp_path / "run", "--json")
    said = json.loads(out)["error"]
    assert code == 2
    assert said["field"] == "folder"
    with pytest.raises(InputError, match=message):
        raise InputError(said["message"], "folder")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"activation_function": "relu"}, "activation_function 'relu'"),
        ({"n_head": 5}, "5 heads in 32 features"),
        ({"layer_norm_epsilon": 1e-12}, "layer_norm_epsilon 1e-12"),
        ({"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx True"),
    ],
)
def test_other_kinds_of_gpt2(foreign, tmp_path, values, message):
    folder = shutil.copytree(foreign / "gpt2", tmp_path / "folder")
    change_config(folder, **values)
    with pytest.raises(InputError, match=message):
        genlab.import_folder(folder, tmp_path / "run")


def test_a_run_is_no_folder_to_import(trained, tmp_path):
    with pytest.raises(InputError, match="is already a genlab run"):
        genlab.import_folder(trained, tmp_path / "run")
    with pytest.raises(InputError, match="There is no folder"):
        genlab.import_folder(tmp_path / "nothing", tmp_path / "run")


def test_a_place_that_is_taken(foreign, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="already exists"):
        genlab.import_folder(foreign / "gpt2", tmp_path / "run")
    assert [path.name for path in (tmp_path / "run").iterdir()] == ["mine.txt"]


def test_an_interrupted_import_is_no_obstacle(foreign, tmp_path, monkeypatch, cli):
    """It leaves nothing behind, and an import is marked as one only when it is complete."""

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("genlab.api.write_weights", interrupted)
        assert cli("import", foreign / "gpt2", "--out", "new/run")[0] == 130
    assert not list(tmp_path.iterdir())
    states, write_card = [], genlab.api.write_card

    def noted(folder, pipeline):
        states.append(folder.about().get("state"))
        write_card(folder, pipeline)

    monkeypatch.setattr("genlab.api.write_card", noted)
    assert cli("import", foreign / "gpt2", "--out", "new/run")[0] == 0
    assert states == [None]
    assert genlab.load("new/run").about["state"] == "imported"
    code, _, err = cli("import", foreign / "gpt2", "--out", "new/run")
    assert (code, err) == (2, "genlab: new/run already exists: choose another --out.\n")


# --- the command line -----------------------------------------------------------------------------


def test_commands(foreign, tmp_path, cli):
    code, out, err = cli("import", foreign / "gpt2", "--out", "run")
    assert (code, out.strip()) == (0, "run")
    assert "genlab train text YOUR.txt --from run" in err
    code, out, _ = cli("generate", "run", "--prompt", "The ", "--tokens", "5", "--json")
    assert code == 0
    assert json.loads(out)["samples"][0].startswith("The ")
    code, out, _ = cli("export", "run", "--to", "hf", "out", "--json")
    assert (code, json.loads(out)) == (0, {"place": "out", "to": "hf"})
    assert (
        load_file(tmp_path / "out" / "model.safetensors").keys()
        == load_file(foreign / "gpt2" / "model.safetensors").keys()
    )
    code, out, _ = cli("runs", "--folder", ".")
    assert code == 0
    assert "imported" in out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("export", "RUN"), "Name the folder or file to write: genlab export"),
        (("export", "RUN", "--to", "pdf", "out"), "to: 'pdf' is not a choice"),
        (("export", "nothing", "out"), "There is no run folder nothing"),
        (("export",), "Name the run"),
        (("import",), "Name the folder of the model"),
        (("import", "nothing"), "There is no folder nothing"),
        (("push", "RUN"), "Name the repository"),
    ],
)
def test_bad_words(trained, cli, words, message):
    code, out, _ = cli(*(trained if word == "RUN" else word for word in words), "--json")
    assert code == 2
    assert message in json.loads(out)["error"]["message"]


def test_runs_that_cannot_be_exported(cli, tmp_path):
    (tmp_path / "points.csv").write_text("x,y\n" + "".join(f"{n},{n % 7}\n" for n in range(200)))
    genlab.train("points", tmp_path / "points.csv", steps=1, out=tmp_path / "points", quiet=True)
    code, out, _ = cli("export", "points", "--to", "hf", "out", "--json")
    assert code == 2
    assert "is a gan for points, which cannot be exported" in json.loads(out)["error"]["message"]
    assert not (tmp_path / "out").exists()

"""What every translator can do: learn from pairs, translate, and be measured."""

import gzip
import io
import json
import os
import signal
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

import genlab
from genlab.data.pairs.batches import END_TOKEN
from genlab.data.pairs.lines import Lines
from genlab.engine.loop import Loop
from genlab.engine.machine import Machine
from genlab.engine.recipe import Place, Setup, Speed
from genlab.engine.run_folder import RunFolder
from genlab.errors import InputError
from genlab.models.gru import GRU, GRUShape
from genlab.tasks.translate.gru import GRURecipe
from genlab.tasks.translate.options import GRUOptions, TransformerOptions, TranslateRequest
from genlab.tasks.translate.pipeline import TranslatePipeline
from genlab.tasks.translate.transformer import PARAMETERS, TransformerRecipe
from tests.conftest import genlab_process, phrases, tabbed

UNSEEN = phrases(600)[400:]
SMALL = {"steps": 2, "size": "tiny", "batch": 256}
MODELS = [("transformer", {}), ("gru", {}), ("gru", {"attention": "none"})]


@pytest.fixture
def pairs(tmp_path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text(tabbed(phrases(300)), encoding="utf-8")
    return path


@pytest.fixture
def untaught_recipe(pairs) -> TransformerRecipe:
    """A recipe whose weights are all random."""
    options = TransformerOptions(size="tiny", tokenizer="char", batch=256)
    data, _ = TransformerRecipe.read(options, Place(str(pairs), "0.05", "0.10"), None)
    resolved = TransformerRecipe.resolve(options, data, Speed(None, None, 1), None)
    recipe = TransformerRecipe(Setup(resolved, data, Machine("cpu")))
    torch.manual_seed(1)
    for weight in recipe.network.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    return recipe


@pytest.fixture
def untaught(untaught_recipe) -> TranslatePipeline:
    """A translator whose weights are all random: it rarely predicts the end token."""
    return untaught_recipe.pipeline


# --- learning -------------------------------------------------------------------------------------


def test_it_translates_what_it_never_saw(translator):
    run = genlab.load(translator)
    translations = run.pipeline.translate([source for source, _ in UNSEEN], TranslateRequest())
    right = np.mean([text == target for text, (_, target) in zip(translations, UNSEEN, strict=True)])
    assert right > 0.75
    assert run.about["test"]["exact"] > 0.75
    assert run.about["test"]["bleu"] > 80
    losses = [entry["loss"] for entry in run.folder.measures() if entry["split"] == "validation"]
    assert losses[-1] < 0.5 < losses[0]


@pytest.mark.parametrize(("model", "options"), MODELS, ids=str)
@pytest.mark.parametrize("tokenizer", ["bpe", "char", "word"])
def test_every_model_and_token(pairs, tmp_path, model, options, tokenizer):
    joint = tokenizer != "word"
    run = genlab.train(
        "translate",
        pairs,
        model,
        out=tmp_path / "run",
        quiet=True,
        tokenizer=tokenizer,
        joint=joint,
        **options,
        **SMALL,
    )
    assert (tmp_path / "run" / "tokenizer.json").exists() == joint
    line = "The old miller waits now."
    again = genlab.load(run.path)
    for request in ({"prompt": line}, {"prompt": line, "sample": True, "n_best": 3}):
        assert [str(s) for s in run.generate(**request)] == [str(s) for s in again.generate(**request)]
    assert again.pipeline.search([line], TranslateRequest()) == run.pipeline.search([line], TranslateRequest())


def test_lower_case(pairs, tmp_path):
    run = genlab.train("translate", pairs, out=tmp_path / "run", quiet=True, lower=True, **SMALL)
    one, other = run.generate(prompt="The OLD miller waits now."), run.generate(prompt="the old miller waits now.")
    assert str(one[0]) == str(other[0]) == str(one[0]).lower()


def test_validation_is_the_mean_over_all_tokens_with_smoothing_and_without(untaught_recipe):
    """Against one pair at a time; what training lowers comes first, and so picks the weights."""
    total, smoothed, watched = 0.0, 0.0, untaught_recipe.data.watched
    untaught_recipe.network.eval()
    for row in range(len(watched)):
        batch = watched.rows(np.array([row]))
        logits = untaught_recipe.network(batch.source, batch.inputs)
        total += torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum").item()
        even = -logits.log_softmax(-1).mean(-1).sum().item()
        smoothed += 0.9 * torch.nn.functional.cross_entropy(logits, batch.targets, reduction="sum").item() + 0.1 * even
    untaught_recipe.network.train()
    measured = untaught_recipe.validate()
    assert untaught_recipe.network.training
    assert list(measured) == ["smoothed_loss", "loss"]
    assert measured["loss"] == pytest.approx(total / watched.tokens, rel=1e-5)
    assert measured["smoothed_loss"] == pytest.approx(smoothed / watched.tokens, rel=1e-5)


# --- decoding -------------------------------------------------------------------------------------


def step_by_step(pipeline: TranslatePipeline, text: str) -> list[int]:
    """Greedy, without a cache, one sentence at a time, reading all anew for every token."""
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


# --- the command line -----------------------------------------------------------------------------


def said(out: str) -> list[str]:
    return out.removesuffix("\n").split("\n")


def test_one_line_in_one_line_out_in_order(cli, translator, tmp_path, monkeypatch):
    lines = [source for source, _ in UNSEEN[:7]]
    lines[3] = ""
    expected = genlab.load(translator).pipeline.translate(lines, TranslateRequest())
    assert expected[3] == ""
    text = "".join(f"{line}\n" for line in lines)
    (tmp_path / "lines.txt").write_text(text)
    (tmp_path / "lines.gz").write_bytes(gzip.compress(text.encode()))
    for file in ("lines.txt", "lines.gz"):
        code, out, err = cli("generate", translator, "--input", file)
        assert (code, said(out), err) == (0, expected, "")
    for words in ([], ["--input", "-"]):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        assert said(cli("generate", translator, *words)[1]) == expected
    monkeypatch.setattr("genlab.data.pairs.lines.AT_ONCE", 2)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert said(cli("generate", translator)[1]) == expected
    assert said(cli("generate", translator, "--prompt", lines[0])[1]) == expected[:1]
    code, out, _ = cli("generate", translator, "--input", "lines.txt", "--json")
    assert json.loads(out) == {"samples": expected, "files": []}


def test_n_best_and_sampling(cli, translator):
    lines = f"{UNSEEN[0][0]}\n{UNSEEN[1][0]}"
    _, out, _ = cli("generate", translator, "--prompt", lines, "--n-best", 3)
    best = said(cli("generate", translator, "--prompt", lines)[1])
    assert len(said(out)) == 6
    assert said(out)[::3] == best
    assert len(set(said(out)[:3])) == 3
    drawn = [
        cli("generate", translator, "--prompt", lines, "--sample", "--temperature", 5, "--seed", n)[1]
        for n in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]
    assert said(cli("generate", translator, "--prompt", lines, "--sample", "--top-k", 1)[1]) == said(
        cli("generate", translator, "--prompt", lines, "--beam", 1)[1]
    )


def test_two_files_through_processes(tmp_path):
    """The whole way, as a user goes it."""
    for side, texts in zip(("en", "fr"), zip(*phrases(300), strict=True), strict=True):
        (tmp_path / f"a.{side}.gz").write_bytes(gzip.compress("".join(f"{text}\n" for text in texts).encode()))
    words = ["--steps", 3, "--size", "tiny", "--batch", 256]
    done = genlab_process(
        "train", "translate", "--source", "a.en.gz", *words, "--target=a.fr.gz", "--json", folder=tmp_path
    )
    assert done.returncode == 0, done.stderr
    made = json.loads(done.stdout)
    assert made["run"] == "runs/translate-a-en-gz-a-fr-001"
    assert {"loss", "bleu", "chrf", "exact"} <= made["test"].keys()
    assert str(tmp_path) not in (tmp_path / made["run"] / "config.json").read_text()
    done = genlab_process("generate", made["run"], folder=tmp_path, input="The old miller waits now.\nThe ship.\n")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("\n") == 2
    (tmp_path / "deep").mkdir()
    for more in ([], ["--data", "../a.en.gz,../a.fr.gz"]):  # paths are remembered as absolute ones
        done = genlab_process("evaluate", f"../{made['run']}", *more, "--json", folder=tmp_path / "deep")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert found["split"] == "test"
        assert found["data"] == "a.en.gz + a.fr.gz"
        assert found["bleu"] == pytest.approx(made["test"]["bleu"])


def test_python_takes_two_files(tmp_path):
    for side, texts in zip(("en", "fr"), zip(*phrases(100), strict=True), strict=True):
        (tmp_path / f"a.{side}").write_text("\n".join(texts))
    run = genlab.train(
        "translate", source=tmp_path / "a.en", target=tmp_path / "a.fr", out=tmp_path / "run", quiet=True, **SMALL
    )
    other = genlab.train("translate", f"{tmp_path}/a.en,{tmp_path}/a.fr", out=tmp_path / "other", quiet=True, **SMALL)
    assert run.about["data"]["fingerprint"] == other.about["data"]["fingerprint"]
    assert (run.path / "model.safetensors").read_bytes() == (other.path / "model.safetensors").read_bytes()


# --- measuring ------------------------------------------------------------------------------------


def test_evaluate(cli, translator, tmp_path):
    code, out, _ = cli("evaluate", translator, "--json")
    assert code == 0
    found = json.loads(out)
    assert found["exact"] > 0.75 > found["copying_the_source"]["exact"] == 0
    assert found["bleu"] > 80 > 30 > found["copying_the_source"]["bleu"]
    assert found["loss"] == pytest.approx(RunFolder(translator).about()["test"]["loss"])
    assert found["pairs"] == found["measured"] == RunFolder(translator).about()["data"]["counts"]["test"]["pairs"]
    assert found["worst"]["1"]["chrf"] <= found["worst"]["2"]["chrf"] <= found["best"]["1"]["chrf"]
    assert set(found["best"]["1"]) == {"chrf", "source", "reference", "translation"}
    assert "tok:13a" in found["signatures"]["bleu"]
    (tmp_path / "other.tsv").write_text(tabbed(UNSEEN[:5]))
    code, out, _ = cli("evaluate", translator, "--data", "other.tsv", "--json")
    other = json.loads(out)
    assert (code, other["split"], other["pairs"], other["data"]) == (0, "all", 5, "other.tsv")
    assert {row["source"] for row in other["worst"].values()} == {source for source, _ in UNSEEN[:5]}
    assert "translation: Le " in cli("evaluate", translator)[1]


def test_without_sacrebleu_a_training_ends_well(cli, pairs, monkeypatch):
    monkeypatch.setitem(sys.modules, "sacrebleu.metrics", None)
    code, out, err = cli("train", "translate", pairs, "--steps", 2, "--size", "tiny", "--out", "run", "--json")
    assert code == 0
    assert "genlab[translate]" in err
    assert json.loads(out)["test"].keys() == {"loss", "exact"}
    code, _, err = cli("evaluate", "run")
    assert code == 2
    assert "genlab[translate]" in err


# --- going on -------------------------------------------------------------------------------------


def test_killed_and_resumed(pairs, tmp_path, monkeypatch):
    """SIGKILL in the middle; resumed, it ends with the weights that it would have had."""
    monkeypatch.setattr(Loop, "_checkpoint_due", lambda self: True)
    options = {"steps": 25, "size": "tiny", "batch": 256, "dropout": 0.1, "quiet": True}
    whole = genlab.train("translate", pairs, out=tmp_path / "whole", **options)
    out = tmp_path / "run"
    child = os.fork()
    if child == 0:
        genlab.train("translate", pairs, out=out, **options)
        os._exit(0)
    while not list(out.glob("resume/step-*.safetensors")):
        time.sleep(0.01)
    time.sleep(0.2)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert RunFolder(out).about()["state"] == "running"
    genlab.train("translate", pairs, out=out, resume=True, **options)
    assert (out / "model.safetensors").read_bytes() == (whole.path / "model.safetensors").read_bytes()
    assert RunFolder(out).about()["attempts"] == 2


def test_python_must_say_what_to_translate(translator):
    with pytest.raises(InputError, match="prompt is missing: give the lines"):
        genlab.load(translator).generate()


def test_lines_of_a_list_and_blocks_of_a_file_are_translated_and_named(translator):
    run = genlab.load(translator)
    lines = [source for source, _ in UNSEEN[:3]]
    expected = run.pipeline.translate(lines, TranslateRequest())
    assert [sample.content for sample in run.generate(prompt=lines)] == expected
    block = Lines(tuple(lines), "lines.txt", before=2_048, option="input")
    assert [sample.content for sample in run.generate(prompt=block)] == expected
    with pytest.raises(InputError, match=r"^The prompt, line 2 has \d+ tokens") as error:
        run.generate(prompt=[lines[0], lines[1] * 20])
    assert error.value.field == "prompt"
    with pytest.raises(InputError, match=r"^lines.txt, line 2,050 has \d+ tokens|^lines.txt, line 2050") as error:
        run.generate(prompt=Lines((lines[0], lines[1] * 20), "lines.txt", before=2_048, option="input"))
    assert error.value.field == "input"


# --- one step, one resolution ---------------------------------------------------------------------


def test_translating_leaves_modes_gradients_and_random_state_alone(untaught):
    untaught.network.train()
    samples = untaught.generate(TranslateRequest(prompt="The ship.\nThe fish.", sample=True, seed=4))
    state = torch.get_rng_state()
    next(samples)
    assert untaught.network.training
    assert torch.is_grad_enabled()
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("model", ["transformer", "gru"])
def test_processes_weigh_by_their_number_of_target_tokens(pairs, model, monkeypatch):
    counts = []
    monkeypatch.setattr(Machine, "average", lambda self, network, count=None: counts.append(count))
    options = {"transformer": TransformerOptions, "gru": GRUOptions}[model](size="tiny", batch=256)
    recipe_type = {"transformer": TransformerRecipe, "gru": GRURecipe}[model]
    data, _ = recipe_type.read(options, Place(str(pairs), "0", "0"), None)
    recipe = recipe_type(Setup(recipe_type.resolve(options, data, Speed(None, None, 1), None), data, Machine("cpu")))
    batches = [recipe.batch(step) for step in range(8)]
    for batch in batches:
        recipe.step(batch, 0.0)
    assert counts == [len(batch.targets) for batch in batches]
    assert any(len(batch.targets) < batch.inputs.numel() for batch in batches)


def test_the_size_is_for_all_processes_and_the_batch_for_each(untaught_recipe):
    data, options = untaught_recipe.data, TransformerOptions()

    def resolved(speed: Speed) -> TransformerOptions:
        return TransformerRecipe.resolve(options, data, speed, None)

    fixed = resolved(Speed(None, None, 1))
    assert (fixed.size, fixed.batch, fixed.dropout) == ("small", 1024, 0.1)
    one, four = resolved(Speed(600.0, 1e12, 1)), resolved(Speed(600.0, 1e12, 4))
    assert (one.size, one.dropout) == (four.size, four.dropout)
    assert one.batch == 2 * four.batch
    assert PARAMETERS[resolved(Speed(600.0, 64e12, 4)).size] > PARAMETERS[one.size]


# --- custom networks and losses -------------------------------------------------------------------


class Mine(GRU):
    """A user's network: it translates as the baseline does."""

    def __init__(self, shape) -> None:
        super().__init__(GRUShape(shape.source_vocabulary, shape.target_vocabulary, 16, True, shape.joint))


class Headless(Mine):
    def forward(self, *given):
        return super().forward(*given)[:, :-1]


class Untold(Mine):
    next = property()


class Forgetful(Mine):
    def next(self, tokens, memory):
        return super().next(tokens, memory)[:, :5]


def total_loss(logits, targets, smoothing):
    return torch.nn.functional.cross_entropy(logits, targets) + smoothing


@pytest.mark.parametrize("model", ["transformer", "gru"])
def test_a_custom_network_is_trained_recorded_and_loaded(pairs, tmp_path, model):
    made = []

    def factory(shape):
        made.append(shape)
        return Mine(shape)

    out = tmp_path / "run"
    run = genlab.train("translate", pairs, model, out=out, quiet=True, networks={model: factory}, **SMALL)
    assert isinstance(run.pipeline.network, Mine)
    assert made[0].source_vocabulary == run.pipeline.source.size
    assert run.folder.config()["networks"][model]["class"].endswith(":Mine")
    with pytest.raises(InputError, match="custom networks"):
        genlab.load(out)
    again = genlab.load(out, networks={model: factory})
    line = UNSEEN[0][0]
    assert again.generate(prompt=line)[0].content == run.generate(prompt=line)[0].content
    assert again.evaluate()["loss"] == pytest.approx(run.about["test"]["loss"])
    with pytest.raises(InputError, match=r"custom network|no attention"):
        again.attention(line)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        (lambda shape: torch.nn.Linear(2, 2), "rejects a batch of shape"),
        (lambda shape: 5, "returned a int, not a torch.nn.Module"),
        (Headless, r"must return \(5, \d+\)"),
        (Untold, r"start\(source, mask, capacity\)"),
        (Forgetful, r"must return \(2, \d+\)"),
    ],
)
def test_a_custom_network_that_cannot_translate_is_refused(pairs, tmp_path, network, message):
    with pytest.raises(InputError, match=message) as error:
        genlab.train("translate", pairs, out=tmp_path / "run", quiet=True, networks={"transformer": network}, **SMALL)
    assert error.value.field == "transformer"
    assert not (tmp_path / "run").exists()


def test_a_custom_loss_trains_and_selects(pairs, tmp_path):
    run = genlab.train("translate", pairs, out=tmp_path / "run", quiet=True, losses={"loss": total_loss}, **SMALL)
    (validation, *_) = (entry for entry in run.folder.measures() if entry["split"] == "validation")
    assert validation["smoothed_loss"] == pytest.approx(validation["loss"] + 0.1)
    with pytest.raises(InputError, match="has no loss other: choose from loss"):
        genlab.train("translate", pairs, out=tmp_path / "other", losses={"other": total_loss}, **SMALL)

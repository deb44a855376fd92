"""Bad input: one sentence, exit code 2, no traceback, and no file created or lost."""

import gzip
import re
import shutil

import pytest

from tests.conftest import sentences

SHORT = ["--steps", 2, "--size", "tiny"]


def png() -> bytes:
    import io

    from PIL import Image

    file = io.BytesIO()
    Image.new("RGB", (64, 64), "red").save(file, "png")
    return file.getvalue()


def zipped() -> bytes:
    return gzip.compress(sentences(20_000).encode())


FILES = {
    "empty": (b"", "is empty"),
    "only a byte order mark": (b"\xef\xbb\xbf", "is empty"),
    "one character": (b"a", "too short"),
    "a picture": (png(), "is not text"),
    "zeros": (bytes(5000), "is not text.*zero"),
    "a zero byte late": (b"text " * 400_000 + b"\0" + b"text " * 1000, "zero byte.*byte 2000000"),
    "latin-1": ("Das Mädchen läuft über die Straße. ".encode("latin-1") * 200, r"is not UTF-8 \(byte 5\).*--encoding"),
    "utf-16, cut off": (sentences(3000).encode("utf-16")[:-1], "is cut off or damaged utf-16"),
    "cut in a character": (sentences(3000).encode() + "é".encode()[:1], "ends in the middle of a character"),
    "gzip, cut off": (zipped()[:-2000], "damaged gzip"),
    "gzip, a byte changed": (zipped()[:3000] + b"\x55\x55\x55" + zipped()[3003:], "damaged gzip"),
    "gzip of a picture": (gzip.compress(png()), "is not text"),
}


@pytest.mark.parametrize("kind", FILES)
def test_files(refused, tmp_path, kind):
    content, message = FILES[kind]
    (tmp_path / "data").write_bytes(content)
    sentence, field = refused("train", "text", "data", *SHORT)
    assert re.search(message, sentence), sentence
    assert field == ("encoding" if "--encoding" in message else "data")
    assert "data" in sentence


@pytest.mark.parametrize(
    "line",
    ['{"text": 5}', '{"words": "x"}', "[1]", "null", "{", '{"text": "\\ud800"}', "[" * 100_000],
    ids=lambda x: x[:20],
)
def test_json_lines(refused, tmp_path, line):
    (tmp_path / "data.jsonl").write_text('{"text": "one"}\n\n' + line + '\n{"text": "two"}\n')
    sentence, field = refused("train", "text", "data.jsonl", *SHORT)
    assert "line 3" in sentence
    assert '"text"' in sentence
    assert field == "data"


TRAIN = [
    (["missing.txt"], "There is no file or folder missing.txt", "data"),
    (["empty"], "no text in the folder", "data"),
    (["@nothing"], "no sample set @nothing.*@bible", "data"),
    (["@ring"], "@ring holds points", "data"),
    (["/dev/null"], "neither a file nor a folder", "data"),
    (["book.txt", "--context", 60_000], "context: 60000 is longer", "context"),
    (["book.txt", "--context", 1], "context: 1 cannot be used.*from 2", "context"),
    (["book.txt", "--steps", 0], "steps: 0 cannot be used.*from 1", "steps"),
    (["book.txt", "--steps", -5], "steps: -5", "steps"),
    (["book.txt", "--steps", 1.5], "steps", "steps"),
    (["book.txt", "--steps", "many"], "steps", "steps"),
    (["book.txt", "--minutes", -1], "minutes: -1.0 cannot be used.*above 0", "minutes"),
    (["book.txt", "--minutes", 0], "minutes: 0.0", "minutes"),
    (["book.txt", "--minutes", "nan"], "minutes: nan cannot", "minutes"),
    (["book.txt", "--minutes", "inf"], "minutes: inf cannot", "minutes"),
    (["book.txt", "--minutes", 1, "--steps", 5], "one of them", "steps"),
    (["book.txt", "--minutes"], "minutes: the value is missing", "minutes"),
    (["book.txt", "--batch", 0], "batch: 0", "batch"),
    (["book.txt", "--learning-rate", "nan"], "learning_rate: nan", "learning_rate"),
    (["book.txt", "--learning-rate", "-inf"], "learning.rate: -inf", "learning_rate"),
    (["book.txt", "--dropout", 1], "dropout: 1.0 cannot be used.*below 1", "dropout"),
    (["book.txt", "--dropout", "nan"], "dropout: nan", "dropout"),
    (["book.txt", "--weight-decay", -1], "weight_decay: -1", "weight_decay"),
    (["book.txt", "--seed", -1], "seed: -1", "seed"),
    (["book.txt", "--seed", 2**40], "seed: 1099511627776", "seed"),
    (["book.txt", "--vocabulary", 10], "vocabulary: 10", "vocabulary"),
    (["book.txt", "--checkpoint-seconds", "nan"], "checkpoint_seconds: nan", "checkpoint_seconds"),
    (["book.txt", "--validation", 1], "validation: 1 cannot be used", "validation"),
    (["book.txt", "--validation", "nan"], "validation: nan cannot be used", "validation"),
    (["book.txt", "--validation", -0.5], "validation: -0.5 cannot be used", "validation"),
    (["book.txt", "--test", "inf"], "test: inf cannot be used", "test"),
    (["book.txt", "--validation", 0.5, "--test", 0.5], "something to train on", "validation"),
    (["book.txt", "--validation", "gone.txt"], "validation: There is no file or folder gone.txt", "validation"),
    (["book.txt", "--test", "gone.txt"], "test: There is no file or folder gone.txt", "test"),
    (["book.txt", "--size", "huge"], "size: .*huge.*is not a choice.*laptop", "size"),
    (["book.txt", "--tokenizer", "word"], "tokenizer: .*word.*is not a choice.*char", "tokenizer"),
    (["book.txt", "--precision", 64], "precision: .*64.*is not a choice", "precision"),
    (["book.txt", "--log", "paper"], "log: .*paper.*is not a choice", "log"),
    (["book.txt", "--device", "toaster"], "device: toaster cannot be used", "device"),
    (["book.txt", "--device", "cuda:x"], "device: cuda:x cannot be used", "device"),
    (["book.txt", "--device", "cpu:0"], "device: cpu:0 cannot be used", "device"),
    (["book.txt", "--device", "auto:"], "device: auto: cannot be used", "device"),
    (["book.txt", "--size", "imported"], "size: imported needs --from", "size"),
    (["book.txt", "--model", "oracle"], "no model oracle.*gpt, gpt2, lstm", "model"),
    (["book.txt", "--sise", "tiny"], r"Unknown option: --sise \(perhaps --size\?\)", "sise"),
    (["book.txt", "extra"], "extra", "extra"),
    ([], r"The data are missing: a text file or a file of JSON documents \(\.jsonl", "data"),
    (["book.txt", "--resume"], "--resume needs --out", "out"),
    (["book.txt", "--resume", "--out", "nowhere"], "no run folder nowhere", "run"),
    (["book.txt", "--resume", "--out", "full"], "full is not a run folder", "run"),
    (["book.txt", "--out", "full"], "full already exists", "out"),
    (["book.txt", "--out", "book.txt"], "book.txt already exists", "out"),
    (["book.txt", "--out", "book.txt/run"], "book.txt/run cannot be created", "out"),
    (["book.txt", "--out", "hidden"], "hidden already exists", "out"),
]


def named(value: object) -> str:
    """The id of a case."""
    return " ".join(map(str, value)) if isinstance(value, list) else ""


@pytest.mark.parametrize(("words", "message", "field"), TRAIN, ids=named)
def test_train(refused, tmp_path, words, message, field):
    (tmp_path / "book.txt").write_text(sentences(3000))
    (tmp_path / "empty").mkdir()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "letter.txt").write_text("Dear ...")
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / ".precious").write_text("mine")
    short = [] if {"--steps", "--minutes"} & set(words) else ["--steps", 2]
    sentence, where = refused("train", "text", *words, *short)
    assert re.search(message, sentence), sentence
    assert where == field


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["dance"], "no command dance.*train, look, generate", "command"),
        (["genrate"], "no command genrate.*perhaps generate", "command"),
        (["train", "txt"], "no task txt.*perhaps text", "task"),
        (["train", "images", ".", "--model", "dcgn"], "no model dcgn.*perhaps dcgan", "model"),
        (["samples", "@bibel"], "no sample set @bibel.*perhaps @bible", "name"),
        (
            ["train", "text", "-notes.txt"],
            r"-notes.txt looks like an option; for a file of that name write \./-notes.txt",
            "notes.txt",
        ),
        (["train", "text", "x", "--out", "--stpes", 3], "out: the value is missing.*as --out=--stpes", "out"),
        (["train", "text", "x", "--tied=yes"], "tied: --tied takes no value", "tied"),
        (
            ["train", "images", ".", "--conditional"],
            "Unknown option.*perhaps --no-conditional",
            "conditional",
        ),
        (
            ["train", "images", ".", "--model", "vae", "--flip"],
            "--flip is an option of gan and flow, not of vae",
            "flip",
        ),
        (["train", "poetry", "book.txt"], "no task poetry.*text", "task"),
        (["generate"], "Name the run", "run"),
        (["attention"], "Name the run", "run"),
        (["attention", "nowhere"], "no run folder nowhere", "run"),
        (["evaluate"], "Name the run", "run"),
        (["generate", "--tokens", 5], "Name the run", "run"),
        (["generate", "nowhere"], "no run folder nowhere", "run"),
        (["evaluate", "nowhere"], "no run folder nowhere", "run"),
        (["generate", "folder"], "folder is not a run folder", "run"),
        (["generate", "folder/file"], "no run folder folder/file", "run"),
        (["runs", "--all"], "Unknown option: --all", "all"),
        (["runs", "--folder", "nope"], r"^There is no folder nope\.$", "folder"),
        (["runs", "--folder", "folder/file"], r"^There is no folder folder/file\.$", "folder"),
        (
            ["look", "images", ".", "--model", "vae", "--flip"],
            "--flip is an option of gan and flow, not of vae; `genlab look images --model vae --help` lists",
            "flip",
        ),
        (["samples", "more"], "There is no sample set more: choose from .*@bible", "name"),
        (["samples", "@bible", "more"], "Unexpected argument: more", "more"),
    ],
    ids=named,
)
def test_commands(refused, tmp_path, words, message, field):
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "file").write_text("x")
    sentence, where = refused(*words)
    assert re.search(message, sentence), sentence
    assert where == field


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        (["--temperature", "nan"], "temperature: nan cannot be used.*above 0", "temperature"),
        (["--temperature", 0], "temperature: 0.0 cannot be used.*--greedy", "temperature"),
        (["--temperature", "inf"], "temperature: inf", "temperature"),
        (["--temperature", -1], "temperature: -1.0", "temperature"),
        (["--top-k", 0], "top_k: 0 cannot be used.*from 1", "top_k"),
        (["--top-p", 0], "top_p: 0.0", "top_p"),
        (["--top-p", 1.5], "top_p: 1.5", "top_p"),
        (["--top-p", "nan"], "top_p: nan", "top_p"),
        (["--weights", "int4"], "weights.*int4", "weights"),
        (["--min-p", 1], "min_p: 1.0", "min_p"),
        (["--min-p", "nan"], "min_p: nan", "min_p"),
        (["--repetition-penalty", 0], "repetition_penalty: 0.0", "repetition_penalty"),
        (["--repetition-penalty", "nan"], "repetition_penalty: nan", "repetition_penalty"),
        (["--tokens", 0], "tokens: 0", "tokens"),
        (["--tokens", "ten"], "tokens: 'ten' cannot be used", "tokens"),
        (["--n", 0], "n: 0", "n"),
        (["--n", -3], "n: -3", "n"),
        (["--seed", -1], "seed: -1", "seed"),
        (["--device", "toaster"], "device: toaster", "device"),
        (["--prompt", "the €uro in 日本"], "characters that were not in the training text: '€', '日', '本'", "prompt"),
        (["--stop", ""], "stop: '' cannot be used; it must be any number of: text that is not empty", "stop"),
        (["--grid", "x.png"], "Unknown option: --grid", "grid"),
        (["--to", "file"], "file is not a folder", "to"),
        (["--beam", 4], "Unknown option: --beam", "beam"),
    ],
    ids=named,
)
def test_generate(refused, trained, tmp_path, words, message, field):
    (tmp_path / "file").write_text("mine")
    sentence, where = refused("generate", trained, *words)
    assert re.search(message, sentence), sentence
    assert where == field


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        ([], "--prompt is missing", "prompt"),
        (["--prompt"], "prompt: the value is missing", "prompt"),
        (["--prompt", ""], "The prompt is empty: give some text", "prompt"),
        (["--prompt", "the €uro"], "characters that were not in the training text: '€'", "prompt"),
        (["--prompt", "the river " * 10], "prompt has 100 tokens, but the context holds at most 64", "prompt"),
        (["--prompt", "the", "--layer", 2], "no layer 2; layers go from 0 to 1", "layer"),
        (["--prompt", "the", "--layer", -1], "no layer -1", "layer"),
        (["--prompt", "the", "--head", 2], "no head 2; heads go from 0 to 1", "head"),
        (["--prompt", "the", "--head", "first"], "head: 'first' cannot be used", "head"),
        (["--prompt", "the", "--to", "picture.jpg"], "picture.jpg must end in .png", "to"),
        (["--prompt", "the", "--to", "file/picture.png"], "file cannot be written", "out"),
        (["--prompt", "the", "--device", "toaster"], "device: toaster", "device"),
        (["--prompt", "the", "--tokens", 4], "Unknown option: --tokens", "tokens"),
    ],
    ids=named,
)
def test_attention(refused, trained, tmp_path, words, message, field):
    (tmp_path / "file").write_text("mine")
    sentence, where = refused("attention", trained, *words)
    assert re.search(message, sentence), sentence
    assert where == field


def test_commands_on_a_run_are_quoted(refused, trained, tmp_path):
    """They can be pasted, wherever the run is."""
    run = f"MY DATA of {tmp_path.name}"
    shutil.copytree(trained, tmp_path / run)
    for words, command in (
        (["generate", run, "--tokns", 5], f"`genlab generate '{run}' --help`"),
        (["attention", run], f"`genlab attention '{run}' --help`"),
        (["export", run], f"genlab export '{run}' --to hf PLACE"),
        (["predict", run], f"genlab predict '{run}' FILE or FOLDER"),
        (["push", run], f"genlab push '{run}' OWNER/NAME"),
    ):
        assert command in refused(*words)[0]


def test_more_steps_on_a_run(refused, trained, book, tmp_path):
    """The sentence says how to continue training, for a finished run and for a longer one, as typed in a shell."""
    copied = shutil.copytree(trained, tmp_path / "my copy")
    words = ["train", "text", book, "--size", "tiny", "--validation", 0, "--out", copied, "--resume", "--steps"]
    sentence, field = refused(*words, 70)
    assert re.search(r"started with steps 60, not 70: repeat its .* or continue .* --from '.*my copy'\.$", sentence)
    assert field == "steps"
    sentence, field = refused(*words, 60)
    assert re.search(r"is finished: there is nothing to resume; --from '.*my copy' continues", sentence)

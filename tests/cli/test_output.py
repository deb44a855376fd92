"""What commands print and write: any encoding, closed and full streams, quoted names, no file replaced."""

import errno
import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from tests.forks import genlab_fork

FIXTURES = Path(__file__).parents[1] / "fixtures" / "format-1"
TINY = ["--steps", 2, "--size", "tiny", "--context", 16, "--batch", 2, "--validation", 0, "--test", 0]


@pytest.fixture(scope="module")
def smiling(tmp_path_factory):
    """A run trained on emoji, in a folder whose name is not ASCII."""
    import genlab

    folder = tmp_path_factory.mktemp("smiling")
    (folder / "emoji.txt").write_text("😺 says é\n" * 500, encoding="utf-8")
    options = {"steps": 60, "size": "tiny", "context": 16, "batch": 8, "validation": 0, "test": 0, "tokenizer": "char"}
    return genlab.train("text", folder / "emoji.txt", out=folder / "rün", quiet=True, **options).path


def redirected(words, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "genlab", *map(str, words)]
    return subprocess.run(command, stderr=subprocess.PIPE, timeout=120, **options)


@pytest.mark.parametrize("encoding", ["ascii", "cp1252", "utf-8"])
def test_any_encoding(smiling, encoding):
    """The commands share a process, because loading torch takes longest."""
    words = ["generate", str(smiling), "--prompt", "😺 says", "--tokens", "4"]
    commands = [words, [*words, "--json"], ["runs", "--folder", str(smiling.parent)]]
    code = f"""
import sys
from genlab.cli import main
for words in {commands!a}:
    sys.stdout.reconfigure(errors="strict")  # as at a start
    try:
        main(words)
    except SystemExit as end:
        assert not end.code
    sys.stdout.buffer.write(b"\\0")
"""
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=120, env=environment)
    assert done.returncode == 0, done.stderr
    text, value, runs, _ = done.stdout.split(b"\0")
    assert text.startswith("😺 says".encode(encoding, "backslashreplace"))
    assert json.loads(value.decode(encoding))["samples"][0].startswith("😺 says")
    assert "rün".encode(encoding, "backslashreplace") in runs


def test_names_that_are_not_utf8(book, tmp_path):
    """A data file and a prompt in another encoding."""
    data = os.fsencode(tmp_path) + b"/stra\xdfe.txt"
    shutil.copy(book, data)
    (run,) = bytes_of(tmp_path, "train", "text", data, *TINY, "--test", 0.3)[1].splitlines()
    assert run.startswith(b"runs/text-stra")
    code, _, err = bytes_of(tmp_path, "train", "text", data, *TINY, "--out", b"r\xfcn")
    assert (code, len(err.splitlines())) == (2, 1)
    assert b"not UTF-8" in err
    code, _, err = bytes_of(tmp_path, "evaluate", run, "--data", data, "--json")
    assert (code, err) == (0, b"")
    command = [sys.executable, "-m", "genlab", "generate", run, "--prompt", b"\xff\xfe", "--tokens", "1"]
    done = subprocess.run(command, cwd=tmp_path, stderr=subprocess.PIPE, timeout=120)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert b"Traceback" not in done.stderr


def bytes_of(folder: Path, *words: object) -> tuple[int, bytes, bytes]:
    """Exit code, standard output and error of a command."""
    done = genlab_fork(*words, folder=folder)
    return done.returncode, os.fsencode(done.stdout), os.fsencode(done.stderr)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
@pytest.mark.parametrize("words", [["samples"], ["--help"], ["generate", "RUN", "--tokens", 3], ["samples", "--json"]])
def test_full_output(trained, words):
    with open("/dev/full", "w") as full:
        done = redirected([trained if word == "RUN" else word for word in words], stdout=full)
    assert done.returncode == 2
    assert done.stderr.decode() == f"genlab: Cannot write to standard output: {os.strerror(errno.ENOSPC)}.\n"


@pytest.mark.parametrize("words", [["samples"], ["generate", "RUN", "--tokens", 3], ["dance"]])
def test_closed_streams(trained, words):
    command = [sys.executable, "-m", "genlab", *(str(trained if word == "RUN" else word) for word in words)]
    closed = f"{shlex.join(command)} <&- >&- 2>&-"
    assert subprocess.run(closed, shell=True, timeout=120).returncode == (2 if words == ["dance"] else 0)


def test_a_closed_error_stream_leaves_standard_output_clean(book, tmp_path):
    words = [sys.executable, "-m", "genlab", "train", "text", str(book), *map(str, TINY), "--out", "run"]
    done = subprocess.run(f"{shlex.join(words)} 2>&-", shell=True, cwd=tmp_path, stdout=subprocess.PIPE, timeout=120)
    assert done.stdout == b"run\n"


def test_next_commands_can_be_pasted(cli, book):
    name = "odd name'ü -x"
    code, out, err = cli("train", "text", book, *TINY, "--out", name)
    assert (code, out) == (0, f"{name}\n")
    commands = err.splitlines()[-1].removeprefix("Next: ").split(", ")
    assert [shlex.split(command) for command in commands] == [["genlab", use, name] for use in ("generate", "evaluate")]


def test_files_are_numbered_after_those_that_are_there(cli, trained, tmp_path):
    for times in (1, 2):
        assert cli("generate", trained, "--tokens", 3, "--n", 2, "--seed", times, "--to", "texts")[0] == 0
    files = sorted(path.name for path in (tmp_path / "texts").iterdir())
    assert files == [f"generated-{number:03d}.txt" for number in range(4)]
    (tmp_path / "texts" / "generated-007.png").write_bytes(b"mine")
    _, out, _ = cli("generate", trained, "--tokens", 3, "--to", "texts", "--json")
    assert json.loads(out)["files"] == ["texts/generated-008.txt"]
    assert (tmp_path / "texts" / "generated-007.png").read_bytes() == b"mine"


def test_pictures_in_the_samples_folder_are_kept(cli, tmp_path):
    run = Path(shutil.copytree(FIXTURES / "images-gan", tmp_path / "run"))
    for number in (0, 1):
        code, out, _ = cli("generate", run, "--n", 4, "--seed", number, "--json")
        assert code == 0
        assert json.loads(out)["files"][0] == str(run / "samples" / f"generated-{number:03d}.png")


def test_a_sheet(cli, refused, tmp_path):
    run = FIXTURES / "images-gan"
    code, out, _ = cli("generate", run, "--n", 4, "--grid", "new/all.png", "--json")
    assert code == 0
    assert json.loads(out)["files"] == ["new/all.png", "new/all.npy"]
    width, height = Image.open(tmp_path / "new" / "all.png").size
    assert width == height > 64
    code, out, _ = cli("generate", run, "--latent", "new/all.npy", "--grid", "again.png", "--to", "each", "--json")
    assert code == 0
    assert len(json.loads(out)["files"]) == 4 * 2 + 2
    assert (tmp_path / "again.png").read_bytes() == (tmp_path / "new" / "all.png").read_bytes()
    sentence, field = refused("generate", run, "--grid", "all.jpg")
    assert (sentence, field) == ("grid: all.jpg must end in .png.", "grid")
    sentence, field = refused("generate", run, "--walk", 2, "--grid", "film.png")
    assert (sentence, field) == ("grid: a film cannot be drawn on a sheet: use --to.", "grid")
    assert "There is no file gone.npy" in refused("generate", run, "--latent", "gone.npy")[0]


def test_help_of_runs(cli):
    for name, options, others in (
        ("images-gan", ("--grid FILE.png", "--latent FILE", "--class CLASS", "--to FOLDER"), ("--latents", "--input")),
        ("translate-transformer", ("--input FILE", "--prompt TEXT", "--n-best N"), ("--grid",)),
        ("text-gpt", ("--stop TEXT", "--greedy", "--top-p X"), ("--grid", "--input")),
    ):
        code, out, _ = cli("generate", FIXTURES / name, "--help")
        assert code == 0
        for option in options:
            assert f"  {option}" in out
        for option in others:
            assert f"  {option}" not in out


def test_an_unknown_user_without_a_home(refused, book, monkeypatch):
    """Simulates a container that is started with an arbitrary user id."""

    def unknown(number):
        raise KeyError(f"getpwuid(): uid not found: {number}")

    monkeypatch.delenv("HOME")
    monkeypatch.delenv("GENLAB_CACHE")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", unknown)
    sentence, _ = refused("train", "text", book, *TINY, "--tokenizer", "bpe")
    assert "set GENLAB_CACHE" in sentence

"""`genlab generate`."""

import subprocess
import sys

import genlab
from genlab.tasks.text.options import TextRequest
from genlab.tasks.text.pipeline import TextPipeline
from tests.cli.conftest import objects


def generated(cli, trained, *words) -> list[str]:
    code, out, _ = cli("generate", trained, *words, "--json")
    assert code == 0
    (found,) = objects(out)
    return found["samples"]


def test_options_reach_the_request(cli, trained, monkeypatch):
    seen = []

    def noted(self, request, show=None):
        seen.append(request)
        return iter(())

    monkeypatch.setattr(TextPipeline, "generate", noted)
    cli(
        "generate", trained, "--prompt", "a b", "--tokens", 7, "--n", 2, "--temperature", 0.5, "--top-k", 3,
        "--top-p", 0.9, "--min-p", 0.1, "--repetition-penalty", 1.5, "--stop", "x", "--stop", "\n\n", "--greedy",
        "--seed", 9,
    )  # fmt: skip
    assert seen == [TextRequest("a b", 7, 2, 0.5, 3, 0.9, 0.1, 1.5, ("x", "\n\n"), True, 9)]
    cli("generate", trained)
    assert seen[1] == TextRequest()
    genlab.load(trained).generate(prompt="a b", stop=["x"], tokens=7, temperature=1)
    assert seen[2] == TextRequest(prompt="a b", stop=("x",), tokens=7, temperature=1.0)


def test_generating(cli, trained):
    assert generated(cli, trained, "--seed", 1) == generated(cli, trained, "--seed", 1)
    assert generated(cli, trained, "--seed", 1) != generated(cli, trained, "--seed", 2)
    greedy = generated(cli, trained, "--greedy", "--tokens", 50)
    assert greedy == generated(cli, trained, "--greedy", "--tokens", 50, "--seed", 8)
    assert greedy == generated(cli, trained, "--top-k", 1, "--tokens", 50, "--seed", 8)
    several = generated(cli, trained, "--n", 3, "--tokens", 30, "--prompt", "the ")
    assert len(several) == len(set(several)) == 3
    assert all(text.startswith("the ") and len(text) == 34 for text in several)
    assert generated(cli, trained, "--tokens", 30, "--prompt", "the ")[0] == several[0]
    whole = generated(cli, trained, "--tokens", 80, "--seed", 4)[0]
    stop = whole[40:43]
    assert generated(cli, trained, "--tokens", 80, "--seed", 4, "--stop", stop)[0] == whole[: whole.index(stop)]


def test_a_prompt_that_looks_like_the_run(cli, copied, tmp_path):
    copied.rename(tmp_path / "the")
    assert generated(cli, "the", "--tokens", 1, "--prompt", "the")[0].startswith("the")


def test_text_goes_to_standard_output_as_it_is_written(cli, trained, monkeypatch):
    code, out, err = cli("generate", trained, "--tokens", 40, "--n", 2, "--prompt", "the ")
    assert code == 0
    assert err == ""
    texts = generated(cli, trained, "--tokens", 40, "--n", 2, "--prompt", "the ")
    assert out == f"{texts[0]}\n\n{texts[1]}\n"
    pieces = []
    monkeypatch.setattr(sys.stdout, "write", pieces.append)
    genlab.load(trained).generate(show=pieces.append, tokens=40, prompt="the ")
    assert len(pieces) > 20
    assert "".join(pieces) == texts[0]


def test_texts_as_files(cli, trained, tmp_path):
    code, _, err = cli("generate", trained, "--tokens", 10, "--n", 2, "--to", "texts/new")
    assert code == 0
    texts = generated(cli, trained, "--tokens", 10, "--n", 2)
    for number, text in enumerate(texts):
        assert (tmp_path / "texts" / "new" / f"generated-{number:03d}.txt").read_text() == text
    assert "wrote texts/new/generated-000.txt" in err


def test_a_reader_that_leaves(trained, tmp_path):
    """`genlab generate ... | head` ends without a traceback."""
    command = [sys.executable, "-m", "genlab", "generate", str(trained), "--tokens", "3000"]
    process = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    process.stdout.read(5)
    process.stdout.close()
    _, err = process.communicate(timeout=60)
    assert process.returncode == 0
    assert err == ""


def test_generating_leaves_the_run_as_it_is(cli, trained):
    before = {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()}
    cli("generate", trained, "--tokens", 3)
    assert {path: path.read_bytes() for path in trained.rglob("*") if path.is_file()} == before

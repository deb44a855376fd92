"""--encoding: text and tables that are not UTF-8, for every task that reads them, from training to prediction."""

import json
from pathlib import Path
from typing import NamedTuple

import pytest

import genlab
from genlab.engine.run_folder import RunFolder
from tests.conftest import phrases, sentences, squares_and_bars, tabbed

ENDING = " Über die Straße läuft das Mädchen."


class Case(NamedTuple):
    """Data of a task in cp1252, and the words that train a small model on them."""

    task: str
    files: dict[str, str]
    data: str
    words: str


def rows(header: str, count: int = 60) -> str:
    return f"{header}\n" + "".join(f"{n * 37 % 101},{n * 53 % 97},{'süß' if n % 2 else 'öde'}\n" for n in range(count))


POINTS = "größe,y\n" + "".join(f"{n * 37 % 101},{n * 53 % 97}\n" for n in range(200))
PAIRS = phrases(60)
CASES = {
    "text": Case("text", {"x.txt": sentences(4000) + ENDING}, "x.txt", "--size tiny --context 16 --batch 2"),
    "documents": Case(
        "text",
        {"x/a.jsonl": json.dumps({"text": sentences(4000) + ENDING}, ensure_ascii=False), "x/b.txt": sentences(99)},
        "x",
        "--size tiny --context 16 --batch 2",
    ),
    "lines": Case("translate", {"x.tsv": tabbed(PAIRS)}, "x.tsv", "--size tiny --batch 64"),
    "two files": Case(
        "translate",
        {f"x.{side}": "".join(f"{pair[side]}\n" for pair in PAIRS) for side in (0, 1)},
        "x.0,x.1",
        "--size tiny --batch 64",
    ),
    "pairs": Case(
        "translate", {"x.csv": "".join(f"{a},{b}\n" for a, b in PAIRS)}, "x.csv", "--size tiny --batch 64"
    ),
    "points": Case("points", {"x.csv": POINTS}, "x.csv", "--width 4 --batch 8"),
    "rows": Case("classify", {"x.csv": rows("größe,y,art")}, "x.csv", "--width 4 --batch 8"),
    "attributes": Case(
        "classify",
        {"x/attributes.csv": "file,art\n" + "".join(f"{n:03d}.png,{'süß' if n % 2 else 'öde'}\n" for n in range(60))},
        "x",
        "--width 4 --pixels 16 --batch 8 --label art",
    ),
}  # fmt: skip


def write(case: Case, folder: Path) -> None:
    for name, text in case.files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(text.encode("cp1252"))
    if "x/attributes.csv" in case.files:
        squares_and_bars(folder / "x", count=30)
        for number, path in enumerate(sorted((folder / "x").rglob("*.png"))):
            path.rename(folder / "x" / f"{number:03d}.png")


@pytest.mark.parametrize("name", CASES)
def test_from_training_to_evaluation(cli, refused, tmp_path, monkeypatch, name):
    monkeypatch.setattr("genlab.tasks.text.evaluate.write", lambda *_: iter([sentences(2_000)]))
    case = CASES[name]
    write(case, tmp_path)
    place = (case.task, case.data, *case.words.split(), "--test", 0.3, "--validation", 0)
    for command in ("look", "train"):
        sentence, field = refused(command, *place)
        assert "add --encoding NAME, where NAME is the encoding that reads right: cp1252" in sentence
        assert field == "encoding"
    assert cli("look", *place, "--encoding", "cp1252")[0] == 0
    train = ("train", *place, "--steps", 1, "--out", "run")
    assert cli(*train, "--encoding", "cp1252")[0] == 0
    sentence, field = refused(*train, "--encoding", "cp850", "--resume")
    assert "started with encoding cp1252, not cp850" in sentence
    assert field == "encoding"
    assert cli("evaluate", "run")[0] == 0
    if case.task != "translate":  # too few to measure on
        assert cli("evaluate", "run", "--data", case.data)[0] == 0
    sentence, _ = refused("evaluate", "run", "--data", case.data, "--encoding", "ascii")
    assert "is not ascii" in sentence


def test_other_files_of_a_run(cli, tmp_path):
    """Files for a finished run have its encoding, unless the command names another."""
    for case, run in (("rows", "rows"), ("lines", "lines")):
        write(CASES[case], tmp_path)
        words = (CASES[case].task, CASES[case].data, *CASES[case].words.split(), "--steps", 1, "--out", run)
        assert cli("train", *words, "--encoding", "cp1252")[0] == 0
    for encoding, option in (("cp1252", ()), ("utf-8", ()), ("cp850", ("--encoding", "cp850"))):
        (tmp_path / "new.csv").write_bytes("größe,y\n1,2\n".encode(encoding))
        assert cli("predict", "rows", "new.csv", *option)[0] == 0
        (tmp_path / "new").write_bytes("The grey héron sleeps.\n".encode(encoding))
        assert cli("generate", "lines", "--input", "new", *option)[0] == 0


def test_it_was_an_option_of_some_models(cli, tmp_path):
    """Runs of that time keep their encoding, and resume with it."""
    write(CASES["rows"], tmp_path)
    train = ("train", "classify", "x.csv", *CASES["rows"].words.split(), "--steps", 2, "--out", "run")
    assert cli(*train, "--encoding", "cp1252")[0] == 0
    folder = RunFolder(tmp_path / "run")
    config = json.loads((folder.path / "config.json").read_text())
    del config["run"]["encoding"]
    for section in ("asked", "config"):
        config[section]["encoding"] = "cp1252"
    folder.write_config(config)
    folder.note(state="interrupted")
    assert RunFolder(folder.path).encoding == "cp1252"
    assert genlab.load(folder.path).evaluate()["rows"] > 0
    assert cli(*train, "--encoding", "cp1252", "--resume")[0] == 0

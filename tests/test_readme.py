"""The commands and snippets of the README and the docs run as written, with less training."""

import importlib.util
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from genlab.data.notes.midi_writing import write_midi
from tests.conftest import phrases, squares_and_bars, tabbed
from tests.data.notes.made import tune
from tests.forks import genlab_fork, python
from tests.tasks.music.made import folder_of

ROOT = Path(__file__).parent.parent
PAGES = [
    "README.md", "docs/text.md", "docs/points.md", "docs/classify.md", "docs/images.md", "docs/translate.md",
    "docs/restyle.md", "docs/music.md", "docs/attention.md",
]  # fmt: skip

SMALL = {
    "text": " --size tiny",
    "translate": " --size tiny",
    "images": " --features digits",
    "music": " --width 32 --depth 1",
}
"""Options that make the trainings of a task quicker."""
SHORT = {
    "docs/images.md": """\
from genlab.tasks.images import finding, inversion
from genlab.tasks.shared import judges

judges.STEPS = inversion.STEPS = 3
finding.TRIED, finding.MEASURED = 20, 30
"""
}
"""Code that shortens what no option does: the trainings of judges and encoders, and what directions are measured on."""


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a book, pictures and tables."""
    words = "It was the best of times, it was the worst of times. In the end there was a light.\n"
    (tmp_path / "book.txt").write_text("".join(f"{number} {words}" for number in range(400)))
    for name in ("books", "letters"):
        (tmp_path / f"{name}.txt").write_text((tmp_path / "book.txt").read_text())
    shapes = squares_and_bars(tmp_path / "photos", 80)
    (shapes / "bar").rename(shapes / "cat")
    (shapes / "square").rename(shapes / "dog")
    for photo in shapes.glob("*/*.png"):
        Image.merge("RGB", [Image.open(photo), *[Image.new("L", (16, 16), 90)] * 2]).save(photo)
    (tmp_path / "celeba" / "img_align_celeba").mkdir(parents=True)
    for number, photo in enumerate(sorted(shapes.glob("*/*.png"))):
        Image.open(photo).save(tmp_path / "celeba" / "img_align_celeba" / f"{number:06d}.jpg")
    marks = [f"{number:06d}.jpg {1 - 2 * (number % 2):2} {2 * (number % 2) - 1:2} -1\n" for number in range(160)]
    (tmp_path / "celeba" / "list_attr_celeba.txt").write_text("160\nBlond_Hair Black_Hair Young\n" + "".join(marks))
    looks(tmp_path)
    folder_of(tmp_path / "pieces", [tune(seed, count=40, voices=2) for seed in range(30)])
    for name, voices in (("melody", 1), ("piece", 2)):
        (tmp_path / f"{name}.mid").write_bytes(write_midi(tune(0, count=60, voices=voices)))
    shutil.copytree(shapes, tmp_path / "pets")
    captions = [
        f"{photo.parent.name}/{photo.name},a sleeping {photo.parent.name}\n" for photo in shapes.glob("*/*.png")
    ]
    (tmp_path / "pets" / "captions.csv").write_text("file,caption\n" + "".join(captions))
    (tmp_path / "new.png").write_bytes((shapes / "cat" / "000.png").read_bytes())
    rows = [f"{number % 7},{'red' if number % 3 else 'white'},{'ab'[number % 2]}\n" for number in range(60)]
    (tmp_path / "flowers.csv").write_text("petal,colour,species\n" + "".join(rows))
    pairs = phrases(400)
    (tmp_path / "pairs.tsv").write_text(tabbed(pairs))
    (tmp_path / "other.tsv").write_text(tabbed(pairs[:30]))
    for name, some in (("train", pairs[:350]), ("val", pairs[350:])):
        for side, ending in enumerate(("en", "fr")):
            (tmp_path / f"{name}.{ending}").write_text("".join(f"{pair[side]}\n" for pair in some))
    (tmp_path / "sentences.txt").write_text("The old miller waits now.\n\nThe ship.\n")
    (tmp_path / "new.csv").write_text("petal,colour\n3,red\n4,blue\n")
    return tmp_path


def command(page: str, *words: str, folder: Path) -> subprocess.CompletedProcess:
    """Runs `genlab ...` in `folder`, shortened as the page needs it."""
    if page not in SHORT:
        return genlab_fork(*words, folder=folder)
    code = f"import sys\n{SHORT[page]}\nfrom genlab.cli import main\n\nmain(sys.argv[1:])"
    return python("-c", code, *words, folder=folder)


def looks(folder: Path) -> None:
    """Writes a folder of pictures with a table of attributes, and two folders with a look each."""
    people = squares_and_bars(folder / "people", 150)
    files = sorted(people.glob("*/*.png"))
    hair = {"bar": "black", "square": "blond"}
    rows = [
        f"{file.relative_to(people)},{hair[file.parent.name]},{place % 3 // 2}\n" for place, file in enumerate(files)
    ]
    (people / "attributes.csv").write_text("file,hair,glasses\n" + "".join(rows))
    Image.open(files[0]).resize((40, 30)).save(folder / "photo.png")
    for kind, season in (("bar", "summer"), ("square", "winter")):
        shutil.copytree(people / kind, folder / season)


@pytest.mark.parametrize("page", PAGES)
def test_commands_run(page: str, folder: Path) -> None:
    commands = [line for block in blocks(page, "sh") for line in block.splitlines() if line.startswith("genlab")]
    assert commands or page == "docs/points.md"
    for line in commands:
        less = "--steps 4" + next((options for task, options in SMALL.items() if f" {task} " in line), "")
        words = shlex.split(re.sub(r"--(minutes|steps) [\d.]+", less, line), comments=True)
        done = command(page, *words[1:], folder=folder)
        assert done.returncode == 0, f"{line}\n{done.stderr}"
        assert done.stdout or "wrote" in done.stderr, line


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(page: str, folder: Path) -> None:
    for snippet in blocks(page, "python"):
        options = next((options for task, options in SMALL.items() if f'"{task}"' in snippet), "")
        less = "steps=4" + re.sub(r" --(\w+) ([a-z]\w*)", r', \1="\2"', re.sub(r" --(\w+) (\d+)", r", \1=\2", options))
        quick = re.sub(r"\bminutes=[\d.]+", less, snippet)
        done = python("-c", SHORT.get(page, "") + quick, folder=folder)
        assert done.returncode == 0, f"{snippet}\n{done.stderr}"


def test_the_page_of_export_runs_in_order(folder: Path) -> None:
    """The snippets read what the commands have written."""
    tiny = ["--steps", "4", "--size", "tiny", "--tokenizer", "bpe"]
    for words in (["train", "text", "book.txt", "--model", "gpt2", "--out", "old", *tiny], ["export", "old", "gpt2"]):
        assert genlab_fork(*words, folder=folder).returncode == 0
    page = (ROOT / "docs/export.md").read_text()
    ran = []
    for language, block in re.findall(r"^```(sh|python)\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        if language == "python":
            if "llama_cpp" in block and importlib.util.find_spec("llama_cpp") is None:
                continue
            done = python("-c", block, folder=folder)
            assert done.returncode == 0, f"{block}\n{done.stderr}"
            ran.append(done.stdout)
            continue
        for command in block.splitlines():
            less = "--steps 4" + ("" if "--from" in command else " --size tiny")
            words = shlex.split(re.sub(r"--minutes [\d.]+", less, command))
            done = genlab_fork(*words[1:], folder=folder)
            assert done.returncode == 0, f"{command}\n{done.stderr}"
    ours = genlab_fork("generate", "runs/mine", "--prompt", "In the", "--tokens", 40, "--greedy", folder=folder).stdout
    # Of the first line: then come numbers, which such a short training leaves exactly as likely as one another.
    first = ours.splitlines()[0]
    assert len(ran) >= 2
    assert [first.endswith(text.strip().splitlines()[0].strip()) for text in ran] == [True] * len(ran), (ran, ours)


def shown() -> list[tuple[str, str]]:
    """The snippets that are followed by their output."""
    found = r"^```python\n((?:(?!^```).)*)^```\n\n```text\n(.*?)^```"
    return [pair for page in PAGES for pair in re.findall(found, (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)]


def test_snippets_print_what_is_shown(folder: Path) -> None:
    pairs = shown()
    assert len(pairs) > 5
    for snippet, output in pairs:
        done = python("-c", snippet, folder=folder)
        assert done.stdout == output, f"{snippet}\n{done.stdout}{done.stderr}"


def test_every_task_stands_in_the_readme() -> None:
    from genlab.catalog import TASKS, task_named

    rows = re.findall(r"^\| \[`(\w+)`\]\((.*?)\).*?\| (`.*?`) \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert [row[0] for row in rows] == list(TASKS)
    for task, page, models in rows:
        assert (ROOT / page).exists(), page
        assert re.findall(r"`([\w-]+)`", models) == [model.name for model in task_named(task).models]

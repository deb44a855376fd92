"""The parser turns words into dataclasses, an error sentence or a help page."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest
from annotated_types import Ge, MinLen

from genlab.cli.option import Option, options_of
from genlab.cli.parser import Page
from genlab.errors import InputError
from genlab.options import TRAINING, Shown


@dataclass(frozen=True)
class Shared:
    """Options of several commands."""

    width: Annotated[int, Ge(1)] = 16
    """Channels."""
    flip: bool = False
    """Mirror
    images."""


@dataclass(frozen=True)
class Cooking(Shared):
    """Options of one command."""

    width: Annotated[int, Ge(1)] = 8
    files: Annotated[tuple[str, ...], Shown("FILE...", positional=True)] = ()
    """Files."""
    from_: str | None = None
    """Where to start."""
    top_k: Annotated[int, Ge(1), TRAINING] | None = None
    """How many."""
    rate: Annotated[float, TRAINING] = 3e-4
    """Rate, by default small."""
    salt: Annotated[bool, Shown(off="Without salt.")] = True
    """With salt."""
    size: Literal["small", "large"] = "small"
    """Size."""
    stop: tuple[Annotated[str, MinLen(1)], ...] = ()
    """Words."""
    text: str | tuple[str, ...] | None = None
    """Text."""
    array: Any = None
    """What a command line cannot give."""


PAGE = Page("genlab cook", "Cook.", options_of(Cooking), "DATA")


def cook(*words: str) -> Cooking:
    return PAGE.parse(list(words)).make(Cooking)


@pytest.mark.parametrize(
    ("words", "values"),
    [
        ("", {}),
        ("a b", {"files": ("a", "b")}),
        ("--width 3 a --width=4", {"width": 4, "files": ("a",)}),
        ("--flip a", {"flip": True, "files": ("a",)}),
        ("--no-salt", {"salt": False}),
        ("--from here --top-k 2", {"from_": "here", "top_k": 2}),
        ("--top_k 2", {"top_k": 2}),
        ("--rate -1e-3", {"rate": -0.001}),
        ("--stop x --stop=--y --text=a=b", {"stop": ("x", "--y"), "text": "a=b"}),
        ("--size large -- --width -h", {"size": "large", "files": ("--width", "-h")}),
        ("- --text -", {"files": ("-",), "text": "-"}),
        ("--text -x", {"text": "-x"}),
        ("--text=", {"text": ""}),
    ],
)
def test_words_become_values(words, values):
    assert cook(*words.split()) == Cooking(**values)


@pytest.mark.parametrize(
    ("words", "message", "field"),
    [
        ("--widht 3", r"^Unknown option: --widht \(perhaps --width\?\)\. `genlab cook --help` lists", "widht"),
        ("--no-flip", r"perhaps --flip\?", "no_flip"),
        ("--salt", r"perhaps --no-salt\?", "salt"),
        ("--array 3", "^Unknown option: --array. ", "array"),
        ("--width", r"^width: the value is missing: --width N\.$", "width"),
        ("--text --flip", r"^text: the value is missing: --text TEXT\.$", "text"),
        ("--text --nap", r"write a value that starts with -- as --text=--nap", "text"),
        ("--text --", "the value is missing", "text"),
        ("--flip=no", "--flip takes no value: remove =no", "flip"),
        ("--width ten", "^width: 'ten' cannot be used; it must be a whole number from 1.$", "width"),
        ("--width 1.5", "^width: '1.5' cannot be used", "width"),
        ("--width 0", "^width: 0 cannot be used; it must be a whole number from 1.$", "width"),
        ("--top-k x", "^top_k: 'x' cannot be used; it must be a whole number from 1", "top_k"),
        ("--rate nan", "^rate: nan cannot be used", "rate"),
        ("--size lrge", r"^size: 'lrge' is not a choice; choose from small, large \(perhaps large\?\)", "size"),
        ("--stop=", "^stop: '' cannot be used; it must be any number of: text that is not empty", "stop"),
        ("-notes.txt", r"^-notes.txt looks like an option; for a file of that name write \./-notes.txt", "notes.txt"),
    ],
)
def test_words_that_do_not_fit(words, message, field):
    with pytest.raises(InputError, match=message) as error:
        cook(*words.split())
    assert error.value.field == field


def test_required_options_and_single_arguments():
    page = Page(
        "genlab cook",
        "Cook.",
        [
            Option("place", str, "", required=True, shown=Shown(positional=True)),
            Option("prompt", str, "", required=True),
        ],
    )
    for words, message in (([], "^PLACE is missing"), (["x"], "^--prompt is missing")):
        with pytest.raises(InputError, match=message):
            page.parse(words)
    with pytest.raises(InputError, match=r"^Unexpected argument: y\."):
        page.parse(["x", "y", "--prompt", "z"])
    assert page.parse(["x", "--prompt", "z"]).given == {"place": "x", "prompt": "z"}


def test_a_help_page(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert PAGE.help().splitlines() == [
        "usage: genlab cook DATA [options]",
        "",
        "Cook.",
        "",
        "arguments:",
        "  FILE...                   Files.",
        "",
        "options:",
        "  --width N                 Channels. Default: 8.",
        "  --flip                    Mirror images.",
        "  --from TEXT               Where to start.",
        "  --no-salt                 Without salt.",
        "  --size small|large        Size. Default: small.",
        "  --stop TEXT               Words.",
        "  --text TEXT               Text.",
        "",
        "training:",
        "  --top-k N                 How many.",
        "  --rate X                  Rate, by default small.",
    ]
    for columns in ("1", "20", "0", "x"):
        monkeypatch.setenv("COLUMNS", columns)
        assert "--no-salt" in PAGE.help()


def test_every_option_has_help():
    from genlab.catalog import load, places, task_named
    from genlab.engine.options import RunOptions

    for task in map(task_named, places()):
        for model in task.models:
            for name in (model.options, *model.requests.values()):
                for option in [*options_of(load(name)), *options_of(RunOptions)]:
                    assert option.help.endswith("."), (name, option.field)
                    assert "efault" not in option.help or f"Default: {option.default}" not in option.about

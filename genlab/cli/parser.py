"""Words of a command line as options, and what does not fit as one sentence."""

import contextlib
import io
import re
from typing import Annotated, Any

from genlab.errors import InputError

FLAGS = ("--resume", "--json", "--private")
"""Options without a value."""


def parse(program: str, about: str, configs: list[tuple[str, type]], words: list[str], extra: list[tuple]) -> Any:
    """The options of a command: the fields of `configs`, and `extra` ones (name, type, default, help).

    Raises:
        InputError: the words do not fit.
    """
    from dataclasses import field, make_dataclass

    import tyro

    flat = [(name, Annotated[kind, tyro.conf.arg(name="")]) for name, kind in configs]
    more = [
        (name, Annotated[kind, tyro.conf.arg(help=text)], field(default=default)) for name, kind, default, text in extra
    ]
    answer = ("json", Annotated[bool, tyro.conf.arg(help="Print one JSON object.")], field(default=False))
    options = make_dataclass("Options", [*flat, *more, answer])
    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said):
            return tyro.cli(
                options,
                prog=program,
                description=about,
                args=words,
                config=(tyro.conf.FlagCreatePairsOff, tyro.conf.UseAppendAction, tyro.conf.OmitArgPrefixes),
            )
    except SystemExit as end:
        if end.code in (0, None):
            raise
        raise _complaint(said.getvalue(), program) from None


def _complaint(box: str, program: str) -> InputError:
    """tyro's boxed message as one sentence."""
    plain = re.sub(r"\x1b\[[0-9;]*m|[│╭╮╰╯]", " ", box)
    text = re.sub(r"\s+", " ", re.sub(r"(─|-{3})[─-]*", " ─ ", plain))  # rules are dashes where the terminal is ASCII
    help_ = f"`{program} --help` lists the options."
    if found := re.search(r"Error parsing (--)?([\w-]+):.*?(?:\[|(?:literal|string)[^']*)('.*?')", text):
        return InputError(f"{found[2]}: {found[3]} cannot be used; {help_}", found[2].replace("-", "_"))
    if found := re.search(r"invalid choice (.*?) for argument '?(--)?([\w-]+)'?.*?\((.*?)\)", text):
        return InputError(f"{found[3]}: {found[1]} is not a choice; there are {found[4]}.", found[3].replace("-", "_"))
    if found := re.search(r"Missing value for argument '(--)?([\w-]+)'", text):
        return InputError(f"{found[2]}: say what it should be; {help_}", found[2].replace("-", "_"))
    if found := re.search(r"Unrecognized options: (.*?) ─(?: Perhaps you meant: (--[\w-]+))?", text):
        meant = f" (perhaps {found[2]}?)" if found[2] else ""
        field = found[1].split()[0].strip(",-").replace("-", "_")
        return InputError(f"Unknown options: {found[1]}{meant}; {help_}", field)
    if found := re.search(r"Missing from .*?: (--[\w-]+|[A-Z]+) ", text):
        return InputError(f"{found[1]} is missing; {help_}", found[1].lower().strip("-").replace("-", "_"))
    body = re.sub(r"[ ─]+", " ", text.partition("For full helptext")[0]).strip()
    return InputError(f"{body}; {help_}", "options")


def value_of(words: list[str], option: str) -> str | None:
    for place, word in enumerate(words):
        if word.startswith(f"{option}="):
            return word.partition("=")[2]
        if word == option and place + 1 < len(words):
            return words[place + 1]
    return None


def take(words: list[str], option: str) -> str | None:
    """An option's value, which is taken out of `words`."""
    value = value_of(words, option)
    for place, word in enumerate(words):
        if value is not None and (word == option or word.startswith(f"{option}=")):
            del words[place : place + 1 + (word == option)]
            break
    return value


def first_word(words: list[str]) -> str:
    """The first word that is no option and no option's value."""
    for before, word in zip(["", *words], words, strict=False):
        if not word.startswith("-") and (not before.startswith("--") or "=" in before or before in FLAGS):
            return word
    return ""

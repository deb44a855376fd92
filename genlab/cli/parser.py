"""The words of a command line as options, and the help pages: one small parser over dataclasses.

A field is an option, the docstring below it is its help, its type says what its value may be. A word is an option
(--name VALUE or --name=VALUE), a flag (--name, or --no-name where it is on by default), or a positional argument;
after -- every word is positional.
"""

import ast
import dataclasses
import inspect
import re
import shutil
import textwrap
from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from genlab.errors import InputError
from genlab.options import Shown, make, shown, unusable

Options = TypeVar("Options")

METAVARS = {int: "N", float: "X", str: "TEXT"}
ORDER = ("arguments", "data", "options", "model", "training", "run")
"""Groups of a help page; groups with other names come before "run"."""
HELP = {"-h", "--help"}
COLUMN = 28
"""Where help text starts."""


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a command, or one positional argument."""

    field: str
    """Key of its value in what `Page.parse` returns."""
    type: Any
    help: str
    default: Any = None
    required: bool = False
    shown: Shown = Shown()

    @property
    def name(self) -> str:
        """The option as it is written, without dashes: Python's `from_` is --from."""
        return self.field.rstrip("_").replace("_", "-")

    @property
    def kind(self) -> Any:
        """The type of one value: a Literal, int, float, str or bool."""
        return _plain(self.type)

    @property
    def repeats(self) -> bool:
        return get_origin(_single(self.type)) is tuple

    @property
    def spelling(self) -> str:
        """The words that give it, as errors and help pages show them."""
        if self.shown.positional:
            return self.metavar
        if self.kind is bool:
            return f"--no-{self.name}" if self.default else f"--{self.name}"
        return f"--{self.name} {self.metavar}"

    @property
    def metavar(self) -> str:
        if self.shown.metavar:
            return self.shown.metavar
        if get_origin(self.kind) is Literal:
            return "|".join(map(str, get_args(self.kind)))
        return self.name.upper() if self.shown.positional else METAVARS[self.kind]

    @property
    def about(self) -> str:
        """Its help, with the default where that says something."""
        text = (self.shown.off or f"Turn off: {self.help}") if self.kind is bool and self.default else self.help
        tells = not isinstance(self.default, bool) and self.default not in (None, "", (), "auto")
        default = f"{self.default:g}" if isinstance(self.default, float) else self.default
        return f"{text} Default: {default}." if tells and "efault" not in text else text

    def value(self, word: str) -> Any:
        """The value that a word writes.

        Raises:
            InputError: it is not of the option's type.
        """
        field = self.name.replace("-", "_")
        if get_origin(self.kind) is Literal:
            choices = {str(choice): choice for choice in get_args(self.kind)}
            if word not in choices:
                meant = _perhaps(word, choices)
                raise InputError(f"{field}: {word!r} is not a choice; choose from {', '.join(choices)}{meant}.", field)
            return choices[word]
        try:
            return self.kind(word)
        except ValueError:
            raise unusable(field, word, self.type) from None


def options_of(options_type: type, group: str = "options") -> list[Option]:
    """The fields of a dataclass as options; fields of type Any hold what a command line cannot give."""
    hints, helps = get_type_hints(options_type, include_extras=True), _docstrings(options_type)
    found = []
    for field in dataclasses.fields(options_type):
        if _plain(hints[field.name]) is Any:
            continue
        about = shown(hints[field.name])
        about = dataclasses.replace(about, group=about.group or group)
        required = field.default is dataclasses.MISSING
        default = None if required else field.default
        found.append(Option(field.name, hints[field.name], helps.get(field.name, ""), default, required, about))
    return found


class Page:
    """What a command takes, and its help page."""

    def __init__(self, usage: str, about: str, options: Iterable[Option]) -> None:
        self.usage = usage
        """The command with its arguments: "genlab train text DATA"."""
        self.about = about
        self.options = list({option.field: option for option in options}.values())
        self.named = {f"--{option.name}": option for option in self.options if not option.shown.positional}

    def parse(self, words: list[str]) -> "Values":
        """The values of the options that `words` give.

        Raises:
            InputError: a word or a value does not fit, or a required option is missing.
        """
        return self.values(self.split(words))

    def split(self, words: list[str]) -> dict[str, list[str]]:
        """The words that each option got, by field; those of positional arguments too.

        Raises:
            InputError: there is no such option, its value is missing, or there are too many words.
        """
        given: dict[str, list[str]] = {}
        free: list[str] = []
        left = list(words)
        while left:
            word = left.pop(0)
            if word == "--":
                free += left
                break
            if not word.startswith("-") or word == "-":
                free.append(word)
                continue
            if not word.startswith("--"):
                raise InputError(
                    f"{word} looks like an option: write ./{word} for a file of that name. {self._see}", word.strip("-")
                )
            name, equals, value = word.partition("=")
            option = self._option(name)
            field = option.name.replace("-", "_")
            if option.kind is bool:
                if equals:
                    raise InputError(f"{field}: {name} takes no value: leave out ={value}.", field)
            elif not equals:
                if not left or left[0].startswith("--"):
                    odd = left and left[0].partition("=")[0] not in self.named
                    also = f"; a value that starts with -- is written {name}={left[0]}" if odd else ""
                    raise InputError(f"{field}: say what it should be, as in {option.spelling}{also}.", field)
                value = left.pop(0)
            given.setdefault(option.field, []).append(value)
        for option in self.options:
            if option.shown.positional and free:
                given[option.field], free = (free, []) if option.repeats else (free[:1], free[1:])
        if free:
            raise InputError(f"Unexpected argument: {free[0]}. {self._see}", free[0])
        return given

    def values(self, given: dict[str, list[str]]) -> "Values":
        """Words as values of the options' types.

        Raises:
            InputError: a value does not fit, or a required option is missing.
        """
        found: dict[str, Any] = {}
        for option in self.options:
            if option.field not in given:
                if option.required:
                    name = option.spelling if option.shown.positional else f"--{option.name}"
                    raise InputError(f"{name} is missing. {self._see}", option.name.replace("-", "_"))
            elif option.kind is bool:
                found[option.field] = not option.default
            elif option.repeats:
                found[option.field] = tuple(map(option.value, given[option.field]))
            else:
                found[option.field] = option.value(given[option.field][-1])
        return Values({option.field: option.default for option in self.options}, found)

    def _option(self, name: str) -> Option:
        """The option of a word such as --top-k, --top_k or --no-joint.

        Raises:
            InputError: there is none.
        """
        name = name.replace("_", "-")
        option = self.named.get(name) or self.named.get(name.replace("--no-", "--", 1))
        if option is not None and (option.kind is not bool or bool(option.default) == name.startswith("--no-")):
            return option
        known = [option] if option else self.named.values()
        perhaps = _perhaps(name.removeprefix("--"), [one.spelling.split()[0].removeprefix("--") for one in known])
        raise InputError(
            f"Unknown option: {name}{perhaps.replace('perhaps ', 'perhaps --')}. {self._see}",
            name.strip("-").replace("-", "_"),
        )

    @property
    def _see(self) -> str:
        return f"`{self.usage.split(' DATA')[0]} --help` lists the options."

    def help(self) -> str:
        """The help page."""
        width = max(40, min(100, shutil.get_terminal_size().columns))
        groups: dict[str, list[Option]] = {name: [] for name in ORDER}
        for option in self.options:
            groups.setdefault("arguments" if option.shown.positional else option.shown.group, []).append(option)
        groups["run"] = groups.pop("run")  # last
        lines = [f"usage: {self.usage} [options]", "", *textwrap.wrap(self.about, width)]
        for name, options in groups.items():
            lines += ["", f"{name}:"] if options else []
            for option in options:
                text = textwrap.wrap(" ".join(option.about.split()), width - COLUMN) or [""]
                start = f"  {option.spelling}"
                if len(start) > COLUMN - 2:
                    lines.append(start)
                    start = ""
                lines += [f"{start:{COLUMN}}{text[0]}".rstrip(), *(" " * COLUMN + line for line in text[1:])]
        return "\n".join(lines)


@dataclasses.dataclass(frozen=True)
class Values:
    """The values of a command's options."""

    defaults: dict[str, Any]
    given: dict[str, Any]

    def __getitem__(self, field: str) -> Any:
        """The value given, or the default."""
        return self.given.get(field, self.defaults[field])

    def make(self, options_type: type[Options], **values: Any) -> Options:
        """A dataclass from the values given for its fields; `values` take precedence.

        Raises:
            InputError: a value is out of range.
        """
        mine = {field.name for field in dataclasses.fields(options_type)}  # type: ignore[arg-type]
        return make(options_type, {name: value for name, value in self.given.items() if name in mine} | values)


def asks_help(words: list[str]) -> bool:
    """Whether --help is among the words before --."""
    return bool(HELP & set(words[: words.index("--")] if "--" in words else words))


def _single(hint: Any) -> Any:
    """A type without its metadata and without None; of several types the first."""
    if get_origin(hint) is Annotated:
        return _single(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return _single(next(part for part in get_args(hint) if part is not type(None)))
    return hint


def _plain(hint: Any) -> Any:
    """The type of one value."""
    single = _single(hint)
    return _plain(get_args(single)[0]) if get_origin(single) is tuple else single


def _perhaps(word: str, known: Iterable[str]) -> str:
    meant = get_close_matches(word, list(known), 1)
    return f" (perhaps {meant[0]}?)" if meant else ""


@cache
def _docstrings(options_type: type) -> dict[str, str]:
    """The docstrings below the fields of a dataclass and of its bases."""
    found: dict[str, str] = {}
    for part in reversed(options_type.__mro__[:-1]):
        (body,) = ast.parse(textwrap.dedent(inspect.getsource(part))).body
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(text, ast.Expr):
                assert isinstance(text.value, ast.Constant)
                found[field.target.id] = re.sub(r"\s+", " ", str(text.value.value)).strip()
    return found

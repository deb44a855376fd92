"""The words of a command line as values of options, and help pages: one small parser.

A word is an option (--name VALUE or --name=VALUE), a flag (--name, or --no-name where it is on by default), or a
positional argument; after -- every word is positional.
"""

import dataclasses
import shutil
import textwrap
from collections.abc import Iterable
from typing import Any, TypeVar

from genlab.cli.option import Option, perhaps_meant
from genlab.errors import InputError
from genlab.options import field_names, make

Options = TypeVar("Options")

ORDER = ("arguments", "data", "options", "model", "training", "run")
"""Groups of a help page; groups with other names come before "run"."""
HELP = {"-h", "--help"}
COLUMN = 28
"""Where help text starts."""


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
        perhaps = perhaps_meant(name[2:], [one.spelling.split()[0][2:] for one in known], "--")
        raise InputError(f"Unknown option: {name}{perhaps}. {self._see}", name[2:].replace("-", "_"))

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
        mine = field_names(options_type)
        return make(options_type, {name: value for name, value in self.given.items() if name in mine} | values)


def asks_help(words: list[str]) -> bool:
    """Whether --help is among the words before --."""
    return bool(HELP & set(words[: words.index("--")] if "--" in words else words))

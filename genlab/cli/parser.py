"""A small parser of command lines, and the help pages.

An argument is an option (--name VALUE or --name=VALUE), a flag (--name, or --no-name if it is on by default), or
positional; after -- all arguments are positional.
"""

import dataclasses
import shutil
import textwrap
from collections.abc import Iterable
from typing import Any, TypeVar

from genlab.cli.option import Option
from genlab.errors import InputError
from genlab.options import field_names, make, perhaps_meant

Options = TypeVar("Options")

ORDER = ("arguments", "data", "options", "model", "training", "run")
"""Order of the groups on a help page; other groups come before "run"."""
HELP = {"-h", "--help"}
COLUMN = 28
"""Column at which help text starts."""


class Page:
    """The options of a command: parses them and prints the help page."""

    def __init__(self, command: str, about: str, options: Iterable[Option], arguments: str = "") -> None:
        self.command = command
        """The command as typed: "genlab train text"."""
        self.arguments = arguments
        """The arguments that follow it: "DATA"."""
        self.about = about
        self.options = list({option.field: option for option in options}.values())
        self.named = {f"--{option.name}": option for option in self.options if not option.shown.positional}

    def parse(self, words: list[str]) -> "Values":
        """Parses `words` into values of the options.

        Raises:
            InputError: an option is unknown or missing, or a value is not allowed.
        """
        return self.values(self.split(words))

    def split(self, words: list[str]) -> dict[str, list[str]]:
        """Groups `words` by the field of the option that they belong to, positional arguments included.

        Raises:
            InputError: an option is unknown, its value is missing, or an argument is left over.
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
                    f"{word} looks like an option; for a file of that name write ./{word}. {self._help_hint}",
                    word.strip("-"),
                )
            name, equals, value = word.partition("=")
            option = self._option(name)
            field = option.name.replace("-", "_")
            if option.kind is bool:
                if equals:
                    raise InputError(f"{field}: {name} takes no value: remove ={value}.", field)
            elif not equals:
                if not left or left[0].startswith("--"):
                    odd = left and left[0].partition("=")[0] not in self.named
                    also = f"; write a value that starts with -- as {name}={left[0]}" if odd else ""
                    raise InputError(f"{field}: the value is missing: {option.spelling}{also}.", field)
                value = left.pop(0)
            given.setdefault(option.field, []).append(value)
        for option in self.options:
            if option.shown.positional and free:
                given[option.field], free = (free, []) if option.repeats else (free[:1], free[1:])
        if free:
            raise InputError(f"Unexpected argument: {free[0]}. {self._help_hint}", free[0])
        return given

    def values(self, given: dict[str, list[str]]) -> "Values":
        """Converts the strings of `split` to the options' types.

        Raises:
            InputError: a value is not allowed, or a required option is missing.
        """
        found: dict[str, Any] = {}
        for option in self.options:
            if option.field not in given:
                if option.required:
                    name = option.spelling if option.shown.positional else f"--{option.name}"
                    raise InputError(f"{name} is missing. {self._help_hint}", option.name.replace("-", "_"))
            elif option.kind is bool:
                found[option.field] = not option.default
            else:
                found[option.field] = option.parsed(given[option.field])
        return Values({option.field: option.default for option in self.options}, found)

    def _option(self, name: str) -> Option:
        """The option named by, for example, --top-k, --top_k or --no-joint.

        Raises:
            InputError: there is no such option.
        """
        name = name.replace("_", "-")
        option = self.named.get(name) or self.named.get(name.replace("--no-", "--", 1))
        if option is not None and (option.kind is not bool or bool(option.default) == name.startswith("--no-")):
            return option
        known = [option] if option else self.named.values()
        perhaps = perhaps_meant(name[2:], [one.spelling.split()[0][2:] for one in known], "--")
        raise InputError(f"Unknown option: {name}{perhaps}. {self._help_hint}", name[2:].replace("-", "_"))

    @property
    def _help_hint(self) -> str:
        return f"`{self.command} --help` lists the options."

    @property
    def usage(self) -> str:
        """The command with everything that it needs."""
        needed = [option.spelling for option in self.options if option.required and not option.shown.positional]
        return " ".join(part for part in (self.command, self.arguments, *needed, "[options]") if part)

    def help(self) -> str:
        """The help page."""
        width = max(40, min(100, shutil.get_terminal_size().columns))
        groups: dict[str, list[Option]] = {name: [] for name in ORDER}
        for option in self.options:
            groups.setdefault("arguments" if option.shown.positional else option.shown.group, []).append(option)
        groups["run"] = groups.pop("run")  # last
        lines = [f"usage: {self.usage}", "", *textwrap.wrap(self.about, width)]
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
        """Builds a dataclass from the values of its fields; `values` take precedence.

        Raises:
            InputError: a value is out of range.
        """
        mine = field_names(options_type)
        return make(options_type, {name: value for name, value in self.given.items() if name in mine} | values)


def asks_help(words: list[str]) -> bool:
    """Whether --help is among the words before --."""
    return bool(HELP & set(words[: words.index("--")] if "--" in words else words))

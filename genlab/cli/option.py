"""Fields of dataclasses as options: the docstring below a field is its help, its type defines the allowed values."""

import ast
import dataclasses
import inspect
import re
import textwrap
from collections.abc import Callable, Mapping
from functools import cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from genlab.errors import InputError
from genlab.options import Shown, perhaps_meant, shown, unusable

METAVARS = {int: "N", float: "X", str: "TEXT"}


@dataclasses.dataclass(frozen=True)
class Option:
    """One option of a command, or one positional argument."""

    field: str
    """Key of its value in `Values`."""
    type: Any
    help: str
    default: Any = None
    required: bool = False
    shown: Shown = dataclasses.field(default_factory=Shown)

    @property
    def name(self) -> str:
        """The name on the command line, without dashes: the field `from_` is --from."""
        return self.field.rstrip("_").replace("_", "-")

    @property
    def kind(self) -> Any:
        """The type of one value: a Literal, int, float, str or bool."""
        return _plain(self.type)

    @property
    def repeats(self) -> bool:
        return get_origin(_single(self.type)) in (tuple, Mapping)

    @property
    def pairs(self) -> bool:
        """Whether each value is NAME=VALUE; together they are a dict."""
        return get_origin(_single(self.type)) is Mapping

    @property
    def spelling(self) -> str:
        """The option with its metavar, as in help pages and errors: --steps N."""
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
        if self.pairs:
            return "NAME=VALUE"
        return self.name.upper() if self.shown.positional else METAVARS[self.kind]

    @property
    def about(self) -> str:
        """The help text, with the default where it is informative."""
        text = (self.shown.off or f"Turn off: {self.help}") if self.kind is bool and self.default else self.help
        shows_default = not isinstance(self.default, bool) and self.default not in (None, "", (), {}, "auto")
        default = f"{self.default:g}" if isinstance(self.default, float) else self.default
        return f"{text} Default: {default}." if shows_default and "efault" not in text else text

    def parsed(self, words: list[str]) -> Any:
        """Parses all values given: a tuple or a dict if the option can be repeated, else the last one.

        Raises:
            InputError: a word is not a value of the option's type.
        """
        if self.pairs:
            for split in (str.partition, str.rpartition):  # names may contain =, such as a=b and a=c
                pairs = dict(self._pair(word, split) for word in words)
                if len(pairs) == len(words):
                    return pairs
            raise InputError(f"{self.name}: each name can be given once.", self.name.replace("-", "_"))
        return tuple(map(self.value, words)) if self.repeats else self.value(words[-1])

    def _pair(self, word: str, split: Callable[[str, str], tuple[str, str, str]]) -> tuple[str, str]:
        name, equals, value = split(word, "=")
        if not (name and equals):
            raise unusable(self.name.replace("-", "_"), word, self.type)
        return name, value

    def value(self, word: str) -> Any:
        """Parses one value.

        Raises:
            InputError: `word` is not a value of the option's type.
        """
        field = self.name.replace("-", "_")
        if get_origin(self.kind) is Literal:
            choices = {str(choice): choice for choice in get_args(self.kind)}
            if word not in choices:
                meant = perhaps_meant(word, choices)
                raise InputError(f"{field}: {word!r} is not a choice; choose from {', '.join(choices)}{meant}.", field)
            return choices[word]
        try:
            return self.kind(word)
        except ValueError:
            raise unusable(field, word, self.type) from None


def options_of(options_type: type, group: str = "options") -> list[Option]:
    """The fields of a dataclass as options, except those of type Any, which only Python can give."""
    hints, helps = get_type_hints(options_type, include_extras=True), _docstrings(options_type)
    found = []
    for field in dataclasses.fields(options_type):
        if _plain(hints[field.name]) is Any:
            continue
        about = shown(hints[field.name])
        about = dataclasses.replace(about, group=about.group or group)
        default = field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        required = default is dataclasses.MISSING
        default = None if required else default
        found.append(Option(field.name, hints[field.name], helps.get(field.name, ""), default, required, about))
    return found


def _single(hint: Any) -> Any:
    """A type without its metadata and without None; the first member of a union."""
    if get_origin(hint) is Annotated:
        return _single(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return _single(next(part for part in get_args(hint) if part is not type(None)))
    return hint


def _plain(hint: Any) -> Any:
    """The type of one value, for a tuple that of its items, for a mapping that of its names."""
    single = _single(hint)
    return _plain(get_args(single)[0]) if get_origin(single) in (tuple, Mapping) else single


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

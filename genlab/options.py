"""From loose values to a config, or to a sentence that says what is wrong with them."""

import dataclasses
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import pydantic

from genlab.errors import InputError

Config = TypeVar("Config")


def make(config_type: type[Config], values: dict[str, Any]) -> Config:
    """Builds the frozen dataclass `config_type` from `values`.

    Raises:
        InputError: a field is unknown, or its value impossible (NaN and infinity always are).
    """
    known = {field.name for field in dataclasses.fields(config_type)}  # type: ignore[arg-type]
    for name in values:
        if name not in known:
            raise InputError(f"'{name}' is not an option here; known are: {', '.join(sorted(known))}.", name)
    adapter = pydantic.TypeAdapter(config_type)
    # Paths may have bytes that are not UTF-8, which Python holds as surrogates and pydantic refuses.
    odd = {name: value for name, value in values.items() if isinstance(value, str) and not _is_unicode(value)}
    plain = {name: value.encode("utf-8", "backslashreplace").decode() for name, value in odd.items()}
    try:
        made = adapter.validate_python({**values, **plain})
        return dataclasses.replace(made, **odd) if odd else made  # type: ignore[type-var]
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "config"
        if first["type"] == "missing":
            raise InputError(f"{name} is missing: say what it should be.", name) from None
        allowed = _allowed(get_type_hints(config_type, include_extras=True)[name])
        raise InputError(f"{name}: {first['input']!r} cannot be used; it is {allowed}.", name) from None


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _allowed(hint: Any) -> str:
    """A type and its bounds in words."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_allowed(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        return f"any number of: {_allowed(get_args(hint)[0])}"
    if get_origin(hint) is not Annotated:
        return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))
    kind, *bounds = get_args(hint)
    words = {"gt": "above", "ge": "from", "lt": "below", "le": "up to"}
    parts = [
        f"{word} {getattr(bound, key):,}" for bound in bounds for key, word in words.items() if hasattr(bound, key)
    ]
    return " ".join([_allowed(kind), *parts])


def check(config: Config) -> Config:
    """The same config, once its values are known to be possible."""
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    return make(type(config), values)


def two_paths(place: str) -> tuple[str, str] | None:
    """The two files of "FIRST,SECOND", whose names may have commas of their own; None for a place of its own."""
    if Path(place).exists() or "," not in place:
        return None
    parts = place.split(",")
    cuts = [(",".join(parts[:at]), ",".join(parts[at:])) for at in range(1, len(parts))]
    return next((cut for cut in cuts if all(Path(half).exists() for half in cut)), cuts[0])

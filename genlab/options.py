"""Options as frozen dataclasses: validates values, with errors that say what is allowed."""

import dataclasses
import math
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from annotated_types import Ge, Gt, Le, Lt, MinLen

from genlab.errors import InputError

Config = TypeVar("Config")
"""A frozen dataclass."""


@dataclasses.dataclass(frozen=True)
class Shown:
    """Metadata of a field's type that controls help pages and errors, as in Annotated[str, Shown("FILE")]."""

    metavar: str = ""
    """Placeholder of the value, such as FILE."""
    group: str = ""
    """Heading under which help pages list the field."""
    positional: bool = False
    """Whether the command line takes the value without --NAME."""
    off: str = ""
    """Help text of --no-NAME, for a flag that is on by default."""
    hint: str = ""
    """Advice to add to the error about a value out of range."""


DATA = Shown(group="data")
TRAINING = Shown(group="training")
RUN = Shown(group="run")


def metadata(hint: Any) -> list[Any]:
    """All metadata of a type, at any depth."""
    inner = [found for part in get_args(hint) for found in metadata(part)]
    return inner + (list(hint.__metadata__) if get_origin(hint) is Annotated else [])


def shown(hint: Any) -> Shown:
    """Merges all `Shown` metadata of a type; the last value of a field wins."""
    parts = [dataclasses.asdict(found) for found in metadata(hint) if isinstance(found, Shown)]
    return Shown(**{name: value for part in parts for name, value in part.items() if value})


def field_names(config_type: Any) -> list[str]:
    """Names of the fields of a dataclass."""
    return [field.name for field in dataclasses.fields(config_type)]


def make(config_type: type[Config], values: dict[str, Any]) -> Config:
    """Builds the frozen dataclass `config_type` from `values`.

    One string for a field that takes any number of them becomes a tuple of one.

    Raises:
        InputError: a field is unknown or missing, or its value is not allowed (NaN and infinity never are).
    """
    import pydantic  # a tenth of a second that help pages do without

    known = field_names(config_type)
    for name in values:
        if name not in known:
            raise unknown_option(name, known)
    hints = get_type_hints(config_type, include_extras=True)
    for name, value in values.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise unusable(name, value, hints[name])
    values = {name: (value,) if isinstance(value, str) and _is_tuple(hints[name]) else value
              for name, value in values.items()}  # fmt: skip
    adapter: pydantic.TypeAdapter[Any] = pydantic.TypeAdapter(config_type)
    # Paths may contain bytes that are not UTF-8, which Python represents as surrogates and pydantic rejects.
    odd = {name: value for name, value in values.items() if isinstance(value, str) and not _is_unicode(value)}
    plain = {name: value.encode("utf-8", "backslashreplace").decode() for name, value in odd.items()}
    try:
        made = adapter.validate_python({**values, **plain})
        return dataclasses.replace(made, **odd) if odd else made
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "config"
        if first["type"] == "missing":
            raise InputError(f"{name} is missing.", name) from None
        raise unusable(name, first["input"], hints[name]) from None


def unknown_option(name: str, known: Iterable[str]) -> InputError:
    """The error about an option that does not exist."""
    return InputError(f"There is no option '{name}': choose from {nearest(name, sorted(known))}.", name)


def unusable(name: str, value: Any, hint: Any) -> InputError:
    """The error about a value that is not of the type `hint`."""
    more = shown(hint).hint
    allowed = _allowed(hint) + (f" ({more})" if more else "")
    return InputError(f"{name}: {value!r} cannot be used; it must be {allowed}.", name)


def _is_tuple(hint: Any) -> bool:
    kind = get_args(hint)[0] if get_origin(hint) is Annotated else hint
    return get_origin(kind) is tuple


def _is_unicode(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


def _allowed(hint: Any) -> str:
    """Describes a type and its bounds."""
    if get_origin(hint) is Literal:
        return "one of " + ", ".join(map(str, get_args(hint)))
    if get_origin(hint) in (Union, UnionType):
        return " or ".join(_allowed(part) for part in get_args(hint) if part is not type(None))
    if get_origin(hint) is tuple:
        return f"any number of: {_allowed(get_args(hint)[0])}"
    if get_origin(hint) is Mapping:
        return "of the form NAME=VALUE (in Python, a dict of strings)"
    if get_origin(hint) is not Annotated:
        return {int: "a whole number", float: "a number", bool: "true or false", str: "text"}.get(hint, str(hint))
    kind, *bounds = get_args(hint)
    if any(isinstance(bound, MinLen) for bound in bounds):
        return f"{_allowed(kind)} that is not empty"
    return " ".join([_allowed(kind), *filter(None, map(_limit, bounds))])


def _limit(bound: Any) -> str:
    """A bound in words; nothing for other metadata."""
    match bound:
        case Gt(gt=value):
            return f"above {value:,}"
        case Ge(ge=value):
            return f"from {value:,}"
        case Lt(lt=value):
            return f"below {value:,}"
        case Le(le=value):
            return f"up to {value:,}"
    return ""


def check(config: Config) -> Config:
    """Validates the values of a config; returns the validated config."""
    return make(type(config), {name: getattr(config, name) for name in field_names(type(config))})


def two_paths(place: str) -> tuple[str, str] | None:
    """Splits "FIRST,SECOND" into two paths, which may contain commas; None if `place` is one path."""
    if Path(place).exists() or "," not in place:
        return None
    parts = place.split(",")
    cuts = [(",".join(parts[:at]), ",".join(parts[at:])) for at in range(1, len(parts))]
    return next((cut for cut in cuts if all(Path(half).exists() for half in cut)), cuts[0])


def nearest(name: str, known: Iterable[str]) -> str:
    """All known names as a list, followed by the closest match of a misspelt name, if any."""
    names = list(known)
    return ", ".join(names) + perhaps_meant(name, names)


def perhaps_meant(name: str, known: Iterable[str], dashes: str = "") -> str:
    """The known name closest to a misspelt one, in brackets, or nothing: " (perhaps --steps?)"."""
    names = {one.lower(): one for one in known}
    meant = get_close_matches(name.lower(), names, 1)
    return f" (perhaps {dashes}{names[meant[0]]}?)" if meant else ""

"""From loose values to a config, or to a sentence that says what is wrong with them."""

import dataclasses
from typing import Any, TypeVar

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
    try:
        return adapter.validate_python(values)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0]) if first["loc"] else "config"
        said = first["msg"].removeprefix("Value error, ")
        if first["type"] == "missing":
            raise InputError(f"{name} is missing: say what it should be.", name) from None
        problem = said[0].lower() + said[1:]
        raise InputError(f"{name}: {first['input']!r} cannot be used, the {problem}.", name) from None


def check(config: Config) -> Config:
    """The same config, once its values are known to be possible."""
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}  # type: ignore[arg-type]
    return make(type(config), values)

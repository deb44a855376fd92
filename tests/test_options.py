import os
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from annotated_types import MinLen

from genlab.errors import InputError
from genlab.options import DATA, make, nearest


@dataclass(frozen=True)
class Options:
    data: str
    model: Literal["gpt", "lstm"] = "gpt"
    name: str | None = None
    columns: Annotated[tuple[str, ...], DATA] = ()
    stop: tuple[Annotated[str, MinLen(1)], ...] = ()


def test_one_string_is_a_list_of_one():
    made = make(Options, {"data": "a", "columns": "hair", "stop": "."})
    assert (made.columns, made.stop) == (("hair",), (".",))
    assert make(Options, {"data": "a", "columns": ["hair", "hat"]}).columns == ("hair", "hat")
    for bad in (5, ["hair", 5], {"hair": 1}):
        with pytest.raises(InputError, match=r"columns: .* cannot be used; it must be any number of: text"):
            make(Options, {"data": "a", "columns": bad})
    with pytest.raises(InputError, match="stop: '' cannot be used"):
        make(Options, {"data": "a", "stop": ""})


def test_paths_that_are_not_utf8():
    odd = os.fsdecode(b"stra\xdfe \\udcdf \xf0.txt")
    assert make(Options, {"data": odd, "name": odd}) == Options(odd, name=odd)
    with pytest.raises(InputError, match=r"model: .* cannot be used; it must be one of gpt, lstm"):
        make(Options, {"data": odd, "model": odd})
    with pytest.raises(InputError, match="data: 5 cannot be used; it must be text"):
        make(Options, {"data": 5, "name": odd})


def test_unknown_options_get_the_nearest_name():
    choices = "columns, data, model, name, stop"
    with pytest.raises(InputError, match=rf"^There is no option 'modle': choose from {choices} \(perhaps model\?\)\.$"):
        make(Options, {"modle": "gpt"})


@pytest.mark.parametrize(
    ("name", "listed"), [("GAN", "Gan, vae (perhaps Gan?)"), ("vea", "Gan, vae (perhaps vae?)"), ("x", "Gan, vae")]
)
def test_the_nearest_name(name, listed):
    assert nearest(name, ["Gan", "vae"]) == listed

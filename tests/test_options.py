import os
from dataclasses import dataclass
from typing import Literal

import pytest

from genlab.errors import InputError
from genlab.options import make


@dataclass(frozen=True)
class Options:
    data: str
    model: Literal["gpt", "lstm"] = "gpt"
    name: str | None = None


def test_paths_that_are_not_utf8():
    odd = os.fsdecode(b"stra\xdfe \\udcdf \xf0.txt")
    assert make(Options, {"data": odd, "name": odd}) == Options(odd, name=odd)
    with pytest.raises(InputError, match=r"model: .* cannot be used; it must be one of gpt, lstm"):
        make(Options, {"data": odd, "model": odd})
    with pytest.raises(InputError, match="data: 5 cannot be used; it must be text"):
        make(Options, {"data": 5, "name": odd})

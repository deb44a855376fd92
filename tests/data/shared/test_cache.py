from pathlib import Path

import pytest

from genlab.data.shared.cache import cache_folder
from genlab.errors import InputError


def test_where_the_cache_is(monkeypatch):
    monkeypatch.setenv("GENLAB_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")
    monkeypatch.setenv("GENLAB_CACHE", "~/x")
    assert cache_folder() == Path.home() / "x"
    monkeypatch.delenv("GENLAB_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/genlab")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "genlab"


def test_a_user_without_a_home(monkeypatch):
    import pwd

    def unknown(number):
        raise KeyError(number)

    monkeypatch.setattr(pwd, "getpwuid", unknown)
    for name in ("HOME", "GENLAB_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(InputError, match=r"no home folder .* set GENLAB_CACHE"):
        cache_folder()
    monkeypatch.setenv("XDG_CACHE_HOME", "/xdg")
    assert cache_folder() == Path("/xdg/genlab")
    monkeypatch.setenv("GENLAB_CACHE", "/somewhere")
    assert cache_folder() == Path("/somewhere")

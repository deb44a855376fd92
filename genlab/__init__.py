"""Generative AI from scratch: train a model of your own with one call, make new content with another."""

import os
from typing import TYPE_CHECKING, Any

from genlab.errors import InputError

# Before torch is loaded: OpenMP's threads spin while they wait, and where another process has the processor of the
# one they wait for, training becomes ten times slower. A short spin is nearly as fast on an idle machine (docs/log.md).
os.environ.setdefault("GOMP_SPINCOUNT", "2000")

if TYPE_CHECKING:
    from genlab.api import Run, import_folder, load, look, train

__version__ = "0.1.0"
__all__ = ["InputError", "Run", "import_folder", "load", "look", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        from genlab import api

        return getattr(api, name)
    raise AttributeError(f"module 'genlab' has no attribute {name!r}")

"""Generative AI from scratch: train a model of your own with one call, make new content with another."""

import os
from typing import TYPE_CHECKING, Any

from genlab.errors import InputError

# Before torch is loaded: OpenMP's threads spin while they wait, and where another process has the processor of
# the one they wait for, training becomes ten times slower. Sleeping costs nothing measurable (docs/log.md).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from genlab.api import Run, load, train

__version__ = "0.1.0"
__all__ = ["InputError", "Run", "load", "train"]


def __getattr__(name: str) -> Any:
    if name in ("Run", "load", "train"):
        from genlab import api

        return getattr(api, name)
    raise AttributeError(f"module 'genlab' has no attribute {name!r}")

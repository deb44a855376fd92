"""Imports language models saved by transformers."""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NamedTuple

from genlab.engine.custom import Networks
from genlab.engine.machine import Machine, ZerosForRandom
from genlab.exchange.hf import read_folder
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2
from genlab.tasks.text import gpt, gpt2
from genlab.tasks.text.generation import MANY
from genlab.tasks.text.pipeline import TextNetwork, TextPipeline

MODELS: dict[type, tuple[str, Callable[..., Any], Callable[..., TextNetwork]]] = {
    GPT: ("gpt", gpt.imported_options, gpt.build_network),
    GPT2: ("gpt2", gpt2.imported_options, gpt2.build_network),
}
"""Name, options and network builder of the model, by the class of the network."""


class Imported(NamedTuple):
    """A model of another tool."""

    model: str
    """Name of the model in genlab."""
    pipeline: TextPipeline
    fingerprint: str
    """SHA-256 of its weights."""


def import_folder(place: Path, machine: Machine) -> Imported:
    """Imports a language model saved by transformers, with the architecture of Qwen3 or GPT-2.

    Raises:
        InputError: the folder holds no such model, or its files do not match.
    """
    found = read_folder(place)
    model, options_of, build = MODELS[found.network]
    options = options_of(found.shape, found.tokenizer)
    with ZerosForRandom():
        built = build(options, found.shape.vocabulary, asdict(found.shape), Networks())
    built.network.load_state_dict(found.weights, strict=not found.shape.tied)
    built.network.eval()
    return Imported(model, TextPipeline(options, built, found.tokenizer, MANY, machine), found.fingerprint)

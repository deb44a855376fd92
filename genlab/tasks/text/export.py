"""Language models in other tools' formats: a folder for transformers, a file for llama.cpp or for ONNX runtimes."""

from pathlib import Path

from tokenizers import Tokenizer
from torch import nn

from genlab.errors import InputError
from genlab.exchange.gguf import write_gguf
from genlab.exchange.hf import write_folder
from genlab.exchange.onnx import write_onnx
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2


def export_text(network: nn.Module, tokenizer: Tokenizer, to: str, place: Path, card: str) -> None:
    """Writes a language model as `to`: hf, gguf or onnx.

    Raises:
        InputError: `to` cannot hold this network, it cannot be written, or `place` exists already.
    """
    if not isinstance(network, GPT | GPT2) or type(network) not in (GPT, GPT2):
        raise InputError(
            f"{type(network).__name__} is a custom network, which other tools cannot run: export a run of genlab's "
            "own gpt or gpt2.",
            "run",
        )
    if place.exists() and not (to == "hf" and place.is_dir() and not any(place.iterdir())):
        raise InputError(f"{place} is there already: choose a new {'folder' if to == 'hf' else 'file'}.", "place")
    if to == "hf":
        write_folder(network, tokenizer, place, card)
    elif to == "gguf":
        write_gguf(network, tokenizer, place, place.stem)
    else:
        write_onnx(network, place)

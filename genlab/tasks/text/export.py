"""Exports language models: a folder for transformers, a file for llama.cpp or for ONNX runtimes."""

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
    """Writes a language model in the format `to`: hf, gguf or onnx.

    Raises:
        InputError: the format does not support this network, `place` exists, or writing fails.
    """
    if not isinstance(network, GPT | GPT2) or type(network) not in (GPT, GPT2):
        raise InputError(
            f"{type(network).__name__} is a custom network, which other tools cannot run: only genlab's gpt and gpt2 "
            "can be exported.",
            "run",
        )
    if place.exists() and not (to == "hf" and place.is_dir() and not any(place.iterdir())):
        raise InputError(f"{place} already exists: choose a new {'folder' if to == 'hf' else 'file'}.", "place")
    if to == "hf":
        write_folder(network, tokenizer, place, card)
    elif to == "gguf":
        write_gguf(network, tokenizer, place, place.stem)
    else:
        write_onnx(network, place)

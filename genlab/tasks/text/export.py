"""A trained language model for other people's tools."""

from pathlib import Path

from tokenizers import Tokenizer

from genlab.errors import InputError
from genlab.exchange.gguf import write_gguf
from genlab.exchange.hf import write_folder
from genlab.exchange.onnx import write_onnx
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2

FORMATS = ("hf", "gguf", "onnx")
"""A folder for transformers, a file for llama.cpp, a file for ONNX runtimes."""


def export_text(network: GPT | GPT2, tokenizer: Tokenizer, to: str, place: Path, card: str) -> None:
    """Writes a GPT or GPT2 as one of FORMATS.

    Raises:
        InputError: it cannot be written so, or there is something at `place`.
    """
    if place.exists() and not (to == "hf" and place.is_dir() and not any(place.iterdir())):
        raise InputError(f"{place} is there already: choose a new {'folder' if to == 'hf' else 'file'}.", "place")
    network.eval()
    if to == "hf":
        write_folder(network, tokenizer, place, card)
    elif to == "gguf":
        write_gguf(network, tokenizer, place, place.stem)
    else:
        write_onnx(network, place)

"""Reads and writes folders in the format in which transformers saves language models.

config.json               architecture and shape
model.safetensors         weights (or several files and model.safetensors.index.json)
tokenizer.json            tokenizer (or GPT-2's older vocab.json and merges.txt)
tokenizer_config.json     roles of the special tokens
"""

import hashlib
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers
from torch import Tensor

from genlab.data.shared.tokenizers import FOREIGN_ENDS, UNKNOWN, end_of
from genlab.engine.files import make_folder, saving, write_atomically, write_json
from genlab.engine.weights import read_tensors, tensors_to_bytes
from genlab.errors import InputError
from genlab.exchange.architectures import ARCHITECTURES, Architecture, architecture_of, weights_of
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2

FLOATS = (torch.float32, torch.bfloat16, torch.float16, torch.float64)
"""Supported data types of weights, which are converted to 32 bits."""


class Foreign(NamedTuple):
    """A model from such a folder."""

    network: type[GPT] | type[GPT2]
    """Class of the network that the weights are for."""
    shape: Any
    weights: dict[str, Tensor]
    """Weights by our names, in 32 bits."""
    tokenizer: Tokenizer
    fingerprint: str
    """SHA-256 of the weight files."""


# --- reading --------------------------------------------------------------------------------------


def read_folder(place: Path) -> Foreign:
    """Reads the language model in a folder; executes and unpickles nothing.

    Raises:
        InputError: the folder holds no supported model, or its files do not match.
    """
    if not place.is_dir():
        raise InputError(f"There is no folder {place}.", "folder")
    config = _json(place / "config.json")
    if "task" in config and (place / "run.json").exists():
        raise InputError(f"{place} is already a genlab run: it needs no import.", "folder")
    architecture = _architecture(place, config)
    shape = architecture.shape(config)
    tokenizer = _tokenizer(place)
    largest = max(tokenizer.get_vocab(with_added_tokens=True).values())
    if largest >= shape.vocabulary:
        raise InputError(
            f"{place}: the tokenizer does not match: its last token is {largest}, but the model has "
            f"{shape.vocabulary} tokens.",
            "folder",
        )
    files = _weight_files(place)
    tensors = _matching_tensors(place, _all_tensors(files), architecture, shape)
    digest = hashlib.sha256()
    for file in files:
        with open(file, "rb") as opened:
            digest.update(hashlib.file_digest(opened, "sha256").digest())
    return Foreign(architecture.network, shape, architecture.ours(tensors), tokenizer, digest.hexdigest())


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(f"{path.parent} holds no model: {path.name} is missing.", "folder") from None
    except (OSError, ValueError):
        value = None
    if not isinstance(value, dict):
        raise InputError(f"{path} is damaged: save or download it again.", "folder")
    return value


def _architecture(place: Path, config: dict[str, Any]) -> Architecture:
    named = config.get("architectures")
    by_type = {"gpt2": "GPT2LMHeadModel", "qwen3": "Qwen3ForCausalLM"}
    name = named[0] if isinstance(named, list) and named else by_type.get(str(config.get("model_type")))
    if name not in ARCHITECTURES:
        what = name or config.get("model_type") or "model of an unknown kind"
        raise InputError(f"{place} holds a {what}; genlab reads {' and '.join(ARCHITECTURES)}.", "folder")
    if config.get("quantization_config"):
        raise InputError(f"{place} holds quantised weights: save the model in 32 or 16 bits.", "folder")
    return ARCHITECTURES[name]


def _weight_files(place: Path) -> list[Path]:
    whole, index = place / "model.safetensors", place / "model.safetensors.index.json"
    if whole.exists():
        return [whole]
    if index.exists():
        where = _json(index).get("weight_map")
        names = sorted(set(where.values())) if isinstance(where, dict) else []
        if not names or any(not isinstance(name, str) or Path(name).name != name for name in names):
            raise InputError(f"{index} is damaged: save or download it again.", "folder")
        for name in names:
            if not (place / name).exists():
                raise InputError(f"{place} lacks {name}, one of {len(names)} weight files: download it.", "folder")
        return [place / name for name in names]
    pickles = sorted(file.name for ending in ("bin", "pt", "pth", "ckpt") for file in place.glob(f"*.{ending}"))
    if pickles:
        raise InputError(
            f"{place} holds its weights as a pickle ({pickles[0]}), which could run code, so genlab does not open it: "
            "save them as model.safetensors.",
            "folder",
        )
    raise InputError(f"{place} holds no weights: model.safetensors is missing.", "folder")


def _all_tensors(files: list[Path]) -> dict[str, Tensor]:
    tensors: dict[str, Tensor] = {}
    for file in files:
        try:
            found, _ = read_tensors(file)
        except InputError:
            raise InputError(
                f"{file} is truncated or not a safetensors file: save or download it again.", "folder"
            ) from None
        if twice := tensors.keys() & found.keys():
            raise InputError(f"{file.parent} has the tensor {min(twice)} in two files.", "folder")
        tensors |= found
    return tensors


def _matching_tensors(
    place: Path, tensors: dict[str, Tensor], architecture: Architecture, shape: Any
) -> dict[str, Tensor]:
    """The tensors that the network needs, by its names.

    Raises:
        InputError: a tensor is missing, unknown, of another type or shape, or not finite.
    """
    with torch.device("meta"):
        expected = architecture.theirs(weights_of(architecture.network(shape)))
    prefix = next(name for name in expected if name != "lm_head.weight").partition(".")[0] + "."
    if not any(name.startswith(prefix) for name in tensors):  # a model saved without its head
        tensors = {name if name == "lm_head.weight" else prefix + name: tensor for name, tensor in tensors.items()}
    tensors = {name: tensor for name, tensor in tensors.items() if not name.endswith(architecture.derived)}
    if shape.tied and (head := tensors.pop("lm_head.weight", None)) is not None:
        embedding = next((t for name, t in tensors.items() if name.endswith(("tokens.weight", "wte.weight"))), head)
        if not torch.equal(head, embedding):
            raise InputError(
                f"{place}: config.json ties the head to the embedding, but lm_head.weight is another matrix.", "folder"
            )
    if lacking := sorted(expected.keys() - tensors.keys()):
        raise InputError(f"{place}: the weights lack {_shortened(lacking)}.", "folder")
    if surplus := sorted(tensors.keys() - expected.keys()):
        raise InputError(
            f"{place}: the weights have {_shortened(surplus)}, which this architecture does not have.", "folder"
        )
    for name, tensor in tensors.items():
        if tensor.dtype not in FLOATS:
            kind = str(tensor.dtype).removeprefix("torch.")
            raise InputError(f"{place}: {name} is of {kind}: save the model in 32 or 16 bits.", "folder")
        if tensor.shape != expected[name].shape:
            found, right = tuple(tensor.shape), tuple(expected[name].shape)
            raise InputError(f"{place}: {name} has the shape {found}, but config.json requires {right}.", "folder")
        if not tensor.isfinite().all():
            raise InputError(f"{place}: {name} holds NaN or infinity: save or download the model again.", "folder")
    return {name: tensor.float() for name, tensor in tensors.items()}


def _shortened(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _tokenizer(place: Path) -> Tokenizer:
    whole, vocabulary, merges = (place / name for name in ("tokenizer.json", "vocab.json", "merges.txt"))
    try:
        if whole.exists():
            tokenizer = Tokenizer.from_str(whole.read_text(encoding="utf-8"))
        elif vocabulary.exists() and merges.exists():
            tokenizer = Tokenizer(models.BPE.from_file(str(vocabulary), str(merges)))
            tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
            tokenizer.decoder = decoders.ByteLevel()
            known = [mark for mark in FOREIGN_ENDS if tokenizer.token_to_id(mark) is not None]
            tokenizer.add_special_tokens([AddedToken(mark, special=True) for mark in known])
        else:
            raise InputError(f"{place} has no tokenizer: save tokenizer.json there too.", "folder")
    except InputError:
        raise
    except Exception:  # the library raises bare Exception for all unreadable files
        raise InputError(f"{place}: the tokenizer is damaged: save or download it again.", "folder") from None
    try:
        end_of(tokenizer)
    except InputError as error:
        raise InputError(f"{place}: {error}", "folder") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.encode_special_tokens = True
    return tokenizer


# --- writing --------------------------------------------------------------------------------------


def write_folder(network: GPT | GPT2, tokenizer: Tokenizer, place: Path, card: str) -> None:
    """Writes a folder for `transformers.AutoModelForCausalLM` and `AutoTokenizer`.

    Args:
        network: A GPT or GPT2.
        tokenizer: Its tokenizer.
        place: The folder, new or empty.
        card: Content of README.md.

    Raises:
        InputError: writing fails, which leaves no partial folder.
    """
    architecture = architecture_of(network)
    shape: Any = network.shape
    end = end_of(tokenizer)
    marks = {"bos_token_id": end, "eos_token_id": end}
    config = {**architecture.config(replace(shape, dropout=0.0)), "dtype": "float32", **marks}
    make_folder(place.parent)
    beside = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        make_folder(beside)
        write_json(beside / "config.json", config)
        write_json(beside / "generation_config.json", marks)
        write_json(beside / "tokenizer_config.json", _tokenizer_config(tokenizer, shape.context))
        write_atomically(beside / "tokenizer.json", tokenizer.to_str(pretty=True).encode())
        write_atomically(beside / "README.md", card.encode())
        weights = tensors_to_bytes(architecture.theirs(weights_of(network)), {"format": "pt"})
        write_atomically(beside / "model.safetensors", weights)
        with saving(place):
            os.replace(beside, place)  # also replaces an empty folder
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def _tokenizer_config(tokenizer: Tokenizer, context: int) -> dict[str, Any]:
    end = tokenizer.id_to_token(end_of(tokenizer))
    unknown = {"unk_token": UNKNOWN} if tokenizer.token_to_id(UNKNOWN) is not None else {}
    return {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": end,
        "eos_token": end,
        **unknown,
        "model_max_length": context,
        "clean_up_tokenization_spaces": False,
    }

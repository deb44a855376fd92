"""Exports a language model as one GGUF file with weights, shape and tokenizer, for llama.cpp and tools based on it.

The format: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. For llama.cpp a GPT is a Qwen3 and a GPT2 is a
GPT-2; its tokenizer "gpt2" is byte-pair encoding over bytes, of text split by one of the patterns that it knows.
"""

import errno
import json
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from torch import Tensor

from genlab.data.shared.tokenizers import end_of, kind_of
from genlab.engine.files import make_folder, writing
from genlab.errors import InputError
from genlab.exchange.architectures import joined, renamed, weights_of
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2

QWEN3_BLOCK = {
    "attention_norm": "attn_norm",
    "attention.query": "attn_q",
    "attention.key": "attn_k",
    "attention.value": "attn_v",
    "attention.out": "attn_output",
    "attention.query_norm": "attn_q_norm",
    "attention.key_norm": "attn_k_norm",
    "feed_forward_norm": "ffn_norm",
    "feed_forward.gate": "ffn_gate",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}
GPT2_BLOCK = {
    "attention_norm": "attn_norm",
    "attention.joint": "attn_qkv",
    "attention.out": "attn_output",
    "feed_forward_norm": "ffn_norm",
    "feed_forward.up": "ffn_up",
    "feed_forward.down": "ffn_down",
}
OUTSIDE = {"embedding": "token_embd", "position": "position_embd", "norm": "output_norm", "head": "output"}

QWEN2_PATTERN = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""Pattern by which Qwen2 and Qwen3 split text before merging."""


def write_gguf(network: GPT | GPT2, tokenizer: Tokenizer, place: Path, name: str) -> None:
    """Writes the file `place`, with all weights in 32 bits.

    Args:
        network: The trained network.
        tokenizer: Its tokenizer, over bytes or byte-pair encoding. Further tokens of the network are marked unused.
        place: The file; an existing one is replaced once the new one is complete.
        name: Name of the model in the file.

    Raises:
        InputError: the package gguf is missing, llama.cpp has no such tokenizer, or `place` cannot be written.
    """
    try:
        from gguf import GGUFWriter, LlamaFileType
    except ImportError:
        raise InputError("GGUF needs the package gguf: pip install 'genlab[export]'.", "to") from None
    pattern = pattern_name(tokenizer)
    make_folder(place.parent)
    with writing(place) as beside:
        writer = GGUFWriter(beside, "gpt2" if isinstance(network, GPT2) else "qwen3")
        try:
            writer.add_name(name)
            writer.add_file_type(LlamaFileType.ALL_F32)
            _add_shape(writer, network)
            _add_tokenizer(writer, tokenizer, pattern, network.shape.vocabulary)
            for key, tensor in named_tensors(network).items():
                writer.add_tensor(key, tensor.detach().float().cpu().contiguous().numpy())
            writer.write_header_to_file()
            writer.write_kv_data_to_file()
            writer.write_tensors_to_file()
        except OSError as error:
            if error.errno is None:  # numpy reports an incomplete write without an error number
                raise OSError(errno.ENOSPC, str(error)) from None
            raise
        finally:
            writer.close()


def _add_shape(writer: Any, network: GPT | GPT2) -> None:
    shape = network.shape
    writer.add_vocab_size(shape.vocabulary)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_block_count(shape.depth)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    if isinstance(shape, GPTShape):
        head_width = len(network.get_parameter("blocks.0.attention.query_norm.weight"))
        writer.add_head_count_kv(shape.kv_heads)
        writer.add_key_length(head_width)
        writer.add_value_length(head_width)
        writer.add_rope_dimension_count(head_width)
        writer.add_rope_freq_base(shape.rotary_base)
        writer.add_layer_norm_rms_eps(network.get_buffer("norm.epsilon").item())
    else:
        writer.add_head_count_kv(shape.heads)
        writer.add_layer_norm_eps(network.norm.eps)


def named_tensors(network: GPT | GPT2) -> dict[str, Tensor]:
    """The weights by llama.cpp's names; a tied head is omitted."""
    if isinstance(network, GPT2):
        return renamed(joined(weights_of(network)), OUTSIDE, GPT2_BLOCK, "blocks", "blk")
    return renamed(weights_of(network), OUTSIDE, QWEN3_BLOCK, "blocks", "blk")


# --- tokenizer ------------------------------------------------------------------------------------


def _add_tokenizer(writer: Any, tokenizer: Tokenizer, pattern: str, vocabulary: int) -> None:
    """Writes tokens, their types and merges; text that spells a special token is ordinary text in both tools."""
    from gguf import TokenType

    end = end_of(tokenizer)
    tokens = [f"[PAD{token}]" for token in range(vocabulary)]
    types = [TokenType.UNUSED] * vocabulary
    for text, token in tokenizer.get_vocab(with_added_tokens=True).items():
        tokens[token], types[token] = text, TokenType.NORMAL
    for token, added in tokenizer.get_added_tokens_decoder().items():
        types[token] = TokenType.CONTROL if added.special else TokenType.USER_DEFINED
    types[end] = TokenType.CONTROL
    assert len(set(tokens)) == vocabulary, "a token has the name of an unused one"
    merges = [" ".join(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pattern)
    writer.add_token_list(tokens)
    writer.add_token_types(types)
    # llama.cpp requires merges, and a GGUF array cannot be empty; this one never applies, as no text gives the token.
    writer.add_token_merges(merges or [f"{tokens[end]} {tokens[end]}"])
    writer.add_bos_token_id(end)
    writer.add_eos_token_id(end)
    writer.add_add_bos_token(False)


def pattern_name(tokenizer: Tokenizer) -> str:
    """Name in llama.cpp of the pattern that splits text before merging: gpt-2 or qwen2.

    Qwen's tokenizers first normalise to NFC. llama.cpp skips that, which makes no difference for text in the usual
    form.

    Raises:
        InputError: llama.cpp would tokenize text differently; the message has the reason.
    """
    if kind_of(tokenizer) in ("char", "word"):
        kind = "characters" if kind_of(tokenizer) == "char" else "words"
        raise InputError(f"llama.cpp has no tokenizer of {kind}: train with --tokenizer byte or bpe.", "to")
    parts: dict[str, Any] = json.loads(tokenizer.to_str())
    model, before = parts["model"], parts["pre_tokenizer"] or {}
    if model["type"] != "BPE":
        raise _incompatible(f"its model is {model['type']}")
    for key in ("dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "byte_fallback"):
        if model.get(key):
            raise _incompatible(f"its model has {key} {model[key]!r}")
    if model.get("ignore_merges"):
        raise _incompatible("it matches whole words before merging")
    normalizer = parts["normalizer"]
    if normalizer is not None and normalizer["type"] != "NFC":
        raise _incompatible(f"it changes the text first ({normalizer['type']})")
    for added in parts["added_tokens"]:
        if not added["special"] and (added["lstrip"] or added["rstrip"] or added["single_word"]):
            raise _incompatible(f"its token {added['content']!r} absorbs spaces or only matches whole words")
    steps = before["pretokenizers"] if before.get("type") == "Sequence" else [before]
    last = steps[-1]
    if last.get("type") == "ByteLevel" and not last["add_prefix_space"]:
        if len(steps) == 1 and (last["use_regex"] or not model["merges"]):
            return "gpt-2"  # without merges the pattern makes no difference
        if len(steps) == 2 and not last["use_regex"] and _splits(steps[0], QWEN2_PATTERN):
            return "qwen2"
    raise _incompatible("it splits text by a pattern other than GPT-2's or Qwen's before merging")


def _splits(step: dict[str, Any], pattern: str) -> bool:
    """Whether this step splits text into the matches of `pattern`."""
    return (
        step.get("type") == "Split"
        and step["pattern"] == {"Regex": pattern}
        and step["behavior"] == "Isolated"
        and not step["invert"]
    )


def _incompatible(reason: str) -> InputError:
    return InputError(
        f"llama.cpp cannot reproduce this tokenizer: {reason}. Train with --tokenizer byte or bpe, or export to "
        "another format.",
        "to",
    )

"""Maps between our language models and those of transformers: entries of config.json, and tensors.

A GPT is Qwen3's block by block (Yang et al. 2025, arXiv 2505.09388), a GPT2 is GPT-2 (Radford et al. 2019).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from einops import rearrange
from torch import Tensor

from genlab.errors import InputError
from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2, GPT2Shape

Tensors = dict[str, Tensor]


class Architecture(NamedTuple):
    """The counterpart of one of our models in transformers."""

    network: type[GPT] | type[GPT2]
    shape: Callable[[dict[str, Any]], Any]
    """Maps their config to our shape."""
    config: Callable[[Any], dict[str, Any]]
    """Maps our shape to their config."""
    theirs: Callable[[Tensors], Tensors]
    """Maps our tensors to theirs."""
    ours: Callable[[Tensors], Tensors]
    """Maps their tensors to ours."""
    derived: tuple[str, ...] = ()
    """Suffixes of the names of buffers that older files also hold; they follow from the weights."""


def require(config: dict[str, Any], **fixed: Any) -> None:
    """Checks entries of their config that our network fixes; a missing entry passes.

    Raises:
        InputError: an entry has another value.
    """
    for key, value in fixed.items():
        if config.get(key, value) not in (value, None):
            raise InputError(
                f"config.json has {key} {config[key]!r}; genlab only reads models with {value!r}.", "folder"
            )


def number(config: dict[str, Any], key: str, otherwise: int | None = None) -> int:
    """A positive whole number of their config.

    Raises:
        InputError: the entry is missing, or has another type.
    """
    value = config.get(key)
    value = otherwise if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise InputError(f"config.json has {key} {value!r}: it must be a positive whole number.", "folder")
    return value


# --- Qwen3 ----------------------------------------------------------------------------------------

QWEN3_BLOCK = {
    "attention_norm": "input_layernorm",
    "attention.query": "self_attn.q_proj",
    "attention.key": "self_attn.k_proj",
    "attention.value": "self_attn.v_proj",
    "attention.out": "self_attn.o_proj",
    "attention.query_norm": "self_attn.q_norm",
    "attention.key_norm": "self_attn.k_norm",
    "feed_forward_norm": "post_attention_layernorm",
    "feed_forward.gate": "mlp.gate_proj",
    "feed_forward.up": "mlp.up_proj",
    "feed_forward.down": "mlp.down_proj",
}
QWEN3 = {"embedding": "model.embed_tokens", "norm": "model.norm", "head": "lm_head"}


def qwen3_shape(config: dict[str, Any]) -> GPTShape:
    require(config, hidden_act="silu", rms_norm_eps=1e-6, attention_bias=False, use_sliding_window=False)
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    require(rope, rope_type="default", type="default")
    base = rope.get("rope_theta", config.get("rope_theta", 10_000.0))
    if isinstance(base, bool) or not isinstance(base, int | float) or not base > 1:
        raise InputError(f"config.json has rope_theta {base!r}: it must be a number above 1.", "folder")
    width, heads = number(config, "hidden_size"), number(config, "num_attention_heads")
    kv_heads, head_width = number(config, "num_key_value_heads", heads), number(config, "head_dim", 128)
    if heads % kv_heads or head_width % 2:
        raise InputError(
            f"config.json is inconsistent: {heads} heads, {kv_heads} key-value heads, head_dim {head_width}.",
            "folder",
        )
    return GPTShape(
        number(config, "vocab_size"), number(config, "max_position_embeddings", 32_768),
        number(config, "num_hidden_layers"), width, heads, kv_heads, number(config, "intermediate_size"),
        bool(config.get("tie_word_embeddings", False)), rotary_base=float(base), head_width=head_width,
    )  # fmt: skip


def qwen3_config(shape: GPTShape) -> dict[str, Any]:
    return {
        "architectures": ["Qwen3ForCausalLM"],
        "model_type": "qwen3",
        "vocab_size": shape.vocabulary,
        "max_position_embeddings": shape.context,
        "num_hidden_layers": shape.depth,
        "hidden_size": shape.width,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "head_dim": shape.head_width or shape.width // shape.heads,
        "intermediate_size": shape.feed_forward,
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "rope_theta": shape.rotary_base,  # for transformers before version 5
        "rope_parameters": {"rope_type": "default", "rope_theta": shape.rotary_base},
        "attention_bias": False,
        "attention_dropout": 0.0,
        "use_sliding_window": False,
        "tie_word_embeddings": shape.tied,
    }


def qwen3_theirs(tensors: Tensors) -> Tensors:
    return renamed(tensors, QWEN3, QWEN3_BLOCK, "blocks", "model.layers")


def qwen3_ours(tensors: Tensors) -> Tensors:
    return renamed(tensors, inverse(QWEN3), inverse(QWEN3_BLOCK), "model.layers", "blocks")


# --- GPT-2 ----------------------------------------------------------------------------------------

GPT2_BLOCK = {
    "attention_norm": "ln_1",
    "attention.joint": "attn.c_attn",
    "attention.out": "attn.c_proj",
    "feed_forward_norm": "ln_2",
    "feed_forward.up": "mlp.c_fc",
    "feed_forward.down": "mlp.c_proj",
}
GPT2_OUTSIDE = {
    "embedding": "transformer.wte",
    "position": "transformer.wpe",
    "norm": "transformer.ln_f",
    "head": "lm_head",
}
GPT2_ACROSS = ("c_attn.weight", "c_proj.weight", "c_fc.weight")
"""Matrices that GPT-2's files store as (inputs, outputs)."""


def gpt2_shape(config: dict[str, Any]) -> GPT2Shape:
    require(
        config, layer_norm_epsilon=1e-5, scale_attn_weights=True, scale_attn_by_inverse_layer_idx=False,
        add_cross_attention=False,
    )  # fmt: skip
    if config.get("activation_function", "gelu_new") not in ("gelu_new", "gelu_pytorch_tanh"):
        require(config, activation_function="gelu_new")
    width, heads = number(config, "n_embd"), number(config, "n_head")
    if width % heads:
        raise InputError(f"config.json is inconsistent: {heads} heads in {width} features.", "folder")
    return GPT2Shape(
        number(config, "vocab_size"), number(config, "n_positions", config.get("n_ctx")), number(config, "n_layer"),
        width, heads, number(config, "n_inner", 4 * width), bool(config.get("tie_word_embeddings", True)),
    )  # fmt: skip


def gpt2_config(shape: GPT2Shape) -> dict[str, Any]:
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "vocab_size": shape.vocabulary,
        "n_positions": shape.context,
        "n_layer": shape.depth,
        "n_embd": shape.width,
        "n_head": shape.heads,
        "n_inner": shape.feed_forward,
        "activation_function": "gelu_new",
        "layer_norm_epsilon": 1e-5,
        "attn_pdrop": 0.0,
        "embd_pdrop": shape.dropout,
        "resid_pdrop": shape.dropout,
        "tie_word_embeddings": shape.tied,
    }


def gpt2_theirs(tensors: Tensors) -> Tensors:
    theirs = renamed(joined(tensors), GPT2_OUTSIDE, GPT2_BLOCK, "blocks", "transformer.h")
    return {name: tensor.T if name.endswith(GPT2_ACROSS) else tensor for name, tensor in theirs.items()}


def joined(tensors: Tensors) -> Tensors:
    """Joins query, key and value of each attention to `attention.joint`, as GPT-2 stores them."""
    joint: Tensors = {}
    for name, tensor in tensors.items():
        if ".attention.query." in name:
            parts = [tensors[name.replace("query", part)] for part in ("query", "key", "value")]
            joint[name.replace("query", "joint")] = torch.cat(parts)
        elif ".attention.key." not in name and ".attention.value." not in name:
            joint[name] = tensor
    return joint


def gpt2_ours(tensors: Tensors) -> Tensors:
    straight = {name: tensor.T if name.endswith(GPT2_ACROSS) else tensor for name, tensor in tensors.items()}
    joint = renamed(straight, inverse(GPT2_OUTSIDE), inverse(GPT2_BLOCK), "transformer.h", "blocks")
    ours: Tensors = {}
    for name, tensor in joint.items():
        if ".attention.joint." in name:
            parts = rearrange(tensor, "(part out) ... -> part out ...", part=3)
            ours |= {name.replace("joint", part): parts[i] for i, part in enumerate(("query", "key", "value"))}
        else:
            ours[name] = tensor
    return ours


# --- both ----------------------------------------------------------------------------------------


def weights_of(network: GPT | GPT2) -> Tensors:
    """All weights of a network; the matrix of a tied head occurs once, as the embedding."""
    tensors = dict(network.state_dict())
    if network.shape.tied:
        del tensors["head.weight"]
    return tensors


def renamed(tensors: Tensors, outside: dict[str, str], block: dict[str, str], before: str, after: str) -> Tensors:
    """Renames tensors; the prefix of block N changes from `before`.N to `after`.N."""
    found = {}
    for name, tensor in tensors.items():
        module, _, kind = name.rpartition(".")
        if module.startswith(f"{before}."):
            layer, _, part = module.removeprefix(f"{before}.").partition(".")
            found[f"{after}.{layer}.{block[part]}.{kind}"] = tensor
        else:
            found[f"{outside[module]}.{kind}"] = tensor
    return found


def inverse(names: dict[str, str]) -> dict[str, str]:
    return {theirs: ours for ours, theirs in names.items()}


ARCHITECTURES = {
    "Qwen3ForCausalLM": Architecture(GPT, qwen3_shape, qwen3_config, qwen3_theirs, qwen3_ours),
    "GPT2LMHeadModel": Architecture(
        GPT2, gpt2_shape, gpt2_config, gpt2_theirs, gpt2_ours, (".attn.bias", ".attn.masked_bias")
    ),
}


def architecture_of(network: GPT | GPT2) -> Architecture:
    """The architecture of one of our networks."""
    return next(found for found in ARCHITECTURES.values() if type(network) is found.network)

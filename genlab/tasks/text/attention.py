"""Attention weights of a language model on a prompt."""

import torch
from tokenizers import Tokenizer
from torch import nn

from genlab.data.shared.tokenizers import token_label
from genlab.engine.pipeline import AttentionMap
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.tasks.shared.attention_maps import attention_map
from genlab.tasks.text.generation import encode_prompt
from genlab.tasks.text.options import TextAttentionRequest


def text_attention(
    network: nn.Module, tokenizer: Tokenizer, context: int, request: TextAttentionRequest, device: torch.device
) -> list[AttentionMap]:
    """The attention map of every layer on a prompt.

    Raises:
        InputError: the prompt is empty or longer than `context` tokens, or the network has no attention layers.
    """
    if not request.prompt:
        raise InputError("The prompt is empty: give some text.", "prompt")
    tokens = encode_prompt(tokenizer, request.prompt, 0, device)
    if len(tokens) > context:
        raise InputError(
            f"The prompt has {len(tokens)} tokens, but the context holds at most {context}: give a shorter text.",
            "prompt",
        )
    with watch(network) as seen:
        network(tokens[None])
    layers = [weights for weights in seen.values() if weights]
    if not layers:
        raise InputError(
            "The custom network has no attention weights: build it from genlab.layers.attention.Attention.", "run"
        )
    labels = [token_label(tokenizer, token) for token in tokens.tolist()]
    return [attention_map("self", number, weights[0][0], labels, causal=True) for number, weights in enumerate(layers)]

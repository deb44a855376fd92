"""What the heads of a language model look at as it reads a prompt."""

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
    """What every layer of a language model looks at as it reads a prompt.

    Raises:
        InputError: the prompt is empty, or longer than `context` tokens.
    """
    if not request.prompt:
        raise InputError("The prompt is empty: give the text that the model is to read.", "prompt")
    tokens = encode_prompt(tokenizer, request.prompt, 0, device)
    if len(tokens) > context:
        raise InputError(
            f"The prompt has {len(tokens)} tokens, and the model looks at {context} at the most: give a shorter text.",
            "prompt",
        )
    network.eval()
    with torch.no_grad(), watch(network) as seen:
        network(tokens[None])
    labels = [token_label(tokenizer, token) for token in tokens.tolist()]
    return [
        attention_map("self", layer, weights[0], labels, causal=True) for layer, (weights,) in enumerate(seen.values())
    ]

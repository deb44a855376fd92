"""From the weights that `watch` notes to what can be shown: one attention of a network, one layer."""

import torch
from jaxtyping import Float
from tokenizers import Tokenizer
from torch import Tensor, nn

from genlab.configs.text import TextAttentionRequest
from genlab.data.tokenizers import token_label
from genlab.engine.attention import AttentionMap
from genlab.errors import InputError
from genlab.layers.attention import watch
from genlab.metrics.attention import attention_distance, attention_entropy, even_attention
from genlab.recipes.writing import encode_prompt


def attention_map(
    name: str, layer: int, weights: Float[Tensor, "heads asks keys"], rows: list[str], columns: list[str] | None = None,
    causal: bool = False,
) -> AttentionMap:  # fmt: skip
    """What the heads of a layer look at, with their figures.

    >>> with watch(gpt) as seen:
    ...     gpt(tokens)
    >>> attention_map("self", 0, seen["blocks.0.attention"][0][0], labels, causal=True)

    Args:
        name: Which attention of the network: self, or a translator's encoder, decoder or cross.
        layer: Counted from 0.
        weights: Of one sequence.
        rows: The tokens that ask.
        columns: The tokens that are looked at, where they are another sequence; None for `rows`.
        causal: A position sees itself and what stands before it.
    """
    weights = weights.float().cpu()
    even = even_attention(len(rows), weights.shape[2], causal)
    alone = columns is None
    return AttentionMap(
        name, layer, list(range(len(weights))), weights, rows, rows if columns is None else columns,
        attention_entropy(weights).tolist(), attention_distance(weights).tolist() if alone else None,
        (attention_entropy(even).item(), attention_distance(even).item() if alone else None),
    )  # fmt: skip


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

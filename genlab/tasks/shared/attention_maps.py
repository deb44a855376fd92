"""Turns the weights that `watch` records into an attention map, for one layer."""

from jaxtyping import Float
from torch import Tensor

from genlab.engine.pipeline import AttentionMap
from genlab.metrics.attention_heads import attention_distance, attention_entropy, uniform_attention


def attention_map(
    name: str, layer: int, weights: Float[Tensor, "heads queries keys"], rows: list[str],
    columns: list[str] | None = None, causal: bool = False,
) -> AttentionMap:  # fmt: skip
    """The attention map of a layer, with the entropy and distance of every head.

    >>> with watch(gpt) as seen:
    ...     gpt(tokens)
    >>> attention_map("self", 0, seen["blocks.0.attention"][0][0], labels, causal=True)

    Args:
        name: Which attention of the network: self, or a translator's encoder, decoder or cross.
        layer: Index of the layer, from 0.
        weights: Attention weights for one sequence.
        rows: The query tokens.
        columns: The key tokens, if they are another sequence; None for `rows`.
        causal: Whether a position attends only to itself and earlier positions.
    """
    weights = weights.float().cpu()
    even = uniform_attention(len(rows), weights.shape[2], causal)
    alone = columns is None
    return AttentionMap(
        name, layer, list(range(len(weights))), weights, rows, rows if columns is None else columns,
        attention_entropy(weights).tolist(), attention_distance(weights).tolist() if alone else None,
        (attention_entropy(even).item(), attention_distance(even).item() if alone else None),
    )  # fmt: skip

"""From the weights that `watch` notes to what can be shown: one attention of a network, one layer."""

from jaxtyping import Float
from torch import Tensor

from genlab.engine.pipeline import AttentionMap
from genlab.metrics.attention_heads import attention_distance, attention_entropy, uniform_attention


def attention_map(
    name: str, layer: int, weights: Float[Tensor, "heads queries keys"], rows: list[str],
    columns: list[str] | None = None, causal: bool = False,
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
    even = uniform_attention(len(rows), weights.shape[2], causal)
    alone = columns is None
    return AttentionMap(
        name, layer, list(range(len(weights))), weights, rows, rows if columns is None else columns,
        attention_entropy(weights).tolist(), attention_distance(weights).tolist() if alone else None,
        (attention_entropy(even).item(), attention_distance(even).item() if alone else None),
    )  # fmt: skip

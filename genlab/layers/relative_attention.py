"""Causal self-attention with a learnt embedding of each distance, instead of positions.

Huang et al. (2018), "Music Transformer", arXiv 1809.04281, section 3.4; the distances are those of Shaw et al. (2018),
"Self-Attention with Relative Position Representations", arXiv 1803.02155.

Data flow::

    x (batch, time, width) -> query, key, value (batch, heads, time, head_width)
    query · embedding of each distance -> (batch, heads, queries, distances) -> `skewed` (batch, heads, queries, keys)
    softmax((query · key + skewed) / sqrt(head_width)) · value -> (batch, time, width)

Departs from the paper: RMSNorm of queries and keys, as in every block here; distances beyond the largest share its
embedding, so that a sequence may be longer.
"""

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float
from torch import Tensor, nn

from genlab.layers.attention import KVCache, attention_mask
from genlab.layers.norms import RMSNorm
from genlab.layers.packed import apply_fused


class RelativeAttention(nn.Module):
    """Multi-head causal self-attention with relative positions; called as `Attention` is.

    Args:
        width: Model width, of input and output.
        heads: Number of heads.
        farthest: Largest distance with an embedding.
    """

    fused = (("query", "key", "value"),)

    def __init__(self, width: int, heads: int, farthest: int) -> None:
        super().__init__()
        self.head_width, self.farthest = width // heads, farthest
        self.query = nn.Linear(width, width, bias=False)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width, bias=False)
        self.out = nn.Linear(width, width, bias=False)
        self.query_norm, self.key_norm = RMSNorm(self.head_width), RMSNorm(self.head_width)
        self.distance = nn.Parameter(torch.randn(heads, farthest + 1, self.head_width) * self.head_width**-0.5)

    def forward(
        self,
        x: Float[Tensor, "batch time width"],
        *,
        causal: bool = True,
        mask: Bool[Tensor, "batch keys"] | None = None,
        rotary: None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch time width"]:
        """Mixes each position with earlier ones.

        Args:
            x: Input.
            causal: Always True.
            mask: True for keys, cached ones included; False for padding.
            rotary: Always None: the distances are the positions.
            cache: Keys and values of earlier positions, to which those of `x` are appended.
        """
        assert causal and rotary is None
        query, key, value = (
            rearrange(each, "batch time (heads depth) -> batch heads time depth", depth=self.head_width)
            for each in apply_fused(x, self.query, self.key, self.value)
        )
        query, key = self.query_norm(query), self.key_norm(key)
        if cache is not None:
            key, value = cache.append(key, value)
        queries, keys = query.shape[2], key.shape[2]
        far_to_near = torch.arange(keys - 1, -1, -1, device=x.device).clamp(max=self.farthest)
        scores = skewed(query @ self.distance[:, far_to_near].mT) * self.head_width**-0.5
        allowed = attention_mask(queries, keys, True, None, mask, x.device)
        if allowed is not None:
            scores = scores.masked_fill(~allowed, float("-inf"))
        mixed = F.scaled_dot_product_attention(query, key, value, scores.to(query.dtype))
        return self.out(rearrange(mixed, "batch heads time depth -> batch time (heads depth)"))


def skewed(
    scores: Float[Tensor, "batch heads queries keys"],
) -> Float[Tensor, "batch heads queries keys"]:
    """Turns scores by distance into scores by key, without a copy of the embeddings per query (Huang et al. 2018,
    section 3.4.1).

    Args:
        scores: Column c has the distance keys - 1 - c. The last query is at the position of the last key.

    Returns:
        Scores by key; those of keys after the query are arbitrary.
    """
    _, _, queries, keys = scores.shape
    # With a column before them, each row starts one place later than in a table of `keys` columns: it moves to the left
    # by as many places as there are queries after it.
    flat = F.pad(scores, (1, 0)).flatten(2)[..., queries:]
    return flat.unflatten(2, (queries, keys))

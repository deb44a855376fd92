"""Multi-head attention, shared by every Transformer here.

Vaswani et al. (2017), "Attention Is All You Need", arXiv 1706.03762, section 3.2; grouped queries: Ainslie et al.
(2023), arXiv 2305.13245; query and key norms: Henry et al. (2020), arXiv 2010.04245; rotary positions: Su et al.
(2021), arXiv 2104.09864.

Data flow::

    query_input (batch, queries, width) -> query (batch, heads, queries, head_width)
    context     (batch, keys, width)    -> key, value (batch, kv_heads, keys, head_width)
    softmax(query · key / sqrt(head_width)) · value -> (batch, queries, width)

True in a mask means "may attend".
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
import torch.nn.functional as F
from einops import rearrange
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from genlab.layers.norms import RMSNorm
from genlab.layers.packed import apply_fused
from genlab.layers.positions import rotate


class KVCache:
    """Keys and values of the positions so far, so that each is computed only once.

    Args:
        capacity: Largest number of positions; the first `append` allocates their memory.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._key: Tensor | None = None
        self._value: Tensor | None = None

    def append(
        self, key: Float[Tensor, "batch heads new depth"], value: Float[Tensor, "batch heads new depth"]
    ) -> tuple[Float[Tensor, "batch heads all depth"], Float[Tensor, "batch heads all depth"]]:
        """Stores new positions; returns the keys and values of all positions."""
        if self._key is None or self._value is None:
            batch, heads, _, depth = key.shape
            self._key = key.new_empty(batch, heads, self.capacity, depth)
            self._value = value.new_empty(batch, heads, self.capacity, depth)
        end = self.length + key.shape[2]
        assert end <= self.capacity, f"{end} positions in a cache of {self.capacity}"
        self._key[:, :, self.length : end] = key
        self._value[:, :, self.length : end] = value
        self.length = end
        return self.held()

    def held(self) -> tuple[Float[Tensor, "batch heads all depth"], Float[Tensor, "batch heads all depth"]]:
        """Returns the keys and values of all positions."""
        assert self._key is not None and self._value is not None
        return self._key[:, :, : self.length], self._value[:, :, : self.length]

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Selects rows of the batch, in this order; a row may be repeated."""
        if self._key is not None and self._value is not None:
            key, value = self.held()
            self._key = key.new_empty(len(rows), key.shape[1], self.capacity, key.shape[3])
            self._value = torch.empty_like(self._key)
            self._key[:, :, : self.length], self._value[:, :, : self.length] = key[rows], value[rows]


class Attention(nn.Module):
    """Multi-head attention: self-attention over one sequence, cross-attention over a second one.

    Args:
        width: Model width, of input and output.
        heads: Query heads.
        kv_heads: Key and value heads, a divisor of `heads` (grouped-query attention); None for `heads`.
        head_width: Width of a head; None for `width // heads`.
        qk_norm: Apply RMSNorm to queries and keys over `head_width`.
        bias: Add a bias to the four projections.
        dropout: Dropout probability of the attention weights.
    """

    fused = (("query", "key", "value"),)

    def __init__(
        self,
        width: int,
        heads: int,
        kv_heads: int | None = None,
        head_width: int | None = None,
        qk_norm: bool = False,
        bias: bool = False,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads, self.kv_heads = heads, kv_heads or heads
        head_width = self.head_width = head_width or width // heads
        assert heads % self.kv_heads == 0, "kv_heads must divide heads"
        self.query = nn.Linear(width, heads * head_width, bias=bias)
        self.key = nn.Linear(width, self.kv_heads * head_width, bias=bias)
        self.value = nn.Linear(width, self.kv_heads * head_width, bias=bias)
        self.out = nn.Linear(heads * head_width, width, bias=bias)
        self.query_norm = RMSNorm(head_width) if qk_norm else None
        self.key_norm = RMSNorm(head_width) if qk_norm else None
        self.dropout = dropout
        self.seen: list[Tensor] | None = None  # set inside `watch`

    def forward(
        self,
        query_input: Float[Tensor, "batch queries width"],
        context: Float[Tensor, "batch context width"] | None = None,
        *,
        causal: bool = False,
        window: int | None = None,
        mask: Bool[Tensor, "batch keys"] | None = None,
        rotary: tuple[Float[Tensor, "queries depth"], Float[Tensor, "queries depth"]] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch queries width"]:
        """Attends from `query_input` to `context`.

        Args:
            query_input: Positions that the queries are computed from.
            context: Positions that keys and values are computed from; None for `query_input` (self-attention).
            causal: Each position attends to itself and earlier ones.
            window: With `causal`: attend only to the last `window` positions, including the current one.
            mask: True for keys, cached ones included; False for padding.
            rotary: Cosines and sines of the positions of `query_input` (self-attention only).
            cache: Self-attention: keys and values of earlier positions, to which those of `query_input` are appended.
                Cross-attention: keys and values of `context`, computed in the first call and reused in later ones.
        """
        reuse = context is not None and cache is not None and cache.length > 0
        if context is None:
            query, *projected = apply_fused(query_input, self.query, self.key, self.value)
        else:
            query = self.query(query_input)
            projected = [] if reuse else [*apply_fused(context, self.key, self.value)]
        query = self._heads(query, self.query_norm, rotary)
        if cache is not None and reuse:
            key, value = cache.held()
        else:
            key, value = self._heads(projected[0], self.key_norm, rotary), self._heads(projected[1])
            if cache is not None:
                key, value = cache.append(key, value)

        square = bool(query.shape[2] == key.shape[2])  # False in a traced export with dynamic sizes
        plain = causal and window is None and mask is None and square
        allowed = None if plain else attention_mask(query.shape[2], key.shape[2], causal, window, mask, query.device)
        dropout = self.dropout if self.training else 0.0
        if self.seen is not None:
            if plain:
                allowed = attention_mask(query.shape[2], key.shape[2], causal, None, None, query.device)
            self.seen.append(attention_weights(query, key, allowed))
            plain = False
        mixed = F.scaled_dot_product_attention(
            query, key, value, allowed, dropout, is_causal=plain, enable_gqa=self.heads != self.kv_heads
        )
        return self.out(rearrange(mixed, "batch heads queries depth -> batch queries (heads depth)"))

    def _heads(
        self,
        x: Float[Tensor, "batch time features"],
        norm: RMSNorm | None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
    ) -> Float[Tensor, "batch heads time depth"]:
        """Splits a projection into heads, normalises them and rotates them to their positions."""
        x = rearrange(x, "batch time (heads depth) -> batch heads time depth", depth=self.head_width)
        x = x if norm is None else norm(x)
        return x if rotary is None else rotate(x, *rotary)


def attention_mask(
    queries: int,
    keys: int,
    causal: bool,
    window: int | None,
    mask: Bool[Tensor, "batch keys"] | None,
    device: torch.device,
) -> Bool[Tensor, "#batch 1 queries keys"] | None:
    """Mask of the keys that each query may attend to; None for all. The last query is at the last key's position."""
    if causal and queries == 1 and window is None and mask is None:
        return None
    if not causal:
        return None if mask is None else rearrange(mask, "batch keys -> batch 1 1 keys")
    here: Int[Tensor, "queries 1"] = torch.arange(keys - queries, keys, device=device)[:, None]
    there: Int[Tensor, "1 keys"] = torch.arange(keys, device=device)[None, :]
    allowed = there <= here
    if window is not None:
        allowed = allowed & (there > here - window)
    if mask is None:
        return allowed[None, None]
    # Padding attends to itself: a softmax over no keys would be 0/0.
    return (allowed & rearrange(mask, "batch keys -> batch 1 1 keys")) | (there == here)


def attention_weights(
    query: Float[Tensor, "batch heads queries depth"],
    key: Float[Tensor, "batch kv_heads keys depth"],
    allowed: Bool[Tensor, "#batch 1 #queries keys"] | None,
) -> Float[Tensor, "batch heads queries keys"]:
    """softmax(query · key / sqrt(depth)) (eq. 1)."""
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed, float("-inf"))
    return scores.softmax(-1)


@contextmanager
def watch(network: nn.Module) -> Iterator[dict[str, list[Float[Tensor, "batch heads queries keys"]]]]:
    """Records the weights of every `Attention` in `network`, one entry per call.

    >>> with watch(gpt) as seen:
    ...     gpt(tokens)
    >>> seen["blocks.0.attention"][0]  # (batch, heads, queries, keys)
    """
    layers = {name: module for name, module in network.named_modules() if isinstance(module, Attention)}
    seen: dict[str, list[Tensor]] = {name: [] for name in layers}
    for name, layer in layers.items():
        layer.seen = seen[name]
    try:
        yield seen
    finally:
        for layer in layers.values():
            layer.seen = None

"""The attention that every genlab model uses.

Vaswani et al. (2017), "Attention Is All You Need", arXiv 1706.03762, section 3.2; queries that share
keys and values: Ainslie et al. (2023), arXiv 2305.13245; normalised queries and keys: Henry et al.
(2020), arXiv 2010.04245; rotary positions: Su et al. (2021), arXiv 2104.09864.

Data flow::

    asks (batch, asks, width)   -> query (batch, heads, asks, head_width)
    tells (batch, tells, width) -> key, value (batch, kv_heads, tells, head_width)
    softmax(query · key / sqrt(head_width)) · value -> (batch, asks, width)

A True in a mask means "may look".
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
    """The keys and values of the positions seen so far, so that a new token costs one position.

    Room for `capacity` positions is taken at the first append; a full cache is the caller's mistake.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self.length = 0
        self._key: Tensor | None = None
        self._value: Tensor | None = None

    def append(
        self, key: Float[Tensor, "batch heads new depth"], value: Float[Tensor, "batch heads new depth"]
    ) -> tuple[Float[Tensor, "batch heads all depth"], Float[Tensor, "batch heads all depth"]]:
        """Stores the new positions and returns all of them."""
        if self._key is None or self._value is None:
            batch, heads, _, depth = key.shape
            self._key = key.new_empty(batch, heads, self.capacity, depth)
            self._value = value.new_empty(batch, heads, self.capacity, depth)
        end = self.length + key.shape[2]
        assert end <= self.capacity, f"the cache holds {self.capacity} positions, {end} were asked for"
        self._key[:, :, self.length : end] = key
        self._value[:, :, self.length : end] = value
        self.length = end
        return self.held()

    def held(self) -> tuple[Float[Tensor, "batch heads all depth"], Float[Tensor, "batch heads all depth"]]:
        """All that was stored."""
        assert self._key is not None and self._value is not None
        return self._key[:, :, : self.length], self._value[:, :, : self.length]

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Goes on with these rows of the batch, in this order; a row may come more than once."""
        if self._key is not None and self._value is not None:
            key, value = self.held()
            self._key = key.new_empty(len(rows), key.shape[1], self.capacity, key.shape[3])
            self._value = torch.empty_like(self._key)
            self._key[:, :, : self.length], self._value[:, :, : self.length] = key[rows], value[rows]


class Attention(nn.Module):
    """Multi-head attention; with `kv_heads` < `heads`, groups of query heads share a key head.

    Self-attention when called with one sequence, cross-attention when called with two.

    Args:
        width: Features of a position, in and out.
        heads: Query heads.
        kv_heads: Key and value heads, a divisor of `heads`; None for as many as `heads`.
        head_width: Features of a head; None for `width // heads`.
        qk_norm: RMS-normalise every query and key over `head_width`.
        bias: Give the four projections a bias.
        dropout: Share of attention weights dropped in training.
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
        self.seen: list[Tensor] | None = None  # filled inside `watch`

    def forward(
        self,
        asks: Float[Tensor, "batch asks width"],
        tells: Float[Tensor, "batch tells width"] | None = None,
        *,
        causal: bool = False,
        window: int | None = None,
        mask: Bool[Tensor, "batch keys"] | None = None,
        rotary: tuple[Float[Tensor, "asks depth"], Float[Tensor, "asks depth"]] | None = None,
        cache: KVCache | None = None,
    ) -> Float[Tensor, "batch asks width"]:
        """Mixes into every position of `asks` what it finds in `tells` (None: in `asks` itself).

        Args:
            asks: The positions that look.
            tells: The positions looked at.
            causal: A position sees itself and what stands before it.
            window: A position sees at most this many positions, itself included (with `causal`).
            mask: Which keys are real, cached ones included; False is padding.
            rotary: Cosines and sines of the positions of `asks` (self-attention only).
            cache: Keys and values of earlier positions; `asks` follows them and joins them. With `tells`, which are
                then the same in every call, their keys and values from the first call on.
        """
        told = tells is not None and cache is not None and cache.length > 0  # once, for all that ask
        if tells is None:
            query, *found = apply_fused(asks, self.query, self.key, self.value)
        else:
            query, found = self.query(asks), [] if told else [*apply_fused(tells, self.key, self.value)]
        query = self._heads(query, self.query_norm, rotary)
        if cache is not None and told:
            key, value = cache.held()
        else:
            key, value = self._heads(found[0], self.key_norm, rotary), self._heads(found[1])
            if cache is not None:
                key, value = cache.append(key, value)

        first = bool(query.shape[2] == key.shape[2])  # not so of sizes that an export leaves open
        plain = causal and window is None and mask is None and first
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
        return self.out(rearrange(mixed, "batch heads asks depth -> batch asks (heads depth)"))

    def _heads(
        self,
        x: Float[Tensor, "batch time features"],
        norm: RMSNorm | None = None,
        rotary: tuple[Tensor, Tensor] | None = None,
    ) -> Float[Tensor, "batch heads time depth"]:
        """The features of each head, normalised and turned to their positions."""
        x = rearrange(x, "batch time (heads depth) -> batch heads time depth", depth=self.head_width)
        x = x if norm is None else norm(x)
        return x if rotary is None else rotate(x, *rotary)


def attention_mask(
    asks: int,
    keys: int,
    causal: bool,
    window: int | None,
    mask: Bool[Tensor, "batch keys"] | None,
    device: torch.device,
) -> Bool[Tensor, "#batch 1 asks keys"] | None:
    """Who may look at whom; the last key stands at the position of the last query. None: all at all."""
    if causal and asks == 1 and window is None and mask is None:
        return None
    if not causal:
        return None if mask is None else rearrange(mask, "batch keys -> batch 1 1 keys")
    here: Int[Tensor, "asks 1"] = torch.arange(keys - asks, keys, device=device)[:, None]
    there: Int[Tensor, "1 keys"] = torch.arange(keys, device=device)[None, :]
    allowed = there <= here
    if window is not None:
        allowed = allowed & (there > here - window)
    if mask is None:
        return allowed[None, None]
    # Padding looks at itself: a row that may look nowhere would be 0/0.
    return (allowed & rearrange(mask, "batch keys -> batch 1 1 keys")) | (there == here)


def attention_weights(
    query: Float[Tensor, "batch heads asks depth"],
    key: Float[Tensor, "batch kv_heads keys depth"],
    allowed: Bool[Tensor, "#batch 1 #asks keys"] | None,
) -> Float[Tensor, "batch heads queries keys"]:
    """softmax(query · key / sqrt(depth)) (eq. 1): what share of its look a position gives to each key."""
    key = key.repeat_interleave(query.shape[1] // key.shape[1], dim=1)
    scores = query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5
    if allowed is not None:
        scores = scores.masked_fill(~allowed, float("-inf"))
    return scores.softmax(-1)


@contextmanager
def watch(network: nn.Module) -> Iterator[dict[str, list[Float[Tensor, "batch heads queries keys"]]]]:
    """Inside the block every `Attention` in `network` notes its weights, one entry a call.

    >>> with watch(gpt) as seen:
    ...     gpt(tokens)
    >>> seen["blocks.0.attention"][0]  # (batch, heads, asks, keys)
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

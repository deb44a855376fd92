"""What a head of attention does, in two numbers: how widely it looks, and how far (Vig and Belinkov 2019, arXiv
1906.04284). A row of weights is what one position gives to each key, and sums to 1."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def attention_entropy(weights: Float[Tensor, "*heads queries keys"]) -> Float[Tensor, "*heads"]:
    """Mean over the positions that ask of -Σ p log2 p, in bits: 2 to it is about how many tokens are looked at.

    0 where every position looks at one token alone, log2(keys) where it looks at all alike.
    """
    return torch.special.entr(weights).sum(-1).mean(-1) / math.log(2)


def attention_distance(weights: Float[Tensor, "*heads queries keys"]) -> Float[Tensor, "*heads"]:
    """Mean over the positions that ask of Σ p · (distance to the key), in tokens.

    Both are one sequence, and the last that asks stands at the last key.
    """
    asks, keys = weights.shape[-2:]
    here = torch.arange(keys - asks, keys, device=weights.device)[:, None]
    there = torch.arange(keys, device=weights.device)
    return (weights * (here - there).abs()).sum(-1).mean(-1)


def uniform_attention(asks: int, keys: int, causal: bool) -> Float[Tensor, "queries keys"]:
    """The weights of a head that looks at all it may see alike: what entropy and distance are read against."""
    weights = torch.ones(asks, keys)
    if causal:
        weights = weights.tril(keys - asks)
    return weights / weights.sum(-1, keepdim=True)

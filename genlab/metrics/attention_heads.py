"""Entropy and distance of attention heads (Vig and Belinkov 2019, arXiv 1906.04284)."""

import math

import torch
from jaxtyping import Float
from torch import Tensor


def attention_entropy(weights: Float[Tensor, "*heads queries keys"]) -> Float[Tensor, "*heads"]:
    """Mean entropy of the attention weights over queries, in bits; 2 to the entropy is the effective number of keys.

    0 if every query attends to one key, log2(keys) for uniform attention.
    """
    return torch.special.entr(weights).sum(-1).mean(-1) / math.log(2)


def attention_distance(weights: Float[Tensor, "*heads queries keys"]) -> Float[Tensor, "*heads"]:
    """Mean distance from query to key, weighted by attention, in tokens.

    Queries and keys are positions of one sequence; the last query is at the last key.
    """
    queries, keys = weights.shape[-2:]
    here = torch.arange(keys - queries, keys, device=weights.device)[:, None]
    there = torch.arange(keys, device=weights.device)
    return (weights * (here - there).abs()).sum(-1).mean(-1)


def uniform_attention(queries: int, keys: int, causal: bool) -> Float[Tensor, "queries keys"]:
    """Weights of a head that attends equally to every key it may see: the reference for entropy and distance."""
    weights = torch.ones(queries, keys)
    if causal:
        weights = weights.tril(keys - queries)
    return weights / weights.sum(-1, keepdim=True)

"""Sampling a token from logits."""

import torch
from jaxtyping import Float, Int
from torch import Tensor


def shape_logits(
    logits: Float[Tensor, "batch vocabulary"],
    written: Int[Tensor, "batch time"],
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    min_p: float | None = None,
    repetition_penalty: float = 1.0,
) -> Float[Tensor, "batch vocabulary"]:
    """Applies penalty, temperature and truncation to logits; excluded tokens become minus infinity.

    Args:
        logits: Logits of the next token.
        written: Tokens so far, for the repetition penalty.
        temperature: Divides the logits.
        top_k: Keep the `top_k` most probable tokens.
        top_p: Keep the smallest set of most probable tokens whose probability reaches `top_p`, at least one (nucleus
            sampling; Holtzman et al. 2019, arXiv 1904.09751).
        min_p: Keep tokens with at least `min_p` times the probability of the most probable one (Nguyen et al. 2024,
            arXiv 2407.01082).
        repetition_penalty: Divides positive and multiplies negative logits of tokens in `written` (Keskar et al. 2019,
            arXiv 1909.05858, section 4.1).
    """
    logits = logits.float()
    if repetition_penalty != 1.0:
        seen = logits.gather(1, written)
        seen = torch.where(seen > 0, seen / repetition_penalty, seen * repetition_penalty)
        logits = logits.scatter(1, written, seen)
    logits = (logits - logits.amax(-1, keepdim=True)) / max(temperature, 1e-9)  # shifted by the maximum: no overflow
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if min_p is not None:
        probability = logits.softmax(-1)
        logits = logits.masked_fill(probability < min_p * probability.amax(-1, keepdim=True), -torch.inf)
    return logits if top_p is None or top_p >= 1 else _nucleus(logits, top_p)


def _nucleus(logits: Float[Tensor, "batch vocabulary"], top_p: float) -> Float[Tensor, "batch vocabulary"]:
    """Nucleus sampling; tries the 1,024 most probable tokens first, as sorting all takes far longer."""
    odds = logits.softmax(-1)
    for count in sorted({min(1024, odds.shape[-1]), odds.shape[-1]}):
        likeliest, tokens = odds.topk(count)
        before = likeliest.cumsum(-1) - likeliest
        if bool((before[:, -1] >= top_p).all()):
            break
    kept = logits.gather(1, tokens).masked_fill(before >= top_p, -torch.inf)
    return torch.full_like(logits, -torch.inf).scatter(1, tokens, kept)


def draw(logits: Float[Tensor, "batch vocabulary"], *generators: torch.Generator) -> Int[Tensor, " batch"]:
    """Draws a token from each row's distribution, with one generator for all rows or one per row.

    Inversion, with one random number per row (Devroye 1986, "Non-Uniform Random Variate Generation", section III.2):
    the first token whose cumulative probability exceeds it. No logit is NaN, and at least one per row is finite.
    """
    numbers = len(logits) // len(generators)
    chance = torch.cat([torch.rand(numbers, generator=one, device=logits.device) for one in generators])
    reached = logits.softmax(-1).cumsum(-1)
    share = chance[:, None] * reached[:, -1:]  # strictly below the total, whatever the rounding
    return torch.searchsorted(reached, share, right=True)[:, 0]

"""From logits to a token: the knobs of decoding."""

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
    """Logits of the distribution to draw from; what is ruled out becomes minus infinity.

    Args:
        logits: Of the next token.
        written: The tokens so far, for the penalty.
        temperature: Divides the logits.
        top_k: Keep this many likeliest tokens.
        top_p: Keep the likeliest tokens that together reach this probability (nucleus sampling, Holtzman
            et al. 2019, arXiv 1904.09751); the likeliest always stays.
        min_p: Keep tokens at least this share as likely as the likeliest (Nguyen et al. 2024, arXiv 2407.01082).
        repetition_penalty: Divides positive and multiplies negative logits of tokens in `written`
            (Keskar et al. 2019, arXiv 1909.05858, section 4.1).
    """
    logits = logits.float()
    if repetition_penalty != 1.0:
        seen = logits.gather(1, written)
        seen = torch.where(seen > 0, seen / repetition_penalty, seen * repetition_penalty)
        logits = logits.scatter(1, written, seen)
    logits = (logits - logits.amax(-1, keepdim=True)) / max(temperature, 1e-9)  # shifted: no overflow
    if top_k is not None and top_k < logits.shape[-1]:
        least = logits.topk(top_k).values[:, -1:]
        logits = logits.masked_fill(logits < least, -torch.inf)
    if min_p is not None:
        probability = logits.softmax(-1)
        logits = logits.masked_fill(probability < min_p * probability.amax(-1, keepdim=True), -torch.inf)
    if top_p is not None and top_p < 1:
        ordered, order = logits.sort(descending=True)
        before = ordered.softmax(-1).cumsum(-1) - ordered.softmax(-1)
        ordered = ordered.masked_fill(before >= top_p, -torch.inf)
        logits = logits.scatter(1, order, ordered)
    return logits


def draw(logits: Float[Tensor, "batch vocabulary"], generator: torch.Generator) -> Int[Tensor, " batch"]:
    """One token of each row's distribution."""
    return torch.multinomial(logits.softmax(-1), 1, generator=generator)[:, 0]

"""Batched decoding of whole sequences from a next-token model: beam search and sampling.

The model is two functions: `next_logits(tokens)` maps the last token of every row to logits of the next one, and
`keep(rows)` selects rows of the model's cache.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genlab.layers.sampling import draw

NextLogits = Callable[[Int[Tensor, " rows"]], Float[Tensor, "rows vocabulary"]]
Keep = Callable[[Int[Tensor, " kept"]], None]


class Hypothesis(NamedTuple):
    """A decoded sequence."""

    tokens: list[int]
    """Tokens without the end token."""
    score: float
    """Log-probability in nats, divided by the length penalty."""


def length_penalty(length: int, alpha: float) -> float:
    """Divisor of the log-probability of `length` tokens (Wu et al. 2016, arXiv 1609.08144, eq. 14)."""
    return ((5 + length) / 6) ** alpha


@torch.inference_mode()
def beam_search(
    next_logits: NextLogits,
    keep: Keep,
    limits: Int[Tensor, " batch"],
    end: int,
    beam: int = 1,
    alpha: float = 0.0,
    count: int = 1,
) -> list[list[Hypothesis]]:
    """Beam search; greedy decoding with `beam` 1.

    An element of the batch is done, and its rows are dropped, when `count` of its hypotheses have ended and no open one
    scores better than the worst of these. Stopping as soon as `beam` hypotheses have ended would be wrong: if the
    model is nearly certain, all alternatives are about equally improbable, and ending too early is one of them.

    Args:
        next_logits: The model, with one row in its cache for each element of the batch.
        keep: Rearranges the cache.
        limits: Maximum number of tokens of each sequence, including the end token.
        end: Token that begins and ends every sequence.
        beam: Number of open hypotheses.
        alpha: Exponent of the length penalty.
        count: Number of hypotheses to return, at most `beam`.

    Returns:
        Up to `count` hypotheses for each element of the batch, best first.
    """
    batch, device = len(limits), limits.device
    found: list[list[Hypothesis]] = [[] for _ in range(batch)]
    which = torch.arange(batch, device=device)  # elements of the batch that are not done
    tokens = torch.full((batch, 1, 1), end, device=device)  # (elements, open hypotheses, time)
    scores = torch.zeros(batch, 1, device=device)
    best = torch.full((batch, count), -torch.inf, device=device)  # scores of ended hypotheses
    texts = torch.full((batch, count, int(limits.max()) + 1), end, device=device)
    for length in range(1, int(limits.max()) + 1):
        open_ = scores.shape[1]
        logits = next_logits(tokens[:, :, -1].flatten()).float()
        total = scores[:, :, None] + logits.log_softmax(-1).unflatten(0, (-1, open_))
        last = limits == length
        if last.any():
            ending = total[:, :, end].clone()
            total[last] = -torch.inf
            total[:, :, end] = ending
        values, places = total.flatten(1).topk(min(2 * beam, total[0].numel()))
        origins, chosen = places // logits.shape[-1], places % logits.shape[-1]
        longer = torch.cat((tokens.take_along_dim(origins[:, :, None], 1), chosen[:, :, None]), 2)

        ended: Bool[Tensor, "sequences candidates"] = chosen == end
        ranked = torch.arange(values.shape[1], device=device) < beam  # only candidates within the beam may end
        fresh = (values / length_penalty(length, alpha)).masked_fill(~(ended & ranked), -torch.inf)
        best, order = torch.cat((best, fresh), 1).topk(count)
        padded = torch.nn.functional.pad(longer, (0, texts.shape[2] - longer.shape[2]), value=end)
        texts = torch.cat((texts, padded), 1).take_along_dim(order[:, :, None], 1)

        scores, order = values.masked_fill(ended, -torch.inf).topk(min(beam, values.shape[1]))
        tokens = longer.take_along_dim(order[:, :, None], 1)
        first = open_ * torch.arange(len(which), device=device)[:, None]
        rows = first + origins.take_along_dim(order, 1)
        done = last | (scores[:, 0] / length_penalty(length, alpha) <= best[:, -1])
        if done.any():
            for index in done.nonzero()[:, 0].tolist():
                found[which[index]] = _hypotheses(texts[index], best[index], end)
            left = ~done
            which, limits, tokens, scores = which[left], limits[left], tokens[left], scores[left]
            best, texts, rows = best[left], texts[left], rows[left]
            if not len(which):
                break
        if beam > 1 or done.any():
            keep(rows.flatten())
    return found


def _hypotheses(texts: Int[Tensor, "found time"], scores: Float[Tensor, " found"], end: int) -> list[Hypothesis]:
    """The hypotheses that have ended, without end tokens."""
    ended = [(row[1:], score) for row, score in zip(texts.tolist(), scores.tolist(), strict=True) if score > -torch.inf]
    return [Hypothesis(row[: row.index(end)], score) for row, score in ended]


@torch.inference_mode()
def draw_sequences(
    next_logits: NextLogits,
    keep: Keep,
    limits: Int[Tensor, " batch"],
    end: int,
    count: int,
    shape: Callable[[Float[Tensor, "rows vocabulary"]], Float[Tensor, "rows vocabulary"]],
    generator: torch.Generator,
) -> list[list[Hypothesis]]:
    """Samples `count` sequences for each element of the batch.

    Args:
        next_logits: The model, with one row in its cache for each element of the batch.
        keep: Rearranges the cache.
        limits: Maximum number of tokens of each sequence, including the end token.
        end: Token that begins and ends every sequence.
        count: Number of sequences for each element.
        shape: Turns logits into those of the distribution to sample from.
        generator: Random state.
    """
    device = limits.device
    which = torch.arange(len(limits), device=device).repeat_interleave(count)
    keep(which)
    limits = limits[which]
    drawn: list[Hypothesis] = [Hypothesis([], 0.0)] * len(which)
    rows = torch.arange(len(which), device=device)
    tokens = torch.full((len(which), 1), end, device=device)
    scores = torch.zeros(len(which), device=device)
    for length in range(1, int(limits.max()) + 1):
        logits = next_logits(tokens[:, -1]).float()
        token = torch.where(limits == length, end, draw(shape(logits), generator))
        scores = scores + logits.log_softmax(-1).gather(1, token[:, None])[:, 0]
        tokens = torch.cat((tokens, token[:, None]), 1)
        done = token == end
        if done.any():
            for index in done.nonzero()[:, 0].tolist():
                drawn[rows[index]] = Hypothesis(tokens[index, 1:-1].tolist(), scores[index].item())
            left = ~done
            rows, limits, tokens, scores = rows[left], limits[left], tokens[left], scores[left]
            if not len(rows):
                break
            keep(left.nonzero()[:, 0])
    return [drawn[start : start + count] for start in range(0, len(drawn), count)]

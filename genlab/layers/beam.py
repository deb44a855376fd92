"""Decoding: from a model of the next token to whole sequences, for a batch of sequences at a time.

What the model is stays outside: `next_logits(tokens)` takes the newest token of every row and gives logits of the
one after it, and `keep(rows)` tells it with which rows of its memory to go on, in which order.
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
    """One sequence that was found."""

    tokens: list[int]
    """Without the end mark."""
    score: float
    """Its log-probability in nats, divided by the length penalty."""


def length_penalty(length: int, alpha: float) -> float:
    """What the log-probability of so many tokens is divided by (Wu et al. 2016, arXiv 1609.08144, eq. 14)."""
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
    """The likeliest sequences that were found by following `beam` of them at a time; with 1, greedy decoding.

    A sequence of the batch is done when `count` of its hypotheses have ended and none that is followed is better, by
    its probability so far, than the last of these; its rows are then dropped. (To stop as soon as `beam` have ended
    is a trap: where the model is nearly sure, all else is about equally unlikely, ending too early included.)

    Args:
        next_logits: The model, whose memory has one row for each sequence of the batch.
        keep: Rearranges that memory.
        limits: Most tokens of each sequence, the end mark included.
        end: The mark that begins and ends every sequence.
        beam: How many hypotheses are followed.
        alpha: Exponent of the length penalty.
        count: How many are wanted, at most `beam`.

    Returns:
        For each sequence at most `count` hypotheses, the best first.
    """
    batch, device = len(limits), limits.device
    found: list[list[Hypothesis]] = [[] for _ in range(batch)]
    which = torch.arange(batch, device=device)  # the sequences that are not done
    tokens = torch.full((batch, 1, 1), end, device=device)  # (sequences, followed, time)
    scores = torch.zeros(batch, 1, device=device)
    best = torch.full((batch, count), -torch.inf, device=device)  # of the hypotheses that have ended
    texts = torch.full((batch, count, int(limits.max()) + 1), end, device=device)
    for length in range(1, int(limits.max()) + 1):
        followed = scores.shape[1]
        logits = next_logits(tokens[:, :, -1].flatten()).float()
        total = scores[:, :, None] + logits.log_softmax(-1).unflatten(0, (-1, followed))
        last = limits == length
        if last.any():
            ending = total[:, :, end].clone()
            total[last] = -torch.inf
            total[:, :, end] = ending
        values, places = total.flatten(1).topk(min(2 * beam, total[0].numel()))
        origins, chosen = places // logits.shape[-1], places % logits.shape[-1]
        longer = torch.cat((tokens.take_along_dim(origins[:, :, None], 1), chosen[:, :, None]), 2)

        ended: Bool[Tensor, "sequences candidates"] = chosen == end
        ranked = torch.arange(values.shape[1], device=device) < beam  # what is likelier than enough others
        fresh = (values / length_penalty(length, alpha)).masked_fill(~(ended & ranked), -torch.inf)
        best, order = torch.cat((best, fresh), 1).topk(count)
        padded = torch.nn.functional.pad(longer, (0, texts.shape[2] - longer.shape[2]), value=end)
        texts = torch.cat((texts, padded), 1).take_along_dim(order[:, :, None], 1)

        scores, order = values.masked_fill(ended, -torch.inf).topk(min(beam, values.shape[1]))
        tokens = longer.take_along_dim(order[:, :, None], 1)
        first = followed * torch.arange(len(which), device=device)[:, None]
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
    """Those that have ended, without their marks."""
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
    """`count` sequences for each of the batch, drawn token by token.

    Args:
        next_logits: The model, whose memory has one row for each sequence of the batch.
        keep: Rearranges that memory.
        limits: Most tokens of each sequence, the end mark included.
        end: The mark that begins and ends every sequence.
        count: How many to draw for each.
        shape: Gives the logits of the distribution to draw from.
        generator: Where chance comes from.
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

"""Writes music in voices with a `Chorale`, step by step; whatever is given stays."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from genlab.models.chorale import Chorale, Places
from genlab.models.chorale_steps import (
    HOLD,
    NOTE,
    REST,
    Codes,
    Matches,
    Past,
    Struck,
    age_class,
    labels_of,
    motion,
    past_of,
    sounding,
)
from genlab.models.chorale_voice import State

Choose = Callable[[Float[Tensor, "batch labels"], int], Int[Tensor, " batch"]]
"""Draws an index from the logits of each row; the int is the number of first indices that keep their probabilities."""


class Given(NamedTuple):
    """What is given of the pieces to write."""

    codes: Codes
    struck: Struck
    known: Bool[Tensor, "batch steps voices"]
    """Whether each is given; elsewhere, codes and struck are 0."""


class Written(NamedTuple):
    """Pieces in voices."""

    codes: Codes
    struck: Struck
    lengths: Int[Tensor, " batch"]
    """Number of steps of each piece; what follows is arbitrary."""


class Decoding(NamedTuple):
    """How to draw what is written."""

    allowed: Bool[Tensor, "voices labels"]
    """The labels that each voice may have."""
    parallel_scale: float
    """Scale of the logits of parallel motion. Above 1, one mistake is less likely to cause the next: training pieces
    hardly show how to recover from one."""


def write_chorales(
    network: Chorale, places: Places, given: Given, choose: Choose, least: int | None, decoding: Decoding
) -> Written:
    """Writes what is not given, from the first step to the last.

    Args:
        network: The network, in evaluation mode.
        places: The place of each step in its bar, and the length of the bar; as many steps as a piece can have.
        given: What is given.
        choose: Draws labels, and whether a piece has ended.
        least: Number of steps after which a piece may end; None if it may not end before the last step.
        decoding: How to draw what is written.
    """
    codes, struck = given.codes.clone(), given.struck.clone()
    batch, steps, _ = codes.shape
    known = given.known.all(0).tolist()  # one transfer from the device instead of one per voice
    unknown = [step for step, voices in enumerate(known) if not all(voices)]
    if not unknown:
        return Written(codes, struck, torch.full((batch,), steps, device=codes.device))
    prefix = unknown[0]
    cache = network.new_cache(steps)
    matches = Matches(codes)
    past = past_of(codes[:, :prefix], struck[:, :prefix], matches)
    state = State(*(each[:, -1:] for each in network.read(past, places[:, : prefix + 1], cache)))
    past = Past(*(each[:, -1:] for each in past))
    since = _since(struck[:, :prefix])
    lengths = torch.full((batch,), steps, device=codes.device)
    for step in range(prefix, unknown[-1] + 1):
        here = slice(step, step + 1)
        if step > prefix:
            last = slice(step - 1, step)
            motions = motion(codes[:, last], past.old, struck[:, last])
            found = matches.after(motions[:, 0], struck[:, step - 1])
            recalled, matched = (each[:, None] for each in found)
            first = torch.zeros_like(past.first)
            sounded = past.sounded + sounding(codes[:, last])
            past = Past(
                codes[:, last], past.old, age_class(since)[:, None], first, recalled, matched, past.steps + 1, sounded
            )
            state = network.read(past, places[:, here], cache)
        if least is not None and step >= max(1, least):
            ending = network.ending(state, past)
            ended = choose(torch.cat((torch.zeros_like(ending), ending), 1), 1) == 1
            lengths = torch.where(ended & (lengths == steps), step, lengths)
            if bool((lengths < steps).all()):
                break
        for voice in (voice for voice, given_everywhere in enumerate(known[step]) if not given_everywhere):
            # A voice holds and rests as often as predicted: without its unlikely moves, the rhythm would be too slow.
            logits = network.write(voice, state, past, codes[:, here], struck[:, here], decoding.parallel_scale)[:, 0]
            label = choose(logits.masked_fill(~decoding.allowed[voice], -torch.inf), NOTE)
            code = torch.where(label == HOLD, past.old[:, 0, voice], label - REST)
            free = ~given.known[:, step, voice]
            codes[:, step, voice] = torch.where(free, code, codes[:, step, voice])
            struck[:, step, voice] = torch.where(free, label != HOLD, struck[:, step, voice])
        since = torch.where(struck[:, step], 0, since + 1)
    return Written(codes, struck, lengths)


def log_likelihood(network: Chorale, places: Places, codes: Codes, struck: Struck) -> Float[Tensor, "batch steps"]:
    """Log probability of each step of whole pieces, in nats, given the steps before it.

    Args:
        network: The network, in evaluation mode.
        places: The place of each step in its bar, and the length of the bar.
        codes: The voices' codes.
        struck: Whether each begins there.
    """
    past = Past(*(each[:, :-1] for each in past_of(codes, struck)))
    logits, _ = network(past, places, codes, struck)
    labels = labels_of(codes, struck)
    return logits.float().log_softmax(-1).gather(-1, labels[..., None])[..., 0].sum(-1)


def _since(struck: Struck) -> Int[Tensor, "batch voices"]:
    """Number of steps since each voice was struck, after the last step."""
    batch, steps, voices = struck.shape
    if not steps:
        return torch.zeros(batch, voices, dtype=torch.long, device=struck.device)
    return struck.flip(1).long().argmax(1)

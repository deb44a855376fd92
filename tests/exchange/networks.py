"""Small networks whose weights all differ."""

from collections.abc import Iterator
from contextlib import contextmanager

import jaxtyping
import torch
from torch import nn

from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2, GPT2Shape

CONTEXT = 96


def shaken(network: GPT | GPT2) -> GPT | GPT2:
    """Gives all weights random values, including norms and biases, so that logits are a few units large."""
    torch.manual_seed(0)
    for name, weight in network.named_parameters():
        if weight.ndim == 1:
            nn.init.normal_(weight, 1.0 if name.endswith("norm.weight") else 0.0, 0.3)
        else:
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return network.eval()


def grouped(vocabulary: int, depth: int = 2) -> GPT | GPT2:
    """A network with shared key heads wider than width / heads, a tied head and another rotary base."""
    shape = GPTShape(
        vocabulary, CONTEXT, depth, 32, 4, 2, 64, tied=True, dropout=0.1, rotary_base=1000.0, head_width=12
    )
    return shaken(GPT(shape))


def plain(vocabulary: int, depth: int = 2) -> GPT | GPT2:
    """A network with as many key heads as query heads and an untied head."""
    return shaken(GPT(GPTShape(vocabulary, CONTEXT, depth, 32, 4, 4, 96)))


def gpt2(vocabulary: int, depth: int = 2) -> GPT | GPT2:
    return shaken(GPT2(GPT2Shape(vocabulary, CONTEXT, depth, 32, 4, 96)))


EVERY = {"grouped": grouped, "plain": plain, "gpt2": gpt2}


@contextmanager
def unchecked() -> Iterator[None]:
    """Without the tests' checks of shapes, which users do not have and which could fix sizes in an exported graph."""
    jaxtyping.config.update("jaxtyping_disable", True)
    try:
        yield
    finally:
        jaxtyping.config.update("jaxtyping_disable", False)

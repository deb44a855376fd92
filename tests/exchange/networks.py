"""Small networks with weights in which nothing is alike."""

import torch
from torch import nn

from genlab.models.gpt import GPT, GPTShape
from genlab.models.gpt2 import GPT2, GPT2Shape

CONTEXT = 96


def shaken(network: GPT | GPT2) -> GPT | GPT2:
    """With random weights everywhere, norms and biases included, and logits of a few units."""
    torch.manual_seed(0)
    for name, weight in network.named_parameters():
        if weight.ndim == 1:
            nn.init.normal_(weight, 1.0 if name.endswith("norm.weight") else 0.0, 0.3)
        else:
            nn.init.normal_(weight, std=weight.shape[1] ** -0.5)
    return network.eval()


def grouped(vocabulary: int, depth: int = 2) -> GPT | GPT2:
    """Shared key heads that are wider than width / heads, a tied head, another rotary base."""
    shape = GPTShape(
        vocabulary, CONTEXT, depth, 32, 4, 2, 64, tied=True, dropout=0.1, rotary_base=1000.0, head_width=12
    )
    return shaken(GPT(shape))


def plain(vocabulary: int, depth: int = 2) -> GPT | GPT2:
    """As many key heads as query heads, a head of its own."""
    return shaken(GPT(GPTShape(vocabulary, CONTEXT, depth, 32, 4, 4, 96)))


def gpt2(vocabulary: int, depth: int = 2) -> GPT | GPT2:
    return shaken(GPT2(GPT2Shape(vocabulary, CONTEXT, depth, 32, 4, 96)))


EVERY = {"grouped": grouped, "plain": plain, "gpt2": gpt2}

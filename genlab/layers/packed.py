"""Linear layers laid out for reading: the copy of a network that writes token by token.

A product with one row or a few reads every weight once, so memory sets its pace. oneDNN reads weights that it has laid
out in blocks faster than rows that lie one behind the other; weights of 16 bits are half the bytes, of 8 a quarter.
Products of the same input are one call.

With 16 bits weights are rounded to float16, inputs stay in 32. With 8 bits every row of a matrix has its own scale, the
largest absolute weight over 127, and zero stays zero; inputs are rounded to 7 bits between their least and largest
number, afresh in each call. Both are products of FBGEMM (Khudia et al. 2021, arXiv 2101.05615) as torch calls it.
"""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.ao.nn.quantized.dynamic import Linear as QuantizedLinear

Weights = Literal["32", "16", "int8"]
Network = TypeVar("Network", bound=nn.Module)
Product = Callable[[Float[Tensor, "*batch width"]], Float[Tensor, "*batch out"]]

LEAST = 1 << 19
"""Numbers of a matrix from which on packing pays: smaller ones stay in the processor's caches."""
ROWS = 16
"""Rows that blocks of 32-bit weights are laid out for. Without AVX-512 more rows are multiplied as they always were,
which is faster there; with it the blocks stay faster (docs/log.md)."""


def apply_fused(x: Float[Tensor, "*batch width"], *layers: nn.Module) -> Sequence[Float[Tensor, "*batch _"]]:
    """What each of `layers` makes of `x`: in one call where they were packed as one.

    A module whose layers read the same input says so to `pack` in a class attribute `fused`: tuples of their names.
    """
    first = layers[0]
    if isinstance(first, Part) and len(layers) == len(first.whole.layers):
        return first.whole.outputs(x)
    return [layer(x) for layer in layers]


def pack(network: Network, weights: Weights) -> Network:
    """A copy for reading only, in evaluation mode, whose large linear layers are packed; all else is shared.

    Packed weights are a copy of their own: what the network learns afterwards does not reach them.
    """
    memo: dict[int, Any] = {id(kept): kept for kept in (*network.parameters(), *network.buffers())}
    packed = copy.deepcopy(network, memo).eval()
    for parent in packed.modules():
        for names in getattr(parent, "fused", ()):
            layers = [getattr(parent, name) for name in names]
            if _large(*layers):
                whole = PackedLinear(layers, weights)
                for index, name in enumerate(names):
                    setattr(parent, name, Part(whole, index))
        for name, child in parent.named_children():
            if isinstance(child, nn.Linear) and _large(child):
                setattr(parent, name, Part(PackedLinear([child], weights), 0))
    return packed


def _large(*layers: nn.Module) -> bool:
    linear = [layer for layer in layers if type(layer) is nn.Linear]
    return len(linear) == len(layers) and sum(layer.weight.numel() for layer in linear) >= LEAST


class PackedLinear:
    """Linear layers of the same input as one product."""

    def __init__(self, layers: Sequence[nn.Linear], weights: Weights) -> None:
        self.layers = layers
        self.widths = [layer.out_features for layer in layers]
        few = weights == "32" and torch.backends.cpu.get_cpu_capability() != "AVX512"
        self.numbers = ROWS * layers[0].in_features if few else math.inf
        weight = torch.cat([layer.weight.detach() for layer in layers])
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        assert len(biases) in (0, len(layers)), "of layers that are packed together all have a bias, or none"
        bias = torch.cat(biases) if biases else None
        self.product = in_blocks(weight, bias) if weights == "32" else rounded(weight, bias, weights)

    def outputs(self, x: Float[Tensor, "*batch width"]) -> Sequence[Float[Tensor, "*batch _"]]:
        """What each of the layers makes of `x`."""
        if x.numel() > self.numbers:
            return [layer(x) for layer in self.layers]
        found = self.product(x)
        return [found] if len(self.widths) == 1 else found.split(self.widths, -1)


class Part(nn.Module):
    """One of the layers that were packed together."""

    def __init__(self, whole: PackedLinear, index: int) -> None:
        super().__init__()
        self.whole, self.index = whole, index

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch _"]:
        return self.whole.outputs(x)[self.index]


def in_blocks(weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None) -> Product:
    """x · weightᵀ + bias from weights in blocks."""
    blocks = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
    multiply = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: multiply(x, blocks, bias, "none", [], "")


def rounded(weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None, weights: Weights) -> Product:
    """The same from weights of 16 or 8 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch means to move its quantised tensors elsewhere
        dtype = torch.float16 if weights == "16" else torch.qint8
        layer = QuantizedLinear(weight.shape[1], weight.shape[0], bias is not None, dtype)
        if weights == "int8":
            scale = weight.abs().amax(1).clamp(min=1e-12).double() / 127
            weight = torch.quantize_per_channel(weight, scale, torch.zeros(len(scale), dtype=torch.long), 0, dtype)
        layer.set_weight_bias(weight, bias)
        # A call from Python looks for attributes that the packed weights lack, which costs more than the product.
        return torch.jit.script(layer).forward

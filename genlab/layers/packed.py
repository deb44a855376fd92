"""Linear layers packed for inference: fast token-by-token decoding on CPUs.

A matrix product with one or a few rows reads every weight once, so memory bandwidth limits it. oneDNN reads weights
stored in blocks faster than row by row; 16-bit weights take half the bytes, 8-bit weights a quarter. Layers with the
same input are fused into one product.

16 bits: weights are rounded to float16, inputs stay float32. 8 bits: each row of a matrix has a scale, its largest
absolute weight over 127, and no zero point; inputs are quantised to 7 bits between their minimum and maximum in each
call (dynamic quantisation). Both use FBGEMM (Khudia et al. 2021, arXiv 2101.05615) through torch.
"""

import copy
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Literal, Protocol, TypeVar, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.ao.nn.quantized.dynamic import Linear as QuantizedLinear

Weights = Literal["32", "16", "int8"]
Network = TypeVar("Network", bound=nn.Module)
Product = Callable[[Float[Tensor, "*batch width"]], Float[Tensor, "*batch out"]]

MIN_WEIGHTS = 1 << 19
"""Smallest matrix to pack: smaller ones stay in the CPU's caches."""
ROWS = 16
"""Number of rows that the blocks of 32-bit weights are laid out for. With more rows the plain product is faster, except
on CPUs with AVX-512 (docs/log.md)."""


@runtime_checkable
class Fusing(Protocol):
    """A module with layers that have the same input."""

    fused: ClassVar[tuple[tuple[str, ...], ...]]
    """The names of layers that have the same input, together."""


def apply_fused(x: Float[Tensor, "*batch width"], *layers: nn.Module) -> Sequence[Float[Tensor, "*batch _"]]:
    """Applies each of `layers` to `x`, in one product if `pack` fused them.

    A module declares layers that have the same input in a class attribute `fused`: tuples of their names.
    """
    first = layers[0]
    if isinstance(first, Part) and len(layers) == len(first.whole.layers):
        return first.whole.outputs(x)
    return [layer(x) for layer in layers]


def pack(network: Network, weights: Weights) -> Network:
    """Returns a copy for inference whose large linear layers are packed; all other weights are shared.

    Packed weights are copied: they do not follow later training of `network`.
    """
    memo: dict[int, Any] = {id(kept): kept for kept in (*network.parameters(), *network.buffers())}
    packed = copy.deepcopy(network, memo).eval()
    for parent in packed.modules():
        for names in parent.fused if isinstance(parent, Fusing) else ():
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
    return len(linear) == len(layers) and sum(layer.weight.numel() for layer in linear) >= MIN_WEIGHTS


class PackedLinear:
    """Linear layers with the same input, as one product."""

    def __init__(self, layers: Sequence[nn.Linear], weights: Weights) -> None:
        self.layers = layers
        self.widths = [layer.out_features for layer in layers]
        few = weights == "32" and torch.backends.cpu.get_cpu_capability() != "AVX512"
        self.max_inputs = ROWS * layers[0].in_features if few else math.inf
        weight = torch.cat([layer.weight.detach() for layer in layers])
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        assert len(biases) in (0, len(layers)), "either all fused layers have a bias, or none"
        bias = torch.cat(biases) if biases else None
        self.product = blocked(weight, bias) if weights == "32" else quantised(weight, bias, weights)

    def outputs(self, x: Float[Tensor, "*batch width"]) -> Sequence[Float[Tensor, "*batch _"]]:
        """Returns the output of each layer."""
        if x.numel() > self.max_inputs:
            return [layer(x) for layer in self.layers]
        joint = self.product(x)
        return [joint] if len(self.widths) == 1 else joint.split(self.widths, -1)


class Part(nn.Module):
    """One of the layers in a `PackedLinear`."""

    def __init__(self, whole: PackedLinear, index: int) -> None:
        super().__init__()
        self.whole, self.index = whole, index

    def forward(self, x: Float[Tensor, "*batch width"]) -> Float[Tensor, "*batch _"]:
        return self.whole.outputs(x)[self.index]


def blocked(weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None) -> Product:
    """Returns x -> x · weightᵀ + bias with weights stored in blocks."""
    blocks = torch.ops.mkldnn._reorder_linear_weight(weight, ROWS)
    multiply = torch.ops.mkldnn._linear_pointwise.default
    return lambda x: multiply(x, blocks, bias, "none", [], "")


def quantised(weight: Float[Tensor, "out width"], bias: Float[Tensor, " out"] | None, weights: Weights) -> Product:
    """Returns x -> x · weightᵀ + bias with weights of 16 or 8 bits."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch announces that quantised tensors will move
        dtype = torch.float16 if weights == "16" else torch.qint8
        layer = QuantizedLinear(weight.shape[1], weight.shape[0], bias is not None, dtype)
        if weights == "int8":
            scale = weight.abs().amax(1).clamp(min=1e-12).double() / 127
            weight = torch.quantize_per_channel(weight, scale, torch.zeros(len(scale), dtype=torch.long), 0, dtype)
        layer.set_weight_bias(weight, bias)
        # Calling the layer from Python costs more than the product: it looks up attributes that packed weights lack.
        return torch.jit.script(layer).forward

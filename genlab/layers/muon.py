"""Muon, fast on CPUs.

Jordan et al. (2024), "Muon: An optimizer for hidden layers in neural networks". Four changes to `torch.optim.Muon`:
orthogonalisation runs in float32 on processors without bfloat16 units, where bfloat16 is forty times slower
(benchmarks/muon.py); matrices of the same shape are orthogonalised in one batch; `ns_coefficients` may differ between
iterations; and it trains convolutions, whose weight it takes for a matrix with a row per output channel.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator

import torch
from jaxtyping import Float
from torch import Tensor, nn

Coefficients = tuple[float, float, float]
"""Coefficients of x, x³ and x⁵ in one iteration on the singular values."""

POLAR_EXPRESS: tuple[Coefficients, ...] = (
    (8.093369, -23.620432, 17.446153),
    (3.636586, -2.721927, 0.536547),
    (2.661300, -1.977155, 0.452616),
)
"""Three iterations, slightly more accurate than five of torch's. Each is the polynomial closest to one over the range
that the previous iteration leaves, starting from singular values between 0.01 and 1 (Amsel et al. 2025, "The Polar
Express", arXiv 2505.16932, algorithm 1); found by linear programming. Smaller singular values, mostly noise, grow
eightyfold."""


JORDAN: Coefficients = (3.4445, -4.775, 2.0315)
"""Coefficients of Jordan et al., for five equal iterations."""


class Muon(torch.optim.Optimizer):
    """The arguments, state and update rule of `torch.optim.Muon`, in a number format that is fast here.

    Args:
        params: Weights of at least two dimensions; all but the first count as columns.
        lr: Learning rate.
        weight_decay: Decoupled weight decay.
        momentum: Share of the previous gradients in their average.
        nesterov: Whether the update looks one gradient ahead of the average.
        ns_coefficients: Coefficients of all iterations, or a tuple with those of each.
        eps: Smallest norm to divide by.
        ns_steps: Number of iterations, if all share their coefficients.
        adjust_lr_fn: `original` multiplies the learning rate of tall matrices by sqrt(rows / columns);
            `match_rms_adamw` gives each update the usual size of one of AdamW, so that both can share a learning rate
            (Liu et al. 2025, "Muon is Scalable for LLM Training", arXiv 2502.16982, eq. 4).
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: Coefficients | tuple[Coefficients, ...] = JORDAN,
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str = "original",
    ) -> None:
        rule = {"momentum": momentum, "nesterov": nesterov, "adjust_lr_fn": adjust_lr_fn}
        iteration = {"ns_coefficients": ns_coefficients, "ns_steps": ns_steps, "eps": eps}
        options: dict[str, object] = {"lr": lr, "weight_decay": weight_decay, **rule, **iteration}
        super().__init__(params, options)

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """One update: momentum, orthogonalisation, decoupled weight decay."""
        for group in self.param_groups:
            updates: dict[tuple, list[tuple[Tensor, Tensor]]] = defaultdict(list)
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state = self.state[weight]
                if not state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                momentum = state["momentum_buffer"].lerp_(weight.grad, 1 - group["momentum"])
                update = weight.grad.lerp(momentum, group["momentum"]) if group["nesterov"] else momentum
                updates[tuple(weight.flatten(1).shape)].append((weight, update))
            for (rows, columns), pairs in updates.items():
                stack = torch.stack([update.flatten(1) for _, update in pairs])
                stack = stack.to(fast_dtype(stack.device))
                stack = orthogonalise(stack, group["ns_coefficients"], group["ns_steps"], group["eps"])
                ratio = max(1, rows / columns) ** 0.5
                if group["adjust_lr_fn"] == "match_rms_adamw":
                    ratio = 0.2 * max(rows, columns) ** 0.5
                for (weight, _), direction in zip(pairs, stack, strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(direction.view(weight.shape), alpha=-group["lr"] * ratio)


def hidden_matrices(network: nn.Module) -> Iterator[Tensor]:
    """The matrices that Muon trains: those of all linear layers except the last, the head."""
    linear = [module for module in network.modules() if isinstance(module, nn.Linear)]
    for layer in linear[:-1]:
        if layer.weight.requires_grad:
            yield layer.weight


def divided(network: nn.Module, matrices: Iterable[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
    """The matrices that Muon trains, and the other weights of the network that are trained, for AdamW."""
    chosen = list(matrices)
    known = {id(weight) for weight in chosen}
    return chosen, [weight for weight in network.parameters() if weight.requires_grad and id(weight) not in known]


def muon_and_adam(
    network: nn.Module, matrices: Iterable[Tensor], rate: float, decay: float, adam_rate: float, adam_decay: float = 0.0
) -> list[torch.optim.Optimizer]:
    """The optimisers of a network of tokens: Muon, with fast momentum, and AdamW; without weights for one, the other.

    Args:
        network: The network.
        matrices: Those of its weights that Muon trains; a custom network may have none.
        rate: Learning rate of Muon.
        decay: Weight decay of Muon.
        adam_rate: Learning rate of AdamW, which trains the other weights.
        adam_decay: Weight decay of AdamW.
    """
    chosen, others = divided(network, matrices)
    found: list[torch.optim.Optimizer] = []
    if chosen:
        found.append(Muon(chosen, rate, decay, momentum=0.9, ns_coefficients=POLAR_EXPRESS))
    if others:
        found.append(torch.optim.AdamW(others, adam_rate, betas=(0.9, 0.95), weight_decay=adam_decay, fused=True))
    return found


def fast_dtype(device: torch.device) -> torch.dtype:
    """bfloat16 if the device has units for it, else float32."""
    able = torch.cpu.get_capabilities() if device.type == "cpu" else {"avx512_bf16": True}
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32


def orthogonalise(
    matrices: Float[Tensor, "batch rows columns"],
    coefficients: Coefficients | tuple[Coefficients, ...],
    steps: int,
    epsilon: float,
) -> Float[Tensor, "batch rows columns"]:
    """Orthogonalises matrices: quintic Newton-Schulz iterations bring all singular values near one.

    Args:
        matrices: Matrices of one shape.
        coefficients: Coefficients of all iterations, or a tuple with those of each.
        steps: Number of iterations, if all share their coefficients.
        epsilon: Smallest norm to divide by.
    """
    each = coefficients if isinstance(coefficients[0], tuple) else (coefficients,) * steps
    wide = matrices.shape[1] <= matrices.shape[2]
    x = matrices if wide else matrices.mT
    x = x / x.norm(dim=(1, 2), keepdim=True).clamp(min=epsilon)
    for a, b, c in each:
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return x if wide else x.mT

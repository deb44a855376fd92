"""Our Muon compared with torch's on the matrices of the laptop GPT: milliseconds per update, and the difference.

python benchmarks/muon.py
"""

import statistics
import time

import torch

from genlab.layers.muon import Muon

SHAPES = 4 * ([(128, 128)] * 4 + [(344, 128)] * 2 + [(128, 344)])


def main() -> None:
    torch.manual_seed(0)
    weights = [torch.randn(shape) for shape in SHAPES]
    gradients = [torch.randn(shape) for shape in SHAPES]
    copies, times = {}, {}
    for name, kind in (("genlab", Muon), ("torch", torch.optim.Muon)):
        copies[name] = [weight.clone().requires_grad_() for weight in weights]
        optimizer = kind(copies[name], lr=0.02, weight_decay=0.0)
        for weight, gradient in zip(copies[name], gradients, strict=True):
            weight.grad = gradient.clone()
        times[name] = []
        for _ in range(10):
            start = time.perf_counter()
            optimizer.step()
            times[name].append(1000 * (time.perf_counter() - start))
    ours, theirs = (statistics.median(times[name]) for name in ("genlab", "torch"))
    moved = sum((a - b).norm() for a, b in zip(copies["torch"], weights, strict=True))
    apart = sum((a - b).norm() for a, b in zip(copies["torch"], copies["genlab"], strict=True))
    print(f"genlab {ours:.1f} ms, torch {theirs:.1f} ms: {theirs / ours:.1f} times as fast")
    print(f"after ten updates {apart / moved:.2%} of the way apart (bfloat16 rounding)")


if __name__ == "__main__":
    main()

"""Metrics of generated pictures, computed from the features of a network.

Values are comparable only for the same network and number of samples; the noise floor of a metric is its value between
two halves of the real pictures.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

Real = Float[Tensor, "real features"]
Generated = Float[Tensor, "generated features"]

ROWS = 1024
"""Number of samples whose distances to all others are computed at once."""
BLOCK = 1000
"""Largest number of real and of generated samples per block of the kernel distance."""
CLOSE = 0.05
"""Fraction of held-out real samples that count as close to a training sample."""
SURE = 3.0
"""Number of standard errors above zero at which a fraction of copies is significant."""


def frechet_distance(real: Real, generated: Generated) -> float:
    """Fréchet distance of two Gaussians with the samples' means and covariances.

    |m1 - m2|² + trace(C1 + C2 - 2 (C1 C2)^½) (Heusel et al. 2017, arXiv 1706.08500, eq. 6). The trace of the square
    root is the sum of the singular values of A Bᵀ, where C1 = AᵀA and C2 = BᵀB, for covariances of any rank.

    Returns:
        The distance, in squared units of the features; 0 for equal means and covariances. It is biased upwards for
        small samples.
    """
    (mean1, root1), (mean2, root2) = _gaussian(real), _gaussian(generated)
    trace = torch.linalg.svdvals(root1 @ root2.T).sum()
    return ((mean1 - mean2).square().sum() + root1.square().sum() + root2.square().sum() - 2 * trace).item()


def kernel_distance(real: Real, generated: Generated) -> float:
    """Unbiased squared maximum mean discrepancy with the kernel (x·y / features + 1)³.

    Bińkowski et al. (2018), arXiv 1801.01401, section 4. More than 1,000 samples are split into blocks, whose distances
    are averaged.

    Returns:
        The distance; its mean is 0 for equal distributions, for any number of samples, and single values may be
        negative.
    """
    blocks = min(-(-max(len(real), len(generated)) // BLOCK), len(real) // 2, len(generated) // 2)
    assert blocks > 0
    distances = [_discrepancy(real[block::blocks], generated[block::blocks]) for block in range(blocks)]
    return sum(distances) / blocks


def precision_recall(real: Real, generated: Generated, neighbours: int = 5) -> dict[str, float]:
    """Precision, recall, density and coverage, from nearest neighbours.

    Each sample has a ball with the distance to its `neighbours`-th nearest neighbour among the real (or the generated)
    samples as radius; the union of the balls estimates the support of the distribution.

    Returns:
        `precision`: share of generated samples in a real ball, `recall`: share of real samples in a generated ball
        (Kynkäänniemi et al. 2019, arXiv 1904.06991, eq. 1 and 2); `density`: mean number of real balls around a
        generated sample, divided by `neighbours`, which is robust to outliers and may exceed 1; `coverage`: share of
        real balls that contain a generated sample (Naeem et al. 2020, arXiv 2002.09797, eq. 3 and 4). Higher is better,
        up to the floor's value.
    """
    centre = real.mean(0)
    real, generated = real - centre, generated - centre
    real_radii, generated_radii = (_radii(samples, neighbours) for samples in (real, generated))
    inside = torch.zeros(len(generated), dtype=torch.long, device=real.device)  # number of real balls
    recalled = covered = 0
    for rows, radii in zip(real.split(ROWS), real_radii.split(ROWS), strict=True):
        distances = _squared_distances(rows, generated)
        within = distances <= radii[:, None]
        inside += within.sum(0)
        covered += int(within.any(1).sum())
        recalled += int((distances <= generated_radii).any(1).sum())
    return {
        "precision": (inside > 0).double().mean().item(),
        "recall": recalled / len(real),
        "density": inside.double().mean().item() / neighbours,
        "coverage": covered / len(real),
    }


def nearest(
    generated: Generated, training: Float[Tensor, "training features"]
) -> tuple[Float[Tensor, " generated"], Int[Tensor, " generated"]]:
    """Distance of each generated sample to the nearest training sample, and the index of that sample."""
    centre = training.mean(0)
    centred = training - centre
    indices = torch.cat([_squared_distances(rows - centre, centred).argmin(1) for rows in generated.split(ROWS)])
    return (generated - training[indices]).norm(dim=1), indices


def closer_share(generated_distances: Float[Tensor, " generated"], held_out_distances: Float[Tensor, " held"]) -> float:
    """Share of generated samples that are closer to a training sample than 95 % of held-out real ones.

    Returns:
        The share; 0.05 is expected for real samples. Copies raise it, and so do samples that are merely close to the
        mean: `copying` distinguishes the two.
    """
    held = len(held_out_distances)
    rank = max(CLOSE * (held + 1) - 1, 0) / max(held - 1, 1)  # unbiased for few held-out samples too
    return (generated_distances < held_out_distances.quantile(rank)).double().mean().item()


def copying(
    generated: Generated, held_out: Float[Tensor, "held features"], training: Float[Tensor, "training features"]
) -> dict[str, Any]:
    """Estimates the share of generated samples that are copies of training samples.

    For a model that does not copy, training and held-out samples are exchangeable: the nearest real sample of a
    generated one is a held-out one as often as their fraction of all real samples. Copies make that rarer, regardless
    of the quality of the samples.

    Returns:
        `closer`: see `closer_share`, and `expected`, its value for real samples; `copies`: estimated share of copies,
        about 0 without any and 1 if all are; `error`: its standard error; `verdict` in words.
    """
    distances, _ = nearest(generated, training)
    held_distances, held = nearest(generated, held_out)
    hits = torch.bincount(held[held_distances < distances], minlength=len(held_out)).double()
    expected = len(generated) * len(held_out) / (len(held_out) + len(training))
    copies = 1 - hits.sum().item() / expected
    # Hits are not independent: some held-out samples are the nearest one of many.
    error = (len(held_out) * hits.var(correction=0).item() + expected) ** 0.5 / expected
    return {
        "closer": closer_share(distances, nearest(held_out, training)[0]),
        "expected": CLOSE,
        "copies": copies,
        "error": error,
        "verdict": f"About {min(copies, 1):.0%} of the generated samples repeat training samples."
        if copies > SURE * error
        else "There is no sign that the model repeats its training samples.",
    }


def _gaussian(samples: Real) -> tuple[Float[Tensor, " features"], Float[Tensor, "rows features"]]:
    """Mean, and a matrix A with AᵀA = covariance, by QR: small singular values keep their precision."""
    assert len(samples) > 1
    samples = samples.cpu().double()
    mean = samples.mean(0)
    return mean, torch.linalg.qr(samples - mean, mode="r").R / (len(samples) - 1) ** 0.5


def _discrepancy(real: Real, generated: Generated) -> float:
    """Unbiased squared maximum mean discrepancy: no sample is compared with itself."""
    real, generated = real.cpu().double(), generated.cpu().double()
    within = 0.0
    for samples in (real, generated):
        kernel = _kernel(samples, samples)
        within += (kernel.sum() - kernel.trace()).item() / (len(samples) * (len(samples) - 1))
    return within - 2 * _kernel(real, generated).mean().item()


def _kernel(first: Real, second: Generated) -> Float[Tensor, "real generated"]:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _radii(samples: Real, neighbours: int) -> Float[Tensor, " real"]:
    """Squared distance of each sample to its `neighbours`-th nearest neighbour in the same set."""
    assert len(samples) > neighbours
    radii = []
    for start in range(0, len(samples), ROWS):
        distances = _squared_distances(samples[start : start + ROWS], samples)
        distances.diagonal(start).fill_(torch.inf)
        radii.append(distances.topk(neighbours, largest=False).values[:, -1])
    return torch.cat(radii)


def _squared_distances(first: Real, second: Generated) -> Float[Tensor, "real generated"]:
    """Squared distances by matrix products, precise enough for centred samples."""
    lengths = first.square().sum(1)[:, None] + second.square().sum(1)
    return torch.addmm(lengths, first, second.T, alpha=-2).clamp_(min=0)

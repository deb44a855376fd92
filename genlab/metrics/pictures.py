"""Measures of generated pictures, all taken between features that some network made of them.

A figure means something only beside its name, the network's and the number of samples, and beside the same figure
of two halves of the real pictures: the floor.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

Real = Float[Tensor, "real features"]
Generated = Float[Tensor, "generated features"]

ROWS = 1024
"""Samples whose distances to all others are held at once."""
BLOCK = 1000
"""Most samples of a kind that the kernel distance compares at once."""
CLOSE = 0.05
"""Part of unseen real samples that count as close to a training sample."""
SURE = 3.0
"""Standard errors beyond which a share of copies is no accident."""


def frechet_distance(real: Real, generated: Generated) -> float:
    """How far apart the two are, were both Gaussian: in mean, and in how they spread around it.

    |m1 - m2|² + trace(C1 + C2 - 2 (C1 C2)^½) (Heusel et al. 2017, arXiv 1706.08500, eq. 6), the last trace as
    the sum of the singular values of A Bᵀ, where C1 = AᵀA and C2 = BᵀB: it takes covariances of any rank.

    Returns:
        The distance, in squares of the features' unit; 0 for equal means and covariances. Fewer samples
        give greater distances.
    """
    (mean, spread), (other_mean, other_spread) = _gaussian(real), _gaussian(generated)
    apart = (mean - other_mean).square().sum()
    common = torch.linalg.svdvals(spread @ other_spread.T).sum()
    return (apart + spread.square().sum() + other_spread.square().sum() - 2 * common).item()


def kernel_distance(real: Real, generated: Generated) -> float:
    """The squared maximum mean discrepancy of the kernel (x·y / features + 1)³, unbiased.

    Bińkowski et al. (2018), arXiv 1801.01401, section 4. More than 1,000 samples are dealt out into
    blocks of at most so many, and the blocks' distances averaged.

    Returns:
        The distance, in the kernel's unit; about 0, on either side, for samples of one distribution, however few.
    """
    blocks = min(-(-max(len(real), len(generated)) // BLOCK), len(real) // 2, len(generated) // 2)
    assert blocks > 0
    distances = [_discrepancy(real[block::blocks], generated[block::blocks]) for block in range(blocks)]
    return sum(distances) / blocks


def precision_recall(real: Real, generated: Generated, neighbours: int = 5) -> dict[str, float]:
    """Whether generated samples look real, and whether all that is real is generated.

    Around each sample there is a ball as wide as the distance to its `neighbours`-th nearest neighbour of its own
    kind; together, a kind's balls are where its samples may lie.

    Returns:
        `precision`: share of generated samples in a real ball, `recall`: share of real samples in a generated ball
        (Kynkäänniemi et al. 2019, arXiv 1904.06991, eq. 1 and 2); `density`: real balls that a
        generated sample is in, over `neighbours`, which one outlier's wide ball does not lift, and may pass 1;
        `coverage`: share of real balls with a generated sample in them (Naeem et al. 2020, arXiv 2002.09797,
        eq. 3 and 4). All high is good; what they can reach, the floor shows.
    """
    centre = real.mean(0)
    real, generated = real - centre, generated - centre
    real_radii, generated_radii = (_radii(samples, neighbours) for samples in (real, generated))
    inside = torch.zeros(len(generated), dtype=torch.long, device=real.device)  # how many real balls
    recalled = covered = 0
    for rows, radii in zip(real.split(ROWS), real_radii.split(ROWS), strict=True):
        distances = _squares(rows, generated)
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
    """Of each generated sample the distance to the nearest training sample, in the features' unit, and which it is."""
    centre = training.mean(0)
    centred = training - centre
    indices = torch.cat([_squares(rows - centre, centred).argmin(1) for rows in generated.split(ROWS)])
    return (generated - training[indices]).norm(dim=1), indices


def closer_share(generated_distances: Float[Tensor, " generated"], held_out_distances: Float[Tensor, " held"]) -> float:
    """Share of generated samples that are closer to a training sample than 95 % of unseen real ones are.

    Returns:
        The share; 0.05 is expected of real samples. Copies raise it, and so do samples that are only more
        average than real ones: `copying` tells the two apart.
    """
    held = len(held_out_distances)
    rank = max(CLOSE * (held + 1) - 1, 0) / max(held - 1, 1)  # without this, few distances promise too much
    return (generated_distances < held_out_distances.quantile(rank)).double().mean().item()


def copying(
    generated: Generated, held_out: Float[Tensor, "held features"], training: Float[Tensor, "training features"]
) -> dict[str, Any]:
    """Whether generated samples repeat training samples.

    To a model that does not copy, training samples and unseen real ones are all the same: its samples have their
    nearest real sample among the unseen ones as often as these are of all real samples. Where it happens less often,
    the part that is missing are copies, however poor or average the samples are.

    Returns:
        `closer`: see `closer_share`, and `expected`, what it is for real samples; `copies`: the share of
        copies, about 0 without and 1 where all are; `error`: its standard error; and a verdict in words.
    """
    distances, _ = nearest(generated, training)
    unseen_distances, unseen = nearest(generated, held_out)
    hits = torch.bincount(unseen[unseen_distances < distances], minlength=len(held_out)).double()
    expected = len(generated) * len(held_out) / (len(held_out) + len(training))
    copies = 1 - hits.sum().item() / expected
    # hits come in clumps around the unseen samples that are near to many
    error = (len(held_out) * hits.var(correction=0).item() + expected) ** 0.5 / expected
    return {
        "closer": closer_share(distances, nearest(held_out, training)[0]),
        "expected": CLOSE,
        "copies": copies,
        "error": error,
        "verdict": f"About {min(copies, 1):.0%} of what the model makes repeats its training samples."
        if copies > SURE * error
        else "There is no sign that the model repeats its training samples.",
    }


def _gaussian(samples: Real) -> tuple[Float[Tensor, " features"], Float[Tensor, "rows features"]]:
    """The mean, and an A with AᵀA the covariance: no more rows than features, without squaring what is small."""
    assert len(samples) > 1
    samples = samples.cpu().double()
    mean = samples.mean(0)
    return mean, torch.linalg.qr(samples - mean, mode="r").R / (len(samples) - 1) ** 0.5


def _discrepancy(real: Real, generated: Generated) -> float:
    """The squared maximum mean discrepancy without bias: no sample is compared to itself."""
    real, generated = real.cpu().double(), generated.cpu().double()
    within = 0.0
    for samples in (real, generated):
        kernel = _kernel(samples, samples)
        within += (kernel.sum() - kernel.trace()).item() / (len(samples) * (len(samples) - 1))
    return within - 2 * _kernel(real, generated).mean().item()


def _kernel(first: Real, second: Generated) -> Float[Tensor, "real generated"]:
    return (first @ second.T / first.shape[1] + 1) ** 3


def _radii(samples: Real, neighbours: int) -> Float[Tensor, " real"]:
    """Of each sample the squared distance to its nearest neighbour of that rank among the others."""
    assert len(samples) > neighbours
    radii = []
    for start in range(0, len(samples), ROWS):
        distances = _squares(samples[start : start + ROWS], samples)
        distances.diagonal(start).fill_(torch.inf)
        radii.append(distances.topk(neighbours, largest=False).values[:, -1])
    return torch.cat(radii)


def _squares(first: Real, second: Generated) -> Float[Tensor, "real generated"]:
    """Squared distances; the fast way, by products, which centred samples do not lose many digits to."""
    lengths = first.square().sum(1)[:, None] + second.square().sum(1)
    return torch.addmm(lengths, first, second.T, alpha=-2).clamp_(min=0)

"""Metrics of pictures compared with closed forms, brute force and other implementations."""

import numpy as np
import pytest
import scipy.linalg
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics.pairwise import polynomial_kernel
from sklearn.neighbors import NearestNeighbors

from genlab.metrics.pictures import (
    closer_share,
    copying,
    frechet_distance,
    kernel_distance,
    nearest,
    precision_recall,
)


def normal(samples: int, features: int, seed: int) -> torch.Tensor:
    return torch.randn(samples, features, generator=torch.Generator().manual_seed(seed))


def with_moments(mean: torch.Tensor, root: torch.Tensor, seed: int) -> torch.Tensor:
    """Samples whose mean is exactly `mean` and whose covariance is exactly root rootᵀ."""
    samples = normal(50, len(mean), seed).double()
    samples = torch.linalg.qr(samples - samples.mean(0)).Q * 49**0.5
    return samples @ root.double().T + mean.double()


sizes = st.tuples(st.integers(2, 40), st.integers(2, 40), st.integers(1, 30), st.integers(0, 1000))
"""Real samples, generated samples, features, seed: fewer samples than features too."""


# --- Fréchet distance -----------------------------------------------------------------------------


def test_frechet_distance_of_gaussians_that_spread_along_the_same_axes() -> None:
    mean, other_mean = torch.tensor([1.0, 2.0, 0.0]), torch.tensor([0.0, 0.0, 2.0])
    deviations, other_deviations = torch.tensor([1.0, 2.0, 0.0]), torch.tensor([3.0, 0.5, 0.0])
    real = with_moments(mean, deviations.diag(), 0)
    generated = with_moments(other_mean, other_deviations.diag(), 1)
    # for each axis the square of what means, and what deviations differ by
    assert frechet_distance(real, generated) == pytest.approx((1 + 4 + 4) + (4 + 2.25))


def test_frechet_distance_of_gaussians_with_different_axes() -> None:
    real = with_moments(torch.zeros(2), torch.eye(2), 0)
    generated = with_moments(torch.zeros(2), torch.tensor([[2.0, 0.0], [1.0, 3.0]]), 1)
    # trace(C1 + C2 - 2 C2^½) for C1 = 1; the trace of a root of 2 x 2 is (trace + 2 det^½)^½
    assert frechet_distance(real, generated) == pytest.approx(2 + 14 - 2 * (14 + 2 * 6) ** 0.5)


@settings(max_examples=20, deadline=None)
@given(sizes)
def test_frechet_distance_is_the_usual_formula(shape) -> None:
    count, others, width, seed = shape
    real, generated = normal(count, width, seed).double(), 2 * normal(others, width, seed + 1).double() + 0.3
    first, second = (np.atleast_2d(np.cov(samples.numpy(), rowvar=False)) for samples in (real, generated))
    product = first @ second
    if min(count, others) > width:
        root = np.trace(scipy.linalg.sqrtm(product)).real
    else:  # scipy has no root of a singular matrix, but its eigenvalues are the squares of the root's
        root = np.sqrt(np.linalg.eigvals(product).real.clip(min=0)).sum()
    expected = (real.mean(0) - generated.mean(0)).square().sum().item() + np.trace(first + second) - 2 * root
    assert frechet_distance(real, generated) == pytest.approx(expected, rel=1e-5, abs=1e-5)
    assert frechet_distance(real, generated) == pytest.approx(frechet_distance(generated, real))


def test_frechet_distance_to_itself_is_zero_whatever_the_order_and_the_rank() -> None:
    for samples in (normal(300, 64, 0), normal(20, 64, 0), normal(50, 3, 0) @ normal(3, 64, 1) + 100):
        assert frechet_distance(samples, samples.flip(0)) == pytest.approx(0, abs=1e-9)


# --- kernel distance ------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(sizes)
def test_kernel_distance_is_the_unbiased_estimate(shape) -> None:
    count, others, width, seed = shape
    real, generated = normal(count, width, seed), normal(others, width, seed + 1) + 0.3
    options = {"degree": 3, "gamma": 1 / width, "coef0": 1}
    same, other, across = (
        polynomial_kernel(a.double(), b.double(), **options)
        for a, b in ((real, real), (generated, generated), (real, generated))
    )
    expected = same[~np.eye(count, dtype=bool)].mean() + other[~np.eye(others, dtype=bool)].mean() - 2 * across.mean()
    assert kernel_distance(real, generated) == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert kernel_distance(generated, real) == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_kernel_distance_of_many_is_the_mean_of_blocks() -> None:
    real, generated = normal(2100, 8, 0), normal(1600, 8, 1) + 0.5
    blocks = [kernel_distance(real[first::3], generated[first::3]) for first in range(3)]
    assert kernel_distance(real, generated) == pytest.approx(sum(blocks) / 3)
    assert kernel_distance(real, generated) > 0.1


def test_kernel_distance_of_many_and_few() -> None:
    real, generated = normal(2000, 4, 0), normal(3, 4, 1) + 3
    assert kernel_distance(real, generated) == pytest.approx(kernel_distance(real[:1000], generated), rel=0.1)


def test_kernel_distance_has_no_floor() -> None:
    distances = [kernel_distance(normal(30, 16, 2 * seed), normal(30, 16, 2 * seed + 1)) for seed in range(200)]
    assert min(distances) < 0 < max(distances)
    assert abs(np.mean(distances)) < 3 * np.std(distances) / 200**0.5


def test_kernel_distance_does_not_mind_samples_sorted_by_class() -> None:
    classes = torch.arange(2000)[:, None] // 200 * torch.ones(1, 8) / 10
    real, generated = classes + normal(2000, 8, 0), classes.flip(0) + normal(2000, 8, 1)
    # in blocks cut one after the other, the first would compare the lowest classes with the highest
    assert abs(kernel_distance(real, generated)) < 0.05 * kernel_distance(real[:1000], generated[:1000])


# --- precision, recall, density, coverage ---------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(sizes, st.integers(1, 5))
def test_precision_and_recall_by_brute_force(shape, neighbours) -> None:
    count, others, width, seed = shape
    count, others = count + neighbours, others + neighbours
    real, generated = normal(count, width, seed).double(), 0.8 * normal(others, width, seed + 1).double() + 0.2

    def balls(samples: torch.Tensor) -> np.ndarray:
        search = NearestNeighbors(n_neighbors=neighbours + 1).fit(samples.numpy())  # the first is the sample itself
        return search.kneighbors(samples.numpy())[0][:, -1]

    apart = np.linalg.norm(real.numpy()[:, None] - generated.numpy()[None], axis=2)
    in_real, in_generated = apart <= balls(real)[:, None], apart <= balls(generated)[None]
    assert precision_recall(real, generated, neighbours) == pytest.approx(
        {
            "precision": in_real.any(0).mean(),
            "recall": in_generated.any(1).mean(),
            "density": in_real.sum() / neighbours / others,
            "coverage": in_real.any(1).mean(),
        }
    )


def test_precision_and_recall_of_the_same_and_of_others() -> None:
    real = normal(2500, 8, 0)  # more rows than are held at once
    same = precision_recall(real, real[torch.randperm(2500, generator=torch.Generator().manual_seed(0))])
    assert same == {"precision": 1.0, "recall": 1.0, "coverage": 1.0, "density": pytest.approx(1.2, abs=1e-3)}
    assert precision_recall(real, real + 100) == {"precision": 0.0, "recall": 0.0, "density": 0.0, "coverage": 0.0}


def test_precision_and_recall_tell_what_is_missing_from_what_is_wrong() -> None:
    modes = torch.tensor([[0.0] * 8, [50.0] * 8])
    real = modes[torch.arange(600) % 2] + normal(600, 8, 0)
    one = precision_recall(real, normal(600, 8, 1))  # only the first
    assert one["precision"] > 0.9 and one["recall"] < 0.55 and one["coverage"] < 0.55
    more = precision_recall(normal(600, 8, 1), real)  # one that does not exist
    assert more["precision"] < 0.55 and more["recall"] > 0.9


def test_precision_and_recall_far_from_the_origin() -> None:
    real, generated = normal(200, 8, 0).double(), normal(200, 8, 1).double()
    expected = precision_recall(real, generated)
    assert precision_recall(real.float() + 500, generated.float() + 500) == pytest.approx(expected, abs=0.01)


# --- copies ---------------------------------------------------------------------------------------


@settings(max_examples=20, deadline=None)
@given(sizes)
def test_nearest_by_brute_force(shape) -> None:
    count, others, width, seed = shape
    training, generated = normal(count, width, seed), normal(others, width, seed + 1)
    distances, indices = nearest(generated, training)
    apart = (generated[:, None] - training[None]).norm(dim=2)
    torch.testing.assert_close(distances, apart.amin(1))
    torch.testing.assert_close(apart.gather(1, indices[:, None]).squeeze(1), apart.amin(1))


def test_nearest_sees_exact_copies_far_from_the_origin() -> None:
    training = normal(1500, 32, 0) + 1000
    distances, indices = nearest(training.flip(0), training)
    assert distances.max() == 0
    assert torch.equal(indices, torch.arange(1500).flip(0))


@pytest.mark.parametrize("held", [1, 5, 19, 60])
def test_closer_share_of_real_samples(held) -> None:
    random = torch.Generator().manual_seed(0)
    shares = [closer_share(torch.rand(100, generator=random), torch.rand(held, generator=random)) for _ in range(1500)]
    # below 19 unseen samples the closest of them is the bar: one sample more is below it in 1 of held + 1 cases
    assert np.mean(shares) == pytest.approx(max(0.05, 1 / (held + 1)), rel=0.12)


def test_copying_tells_copies_from_new_samples() -> None:
    training, held_out = normal(2000, 16, 0), normal(400, 16, 1)
    fresh = copying(normal(2000, 16, 2), held_out, training)
    assert abs(fresh["copies"]) < 3 * fresh["error"] < 0.5
    assert fresh["closer"] == pytest.approx(fresh["expected"], abs=0.05)
    assert fresh["verdict"] == "There is no sign that the model repeats its training samples."
    for part in (0.5, 1.0):
        samples = torch.where(torch.arange(2000)[:, None] < 2000 * part, training + 0.01, normal(2000, 16, 2))
        copied = copying(samples, held_out, training)
        assert copied["copies"] == pytest.approx(part, abs=0.15)
        assert copied["closer"] > 0.9 * part
        assert copied["verdict"].endswith("of the generated samples repeat training samples.")


def test_copying_does_not_accuse_average_samples_nor_judge_by_a_handful() -> None:
    training, held_out = normal(2000, 8, 0), normal(400, 8, 1)
    average = copying(0.5 * normal(1000, 8, 2), held_out, training)
    assert average["closer"] > 0.2
    assert average["verdict"].startswith("There is no sign")
    for handful in held_out.split(2)[:20]:
        assert copying(normal(500, 8, 2), handful, training)["verdict"].startswith("There is no sign")

"""Latent vectors as arrays, and as files for the command line."""

import numpy as np
import pytest
import torch

from genlab.errors import InputError
from genlab.tasks.shared.annealing import falling, rising
from genlab.tasks.shared.latents import latent_rows, read_latents


def test_one_vector_is_one_row() -> None:
    assert latent_rows([1.0, 2.0], 2).shape == (1, 2)
    rows = latent_rows(np.ones((3, 2)), 2)
    assert rows.dtype == torch.float32
    assert rows.shape == (3, 2)


@pytest.mark.parametrize(
    ("latents", "words"),
    [
        (["a"], "give an array of numbers, 2 per row"),
        ("latents.npy", "give an array of numbers"),
        (np.zeros((2, 3)), r"takes rows of 2 numbers, not an array of shape \(2, 3\)"),
        (np.zeros((0, 2)), "takes rows of 2 numbers"),
        ([[0.0, float("nan")]], "must be finite"),
    ],
)
def test_other_latents_are_refused(latents, words) -> None:
    with pytest.raises(InputError, match=words) as error:
        latent_rows(latents, 2)
    assert error.value.field == "latent"


def test_files_hold_one_array(tmp_path) -> None:
    np.save(tmp_path / "two.npy", np.ones((2, 4)))
    (latents,) = read_latents(str(tmp_path / "two.npy"))
    assert latents.shape == (2, 4)


@pytest.mark.parametrize("content", [b"", b"no array", b"PK\x03\x04 no archive", None])
def test_other_files_are_refused(content, tmp_path) -> None:
    path = tmp_path / "latents.npy"
    with pytest.raises(InputError, match="There is no file"):
        next(read_latents(str(path)))
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=r"is not a \.npy file") as error:
        next(read_latents(str(path)))
    assert error.value.field == "latent"


def test_nothing_is_unpickled(tmp_path) -> None:
    np.save(tmp_path / "object.npy", np.array([{}], dtype=object))
    np.savez(tmp_path / "archive.npz", np.ones((2, 4)))
    for name in ("object.npy", "archive.npz"):
        with pytest.raises(InputError, match=r"is not a \.npy file"):
            next(read_latents(str(tmp_path / name)))


def test_falling_is_geometric() -> None:
    assert falling(1.0, 0.01, 0.0) == 1.0
    assert falling(1.0, 0.01, 0.5) == pytest.approx(0.1)
    assert falling(1.0, 0.01, 1.0) == pytest.approx(0.01)
    assert falling(1.0, 0.0, 0.7) == 1.0
    assert falling(0.0, 1.0, 0.7) == 0.0


def test_rising_is_linear_from_a_tenth() -> None:
    assert rising(0.0, 0.02) == pytest.approx(0.1)
    assert rising(0.01, 0.02) == pytest.approx(0.55)
    assert rising(0.02, 0.02) == pytest.approx(1.0)
    assert rising(0.7, 0.02) == 1.0

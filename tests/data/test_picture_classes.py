"""Classes of pictures out of a table."""

from pathlib import Path

import pytest

from genlab.errors import InputError
from tests.data.made import folder_of, whole


def test_a_table_names_classes(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 3})
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,grey\n002.png,red\n")
    found = whole(data, label="hair")
    assert found.classes == ["grey", "red"]
    assert found.train.labels is not None
    assert found.train.labels.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="has no column beard; it has file, hair"):
        whole(data, label="beard")
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,grey\n")
    with pytest.raises(InputError, match=r"gives 002.png no hair"):
        whole(data, label="hair")

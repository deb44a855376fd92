"""A set of pictures: classes, splits, other pictures for a trained model."""

from pathlib import Path

import pytest

from genlab.data.pictures.picture_set import read_pictures
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, picture, whole


def test_sub_folders_are_classes(tmp_path: Path) -> None:
    found = whole(folder_of(tmp_path, {"cat": 3, "dog/big": 2, "dog/small": 2}))
    assert found.classes == ["cat", "dog"]
    assert found.train.labels is not None
    assert found.train.labels.tolist() == [0, 0, 0, 1, 1, 1, 1]
    assert found.train.names[0] == "cat/000.png"
    assert found.train.array.shape == (7, 20, 20, 3)
    assert found.counts() == {"train": {"pictures": 7, "classes": {"cat": 3, "dog": 4}}}


def test_a_folder_around_all_is_no_class(tmp_path: Path) -> None:
    folder_of(tmp_path / "data" / "set", {"cat": 2, "dog": 2})
    assert whole(str(tmp_path / "data")).classes == ["cat", "dog"]


def test_pictures_beside_folders_have_no_classes(tmp_path: Path) -> None:
    found = whole(folder_of(tmp_path, {"": 2, "cat": 2}))
    assert found.classes == []
    assert found.train.labels is None


def sides(found) -> list[set[str]]:
    return [set(part.names) if part is not None else set() for part in (found.train, found.validation, found.test)]


def test_splits_share_out_the_pictures_and_stay_when_some_are_added(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 200})
    few = sides(read_pictures(data, "0.1", "0.2", pixels=20))
    for number in range(40):
        (tmp_path / f"new-{number}.png").write_bytes(encoded(picture(1000 + number)))
    many = sides(read_pictures(data, "0.1", "0.2", pixels=20))
    assert sum(map(len, many)) == 240
    assert len(many[1]) == pytest.approx(24, abs=15)
    assert len(many[2]) == pytest.approx(48, abs=20)
    for before, after in zip(few, many, strict=True):
        assert before <= after


def test_copies_are_on_one_side(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"one": 40})
    for file in list((tmp_path / "one").iterdir()):
        (tmp_path / f"copy of {file.name}").write_bytes(file.read_bytes())
    for side in sides(read_pictures(data, "0.2", "0.2", pixels=20)):
        assert {name.replace("copy of ", "one/") for name in side} == {name for name in side if "one/" in name}


def test_splits_of_their_own(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "train", {"cat": 5, "dog": 5})
    test = folder_of(tmp_path / "test", {"dog": 3})
    found = read_pictures(data, "0", test, pixels=20)
    assert found.validation is None
    assert found.test is not None
    assert found.test.labels is not None
    assert found.test.labels.tolist() == [1, 1, 1]
    assert found.fingerprint != whole(data).fingerprint
    bird = folder_of(tmp_path / "bird", {"bird": 2, "cat": 2})
    with pytest.raises(InputError, match="has an unknown class bird; the classes are cat, dog") as error:
        read_pictures(data, "0", bird, pixels=20)
    assert error.value.field == "test"


def test_a_trained_models_classes_number_other_pictures(tmp_path: Path) -> None:
    known = ["ant", "cat", "dog"]
    both = whole(folder_of(tmp_path / "both", {"cat": 2, "dog": 2}), classes=known)
    assert both.train.labels is not None
    assert both.train.labels.tolist() == [1, 1, 2, 2]
    one = whole(folder_of(tmp_path / "one", {"dog": 2}), classes=known)
    assert one.train.labels is not None
    assert one.train.labels.tolist() == [2, 2]
    assert whole(folder_of(tmp_path / "none", {"other": 2}), classes=known).train.labels is None
    with pytest.raises(InputError, match="an unknown class bird; the classes are ant, cat, dog"):
        whole(folder_of(tmp_path / "bird", {"bird": 2, "cat": 2}), classes=known)


def test_a_split_that_is_left_out_is_not_counted(tmp_path: Path) -> None:
    data = folder_of(tmp_path / "train", {"cat": 5, "dog": 5})
    found = read_pictures(
        data, folder_of(tmp_path / "valid", {"cat": 2}), folder_of(tmp_path / "test", {"dog": 1}), pixels=20
    )
    assert "the test split has only 1 picture: its metrics are rough." in found.notes
    less = found.without("test", "the test split has 1 picture, too few to measure on: it was left out.")
    assert less.test is None
    assert set(less.counts()) == {"train", "validation"}
    assert [note for note in less.notes if "shares" not in note] == [
        "the validation split has only 2 pictures: its metrics are rough.",
        "the test split has 1 picture, too few to measure on: it was left out.",
    ]
    assert set(found.counts()) == {"train", "validation", "test"}
    assert less.fingerprint == found.fingerprint

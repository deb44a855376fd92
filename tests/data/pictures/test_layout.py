"""Folders called train, valid and test are splits, not classes; an ambiguous layout is refused with a question."""

import hashlib
from pathlib import Path

import pytest

from genlab.data.pictures.arrays import read_array
from genlab.data.pictures.layout import read_layout
from genlab.data.pictures.picture_set import PictureSet, read_pictures
from genlab.errors import InputError
from tests.data.made import folder_of, whole


def sizes(found: PictureSet) -> dict[str, int]:
    return {part: each["pictures"] for part, each in found.counts().items()}


@pytest.mark.parametrize(
    ("train", "valid", "test"),
    [
        ("train", "valid", "test"),
        ("training", "val", "testing"),
        ("Train", "Validation", "TEST"),
        ("train", "dev", "test"),
    ],
)
def test_folders_are_splits(tmp_path: Path, train: str, valid: str, test: str) -> None:
    counts = {
        f"{train}/cat": 9,
        f"{train}/dog": 8,
        f"{valid}/cat": 3,
        f"{valid}/dog": 2,
        f"{test}/cat": 1,
        f"{test}/dog": 4,
    }
    found = read_pictures(folder_of(tmp_path / "pets", counts), "0.05", "0.10", pixels=20)
    assert found.classes == ["cat", "dog"]
    assert found.counts() == {
        "train": {"pictures": 17, "classes": {"cat": 9, "dog": 8}},
        "validation": {"pictures": 5, "classes": {"cat": 3, "dog": 2}},
        "test": {"pictures": 5, "classes": {"cat": 1, "dog": 4}},
    }
    assert found.notes[0] == (
        f"the folders are splits: {train} for training, {valid} for validation, {test} for test; they override the "
        "share of --validation and --test."
    )


def test_a_split_without_a_folder_takes_its_share_of_train(tmp_path: Path) -> None:
    found = read_pictures(
        folder_of(tmp_path, {"train/a": 60, "train/b": 60, "test/a": 5, "test/b": 5}), "0.2", "0.1", pixels=20
    )
    assert found.validation is not None
    assert found.test is not None
    assert {name.split("/")[0] for name in found.validation.names} == {"train"}
    assert sizes(found) == {"train": 120 - len(found.validation), "validation": len(found.validation), "test": 10}
    assert 10 <= len(found.validation) <= 40


def test_paths_and_zero_override_folders(tmp_path: Path) -> None:
    pets = folder_of(tmp_path / "pets", {"train/cat": 9, "train/dog": 8, "valid/cat": 3, "valid/dog": 2})
    other = folder_of(tmp_path / "other", {"cat": 2, "dog": 4})
    found = read_pictures(pets, other, "0", pixels=20)
    assert sizes(found) == {"train": 17, "validation": 6}
    assert "valid for nothing (--validation names other pictures)." in found.notes[0]
    everything = whole(pets)
    assert sizes(everything) == {"train": 22}
    assert everything.classes == ["cat", "dog"]
    assert "valid for training (--validation is 0)." in everything.notes[0]
    with pytest.raises(
        InputError, match=r"pets has folders that are splits \(train, valid\): give one of them"
    ) as error:
        read_pictures(other, "0", pets, pixels=20)
    assert error.value.field == "test"


def test_a_test_folder_without_classes_is_left_out(tmp_path: Path) -> None:
    found = read_pictures(folder_of(tmp_path, {"train/cat": 20, "train/dog": 20, "test": 9}), "0", "0.2", pixels=20)
    assert found.classes == ["cat", "dog"]
    assert found.test is not None
    assert {name.split("/")[0] for name in found.test.names} == {"train"}
    assert "test for nothing (its pictures have no classes)" in found.notes[0]


def test_splits_of_pictures_without_classes(tmp_path: Path) -> None:
    found = read_pictures(folder_of(tmp_path, {"train": 20, "test": 9}), "0", "0.2", pixels=20)
    assert found.classes == []
    assert sizes(found) == {"train": 20, "test": 9}


def test_a_folder_between_splits_and_classes_is_no_class(tmp_path: Path) -> None:
    found = read_pictures(
        folder_of(tmp_path, {"train/images/cat": 4, "train/images/dog": 4, "test/images/cat": 2}), "0", "0.1", pixels=20
    )
    assert found.classes == ["cat", "dog"]
    assert sizes(found) == {"train": 8, "test": 2}


def test_splits_inside_classes(tmp_path: Path) -> None:
    found = read_pictures(
        folder_of(tmp_path, {"cat/train": 5, "cat/test": 2, "dog/train": 4, "dog/test": 3}), "0", "0.1", pixels=20
    )
    assert found.classes == ["cat", "dog"]
    assert sizes(found) == {"train": 9, "test": 5}
    assert "*/train for training, */test for test" in found.notes[0]


def test_domains_as_cyclegan_has_them(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"trainA": 6, "trainB": 5, "testA": 2, "testB": 3})
    found = read_pictures(data, "0", "0.1", pixels=20)
    assert found.counts() == {
        "train": {"pictures": 11, "classes": {"A": 6, "B": 5}},
        "test": {"pictures": 5, "classes": {"A": 2, "B": 3}},
    }
    assert "trainA and trainB for training, testA and testB for test" in found.notes[0]
    only = whole(folder_of(tmp_path / "only", {"testA": 2, "testB": 3}))
    assert only.classes == ["A", "B"]
    assert sizes(only) == {"train": 5}


@pytest.mark.parametrize("form", ["{0}{1}", "{0}_{1}", "{0}{2}", "{3}{1}", "{3}_{2}"])
def test_domains_in_any_case(form: str) -> None:
    folders = {(part, look): form.format(part, look, look.lower(), part.title())
               for part in ("train", "test") for look in "AB"}  # fmt: skip
    layout = read_layout([f"{folder}/{number}.png" for folder in folders.values() for number in range(2)], "x", "data")
    assert layout.classes == [look for _, look in folders for _ in range(2)]
    assert layout.splits == [part for part, _ in folders for _ in range(2)]
    assert layout.folders == {part: f"{folders[part, 'A']} and {folders[part, 'B']}" for part in ("train", "test")}


def test_copies_on_both_sides_are_noted(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"train/cat": 4, "train/dog": 4, "test/cat": 2, "test/dog": 2})
    (tmp_path / "test" / "cat" / "copy.png").write_bytes((tmp_path / "train" / "cat" / "001.png").read_bytes())
    found = read_pictures(data, "0", "0.1", pixels=20)
    assert "the test split shares 1 picture with the training split: its metrics are optimistic." in found.notes
    of_path = read_pictures(f"{data}/train", "0", f"{data}/test", pixels=20)
    assert "the test split shares 1 picture with the training split: its metrics are optimistic." in of_path.notes


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ["train/1.png", "test/1.png", "cat/1.png"],
            "has test and train beside cat: for splits by folder, move",
        ),
        (["cat/1.png", "dog/1.png", "test/1.png"], "has test beside cat and dog: .*; for classes, rename test"),
        (["train/1.png", "test/1.png", "1.png"], "has test and train beside pictures in no folder"),
        (["val/1.png", "valid/1.png", "train/1.png"], "has two folders for validation, val and valid"),
        (["test/1.png", "valid/1.png"], "has the folders test and valid, but no folder train"),
        (["trainA/1.png", "trainB/1.png", "cat/1.png"], "has trainA and trainB beside cat"),
    ],
)
def test_what_is_not_clear(names: list[str], message: str) -> None:
    with pytest.raises(InputError, match=f"pets {message}") as error:
        read_layout(sorted(names), "pets", "data")
    assert error.value.field == "data"


@pytest.mark.parametrize(
    "names",
    [
        ["bus/1.png", "car/1.png", "train/1.png"],  # vehicles
        ["bus/train/1.png", "bus/tram/1.png", "car/1.png"],
        ["testA/1.png", "wood/1.png"],
        ["cat/1.png", "train/1.png"],
    ],
)
def test_names_that_are_classes(names: list[str]) -> None:
    layout = read_layout(names, "data", "data")
    assert layout.splits == []
    assert layout.classes == [name.split("/")[0] for name in names]


def test_a_train_folder_alone_is_the_folder_around_all(tmp_path: Path) -> None:
    assert whole(folder_of(tmp_path, {"train/cat": 2, "train/dog": 2})).classes == ["cat", "dog"]


def test_splits_are_part_of_the_fingerprint(tmp_path: Path) -> None:
    """A run that treated train and test as classes does not find its data again."""
    data = folder_of(tmp_path, {"train/cat": 2, "test/cat": 2})
    before = hashlib.sha256(read_array(data, 20, None, "data").fingerprint.encode()).hexdigest()
    assert whole(data).fingerprint != before

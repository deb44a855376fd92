"""Classes of pictures from the table beside them: a CSV file, or CelebA's list."""

from pathlib import Path

import pytest

from genlab.data.pictures.picture_set import read_pictures
from genlab.errors import InputError
from tests.data.made import folder_of, picture, whole


def test_a_table_names_classes(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 3})
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,grey\n002.png,red\n")
    found = whole(data, label="hair")
    assert found.classes == ["grey", "red"]
    assert found.train.labels is not None
    assert found.train.labels.tolist() == [1, 0, 1]
    with pytest.raises(InputError, match="has no column beard; it has hair"):
        whole(data, label="beard")
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,grey\n")
    with pytest.raises(InputError, match=r"has no hair for 002.png"):
        whole(data, label="hair")


CELEBA = """4
5_o_Clock_Shadow Arched_Eyebrows Blond_Hair Young
000001.jpg -1  1  1 -1
000002.jpg  1 -1 -1  1
000003.jpg -1 -1 -1  1
000004.jpg -1 -1  1  1
"""


def celeba(path: Path, text: str = CELEBA, count: int = 3) -> str:
    """A folder like CelebA's, with more than the pictures in it."""
    (path / "img_align_celeba").mkdir()
    for number in range(1, count + 1):
        picture(number, side=30).save(path / "img_align_celeba" / f"{number:06d}.jpg")
    (path / "list_eval_partition.txt").write_text("000001.jpg 0\n")
    (path / "list_attr_celeba.txt").write_text(text)
    return str(path)


def test_the_list_of_celeba_names_classes(tmp_path: Path) -> None:
    data = celeba(tmp_path)
    found = whole(data, label="Blond_Hair")
    assert found.classes == ["no", "yes"]
    assert found.train.labels is not None
    assert found.train.labels.tolist() == [1, 0, 0]
    young = whole(data, label="Young").train.labels
    assert young is not None
    assert young.tolist() == [0, 1, 1]
    assert list(found.left_out) == ["list_eval_partition.txt"]
    assert whole(data).classes == []
    (tmp_path / "attributes.csv").write_text("file,Young\n000001.jpg,a\n000002.jpg,b\n000003.jpg,b\n")
    assert whole(data, label="Young").classes == ["a", "b"]  # the user's own table counts


@pytest.mark.parametrize(
    ("text", "label", "message"),
    [
        (CELEBA, "Hair", "has no column Hair; it has 5_o_Clock_Shadow, Arched_Eyebrows, Blond_Hair, Young"),
        (CELEBA[:-10], "Young", "line 6: expected a file, and 1 or -1 for each of 4 names"),
        (CELEBA.replace("-1  1  1 -1", "-1 1 1 0"), "Young", "line 3: expected a file"),
        (CELEBA.replace("000003", "000033"), "Young", "has no Young for 000003.jpg"),
        ("", "Young", "has no column Young"),
        ("3", "Young", "has no column Young"),
    ],
    ids=["no such name", "cut off", "another mark", "a picture is missing", "empty", "one line"],
)
def test_lists_that_cannot_be_used(tmp_path: Path, text: str, label: str, message: str) -> None:
    with pytest.raises(InputError, match=f"list_attr_celeba.txt of .*{message}"):
        whole(celeba(tmp_path, text), label=label)


def test_without_any_table_both_names_are_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no attributes.csv or list_attr_celeba.txt with a column hair"):
        whole(folder_of(tmp_path, {"": 2}), label="hair")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"file,hair\n000.png,blond\xe9\n001.png,red\n", r"is not UTF-8 \(byte 23\): add --encoding NAME"),
        (b"file,hair\n000.png,red,more\n001.png,red\n", "line 2: 3 cells, but most lines have 2"),
        (b"file,hair\n000.png\n001.png,red\n", "line 2: 1 cell, but most lines have 2"),
        (b"", "is empty"),
    ],
    ids=["cp1252", "a cell more", "a cell less", "empty"],
)
def test_tables_that_cannot_be_used(tmp_path: Path, content: bytes, message: str) -> None:
    data = folder_of(tmp_path, {"": 2})
    (tmp_path / "attributes.csv").write_bytes(content)
    with pytest.raises(InputError, match=f"attributes.csv of .*{message}"):
        whole(data, label="hair")
    assert len(whole(data).train) == 2  # without --label the table does not matter


@pytest.mark.parametrize(
    ("table", "label", "note"),
    [
        ("File , Hair\n000.png,red\n001.png,grey\n", "hair", None),
        ("file,hair colour\n000.png,red\n001.png,grey\n", "Haircolour", None),
        ("file,hair\n.\\000.png,red\n./001.png,grey\n", "hair", None),
        ("file,hair\nbeach\\000.png,red\nbeach/001.png,grey\n", "hair", None),
        ("file,hair\n000.PNG,red\n001.png,grey\n", "hair", "differ in case: 1, such as 000.PNG for 000.png"),
        ("file,hair\na/000.Png,red\na/001.PNG,grey\n", "hair", "differ in case: 2, such as a/000.Png for 000.png"),
        ("file,hair,age\n000.png,red,1\n,,\n001.png,grey,2\n", "hair", "rows of empty cells left out: 1"),
        ("Portraits of 2024\nfile,hair\n000.png,red\n001.png,grey\n", "hair", "Portraits of 2024"),
    ],
)
def test_names_that_are_written_differently(tmp_path: Path, table: str, label: str, note: str | None) -> None:
    data = folder_of(tmp_path, {"": 2})
    (tmp_path / "attributes.csv").write_text(table)
    found = whole(data, label=label)
    assert found.train.labels is not None
    assert [found.classes[label] for label in found.train.labels] == ["red", "grey"]
    of_table = [said for said in found.notes if "attributes.csv" in said]
    assert len(of_table) == (note is not None)
    assert note is None or note in of_table[0]
    other = read_pictures(data, data, "0", pixels=20, label=label)
    assert [said for said in other.notes if said.startswith("validation: ")] == [
        f"validation: {said}" for said in found.notes
    ]


@pytest.mark.parametrize(
    ("files", "table", "lacks"),
    [
        (["a.png", "A.png"], "file,hair\na.png,red\n", "A.png"),
        (["a.png"], "file,hair\nA.png,red\nA.PNG,grey\n", "a.png"),
        (["x/a.png", "x/A.png"], "file,hair\na.png,red\n", "x/A.png"),
    ],
)
def test_names_that_differ_in_case_only_are_not_confused(tmp_path: Path, files: list[str], table: str, lacks: str):
    for number, file in enumerate([*files, "other.png"]):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        picture(number).save(tmp_path / file)
    (tmp_path / "attributes.csv").write_text(f"{table}other.png,grey\n")
    with pytest.raises(InputError, match=f"has no hair for {lacks}: add a line") as error:
        whole(str(tmp_path), label="hair")
    assert error.value.field == "data"


def test_two_tables_are_refused(tmp_path: Path) -> None:
    """Each in a folder, or one in a folder and one above: only one can be read."""
    data = folder_of(tmp_path, {"cat": 2, "dog": 2})
    for folder, hair in (("cat", "red"), ("dog", "grey")):
        (tmp_path / folder / "attributes.csv").write_text(f"file,hair\n000.png,{hair}\n001.png,{hair}\n")
    with pytest.raises(InputError, match=r"has the tables cat/attributes\.csv and dog/attributes\.csv: merge") as error:
        whole(data, label="hair")
    assert error.value.field == "data"
    assert whole(data).classes == ["cat", "dog"]  # tables that are not read do not matter
    (tmp_path / "dog" / "attributes.csv").rename(tmp_path / "attributes.csv")
    with pytest.raises(InputError, match=r"has the tables attributes\.csv and cat/attributes\.csv: merge"):
        whole(data, label="hair")


def test_a_line_that_can_mean_two_pictures_is_refused(tmp_path: Path) -> None:
    """Files of the same name in two folders, and a table without folders."""
    data, table = folder_of(tmp_path, {"cat": 2, "dog": 2}), tmp_path / "attributes.csv"
    table.write_text("file,hair\n000.png,red\n001.png,grey\n")
    with pytest.raises(InputError, match=r"000\.png can be cat/000\.png or dog/000\.png: write the folder") as error:
        whole(data, label="hair")
    assert error.value.field == "data"
    table.write_text("file,hair\ncat/000.png,red\ncat/001.png,grey\n")
    with pytest.raises(InputError, match=r"has no hair for dog/000\.png"):  # not the line of its namesake
        whole(data, label="hair")
    table.write_text("file,hair\ncat/000.png,red\ncat/001.png,grey\nelsewhere/002.png,red\nelsewhere/003.png,grey\n")
    for number in range(2):
        (tmp_path / "dog" / f"{number:03d}.png").rename(tmp_path / "dog" / f"{number + 2:03d}.png")
    assert len(whole(data, label="hair").train) == 4


def test_a_table_that_cannot_be_used_keeps_its_notes(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 2})
    (tmp_path / "attributes.csv").write_text("file,hair,\n000.png,red,\n")
    with pytest.raises(InputError) as error:
        whole(data, label="hair")
    assert "1 empty column at the end left out" in error.value.__notes__[0]


def test_a_picture_with_two_classes_is_refused(tmp_path: Path) -> None:
    data = folder_of(tmp_path, {"": 2})
    (tmp_path / "attributes.csv").write_text("file,hair\n000.png,red\n001.png,red\n000.png,blond\n")
    with pytest.raises(InputError, match=r"line 4: 000\.png is blond, but red in a line before"):
        whole(data, label="hair")

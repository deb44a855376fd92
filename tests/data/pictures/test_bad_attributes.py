"""Attributes that cannot be learnt: one sentence. Data in which a model would change more than asked: a note."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from genlab.data.pictures.attribute_set import AttributedSet, read_attributed
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, noise


def read(data: str, *attributes: str, **options) -> AttributedSet:
    return read_attributed(data, "0", "0", pixels=20, attributes=attributes, **options)


def two(path: Path, one: Callable[[int], bytes], other: Callable[[int], bytes], count: int = 40, kind: str = "png"):
    """Two folders, x and y, with a file for each number."""
    for name, make in (("x", one), ("y", other)):
        (path / name).mkdir(parents=True)
        for number in range(count):
            ending = kind if name == "y" else "png"
            (path / name / f"{number}.{ending}").write_bytes(make(number + 1000 * (name == "y")))
    return read(f"{path}/x,{path}/y")


def plain(number: int) -> bytes:
    return encoded(Image.fromarray(noise(number)))


def grey(number: int) -> bytes:
    return encoded(Image.fromarray(noise(number, channels=1)[..., 0]))


def large(number: int) -> bytes:
    return encoded(Image.fromarray(noise(number, side=30)))


def lossy(number: int) -> bytes:
    return encoded(Image.fromarray(noise(number)), "jpeg", quality=95)


def framed(number: int) -> bytes:
    pixels = noise(number)
    pixels[0] = pixels[-1] = pixels[:, 0] = pixels[:, -1] = 0
    return encoded(Image.fromarray(pixels))


def lit(number: int) -> bytes:
    """Lighter to the right, as if the light came from there."""
    return encoded(Image.fromarray((noise(number) * np.linspace(0.6, 1, 20)[None, :, None]).astype(np.uint8)))


@pytest.mark.parametrize(
    ("other", "note"),
    [
        (grey, "look: 100% of the y pictures are grey, 0% of the x ones: a model will change the colours too; make"),
        (lossy, "look: 100% of the y pictures are JPEG files, 0% of the x ones: a model will change the traces of"),
        (large, r"look: the y pictures are larger \(median side 30 pixels\) than the x ones \(20\): a model will"),
        (
            framed,
            r"look: the border pixels alone distinguish x from y \(accuracy 100%\): a model will change the frame or",
        ),
        (lit, r"look: the border pixels alone distinguish x from y \(accuracy (9\d|100)%\)"),
    ],
)
def test_folders_that_differ_in_more_than_the_look(tmp_path, other, note):
    found = two(tmp_path, plain, other, kind="jpg" if other is lossy else "png")
    assert any(re.match(note, said) for said in found.notes), found.notes
    assert found.counts() == {"train": {"pictures": 80, "look": {"x": 40, "y": 40}}}


def test_folders_that_are_alike_need_no_note(tmp_path):
    assert two(tmp_path, plain, plain).notes == []


def table(path: Path, rows: list[str], header: str = "file,hair,glasses") -> str:
    """A picture for each row, and the table."""
    lines = [header]
    for number, row in enumerate(rows):
        (path / f"{number:03d}.png").write_bytes(plain(number))
        lines.append(f"{number:03d}.png,{row}")
    (path / "attributes.csv").write_text("\n".join(lines) + "\n")
    return str(path)


MIXED = [f"{hair},{glasses}" for _ in range(12) for hair in ("red", "grey") for glasses in ("yes", "no")]


def test_a_rare_value(tmp_path):
    found = read(table(tmp_path, ["red,yes"] * 400 + ["grey,no"] * 20), "hair")
    assert "hair: 400 pictures are red, only 20 grey: the change to grey will be learnt worst." in found.notes


def test_an_attribute_that_goes_with_another(tmp_path):
    """Every grey person wears glasses."""
    rows = [f"red,{('yes', 'no')[number % 2]},{number % 3}" for number in range(40)]
    rows += [f"grey,yes,{number % 3}" for number in range(30)]
    found = read(table(tmp_path, rows, "file,hair,glasses,place"), "hair")
    assert (
        "hair may not change alone, because its values go with others: glasses yes in 100% of hair grey, in 50% of the "
        "others" in found.notes
    )
    assert not any("place" in note for note in found.notes)


def test_columns_that_exclude_each_other(tmp_path):
    rows = [("1,0,1", "0,1,0", "0,0,1", "1,0,0", "0,1,1", "0,0,0")[number % 6] for number in range(120)]
    data = table(tmp_path, rows, "file,Black,Blond,Young")
    found = read(data, "Black", "Blond", "Young")
    assert [note for note in found.notes if "exclude" in note] == [
        "Black and Blond exclude each other: --attribute NAME=Black,Blond makes one attribute of them, so that one "
        "replaces the other."
    ]
    assert not any("exclude" in note for note in read(data, "Black", "Young").notes)


def test_copies_with_different_values(tmp_path):
    data = table(tmp_path, MIXED)
    (tmp_path / "000.png").write_bytes((tmp_path / "002.png").read_bytes())
    assert "hair: pictures that occur with different values: 1." in read(data, "hair").notes
    assert not any("different values" in note for note in read(data, "glasses").notes)


@pytest.mark.parametrize(
    ("attributes", "message", "field"),
    [
        (["hairs"], r"of .* has no column hairs \(perhaps hair\?\); it has hair, glasses\.$", "attribute"),
        (["look=hair"], "'look=hair' cannot be used: write NAME=COLUMN,COLUMN with at least two", "attribute"),
        (["=hair,glasses"], "cannot be used: write NAME=COLUMN,COLUMN", "attribute"),
        (["look=glasses,glasses"], "cannot be used: write NAME=COLUMN,COLUMN", "attribute"),
        (["look=glasses,hair"], "hair of .* does not hold yes and no, as the columns of look must", "attribute"),
        (["look=glasses,beard"], "has no column beard", "attribute"),
        (["hair", "hair"], "attribute: hair is given twice", "attribute"),
        ([], r"choose what to change with --attribute: .* has a table with hair, glasses\.$", "attribute"),
    ],
)  # fmt: skip
def test_attributes_that_cannot_be_used(tmp_path, attributes, message, field):
    data = table(tmp_path, MIXED)
    with pytest.raises(InputError, match=message) as error:
        read(data, *attributes)
    assert error.value.field == field


@pytest.mark.parametrize(
    ("rows", "message", "field"),
    [
        (["red,yes"] * 30, "hair of .* has only the value red: there is nothing to change it to", "attribute"),
        ([",yes"] * 30, "hair of .* has no definite values: there is nothing to change it to", "attribute"),
        ([f"{n % 30},yes" for n in range(60)], "hair of .* has 30 values: choose one with at most 20", "attribute"),
        ([*MIXED, *["green,yes"] * 19], "has 19 pictures with hair green to train on: give at least 20", "data"),
        ([*MIXED, "green,yes"], "has 1 picture with hair green to train on: give at least 20", "data"),
    ],
)
def test_values_that_cannot_be_learnt(tmp_path, rows, message, field):
    data = table(tmp_path, rows)
    with pytest.raises(InputError, match=message) as error:
        read(data, "hair")
    assert error.value.field == field


def test_too_many_folders_are_no_looks(tmp_path):
    data = folder_of(tmp_path, {f"look {number}": 1 for number in range(25)})
    with pytest.raises(
        InputError, match="has 25 folders that are looks: merge or remove some until at most 20"
    ) as error:
        read(data)
    assert error.value.field == "data"


def test_tables_that_lack_or_contradict_a_picture(tmp_path):
    data = table(tmp_path, MIXED)
    path = tmp_path / "attributes.csv"
    text = path.read_text()
    path.write_text(text.replace("007.png", "700.png"))
    with pytest.raises(InputError, match=r"has no line for 007\.png: add it, or remove the picture"):
        read(data, "hair")
    path.write_text(text + "000.png,grey,yes\n")
    with pytest.raises(InputError, match=r"line 50: 000\.png is grey, but red in a line before: keep one"):
        read(data, "hair")
    path.write_text(text.replace("file,", "picture of,"))
    with pytest.raises(InputError, match="has no column file; it has picture of, hair, glasses"):
        read(data, "hair")


def test_a_long_table_is_not_listed_whole(tmp_path):
    header = ",".join(["file", *(f"column_{number}" for number in range(40))])
    data = table(tmp_path, [",".join(["1"] * 40)] * 3, header)
    for attributes in ([], ["colum_7"]):
        with pytest.raises(InputError, match=r"column_11, \.\.\.$") as error:
            read(data, *attributes)
        assert len(str(error.value)) < 400 + len(data)


def test_folders_that_cannot_be_used(tmp_path):
    x, y = folder_of(tmp_path / "x", {"": 3}), folder_of(tmp_path / "y", {"one": 3})
    (tmp_path / "empty").mkdir()
    for data, attributes, message, field in [
        (x, [], "has neither a table attributes.csv nor a sub-folder for each look: add one, or give two", "data"),
        (x, ["hair"], "has no attributes.csv or list_attr_celeba.txt with a column hair", "attribute"),
        (y, [], "look of .* has only the value one|has neither a table", "data"),
        (f"{x},{y}", ["hair"], "two folders are the values of one attribute: omit --attribute", "attribute"),
        (f"{x},{x}/../x", [], "is given twice: give two different folders", "data"),
        (f"{x},{tmp_path}/z", [], "There is no file or folder .*z", "data"),
        (f"{x},{tmp_path}/empty", [], "There are no pictures in .*empty", "data"),
    ]:  # fmt: skip
        with pytest.raises(InputError, match=message) as error:
            read(data, *attributes)
        assert error.value.field == field
    (tmp_path / "x" / "002.png").rename(tmp_path / "x" / "again.png")
    (tmp_path / "x" / "001.png").write_bytes(plain(100))
    (tmp_path / "x" / "000.png").write_bytes(plain(101))
    with pytest.raises(InputError, match=r"x/again\.png and y/002\.png are the same picture with two looks: remove"):
        read(f"{x},{y}")
    (tmp_path / "x" / "again.png").write_bytes(
        encoded(Image.fromarray(noise(2)), "bmp")
    )  # the same pixels in another file
    with pytest.raises(InputError, match=r"x/again\.png and y/002\.png are the same picture with two looks: remove"):
        read(f"{x},{y}")

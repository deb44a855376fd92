"""Pictures with attributes: from a table, from sub-folders, from two folders; splits, kept columns, known values."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.pictures.attributes import Attribute
from genlab.data.shared.sample_sets import write_sample_set
from genlab.errors import InputError
from tests.data.made import encoded, folder_of, picture

HAIR = ("red", "black", "grey")
COLUMNS = "file,hair,glasses,Male,age"
ORDER = "their order, because their names differ; if that is wrong, swap the folders"


def read(data: str, *attributes: str, validation: str = "0", test: str = "0", **options) -> AttributedSet:
    return read_attributed(data, validation, test, pixels=20, attributes=attributes, **options)


def people(path: Path, count: int = 120, columns: str = COLUMNS, first: int = 0) -> str:
    """Pictures of noise with a table: hair, glasses, Male as 1 and -1, and an age that differs for everybody."""
    path.mkdir(parents=True, exist_ok=True)
    lines = [columns]
    for number in range(first, first + count):
        (path / f"{number:03d}.png").write_bytes(encoded(picture(number)))
        glasses, male = ("yes", "no")[number % 2], (1, -1)[number % 5 > 1]
        lines.append(f"{number:03d}.png,{HAIR[number % 3]},{glasses},{male},{number}")
    (path / "attributes.csv").write_text("\n".join(lines) + "\n")
    return str(path)


def words(found: AttributedSet, split: AttributedSplit) -> list[tuple[str, ...]]:
    """File, values and kept values of each picture."""
    return [
        (name, *(one.values[value] for one, value in zip(found.attributes, row, strict=True)),
         *(one.values[value] if value >= 0 else "" for one, value in zip(found.kept, kept, strict=True)))
        for name, row, kept in zip(split.pictures.names, split.values, split.kept, strict=True)
    ]  # fmt: skip


def test_a_table_gives_attributes_to_change_and_to_keep(tmp_path):
    found = read(people(tmp_path), "hair", validation="0.1", test="0.2")
    assert found.attributes == [Attribute("hair", ["black", "grey", "red"])]
    assert found.kept == [Attribute("glasses", ["no", "yes"]), Attribute("Male", ["no", "yes"])]
    assert any("columns of more than 20 values are not compared: age." in note for note in found.notes)
    assert found.channels == 3
    splits = [split for split in (found.train, found.validation, found.test) if split is not None]
    assert [len(split) > 0 for split in splits] == 3 * [True]
    every = [row for split in splits for row in words(found, split)]
    assert sorted(every) == [
        (f"{number:03d}.png", HAIR[number % 3], ("yes", "no")[number % 2], ("yes", "no")[number % 5 > 1])
        for number in range(120)
    ]
    assert found.counts()["train"] == {
        "pictures": len(found.train),
        "hair": {value: [row[1] for row in words(found, found.train)].count(value) for value in sorted(HAIR)},
    }
    few = found.train.take(np.array([3, 1]))
    assert words(found, few) == [words(found, found.train)[row] for row in (3, 1)]
    assert (few.pictures.tensor() == found.train.pictures.tensor()[[3, 1]]).all()


def test_splits_stay_when_pictures_are_added(tmp_path):
    before = read(people(tmp_path), "hair", validation="0.1", test="0.1")
    after = read(people(tmp_path, 150), "hair", validation="0.1", test="0.1")
    for part in ("train", "validation", "test"):
        assert set(getattr(before, part).pictures.names) <= set(getattr(after, part).pictures.names)


def test_the_fingerprint_includes_the_values(tmp_path):
    data = people(tmp_path)
    one, other = read(data, "hair"), read(data, "hair", "glasses")
    assert one.fingerprint != other.fingerprint
    table = tmp_path / "attributes.csv"
    table.write_text(table.read_text().replace("000.png,red", "000.png,grey"))
    changed = read(data, "hair")
    assert changed.fingerprint != one.fingerprint
    table.write_text(table.read_text().replace("000.png,grey,yes", "000.png,grey,no"))
    assert read(data, "hair").fingerprint != changed.fingerprint  # training pairs pictures by what is kept
    assert (
        read(data, "glasses").fingerprint == read(data, "glasses", known=read(data, "glasses").attributes).fingerprint
    )


@pytest.mark.parametrize("column", ["Filename", "image", "image_id", "picture", "NAME"])
def test_the_column_of_files_has_several_names(tmp_path, column):
    found = read(people(tmp_path, columns=COLUMNS.replace("file", column)), "hair")
    assert found.attributes == [Attribute("hair", sorted(HAIR))]
    assert [one.name for one in found.kept] == ["glasses", "Male"]


def test_of_two_columns_of_files_the_one_that_names_the_pictures_counts(tmp_path):
    data = people(tmp_path, columns="image,name,glasses,Male,age")
    assert read(data, "name").attributes == [Attribute("name", sorted(HAIR))]


@pytest.mark.parametrize("marks", ["1 -1", "1 0", "yes no", "TRUE False", "Yes NO"])
def test_yes_and_no_are_written_in_many_ways(tmp_path, marks):
    data, table = people(tmp_path), tmp_path / "attributes.csv"
    yes, no = marks.split()
    rows = [line.split(",") for line in table.read_text().splitlines()[1:]]
    table.write_text(
        "file,Male,hair\n" + "".join(f"{row[0]},{yes if row[3] == '1' else no},{row[1]}\n" for row in rows)
    )
    for found, place in ((read(data, "Male"), 1), (read(data, "hair"), 2)):
        every = {row[0]: row[place] for row in words(found, found.train)}
        assert every == {row[0]: "yes" if row[3] == "1" else "no" for row in rows}


def test_columns_with_yes_and_no_compose_one_attribute(tmp_path):
    """As in CelebA, where hair is none of the named colours, or several."""
    for number in range(200):
        (tmp_path / f"{number:03d}.jpg").write_bytes(encoded(picture(number), "jpeg"))
    # by the last digit: 0 to 3 black, 4 to 7 blond, 8 both, 9 none
    rows = [
        (number, 1 if number % 10 in (0, 1, 2, 3, 8) else -1, 1 if 4 <= number % 10 <= 8 else -1, (-1) ** number)
        for number in range(200)
    ]
    lines = "".join(f"{number:03d}.jpg  {black} {blond} {young}\n" for number, black, blond, young in rows)
    (tmp_path / "list_attr_celeba.txt").write_text(f"101\nBlack_Hair Blond_Hair Young\n{lines}999.jpg 1 1 1\n")
    found = read(str(tmp_path), "hair=Blond_Hair,black_hair", validation="0.2", test="0.2")
    assert found.attributes == [Attribute("hair", ["Black_Hair", "Blond_Hair"])]
    assert found.kept == [Attribute("Young", ["no", "yes"])]
    splits = [split for split in (found.train, found.validation, found.test) if split is not None]
    every = {row[0]: row[1] for split in splits for row in words(found, split)}
    assert every == {
        f"{number:03d}.jpg": "Black_Hair" if number % 10 < 4 else "Blond_Hair"
        for number in range(200) if number % 10 < 8
    }  # fmt: skip
    assert (
        "hair: 40 of 200 pictures have no definite value (20 are none of Blond_Hair, Black_Hair, 20 are several): they "
        "are left out." in found.notes
    )
    assert "list_attr_celeba.txt of" in found.notes[0] and "are absent: 1; they are ignored." in found.notes[0]


def test_an_empty_column_of_other_pictures_is_no(tmp_path):
    people(tmp_path / "a"), people(tmp_path / "b", 6, first=500)
    for folder in "ab":
        files = [file.name for file in sorted((tmp_path / folder).glob("*.png"))]
        rows = [("1,0", "0,1")[row % 2] if folder == "a" else ("1,", "0,")[row % 2] for row in range(len(files))]
        lines = [f"{file},{row}" for file, row in zip(files, rows, strict=True)]
        (tmp_path / folder / "attributes.csv").write_text("\n".join(["file,black,blond", *lines]))
    found = read(str(tmp_path / "a"), "hair=black,blond", test=str(tmp_path / "b"))
    assert found.test is not None
    assert words(found, found.test) == [(f"{number}.png", "black") for number in (500, 502, 504)]
    assert any("hair: 3 of 6 pictures have no definite value (3 are none of" in note for note in found.notes)
    with pytest.raises(InputError, match=r"blond of .* does not hold yes and no, as the columns of hair must"):
        read(str(tmp_path / "b"), "hair=black,blond")


def test_empty_cells_have_no_value(tmp_path):
    data, table = people(tmp_path), tmp_path / "attributes.csv"
    table.write_text(
        table.read_text().replace("001.png,black", "001.png,").replace("002.png,grey,yes", "002.png,grey,")
    )
    found = read(data, "hair")
    assert "hair: 1 of 120 pictures have no value: they are left out." in found.notes
    rows = {row[0]: row[1:] for row in words(found, found.train)}
    assert len(rows) == 119
    assert rows["002.png"] == ("grey", "", "no")


def test_sub_folders_are_looks(tmp_path):
    found = read(folder_of(tmp_path, {"winter": 30, "summer": 25}))
    assert found.attributes == [Attribute("look", ["summer", "winter"])]
    assert found.kept == []
    assert found.train.kept.shape == (55, 0)
    assert found.counts() == {"train": {"pictures": 55, "look": {"summer": 25, "winter": 30}}}


def test_the_folders_of_cyclegan(tmp_path):
    data = folder_of(tmp_path, {"trainA": 30, "trainB": 25, "testA": 5, "testB": 4})
    found = read(data, validation="0.1", test="0.2")
    assert found.attributes == [Attribute("look", ["A", "B"])]
    assert found.counts()["test"] == {"pictures": 9, "look": {"A": 5, "B": 4}}
    assert any("trainA and trainB for training, testA and testB for test" in note for note in found.notes)


def test_two_folders_are_looks_in_their_order(tmp_path):
    folder_of(tmp_path, {"winter/photos": 40, "summer/photos": 30})
    data = f"{tmp_path}/winter/photos,{tmp_path}/summer/photos"
    found = read(data, validation="0.1", test="0.1")
    assert found.name == "photos + photos"
    assert found.attributes == [Attribute("look", ["winter/photos", "summer/photos"])]
    rows = [row for split in (found.train, found.validation, found.test) if split for row in words(found, split)]
    assert sorted(look for _, look in rows) == 30 * ["summer/photos"] + 40 * ["winter/photos"]
    assert all(file.startswith(f"{look}/") for file, look in rows)
    moved = tmp_path / "moved"
    shutil.copytree(tmp_path / "winter", moved / "winter")
    shutil.copytree(tmp_path / "summer", moved / "summer")
    again = read(f"{moved}/winter/photos,{moved}/summer/photos", validation="0.1", test="0.1")
    assert again.fingerprint == found.fingerprint


def with_tables(path: Path, **columns: str) -> str:
    """Adds a table to each folder, by its name: glasses that every second picture has, and other columns."""
    for name, others in columns.items():
        lines = [f"file,glasses{others}"]
        for row, file in enumerate(sorted((path / name).rglob("*.png"))):
            lines.append(
                f"{file.relative_to(path / name)},{('yes', 'no')[row % 2]}" + others.count(",") * f",{row % 3}"
            )
        (path / name / "attributes.csv").write_text("\n".join(lines) + "\n")
    return f"{path}/x,{path}/y"


def test_tables_of_two_folders_say_what_to_keep(tmp_path):
    folder_of(tmp_path, {"x": 30, "y": 25})
    data = with_tables(tmp_path, x=",rings,look,age", y=",rings,look")
    found = read(data)
    assert found.attributes == [Attribute("look", ["x", "y"])]
    assert found.kept == [Attribute("glasses", ["no", "yes"]), Attribute("rings", ["0", "1", "2"])]
    assert sorted(words(found, found.train)) == [
        (f"{look}/{row:03d}.png", look, ("yes", "no")[row % 2], str(row % 3))
        for look, count in (("x", 30), ("y", 25)) for row in range(count)
    ]  # fmt: skip
    assert [note for note in found.notes if "age" in note] == [
        "Columns that only one of the two folders has: age; they are ignored."
    ]
    (tmp_path / "y" / "attributes.csv").unlink()
    alone = read(data)
    assert alone.kept == []
    assert f"{tmp_path}/x has attributes.csv, but {tmp_path}/y has no such table: it is ignored." in alone.notes
    assert alone.fingerprint != found.fingerprint


def test_tables_of_two_folders_of_other_names_are_read(tmp_path):
    folder_of(tmp_path, {"x": 30, "y": 25})
    data = with_tables(tmp_path, x="", y="")
    found = read(data, known=[Attribute("look", ["old", "new"])])
    assert found.kept == [Attribute("glasses", ["no", "yes"])]
    assert words(found, found.train)[::30] == [("x/000.png", "old", "yes"), ("y/000.png", "new", "yes")]


def test_a_table_beside_sub_folders_says_what_to_keep(tmp_path):
    folder_of(tmp_path, {"in/summer": 30, "in/winter": 25})
    with_tables(tmp_path, **{"in": ",rings"})
    found = read(str(tmp_path / "in"))
    assert found.attributes == [Attribute("look", ["summer", "winter"])]
    assert found.kept == [Attribute("glasses", ["no", "yes"]), Attribute("rings", ["0", "1", "2"])]
    assert (
        f"The sub-folders of {tmp_path}/in are the looks to change between; --attribute changes a column of its table "
        "instead: glasses, rings." in found.notes
    )
    assert read(str(tmp_path / "in"), "glasses").attributes == [Attribute("glasses", ["no", "yes"])]
    for number in range(25):  # too many to be looks
        folder_of(tmp_path / "in", {f"{number}": 1})
    with pytest.raises(InputError, match="choose what to change with --attribute"):
        read(str(tmp_path / "in"))


def test_two_folders_called_as_splits(tmp_path):
    folder_of(tmp_path, {"train": 30, "test": 30})
    assert read(f"{tmp_path}/train,{tmp_path}/test").attributes == [Attribute("look", ["train", "test"])]


def test_two_folders_with_splits_inside(tmp_path):
    folder_of(tmp_path, {"x/train": 30, "x/test": 5, "y/train": 30, "y/test": 6})
    found = read(f"{tmp_path}/x,{tmp_path}/y", test="0.1")
    assert found.counts() == {
        "train": {"pictures": 60, "look": {"x": 30, "y": 30}}, "test": {"pictures": 11, "look": {"x": 5, "y": 6}}
    }  # fmt: skip


def test_other_folders_are_held_out(tmp_path):
    folder_of(tmp_path, {"x": 30, "y": 30, "later/u": 3, "later/v": 5, "z/y": 4, "z/x": 6})
    found = read(
        f"{tmp_path}/x,{tmp_path}/y", validation=f"{tmp_path}/later/u,{tmp_path}/later/v",
        test=f"{tmp_path}/z/y,{tmp_path}/z/x",
    )  # fmt: skip
    assert found.counts() == {
        "train": {"pictures": 60, "look": {"x": 30, "y": 30}},
        "validation": {"pictures": 8, "look": {"x": 3, "y": 5}},
        "test": {"pictures": 10, "look": {"x": 6, "y": 4}},
    }
    assert f"validation: u is read as x, and v as y: by {ORDER}." in found.notes
    table = read(people(tmp_path / "a"), "hair", test=people(tmp_path / "b", 6, first=500))
    assert table.test is not None
    assert [row[1] for row in words(table, table.test)] == ["grey", "red", "black", "grey", "red", "black"]
    assert table.fingerprint != read(str(tmp_path / "a"), "hair").fingerprint
    other = tmp_path / "b" / "attributes.csv"
    other.write_text(other.read_text().replace("red", "green"))
    with pytest.raises(InputError, match="has an unknown hair green; the values are black, grey, red") as error:
        read(str(tmp_path / "a"), "hair", test=str(tmp_path / "b"))
    assert error.value.field == "test"


def test_a_trained_models_values_index_other_pictures(tmp_path):
    known = [Attribute("hair", ["bald", "black", "grey", "red"])]
    found = read(people(tmp_path, 3), "hair", known=known)
    assert found.attributes == known
    assert found.train.values[:, 0].tolist() == [3, 1, 2]
    folder_of(tmp_path, {"u": 2, "v": 1})
    looks = [Attribute("look", ["winter", "summer"])]
    assert read(f"{tmp_path}/u,{tmp_path}/v", known=looks).train.values[:, 0].tolist() == [0, 0, 1]
    folder_of(tmp_path, {"others": 3, "summer": 2})
    with pytest.raises(InputError, match="an unknown look u; the values are winter, summer"):
        read(f"{tmp_path}/summer,{tmp_path}/u", known=looks)
    with pytest.raises(InputError, match="an unknown look u; the values are winter, summer"):
        read(folder_of(tmp_path / "both", {"u": 2, "v": 1}), known=looks)


def test_the_training_data_decide_what_is_yes_and_no(tmp_path):
    """0 and 1 among other numbers are numbers; in other pictures too, though these are 0 and 1 alone."""
    train, others = tmp_path / "train", tmp_path / "others"
    people(train), people(others, 30, first=500)
    for folder, rings in ((train, "012"), (others, "01")):
        lines = (folder / "attributes.csv").read_text().splitlines()
        rows = [f"{line},{rings[row % len(rings)]}" for row, line in enumerate(lines[1:])]
        (folder / "attributes.csv").write_text("\n".join([f"{lines[0]},rings", *rows]))
    found = read(str(train), "rings", test=str(others))
    assert found.test is not None
    assert found.attributes == [Attribute("rings", ["0", "1", "2"])]
    assert found.test.values[:, 0].tolist() == [0, 1] * 15
    kept = read(str(train), "hair", test=str(others))
    assert kept.test is not None
    assert kept.kept[-1] == Attribute("rings", ["0", "1", "2"])
    assert kept.test.kept[:, -1].tolist() == [0, 1] * 15
    again = read(str(others), "rings", known=found.attributes)
    assert again.train.values[:, 0].tolist() == [0, 1] * 15
    known = [Attribute("rings", ["no", "yes"])]
    assert read(str(others), "rings", known=known).train.values[:, 0].tolist() == [0, 1] * 15
    with pytest.raises(InputError, match="has an unknown rings 2; the values are no, yes"):
        read(str(train), "rings", known=known)


def test_columns_of_other_pictures_may_be_spelt_differently(tmp_path):
    """The training data spell the attributes to change, the kept ones, and the values composed of columns."""
    train, others = tmp_path / "train", tmp_path / "others"
    people(train, columns="file,Hair,Glasses,male,age"), people(others, 30, "file,hair,glasses,Male,age", 500)
    found = read(str(train), "hair", test=str(others))
    assert found.test is not None
    assert [one.name for one in (*found.attributes, *found.kept)] == ["Hair", "Glasses", "male"]
    assert words(found, found.test)[0] == ("500.png", HAIR[500 % 3], "yes", "yes")
    assert words(found, read(str(others), "hair", known=found.attributes).train) == words(found, found.test)
    for folder, header in ((train, "file,Black_Hair,Blond_Hair"), (others, "file,black_hair,BLOND_HAIR")):
        files = [file.name for file in sorted(folder.glob("*.png"))]
        lines = [f"{file},{row % 2},{1 - row % 2}" for row, file in enumerate(files)]
        (folder / "attributes.csv").write_text("\n".join([header, *lines]))
    composed = read(str(train), "hair=black_hair,blond_hair", test=str(others))
    assert composed.test is not None
    assert composed.attributes == [Attribute("hair", ["Black_Hair", "Blond_Hair"])]
    assert composed.test.values[:, 0].tolist() == [1, 0] * 15
    again = read(str(others), "hair=black_hair,blond_hair", known=composed.attributes)
    assert again.train.values[:, 0].tolist() == [1, 0] * 15


@pytest.mark.parametrize(
    ("names", "values", "why"),
    [
        (("Winter", "Summer"), [1, 0], "similar names"),
        (("winter-2", "summer-2"), [1, 0], "similar names"),
        (("summer-2", "winter-2"), [0, 1], "similar names"),
        (("b", "summer-2"), [1, 0], "similar names"),  # one of them determines the other
        (("b", "a"), [0, 1], ORDER),
        (("winter-1", "winter-2"), [0, 1], ORDER),
        (("winter", "summer"), [1, 0], ""),  # the same names need no note
    ],
)
def test_two_folders_are_matched_by_name_before_their_order(tmp_path, names, values, why):
    folder_of(tmp_path, dict.fromkeys(names, 2))
    found = read(",".join(str(tmp_path / name) for name in names), known=[Attribute("look", ["summer", "winter"])])
    looks = dict(zip(names, values, strict=True))
    files = zip(found.train.pictures.names, found.train.values[:, 0], strict=True)
    assert all(value == looks[file.split("/")[0]] for file, value in files)
    read_as = [("summer", "winter")[value] for value in values]
    note = f"{names[0]} is read as {read_as[0]}, and {names[1]} as {read_as[1]}: by {why}."
    assert [said for said in found.notes if "read as" in said] == ([note] if why else [])


def test_a_sample_set_and_its_files_are_the_same(tmp_path):
    pytest.importorskip("dicebear")
    sample = read_attributed("@faces:200", "0.1", "0.1", pixels=32, attributes=("hair",))
    assert [one.name for one in sample.kept] == ["glasses", "beard", "skin"]
    assert sample.notes == [note for note in sample.notes if "is rough" in note or "are rough" in note]
    write_sample_set("@faces:200", tmp_path / "faces")
    written = read_attributed(str(tmp_path / "faces"), "0.1", "0.1", pixels=32, attributes=("hair",))
    assert written.fingerprint == sample.fingerprint


@pytest.mark.parametrize(("side", "expected"), [(20, 32), (63, 32), (64, 64), (90, 64)])
def test_the_default_side_follows_the_pictures(tmp_path, side, expected):
    for look in ("summer", "winter"):
        (tmp_path / look).mkdir()
        for number in range(22):
            content = encoded(picture(100 * len(look) * (look == "winter") + number, side=side))
            (tmp_path / look / f"{number}.png").write_bytes(content)
    found = read_attributed(str(tmp_path), "0", "0", pixels=None)
    assert found.train.pictures.array.shape[1:3] == (expected, expected)

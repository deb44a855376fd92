"""Captions beside pictures, and descriptions written from columns of a table."""

import random
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from genlab.data.pictures.attributes import UNKNOWN, Attribute
from genlab.data.pictures.combinations import are_unseen, unseen_combinations
from genlab.data.pictures.description_source import DescriptionSource, held_out_combinations
from genlab.data.pictures.facts import Captions, Facts
from genlab.data.pictures.picture_set import PictureSet, read_pictures
from genlab.data.pictures.wording import LONGEST
from genlab.data.shared.sample_sets import write_sample_set
from genlab.errors import InputError
from tests.data.made import folder_of, whole

DESCRIBED = DescriptionSource()


def captioned(path: Path, text: str, count: int = 4, name: str = "captions.csv", encoding: str = "utf-8") -> str:
    data = folder_of(path, {"": count})
    (path / name).write_text(text, encoding=encoding)
    return data


def texts(found: PictureSet) -> list[tuple[str, ...]]:
    assert isinstance(found.train.described, Captions)
    return found.train.described.texts


def said(found: PictureSet, pattern: str) -> list[str]:
    return [note for note in found.notes if re.search(pattern, note)]


@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("captions.csv", "file,caption\n000.png,a red cat\n001.png,\"a dog, asleep\"\n000.png,a cat\n002.png,it\n"),
        ("captions.csv", "caption;File\na red cat;./000.png\na dog, asleep;001.png\na cat;000.PNG\nit;002.png\n"),
        ("captions.txt", "image\tcaption\n000.png\ta red cat\n001.png\ta dog, asleep\n000.png\ta cat\n002.png\tit\n"),
    ],
)  # fmt: skip
def test_captions_of_any_dialect(tmp_path: Path, name: str, table: str) -> None:
    if "000.PNG" in table:
        table = table.replace("000.PNG", "./000.png")
    found = whole(captioned(tmp_path, table, 3, name), descriptions=DESCRIBED)
    assert texts(found) == [("a red cat", "a cat"), ("a dog, asleep",), ("it",)]
    assert found.left_out == {}
    described = found.train.described
    assert described is not None
    assert {described.draw(0, random.Random(seed)) for seed in range(20)} == {"a red cat", "a cat"}
    assert described.full_description(0) == "a red cat"
    assert described.longest == 3


def test_captions_in_a_zip_and_in_sub_folders(tmp_path: Path) -> None:
    """Sub-folders are then part of a file's name, not classes to learn."""
    folder_of(tmp_path / "pets", {"cat": 2, "dog": 2})
    lines = ["file,caption", *(f"{kind}/{n:03d}.png,a {kind} {n}" for kind in ("cat", "dog") for n in range(2))]
    (tmp_path / "pets" / "captions.csv").write_text("\n".join(lines))
    with zipfile.ZipFile(tmp_path / "pets.zip", "w") as archive:
        for path in sorted((tmp_path / "pets").rglob("*.*")):
            archive.write(path, path.relative_to(tmp_path).as_posix())
    for data in ("pets", "pets.zip"):
        found = whole(str(tmp_path / data), descriptions=DESCRIBED)
        assert texts(found) == [("a cat 0",), ("a cat 1",), ("a dog 0",), ("a dog 1",)]
        assert said(found, "learnt with their descriptions, not with their classes")


def test_captions_belong_to_the_fingerprint_only_where_they_are_learnt(tmp_path: Path) -> None:
    data = captioned(tmp_path, "file,caption\n000.png,one\n001.png,two\n")
    plain, described = whole(data), whole(data, descriptions=DESCRIBED)
    assert plain.train.described is None
    assert plain.left_out == {"captions.csv": "captions, which this model does not learn"}
    (tmp_path / "captions.csv").write_text("file,caption\n000.png,one\n001.png,three\n")
    assert whole(data).fingerprint == plain.fingerprint
    assert whole(data, descriptions=DESCRIBED).fingerprint != described.fingerprint


def test_every_split_has_its_captions(tmp_path: Path) -> None:
    lines = [f"{number:03d}.png,picture {number}" for number in range(60)]
    data = captioned(tmp_path / "x", "\n".join(["file,caption", *lines]), 60)
    found = read_pictures(data, "0.2", "0.2", pixels=20, descriptions=DESCRIBED)
    for split in (found.train, found.validation, found.test):
        assert split is not None and isinstance(split.described, Captions)
        assert split.described.texts == [(f"picture {int(name[:3])}",) for name in split.names]
        few = split.take(np.array([1, 0]))
        assert few.described is not None
        assert few.described.full_description(0) == f"picture {int(split.names[1][:3])}"


def test_other_pictures_need_captions_too(tmp_path: Path) -> None:
    data = captioned(tmp_path / "x", "file,caption\n000.png,one\n001.png,two\n")
    other = folder_of(tmp_path / "y", {"": 3})
    with pytest.raises(InputError, match=r"y has no captions\.csv, as x has: add it, or give other") as error:
        read_pictures(data, other, "0", pixels=20, descriptions=DESCRIBED)
    assert error.value.field == "validation"
    (tmp_path / "y" / "captions.csv").write_text("file,caption\n000.png,three\n")
    validation = read_pictures(data, other, "0", pixels=20, descriptions=DESCRIBED).validation
    assert validation is not None
    assert validation.names == ["000.png"]


def test_described_validation_pictures_may_have_other_folders(tmp_path: Path) -> None:
    """Descriptions replace classes, whose names then say nothing about other pictures."""
    for name, kinds in (("x", ("cat", "dog")), ("y", ("cat", "hamster"))):
        data = folder_of(tmp_path / name, dict.fromkeys(kinds, 2))
        lines = ["file,caption", *(f"{kind}/{n:03d}.png,a {kind} {n}" for kind in kinds for n in range(2))]
        (Path(data) / "captions.csv").write_text("\n".join(lines))
    found = read_pictures(str(tmp_path / "x"), str(tmp_path / "y"), "0", pixels=20, descriptions=DESCRIBED)
    assert found.validation is not None and isinstance(found.validation.described, Captions)
    assert found.validation.described.texts == [("a cat 0",), ("a cat 1",), ("a hamster 0",), ("a hamster 1",)]
    assert found.counts()["validation"] == {"pictures": 4}
    with pytest.raises(InputError, match="y has an unknown class hamster; the classes are cat, dog"):
        read_pictures(str(tmp_path / "x"), str(tmp_path / "y"), "0", pixels=20)


# --- captions that are odd ------------------------------------------------------------------------


def test_what_can_be_used_is_used_with_notes(tmp_path: Path) -> None:
    long = " ".join(["long"] * (LONGEST + 5))
    rows = ["000.png,one", "000.png, one ", "000.png,", "001.png,...", f"002.png,{long}", "nine.png,a", "nine.png,b"]
    found = whole(captioned(tmp_path, "\n".join(["file,caption", *rows])), descriptions=DESCRIBED)
    assert texts(found) == [("one",), (long,)]
    assert found.train.names == ["000.png", "002.png"]
    assert found.left_out == {"001.png": "without a caption", "003.png": "without a caption"}
    for note in (
        "^2 files were left out .*001.png: without a caption; 003.png: without a caption$",
        "captions without words, which are left out: 2",
        "captions that a picture has twice, which are read once: 1",
        f"captions of more than {LONGEST - 1} words, which are cut off there: 1",
        "captions of pictures that are absent, which are ignored: 2",
    ):
        assert len(said(found, note)) == 1, (note, found.notes)
    assert found.train.described is not None
    assert found.train.described.longest == LONGEST - 1
    assert max(len(text.split()) for text in found.train.described.wordings()) == LONGEST - 1


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,caption\nx.png,one\ny.png,two\n", r"has no caption of any picture: .* such as 000\.png\."),
        ("file,caption\n000.png,\n001.png,...\n", "has no caption of any picture"),
        ("file,words\n000.png,one\n001.png,two\n", "has no column caption; it has words"),
        ("picture of,caption\n000.png,one\n001.png,two\n", "has no column file; it has picture of, caption"),
        ("file,caption\n000.png,one\n001.png,two, three\n002.png,four\n", "line 3: 3 cells, but most lines have 2"),
        ("", "is empty"),
        ("file,caption\n", "has a line of column names but no rows: add rows"),
    ],
)
def test_captions_that_cannot_be_used(tmp_path: Path, table: str, message: str) -> None:
    with pytest.raises(InputError, match=f"captions.csv of .*{message}") as error:
        whole(captioned(tmp_path, table), descriptions=DESCRIBED)
    assert error.value.field == "data"


def test_captions_in_another_encoding(tmp_path: Path) -> None:
    data = captioned(tmp_path, "file,caption\n000.png,für Élise\n001.png,über\n", encoding="cp1252")
    with pytest.raises(InputError, match=r"captions.csv of .* is not UTF-8 .*--encoding") as error:
        whole(data, descriptions=DESCRIBED)
    assert error.value.field == "encoding"
    assert texts(read_pictures(data, "0", "0", "cp1252", pixels=20, descriptions=DESCRIBED))[0] == ("für Élise",)


# --- columns --------------------------------------------------------------------------------------

TABLE = "file,hair,glasses\n000.png,red,1\n001.png,grey,0\n002.png,,1\n004.png,red,1\n"


def facts(found: PictureSet) -> Facts:
    assert isinstance(found.train.described, Facts)
    return found.train.described


def test_columns_become_facts(tmp_path: Path) -> None:
    data = captioned(tmp_path, TABLE, name="attributes.csv")
    found = whole(data, descriptions=DescriptionSource(("Hair", "glasses")))
    assert facts(found).attributes == [Attribute("hair", ["grey", "red"]), Attribute("glasses", ["no", "yes"])]
    assert [facts(found).of(place) for place in range(3)] == [
        {"hair": "red", "glasses": "yes"}, {"hair": "grey", "glasses": "no"}, {"glasses": "yes"},
    ]  # fmt: skip
    assert found.left_out == {"003.png": "without a value to describe"}
    assert said(found, "lines of pictures that are absent: 1; they are ignored")
    assert "red hair" in facts(found).full_description(0)
    drawn = {facts(found).draw(0, random.Random(seed)) for seed in range(100)}
    assert {"red hair, glasses", "glasses, hair that is red", "red hair"} <= drawn
    (tmp_path / "attributes.csv").write_text(TABLE.replace("grey", "gray"))
    assert whole(data, descriptions=DescriptionSource(("hair",))).fingerprint != found.fingerprint


def test_columns_of_other_pictures_may_be_spelt_differently(tmp_path: Path) -> None:
    data = captioned(tmp_path / "x", TABLE, name="attributes.csv")
    other = captioned(tmp_path / "y", TABLE.replace("hair,glasses", "Hair,GLASSES"), name="attributes.csv")
    found = read_pictures(data, other, "0", pixels=20, descriptions=DescriptionSource(("Hair", "glasses")))
    assert found.validation is not None and isinstance(found.validation.described, Facts)
    assert found.validation.described.attributes == facts(found).attributes
    assert found.validation.described.of(0) == {"hair": "red", "glasses": "yes"}
    known = DescriptionSource(("hair", "glasses"), attributes=facts(found).attributes)
    assert facts(whole(other, descriptions=known)).of(1) == {"hair": "grey", "glasses": "no"}


def test_the_words_and_lengths_of_facts_cover_all_descriptions() -> None:
    attributes = [Attribute("hair", ["dark red", "grey"]), Attribute("beard", ["no", "yes"])]
    some = Facts(attributes, np.array([[0, 1], [1, 0], [UNKNOWN, 1]]), ("a person", "an old face"))
    words = set(" ".join(some.wordings()).split())
    for seed in range(200):
        text = some.draw(seed % 3, random.Random(seed)).replace(",", "")
        assert set(text.split()) <= words
        assert len(text.split()) <= some.longest
    assert some.longest == 3 + 2 + (2 + 3) + 2 + 1
    whole_text = some.full_description(0)
    assert all(some.full_description(0) == whole_text for _ in range(3))
    assert whole_text.startswith(("a person ", "an old face ")) and "dark red" in whole_text and "beard" in whole_text
    assert len({some.full_description(0, wording) for wording in range(20)}) > 5
    assert some.given.tolist() == [True, True, True]


def test_a_table_that_is_not_used_gets_a_note(tmp_path: Path) -> None:
    data = captioned(tmp_path, TABLE, name="attributes.csv")
    found = whole(data, descriptions=DESCRIBED)
    assert found.train.described is None
    assert said(found, "attributes.csv of .* is not used: --caption COLUMN writes descriptions")
    (tmp_path / "captions.csv").write_text("file,caption\n000.png,one\n001.png,two\n")
    assert len(texts(whole(data, descriptions=DESCRIBED))) == 2
    both = whole(data, descriptions=DescriptionSource(("hair", "glasses")))
    assert len(facts(both)) == 3
    assert said(both, "captions.csv of .* is ignored, because --caption names columns")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (("hairs",), r"has no column hairs \(perhaps hair\?\); it has hair, glasses, empty\.$"),
        (("hair", "Hair"), "caption: hair is given twice"),
        (("empty",), r"the column empty of attributes\.csv of .* is empty"),
    ],
)
def test_columns_that_cannot_be_used(tmp_path: Path, columns: tuple[str, ...], message: str) -> None:
    table = "file,hair,glasses,empty\n000.png,red,1,\n001.png,grey,0,\n"
    data = captioned(tmp_path, table, name="attributes.csv")
    with pytest.raises(InputError, match=message) as error:
        whole(data, descriptions=DescriptionSource(columns))
    assert error.value.field == "caption"
    (tmp_path / "attributes.csv").unlink()
    with pytest.raises(InputError, match=r"has no attributes\.csv or list_attr_celeba.txt with a column") as error:
        whole(data, descriptions=DescriptionSource(columns))
    assert error.value.field == "caption"


def test_rows_that_contradict_each_other(tmp_path: Path) -> None:
    data = captioned(tmp_path, TABLE + "000.png,grey,1\n", name="attributes.csv")
    with pytest.raises(InputError, match=r"line 6: 000\.png is grey, but red in a line before: keep one"):
        whole(data, descriptions=DescriptionSource(("hair",)))


def test_a_column_of_one_value_gets_a_note(tmp_path: Path) -> None:
    data = captioned(tmp_path, "file,hair,hat\n000.png,red,no\n001.png,grey,no\n", name="attributes.csv")
    assert said(
        whole(data, descriptions=DescriptionSource(("hair", "hat"))), "hat is always no, which describes nothing"
    )


# --- unseen combinations --------------------------------------------------------------------------


def grid(pictures: int = 2000, values: int = 5, columns: int = 3, seed: int = 0) -> Facts:
    attributes = [Attribute(f"column {n}", [f"value {v}" for v in range(values)]) for n in range(columns)]
    return Facts(attributes, np.random.default_rng(seed).integers(0, values, (pictures, columns)))


def test_a_share_of_the_combinations_is_held_out_whatever_the_pictures() -> None:
    chosen = unseen_combinations(grid(), 0.1)
    assert 5 <= len(chosen) <= 20
    assert chosen == unseen_combinations(grid(seed=1), 0.1)
    swapped = grid()
    swapped = Facts(swapped.attributes[::-1], swapped.values[:, ::-1])
    assert sorted(row[::-1] for row in chosen) == sorted(unseen_combinations(swapped, 0.1))
    assert unseen_combinations(grid(), 0.0) == unseen_combinations(grid(columns=1), 0.5) == []
    held_out = are_unseen(grid(), chosen)
    assert 0.03 < held_out.mean() < 0.2
    assert {tuple(row) for row in grid().values[held_out].tolist()} == {tuple(row) for row in chosen}


@pytest.mark.parametrize("share", [0.3, 0.6, 0.9])
def test_training_keeps_every_value_and_common_combinations(share: float) -> None:
    for seed in range(20):
        some = grid(pictures=60, values=3, columns=2, seed=seed)
        chosen = unseen_combinations(some, share)
        left = some.values[~are_unseen(some, chosen)]
        for place in range(2):
            assert set(left[:, place]) == set(some.values[:, place])
    common = Facts(some.attributes, np.concatenate([np.zeros((1000, 2), np.int64), some.values]))
    assert [0, 0] not in unseen_combinations(common, share)


def test_a_note_says_that_nothing_can_be_held_out() -> None:
    notes: list[str] = []
    few = grid(pictures=60, values=2, columns=2)
    assert held_out_combinations(few, DescriptionSource(unseen=0.1), notes) == []
    assert notes == [
        "none of 4 combinations of column 0 and column 1 is held out of training: at --unseen 0.1, all are too common, "
        "or the only ones with a value. A larger share may hold some out."
    ]
    assert held_out_combinations(few, DescriptionSource(unseen=0.0), notes) == [] and len(notes) == 1


def test_unseen_combinations_are_in_neither_training_nor_validation(tmp_path: Path) -> None:
    pytest.importorskip("dicebear")
    pytest.importorskip("resvg_py")
    descriptions = DescriptionSource(unseen=0.2)
    found = read_pictures("@faces:300", "0.2", "0.2", pixels=16, descriptions=descriptions)
    assert said(found, "descriptions are written from the columns hair, glasses, beard and skin of @faces: --caption")
    (note,) = said(found, "combinations of hair, glasses, beard and skin .* are held out of training")
    assert note.startswith(f"{len(found.combinations)} of ")
    assert found.validation is not None and found.test is not None and found.unseen is not None
    for split, expected in ((found.train, 0), (found.validation, 0), (found.unseen, 1)):
        assert isinstance(split.described, Facts)
        assert are_unseen(split.described, found.combinations).mean() == expected
    assert isinstance(found.test.described, Facts)
    assert 0 < are_unseen(found.test.described, found.combinations).mean() < 0.5
    assert found.train.described is not None
    assert found.train.described.full_description(0).startswith(("a person w", "a face w"))
    names = [name for split in (found.train, found.validation, found.test, found.unseen) for name in split.names]
    assert len(names) == len(set(names)) == 300
    assert found.counts()["unseen"] == {"pictures": len(found.unseen)}
    every = read_pictures("@faces:300", "0.2", "0.2", pixels=16, descriptions=DescriptionSource())
    assert every.unseen is None and len(every.train) > len(found.train)
    assert every.test is not None and every.test.names == found.test.names

    write_sample_set("@faces:300", tmp_path / "faces")
    columns = ("hair", "glasses", "beard", "skin")
    moved = DescriptionSource(columns, unseen=0.2, subjects=found.train.described.subjects)
    assert read_pictures(str(tmp_path / "faces"), "0.2", "0.2", pixels=16, descriptions=moved).fingerprint == (
        found.fingerprint
    )

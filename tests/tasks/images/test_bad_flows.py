"""Options, classes and captions that flows cannot be trained with: one sentence, and no run folder."""

import pytest

import genlab
from genlab.errors import InputError
from tests.conftest import squares_and_bars
from tests.tasks.images.flows import QUICK, recipe, write_captions, write_columns, write_table


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (("C", "C++"), r"data: the names of the classes C and C\+\+ have the same words, .*: rename one of them"),
        (("cat", "!"), "data: the class ! has no word in its name, .*: rename its folder"),
        (("cat", "🐈"), "data: the class 🐈 has no word in its name"),
    ],
)
def test_classes_that_their_words_do_not_distinguish(tmp_path, names, message):
    data = squares_and_bars(tmp_path / "kinds", count=20)
    for old, new in zip(("bar", "square"), names, strict=True):
        (data / old).rename(data / new)
    with pytest.raises(InputError, match=message) as error:
        recipe(data)
    assert error.value.field == "data"
    assert recipe(data, conditional=False).maker.vocabulary.words == []


def test_values_of_a_column_that_their_words_do_not_distinguish(tmp_path):
    data = write_table(tmp_path / "bars")
    table = (data / "attributes.csv").read_text()
    (data / "attributes.csv").write_text(table.replace("blue", "Red!"))
    with pytest.raises(InputError, match="label: the names of the classes Red! and red have the same words") as error:
        recipe(data, label="colour")
    assert error.value.field == "label"
    (data / "attributes.csv").write_text(table.replace("blue", "?"))
    with pytest.raises(InputError, match=r"label: the class \? has no word in its name, .*: change its colour"):
        recipe(data, label="colour")
    (data / "attributes.csv").write_text(table.replace("blue", "Red!"))
    with pytest.raises(InputError, match="caption: the values Red! and red of colour have the same words") as error:
        recipe(data, caption=("colour", "wide"))
    assert error.value.field == "caption"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"caption": ("colour",), "label": "wide"}, "--caption and --label both say what to learn: use one of them"),
        ({"caption": ("colour",), "conditional": False}, "--no-conditional ignores descriptions: omit one of them"),
        ({"caption": ("color",)}, r"has no column color \(perhaps colour\?\); it has colour, wide"),
    ],
)
def test_options_that_contradict_each_other(tmp_path, options, message):
    data = write_table(tmp_path / "bars")
    with pytest.raises(InputError, match=message) as error:
        genlab.train("images", data, steps=1, out=tmp_path / "run", **QUICK, **options)
    assert error.value.field == "caption"
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "message", "field"),
    [
        ({"width": 40}, "width: 40 cannot be used; this model needs a multiple of 32", "width"),
        ({"pixels": 24}, r"pixels: 24 cannot be used; this model needs 16, 32, 64 \.\.\.", "pixels"),
        ({"unseen": 1.0}, "unseen: 1.0 cannot be used; it must be", "unseen"),
    ],
)
def test_sizes_that_cannot_be_used(tmp_path, options, message, field):
    data = write_captions(tmp_path / "bars")
    with pytest.raises(InputError, match=message) as error:
        genlab.train("images", data, steps=1, out=tmp_path / "run", **{**QUICK, **options})
    assert error.value.field == field
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({}, "captions describe the pictures of bars"),
        ({"caption": ("colour",)}, "only the column colour describes the pictures of bars"),
        ({"conditional": False}, "the pictures of bars are learnt without descriptions"),
    ],
)
def test_only_combinations_of_columns_can_be_unseen(tmp_path, refused, options, why):
    """The default holds out what can be; a share that the user gives must have an effect."""
    data = write_captions(tmp_path / "bars")
    write_columns(data)
    words = [f"--{name}={value[0]}" for name, value in options.items() if value]
    words += [f"--no-{name}" for name, value in options.items() if not value]
    said, field = refused("train", "images", data, "--model", "flow", "--pixels", 16, "--unseen", 0.2, *words)
    assert said.endswith(f"but {why}: omit it, or name the columns with --caption.")
    assert field == "unseen"
    for unseen in (None, 0.0):
        recipe(data, unseen=unseen, **options)


@pytest.mark.parametrize(
    ("captions", "message", "field"),
    [
        ("", "captions.csv of bars is empty", "data"),
        ("file,caption\n0.png,\n1.png,...\n", "has no caption of any picture", "data"),
        ("file,caption\nx.png,a cat\ny.png,a dog\n", "has no caption of any picture: its column of files", "data"),
        ("file,words\n0.png,a cat\n1.png,a dog\n", "has no column caption; it has words", "data"),
        ("file,caption\n0.png,f\xfcr Elise\n1.png,\xfcber\n", "is not UTF-8", "encoding"),
    ],
)
def test_captions_that_the_command_refuses(tmp_path, refused, captions, message, field):
    data = write_captions(tmp_path / "bars")
    (data / "captions.csv").write_bytes(captions.encode("latin-1"))
    said, named = refused("train", "images", "bars", "--model", "flow", "--pixels", 16)
    assert message in said
    assert named == field

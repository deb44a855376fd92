"""Changing pictures with a trained model, from Python and from the command line."""

import dataclasses
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import genlab
from genlab.cli.option import options_of
from genlab.cli.parser import Page
from genlab.data.pictures.attributes import Attribute
from genlab.errors import InputError
from genlab.tasks.restyle.options import RestyleRequest
from tests.data.made import encoded, noise
from tests.tasks.restyle.made import sign


@pytest.fixture
def photo(tmp_path):
    path = tmp_path / "photo.png"
    Image.fromarray(sign(2000, "blue", True)).save(path)
    return path


def test_each_picture_comes_back_changed_with_what_was_and_what_is(run, photo, cli, tmp_path):
    code, out, err = cli("generate", run.path, photo, "--set", "colour=red", "--to", tmp_path / "made")
    assert code == 0, err
    assert out == ""
    made = np.asarray(Image.open(tmp_path / "made" / "photo-000.png"))
    assert made.shape == (16, 16, 3)
    assert f"source: {photo}" in err
    assert "colour: blue -> red" in err
    assert (made != sign(2000, "blue", True)).any()


def test_json_and_sheet(run, photo, cli, tmp_path):
    code, out, _ = cli("generate", run.path, photo, "--set", "colour=red", "--grid", tmp_path / "sheet.png", "--json")
    assert code == 0
    (sample,) = json.loads(out)["samples"]
    assert sample["source"] == str(photo)
    assert sample["changes"] == {"colour": "blue -> red"}
    width, height = Image.open(tmp_path / "sheet.png").size
    assert width > 2.5 * height  # before, after, difference


def test_help_says_that_pictures_are_changed(run, cli):
    code, out, _ = cli("generate", run.path, "--help")
    assert code == 0
    said = f"Change pictures with {run.path} (stargan: one generator for all values; a mask selects what changes)."
    assert "".join(said.split()) in "".join(out.split())  # wherever its lines break


def test_the_value_that_a_picture_has_returns_it_unchanged(run):
    before = sign(2000, "blue", True)
    (sample,) = run.generate(pictures=[before], set={"colour": "blue"})
    assert np.array_equal(sample.content, before)
    assert sample.about["changes"] == {"colour": "blue already"}


def test_attributes_and_values_may_differ_in_case(run):
    before = sign(2000, "blue", True)
    (sample,), (other,) = (run.generate(pictures=[before], set=each) for each in ({"colour": "red"}, {"Colour": "RED"}))
    assert other.about == sample.about
    assert np.array_equal(other.content, sample.content)


def test_attributes_may_be_called_as_other_facts(folder, tmp_path, cli):
    other = tmp_path / "signs"
    shutil.copytree(folder, other)
    table = (other / "attributes.csv").read_text()
    (other / "attributes.csv").write_text(table.replace("colour", "source", 1).replace("bar", "files", 1))
    run = genlab.train("restyle", other, attribute=("source",), steps=1, pixels=16, width=4, out=tmp_path / "run",
                       quiet=True)  # fmt: skip
    code, out, _ = cli("generate", run.path, other / "000.png", "--set", "source=red", "--to", tmp_path / "a", "--json")
    assert code == 0
    (sample,) = json.loads(out)["samples"]
    assert sample["source"] == str(other / "000.png")
    assert list(sample["changes"]) == ["source"]
    assert len(sample["files"]) == 1


def test_names_and_values_may_contain_equals_signs_and_commas(run, monkeypatch):
    names = {"colour": ["a=b", "c,d", "e"], "colour=1": ["x=1", "y"], "colour=2,3": ["no", "yes"], "b": ["1", "2"]}
    attributes = [Attribute(name, values) for name, values in names.items()]
    facts = dataclasses.replace(run.pipeline.facts, attributes=attributes)
    monkeypatch.setattr(run.pipeline, "facts", facts)
    page = Page("", "", options_of(RestyleRequest))

    def wanted(*words: str) -> dict[str, str]:
        given = page.parse([part for word in words for part in ("--set", word)])["set"]
        return {
            attributes[one].name: attributes[one].values[value] for one, value in run.pipeline._wanted(given).items()
        }

    for name, values in names.items():
        for value in values:
            assert wanted(f"{name}={value}") == {name: value}
    assert wanted("colour=c,d", "b=2") == {"colour": "c,d", "b": "2"}
    assert wanted("colour=1=y", "colour=2,3=yes") == {"colour=1": "y", "colour=2,3": "yes"}
    assert wanted("colour=1=x=1", "b=1") == {"colour=1": "x=1", "b": "1"}
    for words, sentence in [
        (["colour=e,b=2"], "set: colour has no value 'e,b=2'; choose from a=b, c,d, e. Give each change a --set."),
        (["colour=1=y", "colour=1=x=1"], "set: colour=1 is given twice."),
        (["colour=1=z"], "set: colour has no value '1=z'"),
    ]:
        with pytest.raises(InputError, match=re.escape(sentence)):
            wanted(*words)


def test_strength(run):
    before = sign(2000, "blue", True)
    samples = [run.generate(pictures=before, set={"colour": "red"}, strength=strength)[0] for strength in (0, 0.5, 1)]
    none, half, full = (sample.content.astype(int) for sample in samples)
    assert [sample.about["changes"]["colour"] for sample in samples] == ["blue", "blue -> red", "blue -> red"]
    assert np.array_equal(none, before)
    assert np.abs(half - before).sum() < np.abs(full - before).sum()
    within = (full > 0) & (full < 255)  # not clipped
    assert np.abs(half - (before + full) / 2)[within].max() <= 1


def test_full_size_keeps_the_picture_outside_its_square(run):
    large = np.asarray(Image.fromarray(sign(2000, "blue", True)).resize((160, 160), Image.Resampling.NEAREST))
    wide = np.concatenate((np.full((160, 40, 3), 9, np.uint8), large, np.full((160, 40, 3), 250, np.uint8)), 1)
    (small,) = run.generate(pictures=[wide], set={"colour": "red"})
    (sample,) = run.generate(pictures=[wide], set={"colour": "red"}, full_size=True)
    assert small.content.shape == (16, 16, 3)
    assert sample.content.shape == wide.shape
    assert np.array_equal(sample.content[:, :40], wide[:, :40])
    assert np.array_equal(sample.content[:, 200:], wide[:, 200:])
    inside = np.asarray(Image.fromarray(sample.content[:, 40:200]).resize((16, 16), Image.Resampling.BOX))
    assert np.abs(inside.astype(int) - small.content).mean() < 12


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sheet_of_full_size_shows_the_whole_photograph(run, tmp_path, cli, channels):
    tall = np.full((120, 60, 3), 250, np.uint8)
    tall[30:90] = np.asarray(Image.fromarray(sign(2000, "blue", True)).resize((60, 60), Image.Resampling.NEAREST))
    tall = tall[..., :channels]
    (sample,) = run.generate(pictures=[tall], set={"colour": "red"}, full_size=True)
    before, after, difference = sample.panels
    assert np.array_equal(before, tall.repeat(3 // channels, 2))
    assert np.array_equal(after, sample.content)
    assert np.array_equal(difference, np.abs(after.astype(int) - before))
    assert difference[30:90].any() or channels == 1  # whatever the reader takes a grey sign for
    Image.fromarray(tall.squeeze()).save(tmp_path / "tall.png")
    words = ("tall.png", "--set", "colour=red", "--full-size", "--grid", "sheet.png")
    assert cli("generate", run.path, *words)[0] == 0
    assert Image.open(tmp_path / "sheet.png").size[1] == 120


def test_full_size_applies_no_more_than_the_small_picture_shows(run, monkeypatch):
    """Black and white stripes are grey when small; from there to white is half of the way from black to white."""
    monkeypatch.setattr(run.pipeline, "restyle", lambda pictures, *_: pictures + 3)
    stripes = np.tile(np.array([0, 255], np.uint8), (32, 16))[..., None].repeat(3, 2)
    (small,) = run.generate(pictures=[stripes], set={"colour": "red"})
    (large,) = run.generate(pictures=[stripes], set={"colour": "red"}, full_size=True)
    assert (small.content == 255).all()
    black = large.content[:, 4:-4:2]  # the outermost ones are another grey when small
    assert np.abs(black.astype(int) - 127).max() <= 4


def test_pictures_of_any_size_and_depth(run):
    pictures = [noise(1, 40), noise(2, 16)[..., 0], noise(3, 30)[:20]]
    samples = run.generate(pictures=pictures, set={"colour": "red"})
    assert [sample.content.shape for sample in samples] == 3 * [(16, 16, 3)]


def test_pictures_of_pillow_are_read_like_files(run, tmp_path):
    """Transparent ones over white, those with a palette in their colours."""
    plain = Image.fromarray(sign(2000, "blue", True))
    clear = plain.convert("RGBA")
    clear.putalpha(Image.fromarray(np.tile(np.arange(0, 256, 16, dtype=np.uint8), (16, 1))))
    over = Image.new("RGBA", (16, 16), "white")
    over.alpha_composite(clear)
    one, expected, flat = run.generate(
        pictures=[clear, np.asarray(over.convert("RGB")), plain.quantize()], set={"colour": "red"}
    )
    assert np.array_equal(one.content, expected.content)
    (alone,) = run.generate(pictures=plain, set={"colour": "red"})
    assert np.abs(flat.panels[0].astype(int) - alone.panels[0]).max() <= 8


def test_pictures_of_16_bits_are_scaled_as_in_training(tmp_path, cli):
    """A picture that uses a quarter of the 12 bits of a camera is dark, from a file and from Python."""
    for number in range(60):
        folder = tmp_path / "data" / ("light" if number % 2 else "dark")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(number).integers(0, 4096, (16, 16), np.uint16)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    run = genlab.train("restyle", tmp_path / "data", steps=1, pixels=16, width=4, out=tmp_path / "run", quiet=True)
    photo = tmp_path / "photo.png"
    Image.fromarray(np.tile(np.linspace(0, 1000, 16).astype(np.uint16), (16, 1))).save(photo)
    code, _, err = cli("generate", run.path, photo, "--set", "look=light", "--strength", 0, "--to", tmp_path / "made")
    assert code == 0, err
    expected = (np.linspace(0, 1000, 16).astype(np.uint16) * (255 / 4095)).round()
    assert np.abs(np.asarray(Image.open(tmp_path / "made" / "photo-000.png"), int) - expected).max() <= 1
    assert "read as 12 bits, 0 black and 4,095 white" in err
    (sample,) = genlab.load(run.path).generate(pictures=[Image.open(photo)], set={"look": "light"}, strength=0)
    assert np.abs(sample.content[..., 0].astype(int) - expected).max() <= 1


def test_numbers_from_0_to_1_get_one_note(run, capsys):
    unit = [sign(number, "blue", True).astype(np.float32) / 255 for number in range(4)]
    run.generate(pictures=iter([unit[:2], unit[2:]]), set={"colour": "red"})
    assert capsys.readouterr().err.count("all numbers of the pictures are from 0 to 1") == 1
    run.generate(pictures=[2 * each - 1 for each in unit], set={"colour": "red"})
    assert "all numbers" not in capsys.readouterr().err


def test_an_item_with_several_pictures_is_refused(run):
    with pytest.raises(InputError, match="item 0 of the list has the shape of"):
        run.generate(pictures=[np.zeros((2, 16, 16, 3), np.uint8)], set={"colour": "red"})


@pytest.mark.parametrize("colour", ["blue", "green", "red"])  # one of them is the value that noise is taken to have
def test_pictures_unlike_those_of_training_are_named(run, tmp_path, cli, colour):
    Image.fromarray(noise(7, 16)).save(tmp_path / "noise.png")
    Image.fromarray(sign(2001, "green", False)).save(tmp_path / "sign.png")
    code, _, err = cli("generate", run.path, "noise.png", "sign.png", "--set", f"colour={colour}", "--grid", "a.png")
    assert code == 0
    note = r"Note: pictures unlike those of training: 1 of 2 \(noise.png\), with a cycle error up to (\S+) of 255"
    found = re.search(note, err)
    assert found
    assert float(found[1]) > 1


def test_one_note_counts_all_pictures_unlike_those_of_training(run, tmp_path, cli, monkeypatch):
    monkeypatch.setattr("genlab.data.pictures.originals.MOST", 2)  # opened at a time
    (tmp_path / "mixed").mkdir()
    for number in range(5):
        Image.fromarray(noise(number, 16)).save(tmp_path / "mixed" / f"noise{number}.png")
        Image.fromarray(sign(2001 + number, "green", False)).save(tmp_path / "mixed" / f"sign{number}.png")
    code, out, err = cli("generate", run.path, "mixed", "--set", "colour=red", "--grid", "a.png", "--json")
    assert code == 0
    assert len(json.loads(out)["samples"]) == 10
    (note,) = [line for line in err.splitlines() if "unlike" in line]
    assert re.match(r"Note: pictures unlike those of training: 5 of 10 \((mixed/noise\d\.png, ){3}\.\.\.\), with", note)


def test_pictures_of_another_kind_or_size_are_named(run, tmp_path, cli):
    """A grey picture may come back unchanged, so its cycle error does not show that it is foreign."""
    Image.fromarray(sign(2001, "green", False)).convert("L").save(tmp_path / "grey.png")
    Image.fromarray(sign(2002, "green", False)).resize((9, 9)).save(tmp_path / "tiny.png")
    Image.fromarray(sign(2003, "green", False)).save(tmp_path / "sign.png")
    code, _, err = cli(
        "generate", run.path, "grey.png", "tiny.png", "sign.png", "--set", "colour=red", "--grid", "a.png"
    )
    assert code == 0
    assert "Note: pictures that are grey, unlike those of training: 1 of 3 (grey.png): expect artefacts." in err
    kind = "pictures that are smaller than 16 x 16 pixels, unlike those of training"
    assert f"Note: {kind}: 1 of 3 (tiny.png): expect artefacts." in err


def test_an_iterator_of_pictures_is_taken_in_turn(run):
    arrays = [sign(number, "blue", True) for number in range(3)]
    samples = run.generate(pictures=iter([arrays[:2], arrays[2]]), set={"colour": "red"})
    assert [sample.about["source"] for sample in samples] == ["0", "1", "2"]
    assert [sample.panels[0].tolist() for sample in samples] == [each.tolist() for each in arrays]


@pytest.mark.parametrize(
    ("words", "sentence", "field"),
    [
        (["photo.png", "--set", "hair=red"], "this run does not change 'hair'; choose from colour", "set"),
        (
            ["photo.png", "--set", "colour=gren"],
            "no value 'gren'; choose from blue, green, red (perhaps green?)",
            "set",
        ),
        (["photo.png", "--set", "colour"], "NAME=VALUE", "set"),
        (["photo.png", "--set", "colour=red", "--set", "colour=blue"], "each name can be given once", "set"),
        (["photo.png"], "--set colour=blue (colour: blue, green, red)", "set"),
        (["--set", "colour=red"], "Name the pictures", "files"),
        (["gone.png", "--set", "colour=red"], "gone.png", "files"),
        (["words.png", "--set", "colour=red"], "words.png cannot be read as a picture", "files"),
        (["photo.png", "--set", "colour=red", "--strength", "-1"], "strength", "strength"),
    ],
)
def test_bad_requests(run, photo, refused, tmp_path, words, sentence, field):
    (tmp_path / "words.png").write_text("not a picture")
    said, where = refused("generate", run.path, *words)
    assert sentence in said
    assert where == field


def unread(content: bytes, close: bool = False) -> Image.Image:
    """A picture whose pixels are not read yet, from a file that may be closed."""
    picture = Image.open(io.BytesIO(content))
    if close:
        picture.close()
    return picture


@pytest.mark.parametrize(
    ("pictures", "sentence"),
    [
        (unread(encoded(Image.fromarray(noise(0)), "jpeg")[:-200]), "item 0 cannot be read as a picture: damaged"),
        ([noise(0), Image.fromarray(np.full((4, 4), np.nan, "f4"))], "item 1 cannot be read as a picture: has values"),
        ([unread(encoded(Image.fromarray(noise(0))), close=True)], "item 0 cannot be read as a picture: damaged"),
        (None, "give the pictures to change"),
        ([], "give the pictures to change"),
        (np.zeros((0, 16, 16, 3)), "does not hold pictures"),
        (np.zeros((2, 4, 5, 7)), "does not hold pictures"),
        ([np.full((4, 4, 3), 300)], "from 300 to 300 are not pixels"),
        ([[[1, 2], [3]]], "differ in shape"),
        (np.full((4, 4), "a"), "are not pixels"),
        (5, "does not hold pictures"),
        (np.array(5), "does not hold pictures"),
        ({"photo": np.zeros((4, 4))}, "does not hold pictures"),
        (Path("photo.png"), "photo.png is a path: open it with PIL.Image.open, or use the command line"),
        ("photo.png", "photo.png is a path"),
        (["photo.png"], "photo.png is a path"),
        (iter([Path("photo.png")]), "photo.png is a path"),
        (np.zeros((16, 16, 4), np.uint8), "holds transparency"),
        ([np.zeros((16, 16, 2), np.uint8)], "holds transparency"),
        (torch.zeros(2, 16, 16, 4), "holds transparency"),
    ],
)
def test_bad_pictures(run, pictures, sentence):
    with pytest.raises(InputError, match=rf"^pictures: .*{re.escape(sentence)}") as error:
        run.generate(pictures=pictures, set={"colour": "red"})
    assert error.value.field == "pictures"

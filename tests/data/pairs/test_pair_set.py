"""Reading and splitting pairs; `test_bad_pairs.py` has the input that cannot be used."""

import gzip
from pathlib import Path

import pytest

from genlab.data.pairs.pair_set import MIN_PAIRS, check_learnable, read_pairs
from genlab.errors import InputError
from tests.conftest import phrases, tabbed

PAIRS = phrases(400)


def write(path: Path, pairs: list[tuple[str, str]]) -> str:
    path.write_text(tabbed(pairs), encoding="utf-8")
    return str(path)


def two_files(folder: Path, pairs: list[tuple[str, str]], zipped: bool = False) -> str:
    """Parallel files, as one path."""
    places = []
    for side, texts in zip(("en", "fr"), zip(*pairs, strict=True), strict=True):
        path = folder / f"x.{side}{'.gz' if zipped else ''}"
        text = "".join(f"{line}\n" for line in texts).encode()
        path.write_bytes(gzip.compress(text) if zipped else text)
        places.append(str(path))
    return ",".join(places)


def both(part) -> list[tuple[str, str]]:
    return [] if part is None else list(zip(part.sources, part.targets, strict=True))


@pytest.mark.parametrize("zipped", [False, True])
def test_a_file_of_pairs_and_two_files_are_the_same_data(tmp_path, zipped):
    one = read_pairs(write(tmp_path / "x.tsv", PAIRS), "0.1", "0.2")
    two = read_pairs(two_files(tmp_path, PAIRS, zipped), "0.1", "0.2")
    assert one.fingerprint == two.fingerprint
    for part in ("train", "validation", "test"):
        assert both(getattr(one, part)) == both(getattr(two, part))
    assert one.name == "x.tsv"
    assert two.name == ("x.en.gz + x.fr.gz" if zipped else "x.en + x.fr")
    assert sorted([*both(one.train), *both(one.validation), *both(one.test)]) == sorted(PAIRS)


def test_a_name_with_a_comma_in_it(tmp_path):
    write(tmp_path / "a,b.tsv", PAIRS)
    assert len(read_pairs(str(tmp_path / "a,b.tsv"), "0", "0").train) == 400
    (tmp_path / "c,d").mkdir()
    assert len(read_pairs(two_files(tmp_path / "c,d", PAIRS), "0", "0").train) == 400


def test_windows_lines_a_byte_order_mark_and_odd_spaces(tmp_path):
    text = "\ufeff" + "".join(f"{a} \t {b}\r\n" for a, b in PAIRS[:30]) + "line\u2028separator\tzwei\u0085drei"
    (tmp_path / "x.tsv").write_bytes(text.encode())
    pairs = read_pairs(str(tmp_path / "x.tsv"), "0", "0")
    assert both(pairs.train) == [*PAIRS[:30], ("line\u2028separator", "zwei\u0085drei")]
    assert pairs.train.lines[-1] == 31


def test_lower_case_changes_no_fingerprint(tmp_path):
    path = write(tmp_path / "x.tsv", PAIRS)
    lower = read_pairs(path, "0", "0.1", lower=True)
    assert lower.fingerprint == read_pairs(path, "0", "0.1").fingerprint
    assert all(text == text.lower() for text in [*lower.train.sources, *lower.train.targets, *lower.test.sources])


def test_no_source_stands_in_two_splits(tmp_path):
    """Each source has three translations, and some pairs occur twice."""
    many = [(source, f"{target} {number}") for number in range(3) for source, target in PAIRS]
    pairs = read_pairs(write(tmp_path / "x.tsv", many + many[:50]), "0.2", "0.2")
    sources = [set(part.sources) for part in (pairs.train, pairs.validation, pairs.test)]
    assert not sources[0] & sources[1]
    assert not sources[0] & sources[2]
    assert not sources[1] & sources[2]
    assert sorted([*both(pairs.train), *both(pairs.validation), *both(pairs.test)]) == sorted(many)
    assert "50 duplicate pairs were left out" in " ".join(pairs.notes)
    assert len(sources[1]) == pytest.approx(80, abs=30)
    assert len(sources[2]) == pytest.approx(80, abs=30)


def test_lower_case_makes_one_source_of_two(tmp_path):
    """Sentences that are the same to the model go to the same split."""
    shouted = [(source.upper(), target + "!") for source, target in PAIRS]
    pairs = read_pairs(write(tmp_path / "x.tsv", PAIRS + shouted), "0.2", "0.2", lower=True)
    assert not set(pairs.train.sources) & (set(pairs.validation.sources) | set(pairs.test.sources))
    assert all(pairs.test.sources.count(source) == 2 for source in pairs.test.sources)


def test_adding_pairs_or_another_share_moves_none(tmp_path):
    few = read_pairs(write(tmp_path / "few.tsv", PAIRS[:200]), "0.2", "0.2")
    many = read_pairs(write(tmp_path / "many.tsv", PAIRS), "0.2", "0.2")
    less = read_pairs(str(tmp_path / "few.tsv"), "0.1", "0.1")
    for part in ("train", "validation", "test"):
        assert set(both(getattr(few, part))) <= set(both(getattr(many, part)))
    assert set(both(less.test)) < set(both(few.test))
    assert set(both(less.validation)) < set(both(few.validation))
    assert few.fingerprint != many.fingerprint


def test_splits_of_their_own(tmp_path):
    """Held-out sources are not trained on, whatever their translation; the fingerprint covers them."""
    whole = write(tmp_path / "x.tsv", PAIRS)
    other = [(source, target + " !") for source, target in PAIRS[:50]]
    validation, test = write(tmp_path / "v.tsv", other), two_files(tmp_path, PAIRS[50:120])
    pairs = read_pairs(whole, validation, test)
    assert both(pairs.validation) == other
    assert both(pairs.test) == PAIRS[50:120]
    assert both(pairs.train) == PAIRS[120:]
    assert "120 pairs were left out of training: their source is in the validation or test file" in " ".join(
        pairs.notes
    )
    write(tmp_path / "v.tsv", other[:-1])
    assert read_pairs(whole, validation, test).fingerprint != pairs.fingerprint


def test_a_known_test_set_stays_whole(tmp_path):
    """Duplicates count twice, in held-out data and where nothing is held out."""
    test = write(tmp_path / "t.tsv", PAIRS[:30] * 2)
    assert both(read_pairs(write(tmp_path / "x.tsv", PAIRS), "0", test).test) == PAIRS[:30] * 2
    assert both(read_pairs(test, "0", "0", distinct=False).train) == PAIRS[:30] * 2


def test_a_source_of_both_own_splits_is_tested_on(tmp_path):
    whole = write(tmp_path / "x.tsv", PAIRS)
    pairs = read_pairs(whole, write(tmp_path / "v.tsv", PAIRS[:150]), write(tmp_path / "t.tsv", PAIRS[100:200]))
    assert both(pairs.test) == PAIRS[100:200]
    assert both(pairs.validation) == PAIRS[:100]


def test_a_header_is_left_out(tmp_path):
    named = [("English", "French"), *PAIRS[:30]]
    path = write(tmp_path / "x.tsv", named)
    for data in (path, two_files(tmp_path, named)):
        pairs = read_pairs(data, "0", "0")
        assert both(pairs.train) == PAIRS[:30]
        assert pairs.train.lines[0] == 2
        assert "(English, French) is a header" in " ".join(pairs.notes)
    tested = read_pairs(write(tmp_path / "y.tsv", PAIRS[30:60]), "0", path)
    assert both(tested.test) == PAIRS[:30]
    assert "x.tsv (English, French)" in " ".join(tested.notes)


def test_a_first_pair_that_could_be_a_header_is_kept(tmp_path):
    words = [("German", "Deutsch"), *PAIRS[:30]]
    pairs = read_pairs(write(tmp_path / "x.tsv", words), "0", "0")
    assert both(pairs.train) == words
    assert pairs.notes == []


def test_blank_lines_are_skipped(tmp_path):
    text = "\n \t \n" + tabbed(PAIRS[:30]) + "\n" * 6
    (tmp_path / "x.tsv").write_text(text, encoding="utf-8")
    pairs = read_pairs(str(tmp_path / "x.tsv"), "0", "0")
    assert both(pairs.train) == PAIRS[:30]
    assert pairs.train.lines == list(range(3, 33))
    name = tmp_path / "x.tsv"
    assert pairs.notes == [f"blank lines in {name} were skipped: lines 1, 2, 33, 34, 35 and 3 more."]
    spaced = [*PAIRS[:10], ("", ""), *PAIRS[10:30]]
    pairs = read_pairs(two_files(tmp_path, spaced), "0", "0")
    assert both(pairs.train) == PAIRS[:30]
    assert pairs.train.lines[9:11] == [10, 12]
    assert pairs.notes[0].endswith("x.fr were skipped: line 11.")


def test_no_splits(tmp_path):
    pairs = read_pairs(write(tmp_path / "x.tsv", PAIRS), "0", "0")
    assert pairs.validation is None
    assert pairs.test is None
    assert both(pairs.train) == PAIRS


def test_small_splits_are_told(tmp_path):
    path = write(tmp_path / "x.tsv", PAIRS[:100])
    assert "the test split has" in " ".join(read_pairs(path, "0", "0.2").notes)
    assert "the test split has no pairs" in " ".join(read_pairs(path, "0", "0.000001").notes)


def test_what_can_be_learnt(tmp_path):
    check_learnable(read_pairs(write(tmp_path / "x.tsv", PAIRS[:MIN_PAIRS]), "0", "0"))
    with pytest.raises(InputError, match=f"leaves {MIN_PAIRS - 1} pairs to train on"):
        check_learnable(read_pairs(write(tmp_path / "x.tsv", PAIRS[: MIN_PAIRS - 1]), "0", "0"))
    with pytest.raises(InputError, match="every target equals its source"):
        check_learnable(read_pairs(write(tmp_path / "x.tsv", [(a, a) for a, _ in PAIRS]), "0", "0"))


def test_the_numbers():
    pairs = read_pairs("@numbers-fr:1100", "0", "0.1")
    known = dict(both(pairs.train) + both(pairs.test))
    assert known["twenty-one"] == "vingt et un"
    assert known["seven hundred and seventy-seven"] == "sept cent soixante-dix-sept"
    assert len(known) == 1100
    assert not set(pairs.test.sources) & set(pairs.train.sources)
    more = read_pairs("@numbers-fr:1200", "0", "0.1")
    assert set(both(pairs.test)) < set(both(more.test))


def test_a_csv_file_of_two_columns(tmp_path: Path) -> None:
    rows = "".join(f'"The {n}, please.";Le {n}.\n' for n in range(30))
    (tmp_path / "p.csv").write_text(f"english;french\n{rows}")
    pairs = read_pairs(str(tmp_path / "p.csv"), "0", "0")
    assert (pairs.train.sources[0], pairs.train.targets[0], pairs.train.lines[0]) == ("The 0, please.", "Le 0.", 2)
    assert len(pairs.train) == 30
    assert "(english, french) names the columns" in pairs.notes[0]
    (tmp_path / "q.csv").write_text("a,b,c\n" + "x y,z,1\n" * 30)
    with pytest.raises(InputError, match=r"q\.csv has 3 columns: keep only two"):
        read_pairs(str(tmp_path / "q.csv"), "0", "0")
    (tmp_path / "r.csv").write_text("english;french\n" + rows + "The last;\n")
    with pytest.raises(InputError, match=r"r\.csv, line 32 has an empty target"):
        read_pairs(str(tmp_path / "r.csv"), "0", "0")

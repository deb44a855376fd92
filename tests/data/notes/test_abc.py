"""ABC: every sign that is read, and what is refused."""

import contextlib
import random
import time
import tracemalloc

import pytest

from genlab.data.notes import abc, abc_tune
from genlab.data.notes.abc import read_abc, read_tune, tunes_in
from genlab.data.notes.abc_fields import key_of, metre_of, tempo_of
from genlab.data.notes.exact import Fraction
from genlab.data.notes.score import Key, Metre, Score, Tempo
from genlab.data.notes.unreadable import Unreadable


def tune(music: str, head: str = "M:4/4\nL:1/4\nK:C\n") -> Score:
    return read_tune(f"X:1\nT:A tune\n{head}{music}\n")


def sounds(score: Score) -> list[tuple[float, float, int]]:
    """Start and length in quarter notes, and pitch."""
    return [(one.start / score.ticks, one.length / score.ticks, one.pitch) for one in score.tracks[0].notes]


def pitches(music: str, **options: str) -> list[int]:
    return [note.pitch for note in tune(music, **options).tracks[0].notes]


def lengths(music: str, **options: str) -> list[float]:
    return [length for _, length, _ in sounds(tune(music, **options))]


def test_octaves() -> None:
    assert pitches("C,, C, C B c b c' c''") == [36, 48, 60, 71, 72, 83, 84, 96]


def test_lengths_and_rests() -> None:
    assert sounds(tune("C2 D/ E// F3/2 | z G/2 A3/4 x/4 z4 B")) == [
        (0, 2, 60), (2, 0.5, 62), (2.5, 0.25, 64), (2.75, 1.5, 65), (5.25, 0.5, 67), (5.75, 0.75, 69), (10.75, 1, 71)
    ]  # fmt: skip
    assert sounds(tune("C4|Z2|D4")) == [(0, 4, 60), (12, 4, 62)]


def test_unit_lengths() -> None:
    assert lengths("C", head="M:6/8\nK:C\n") == [0.5]
    assert lengths("C", head="M:2/4\nK:C\n") == [0.25]
    assert lengths("C", head="M:2/4\nL:1/8\nK:C\n") == [0.5]
    assert lengths("C2 [L:1/16] C2") == [2, 0.5]


def test_accidentals_last_until_the_end_of_the_bar() -> None:
    assert pitches("^F F f =F F | F _B ^^C __D") == [66, 66, 78, 65, 65, 65, 70, 62, 60]
    assert pitches("F =F F | F", head="L:1/4\nK:G\n") == [66, 65, 65, 66]


def test_keys_and_modes() -> None:
    assert pitches("F G A B c d e f", head="K:Ddor\n") == [65, 67, 69, 71, 72, 74, 76, 77]
    assert pitches("F C", head="K:A mix\n") == [66, 61]
    assert pitches("B E", head="K:Gm\n") == [70, 63]
    assert pitches("[K:D]F [K:C]F") == [66, 65]
    assert pitches("F\nK:D\nF") == [65, 66]
    assert pitches("F C G", head="K:D =c ^g\n") == [66, 60, 68]
    assert tune("F", head="K:Ddor\n").keys == [Key(0, 0, True)]


@pytest.mark.parametrize(
    ("text", "sharps", "minor"),
    [
        ("C", 0, False), ("Am", 0, True), ("F#m", 3, True), ("Bb", -2, False), ("EbMaj", -3, False),
        ("G Mixolydian", 0, False), ("C Lydian", 1, False), ("E phrygian", 0, True), ("B loc", 0, True),
        ("Gminor", -2, True), ("Hp", 2, False), ("none", 0, False), ("", 0, False), ("D clef=bass", 2, False),
        ("a", 3, False), ("DB", 2, False),
    ],
)  # fmt: skip
def test_key_signatures(text: str, sharps: int, minor: bool) -> None:
    found = key_of(text)
    assert (found.sharps, found.minor, sum(found.alters.values())) == (sharps, minor, sharps)


def test_metres_and_tempos() -> None:
    assert [metre_of(text) for text in ("C", "C|", "6/8", "2+3/8", "(2+3)/8", "none")] == [
        (4, 4), (2, 2), (6, 8), (5, 8), (5, 8), None
    ]  # fmt: skip
    half = Fraction(1, 2)
    assert tempo_of("1/4=120", half) == 120
    assert tempo_of('"Allegro" 3/8=80', half) == 120
    assert tempo_of("120", half) == 60
    assert tempo_of('"Slow"', half) is None
    assert tune("CCCC", head="M:3/4\nQ:1/2=60\nL:1/4\nK:C\n").tempos == [Tempo(0, 120.0)]
    changed = tune("C4|[Q:1/4=60][M:3/4]C3|", head="M:4/4\nL:1/4\nQ:1/4=90\nK:C\n")
    assert changed.tempos == [Tempo(0, 90.0), Tempo(4 * 480, 60.0)]
    assert changed.metres == [Metre(0, 4, 4), Metre(4 * 480, 3, 4)]


def test_broken_rhythm() -> None:
    assert lengths("A>B A<B A>>B A > B") == [1.5, 0.5, 0.5, 1.5, 1.75, 0.25, 1.5, 0.5]
    assert lengths("A2>B2 A>|B [CE]>{g}D") == [3, 1, 1.5, 0.5, 1.5, 1.5, 0.5]


def test_tuplets() -> None:
    third = pytest.approx(2 / 3, abs=0.001)
    assert lengths("(3ABc d") == [third, third, third, 1]
    assert lengths("(2AB", head="M:6/8\nL:1/4\nK:C\n") == [1.5, 1.5]
    assert lengths("(3:2:2A2B c") == [pytest.approx(4 / 3, abs=0.001), third, 1]
    assert lengths("(5ABcde", head="M:4/4\nL:1/4\nK:C\n") == pytest.approx([0.4] * 5)
    assert lengths("(5ABcde", head="M:6/8\nL:1/4\nK:C\n") == pytest.approx([0.6] * 5)
    assert lengths("((3ABc)") == [third, third, third]


def test_ties_are_one_note_and_slurs_are_not() -> None:
    assert sounds(tune("C4-|C2 D-D")) == [(0, 6, 60), (6, 2, 62)]
    assert sounds(tune("(C D) C-D")) == [(0, 1, 60), (1, 1, 62), (2, 1, 60), (3, 1, 62)]
    assert sounds(tune("^C4-|C C")) == [(0, 5, 61), (5, 1, 60)]
    assert sounds(tune("[CE]2-[CG]2")) == [(0, 4, 60), (0, 2, 64), (2, 2, 67)]


def test_chords() -> None:
    assert sounds(tune("[CEG]2 [C/E/]")) == [(0, 2, 60), (0, 2, 64), (0, 2, 67), (2, 0.5, 60), (2, 0.5, 64)]


def test_what_makes_no_sound_is_skipped() -> None:
    music = '"Am"~A !trill!B +fermata+c {gfe}d .e vf Tg y a`b "^up"c \\\n%%staves\nw:la la\nN:a note\nd % and e'
    assert pitches(music) == [69, 71, 72, 74, 76, 77, 79, 81, 83, 72, 74]


@pytest.mark.parametrize(
    ("music", "notes"),
    [
        ("|:C|D:|E|", "CDCDE"),
        ("C|D:|E|", "CDCDE"),
        ("C|D::E|F:|G", "CDCDEFEFG"),
        ("|:C|1D:|2E||F|", "CDCEF"),
        ("|:C|[1D:|[2E|F||G:|", "CDCEFGG"),
        ("C|:D|1E:|2F:|G|", "CDEDFG"),
        ("|:C|1,3D:|2E:|F|", "CDCECDF"),
        ("|:C|[1-2D:|[3E|]", "CDCDCE"),
        ("|:C||D:|E", "CDCDE"),
        ("C||D:|E", "CDDE"),
        ("|:C:|\n|:D:|\n", "CCDD"),
        ("C|1D:|2E||\nF|1G:|2A||", "CDCEFGFA"),
        ("C|]D:|", "CDD"),
    ],
)  # fmt: skip
def test_repeats_are_played(music: str, notes: str) -> None:
    names = {60: "C", 62: "D", 64: "E", 65: "F", 67: "G", 69: "A"}
    assert "".join(names[pitch] for pitch in pitches(music)) == notes


def test_pick_ups() -> None:
    score = tune("G|CDEF|GABc|d3||")
    assert (score.pickup, score.metres) == (480, [Metre(0, 4, 4)])


def test_several_tunes_per_file() -> None:
    good = "X:{}\nT:Tune {}\nK:C\nCDEF\n\n"
    found = read_abc((good.format(1, 1) + "X:2\nK:C\nCD&EF\n\n" + good.format(3, 3)).encode())
    assert {number: score.title for number, score in found.items() if isinstance(score, Score)} == {
        "1": "Tune 1",
        "3": "Tune 3",
    }
    assert str(found["2"]) == "'&EF' is not known"
    with pytest.raises(Unreadable, match=r"^no tunes: a tune of ABC starts with a line X:1$"):
        read_abc(b"no music at all")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_encodings_and_line_endings(encoding: str, ending: str) -> None:
    text = ending.join(("X:1", "T:Réel", "K:C", "CDEF", ""))
    (score,) = read_abc(text.encode(encoding)).values()
    assert isinstance(score, Score)
    assert score.title == "Réel"
    assert len(score.tracks[0].notes) == 4


def test_each_tune_has_a_number() -> None:
    numbers = [number for number, _ in tunes_in(b"X:4\nK:C\nX:4\nK:C\nX:\nK:C\nX:4\nK:C\n")]
    assert numbers == ["4", "4-2", "3", "4-3"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("X:1\nCDEF", "has no key: add a line K: before its notes"),
        ("X:1\nK:C\n", "has no notes"),
        ("X:1\nK:C\nz4", "has no notes"),
        ("X:1\nK:Q\nC", "K:Q is not a key"),
        ("X:1\nK:G#\nC", "K:G# has more than seven accidentals"),
        ("X:1\nM:4/0\nK:C\nC", "M:4/0 is not a metre"),
        ("X:1\nM:4\nK:C\nC", "M:4 is not a metre"),
        ("X:1\nL:1/0\nK:C\nC", None),
        ("X:1\nL:0/4\nK:C\nC", "L:0/4 is not a note length"),
        ("X:1\nV:1\nK:C\nC\nV:2\nE", "has several voices (V:)"),
        ("X:1\nK:C\nC/0", "the note length '/0' is 0"),
        ("X:1\nK:C\nC'''''''''", "is out of the range of MIDI"),
        ("X:1\nK:C\n>C", "> must follow a note"),
        ("X:1\nK:C\n(1C", "(1 is not a tuplet"),
        ("X:1\nK:C\nC [x]", "is not a chord"),
        ("X:1\nK:C\n^", "is not a note"),
        ("X:1\nK:C\nC & E", "'& E' is not known"),
        ('X:1\nK:C\nC "unclosed', "is not known"),
        ("X:1\nL:1\nK:C\n" + "C9999" * 20, "longer than 100,000 quarter notes"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(text: str, message: str | None) -> None:
    if message is None:  # division by 0 counts as 1
        assert len(read_tune(text).tracks[0].notes) == 1
        return
    with pytest.raises(Unreadable) as error:
        read_tune(text)
    assert message in str(error.value)


def test_refused_tunes_take_little_memory() -> None:
    tracemalloc.start()
    found = read_abc(b"X:\n" * 10_000)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(found) == 10_000
    assert held < 5e6, f"{held / 1e6:.0f} MB"


def test_too_many_tunes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abc, "MOST_TUNES", 2)
    assert len(read_abc(b"X:1\nK:C\nC\n" * 2)) == 2
    with pytest.raises(Unreadable, match=r"^more than 2 tunes: divide it$"):
        read_abc(b"X:1\nK:C\nC\n" * 3)


def test_damaged_files_are_read_or_left_out() -> None:
    chance = random.Random(0)
    whole = 'X:1\nT:A\nM:6/8\nL:1/8\nK:Gm\n|:G|"Gm"B>A(3GAB|[1{c}d2-d:|[2^f3|]\nX:2\nK:D\n[DF]2 z/ c\'|\n'
    signs = "ABcdz^_=,'/0123>(){}[]|:-\"!%\\\n &KXML"
    outcomes = {True: 0, False: 0}
    for _ in range(600):
        text = list(whole)
        for _ in range(chance.randint(1, 8)):
            text[chance.randrange(len(text))] = chance.choice(signs)
        try:
            found = read_abc("".join(text).encode()).values()
        except Unreadable:
            continue
        scores = [score for score in found if isinstance(score, Score)]
        outcomes[True] += len(scores)
        outcomes[False] += len(found) - len(scores)
        assert all(note.length > 0 and 0 <= note.pitch < 128 for score in scores for note in score.tracks[0].notes)
    assert min(outcomes.values()) > 50


@pytest.mark.parametrize("text", ["\n" * 300_000, " " * 300_000, "X:1\nK:C\n" + "C " * 3 + "[" * 100_000,
                                  "X:1\nK:C\n" + '"' * 100_001, "X:1\nK:C\nC" + " " * 100_000 + "-",
                                  "X:1\nK:C\nC|" + ":" * 100_000])  # fmt: skip
def test_time_is_bounded(text: str) -> None:
    start = time.process_time()
    with contextlib.suppress(Unreadable):
        read_abc(text.encode())
    assert time.process_time() - start < 5


def test_sizes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(abc, "MOST_NOTES", 1000)
    monkeypatch.setattr(abc_tune, "MOST_NOTES", 1000)
    with pytest.raises(Unreadable, match=r"^more than 1,000 notes: cut it into pieces$"):
        tune("C" * 1001)
    with pytest.raises(Unreadable, match=r"^more than 1,000 notes: cut it into pieces$"):
        tune("|:" + "CDEF|" * 200 + "C:|")  # as played
    with pytest.raises(Unreadable, match=r"^more than 1,000 notes: divide it$"):
        read_abc(b"".join(b"X:%d\nK:C\n%s\n\n" % (number, b"CDEF" * 100) for number in range(3)))
    monkeypatch.setattr(abc, "LARGEST", 1 << 20)
    with pytest.raises(Unreadable, match=r"^larger than 1 MB: divide it$"):
        read_abc(b" " * (2 << 20))

"""MusicXML: what is written is read, and what cannot be read is refused with one sentence."""

import pytest

from genlab.data.notes.musicxml import read_musicxml
from genlab.data.notes.score import Key, Metre, Note, Score, Tempo
from genlab.data.notes.unreadable import Unreadable
from tests.data.notes.musicxml import attributes, document, note

TICKS = 480
FOUR = [attributes() + note("C4", 8)]


def read(*parts: list[str], about: tuple[str, ...] = ()) -> Score:
    return read_musicxml(document(*parts, about=about))


def sounds(score: Score, track: int = 0) -> list[tuple[float, float, int]]:
    """Start and length in quarter notes, and pitch."""
    return [(one.start / score.ticks, one.length / score.ticks, one.pitch) for one in score.tracks[track].notes]


def test_notes_rests_chords_and_accidentals() -> None:
    score = read([attributes() + note("C4", 2) + note("E4", 2, before="<chord/>") + note("-", 2) + note("F#5", 3)
                  + note("Bb3", 1)])  # fmt: skip
    assert sounds(score) == [(0, 1, 60), (0, 1, 64), (2, 1.5, 78), (3.5, 0.5, 58)]
    assert score.tracks[0].notes[0] == Note(0, TICKS, 60)
    assert score.title == "A piece"
    assert score.tracks[0].name == "Part 1"
    assert (score.metres, score.pickup, score.tempos) == ([Metre(0, 4, 4)], 0, [Tempo(0, 120.0)])


def test_voices_are_tracks_and_backup_and_forward_move() -> None:
    first = note("C5", 4, "<voice>1</voice>") + note("D5", 4, "<voice>1</voice>")
    second = "<forward><duration>2</duration></forward>" + note("E4", 6, "<voice>2</voice>")
    score = read([attributes() + first + "<backup><duration>8</duration></backup>" + second])
    assert [track.name for track in score.tracks] == ["Part 1 1", "Part 1 2"]
    assert sounds(score, 0) == [(0, 2, 72), (2, 2, 74)]
    assert sounds(score, 1) == [(1, 3, 64)]


def test_tied_notes_are_one_and_repeated_ones_are_not() -> None:
    start, stop = '<tie type="start"/>', '<tie type="stop"/>'
    measures = [attributes() + note("C4", 8, start), note("C4", 8, stop + start), note("C4", 2, stop) + note("C4", 6)]
    assert sounds(read(measures)) == [(0, 9, 60), (9, 3, 60)]
    only_drawn = [attributes() + note("C4", 8, '<notations><tied type="start"/></notations>'),
                  note("C4", 8, '<notations><tied type="stop"/></notations>')]  # fmt: skip
    assert sounds(read(only_drawn)) == [(0, 8, 60)]
    apart = [attributes() + note("C4", 2, start) + note("-", 2) + note("C4", 4, stop)]
    assert sounds(read(apart)) == [(0, 1, 60), (2, 2, 60)]


def test_ties_belong_to_voices() -> None:
    """A note that another voice strikes does not end a tie; without a tie in its voice, one may come from another."""
    start, stop, back = '<tie type="start"/>', '<tie type="stop"/>', "<backup><duration>8</duration></backup>"
    one, two = "<voice>1</voice>", "<voice>2</voice>"
    low = note("C4", 8, two)
    score = read([attributes() + note("C5", 8, one + start) + back + low,
                  note("C5", 4, two) + note("C4", 4, two) + back + note("C5", 8, one + stop)])  # fmt: skip
    assert sounds(score, 0) == [(0, 8, 72)]
    assert sounds(score, 1) == [(0, 4, 60), (4, 2, 72), (6, 2, 60)]
    both = note("C5", 8, one + start) + back + note("C5", 8, two + start)
    score = read([attributes() + both, note("C5", 4, one + stop) + note("-", 4) + back + note("C5", 8, two + stop)])
    assert [sounds(score, voice) for voice in (0, 1)] == [[(0, 6, 72)], [(0, 8, 72)]]
    score = read([attributes() + note("C5", 8, one + start) + back + low, low + back + note("C5", 8, two + stop)])
    assert sounds(score, 0) == [(0, 8, 72)]


def test_parts_with_different_divisions_stay_together() -> None:
    triplets = attributes(6) + "".join(note(step, 2) for step in ("C4", "D4", "E4") * 4)
    score = read([triplets, note("C4", 24)], [attributes(1) + note("C3", 4), note("D3", 4)])
    assert [one[0] for one in sounds(score)[:4]] == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert sounds(score, 1) == [(0, 4, 48), (4, 4, 50)]


def test_metres_pick_up_keys_and_tempos() -> None:
    key = "<key><fifths>-3</fifths><mode>minor</mode></key>"
    tempo = '<direction><sound tempo="90"/></direction>'
    mark = (
        "<direction><direction-type><metronome><beat-unit>half</beat-unit><per-minute>60</per-minute></metronome>"
        "</direction-type></direction>"
    )
    score = read([attributes(more=key) + tempo + note("G4", 2), note("C5", 8), attributes(2, "6", "8") + mark
                  + note("C5", 6), note("C5", 6)])  # fmt: skip
    assert score.pickup == TICKS
    assert score.metres == [Metre(0, 4, 4), Metre(5 * TICKS, 6, 8)]
    assert score.keys == [Key(0, -3, True)]
    assert score.tempos == [Tempo(0, 90.0), Tempo(5 * TICKS, 120.0)]


def test_divided_bars_are_whole_and_irregular_ones_have_their_metre() -> None:
    three_and_one = [attributes() + note("C4", 8), note("C4", 6), note("D4", 2), note("C4", 8)]
    assert read(three_and_one).metres == [Metre(0, 4, 4)]
    short = [attributes() + note("C4", 8), note("C4", 6), note("C4", 8), note("C4", 8)]
    assert read(short).metres == [Metre(0, 4, 4), Metre(4 * TICKS, 3, 4), Metre(7 * TICKS, 4, 4)]


def test_sums_of_beats() -> None:
    assert read([attributes(2, "3+2", "8") + note("C4", 5)]).metres == [Metre(0, 5, 8)]


def test_transposing_instruments_sound_as_they_do() -> None:
    clarinet = "<transpose><chromatic>-2</chromatic></transpose>"
    key = "<key><fifths>{}</fifths></key>"
    score = read([attributes(more=key.format(2) + clarinet) + note("D4", 8)],
                 [attributes(more=key.format(0)) + note("C4", 8)])  # fmt: skip
    assert sounds(score, 0) == sounds(score, 1)
    assert score.keys == [Key(0, 0)]


def test_instruments_and_drums() -> None:
    kit = ('<part-name>Kit</part-name><midi-instrument id="D"><midi-channel>10</midi-channel>'
           "<midi-unpitched>39</midi-unpitched></midi-instrument>")  # fmt: skip
    flute = '<part-name>Flute</part-name><midi-instrument id="F"><midi-program>74</midi-program></midi-instrument>'
    hit = '<note><unpitched/><duration>2</duration><instrument id="{}"/></note>'
    score = read([attributes() + hit.format("D") + hit.format("other") + note("-", 4)], FOUR, about=(kit, flute))
    assert (score.tracks[0].drums, score.tracks[0].notes) == (True, [Note(0, TICKS, 38)])
    assert (score.tracks[1].drums, score.tracks[1].program) == (False, 73)


def test_what_makes_no_sound_is_skipped() -> None:
    grace = "<note><grace/><pitch><step>B</step><octave>4</octave></pitch></note>"
    cue = note("B4", 2, before="<cue/>")
    ornament = "<notations><ornaments><trill-mark/></ornaments></notations><lyric><text>la</text></lyric>"
    repeat = '<barline><repeat direction="backward"/></barline>'
    measure = attributes() + "<harmony/>" + grace + note("C4", 2, ornament) + cue + note("D4", 4) + repeat
    assert sounds(read([measure])) == [(0, 1, 60), (2, 2, 62)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (document([attributes() + note("H4", 2)]), "part P1, measure 1: <step> 'H' is not a note name from A to G"),
        (document([attributes() + note("C4", 2).replace("2", "x")]), "measure 1: <duration> 'x' is not a number"),
        (document([attributes() + "<note><rest/></note>"]), "measure 1: <duration> is missing"),
        (document([attributes() + "<note><rest/><duration>-1</duration></note>"]), "must not be negative"),
        (document([attributes(0) + note("C4", 2)]), "<divisions> must be above 0"),
        (document([attributes(2, "4", "5") + note("C4", 2)]), "the beat type must be 1, 2, 4, 8, 16, 32 or 64"),
        (document([attributes(2, "0", "4") + note("C4", 2)]), "a bar must have 1 to 255 beats"),
        (document([attributes() + note("C9", 2).replace(">9<", ">99<")]), "octave 99 is out of the range of MIDI"),
        (document([attributes() + note("-", 8)]), "has no notes"),
        (document(), "has no notes"),
        (document([attributes(1) + note("C4", 999_999)]), "longer than 100,000 quarter notes"),
        (document([attributes(1) + note("C4", 1).replace("1</d", "1e99999999</d")]), "'1e99999999' is not a number"),
    ],
)  # fmt: skip
def test_what_cannot_be_read(content: bytes, message: str) -> None:
    with pytest.raises(Unreadable) as error:
        read_musicxml(content)
    assert message in str(error.value)


def test_rhythms_without_end_are_refused() -> None:
    primes = [number for number in range(1000, 1400) if all(number % other for other in range(2, 38))]
    measures = [attributes(prime) + note("C4", 1) for prime in primes]
    with pytest.raises(Unreadable, match="divides a quarter note into more than"):
        read(measures)

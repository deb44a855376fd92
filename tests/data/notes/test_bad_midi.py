"""Files in the wild: what is repaired, what is refused, and what the reader says about it."""

import struct

import pytest

from genlab.data.notes import midi as reader
from genlab.data.notes import midi_events
from genlab.data.notes.midi import read_midi
from genlab.data.notes.score import Metre, Tempo
from genlab.data.notes.unreadable import Unreadable
from tests.data.notes.made import END, chunk, event, meta, midi, played, spans

GOOD = played((0, 60), (0, 62)) + END
"""Two quarter notes."""
NOTES = [(0, 480, 60), (480, 480, 62)]
TEMPO_0 = meta(0, 0x51, b"\0\0\0")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "empty"),
        (b"ID3\x04" + bytes(100), "not MIDI but an mp3"),
        (b"\xff\xfb\x90\x44" + bytes(100), "not MIDI but an mp3"),
        (b"RIFF\0\0\0\0WAVEfmt ", "not MIDI but a WAV file"),
        (b"PK\x03\x04" + bytes(30), "not MIDI but a zip"),
        (b"<!DOCTYPE html><title>404</title>", "not MIDI but a web page"),
        (b'<?xml version="1.0"?><score-partwise/>', "not MIDI but XML"),
        (b"X: 1\nK: C\n", "not MIDI but ABC notation"),
        (b"notes, of a kind", "not MIDI"),
        (b"MThd\0\0\0\6\0\1", "cut off in its header"),
        (midi(), "has no tracks"),
        (midi(stated=3), "has no tracks"),
        (midi(END), "has no notes"),
        (midi(*[GOOD] * 4097), "more than 4,096 tracks"),
        (midi(event(0, 0x90, 60, 80) + event(0, 0x80, 60, 0) + END), "has no notes; 1 note without length dropped"),
        (midi(GOOD) + bytes(reader.LARGEST), "larger than 8 MB"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as error:
        read_midi(data)
    assert str(error.value) == reason


@pytest.mark.parametrize(
    ("data", "repair"),
    [
        (b"RIFF" + struct.pack("<I", 100) + b"RMIDdata" + struct.pack("<I", 90) + midi(GOOD), "unwrapped from RMID"),
        (bytes(128) + midi(GOOD), "128 bytes before the header skipped"),
        (midi() + chunk(b"abc", b"XFIH") + chunk(GOOD), "1 foreign chunk skipped"),
        (midi(GOOD) + b"\x80\xff\x80", "3 bytes between chunks skipped"),
        (midi(GOOD, stated=7), "the header states 7 tracks, the file has 1"),
        (midi(GOOD, stated=0), "the header states 0 tracks, the file has 1"),
        (midi(GOOD, form=9), "unknown type 9 read as type 1"),
        (midi(GOOD, division=0), "impossible division 0: read as 480 ticks per quarter note"),
        (midi(TEMPO_0 + GOOD), "1 impossible tempo ignored"),
        (midi(meta(0, 0x58, bytes([0, 2, 24, 8])) + GOOD), "1 impossible metre ignored"),
        (midi(meta(0, 0x58, bytes([4, 77, 24, 8])) + GOOD), "1 impossible metre ignored"),
        (midi(meta(0, 0x59, bytes([8, 0])) + GOOD), "1 impossible key ignored"),
        (midi(meta(0, 0x59, b"") * 2 + GOOD), "2 impossible keys ignored"),
        (midi(b"\0\5" + GOOD), "1 stray byte skipped"),
        (midi(event(0, 0x90, 70, 80) + event(0, 0x80, 70, 0) + GOOD), "1 note without length dropped"),
        (midi(meta(0, 0x51, b"\0\0\1") + GOOD), "tempos outside 4 to 1000 quarter notes per minute limited"),
    ],
)
def test_what_is_repaired_says_so(data: bytes, repair: str) -> None:
    score, repairs = read_midi(data)
    assert repairs == [repair] or (repairs[0] == repair and "header states" in repairs[1])
    assert spans(score) == NOTES


def test_several_repairs_are_all_said() -> None:
    assert read_midi(midi(TEMPO_0 + GOOD, stated=2))[1] == [
        "the header states 2 tracks, the file has 1",
        "1 impossible tempo ignored",
    ]


def test_values_over_127_are_clipped() -> None:
    track = event(0, 0x90, 60, 200) + event(480, 0x80, 60, 0) + event(0, 0x90, 250, 80) + event(480, 0x80, 250, 0)
    score, repairs = read_midi(midi(track + END))
    assert [note.velocity for note in score.tracks[0].notes] == [127, 80]
    assert spans(score) == [(0, 480, 60), (480, 480, 127)]
    assert repairs == ["3 notes with values over 127 clipped"]


@pytest.mark.parametrize("lost", range(1, 24))
def test_the_good_part_of_a_truncated_file_is_kept(lost: int) -> None:
    data = midi(played((0, 60), (0, 62), (0, 64)) + END)
    score, repairs = read_midi(data[:-lost])
    assert repairs[0] == "the file is cut off"
    assert spans(score)[:1] == [(0, 480, 60)]


def test_a_track_that_is_shorter_than_its_events_keeps_the_good_part() -> None:
    score, repairs = read_midi(midi(GOOD + event(0, 0x90, 60)))
    assert (spans(score), repairs) == (NOTES, [])  # after the end of the track
    score, repairs = read_midi(midi(GOOD[: -len(END)] + event(0, 0x90, 60)))
    assert (spans(score), repairs) == (NOTES, ["1 track is cut off"])
    score, repairs = read_midi(midi(GOOD[: -len(END)] + meta(0, 6, bytes(99))[:20]))
    assert (spans(score), repairs) == (NOTES, ["1 track is cut off"])


@pytest.mark.parametrize("length", [0, 1 << 20])
def test_a_track_with_a_wrong_length_ends_at_the_next_one(length: int) -> None:
    wrong = chunk(GOOD)[:4] + struct.pack(">I", length) + GOOD
    score, repairs = read_midi(midi(stated=3) + wrong * 2 + chunk(GOOD))
    assert [spans(score, track) for track in range(3)] == [NOTES] * 3
    assert repairs == ["2 tracks have wrong lengths"]


def test_the_last_track_may_state_no_length() -> None:
    for padding in (b"", bytes(16)):
        score, repairs = read_midi(midi(stated=1) + b"MTrk" + bytes(4) + GOOD + padding)
        assert (spans(score), repairs) == (NOTES, ["1 track has a wrong length"])


@pytest.mark.parametrize("after", [b"", bytes(16), chunk(b"abc", b"XFIH")])
def test_right_lengths_are_kept(after: bytes) -> None:
    inside = meta(0, 1, b"MTrk\0\0\0\4MTrk") + GOOD
    score, repairs = read_midi(midi(inside, inside, b"") + after)
    assert [spans(score, track) for track in range(len(score.tracks))] == [NOTES] * 2
    assert repairs == ["1 foreign chunk skipped"] * after.startswith(b"X")


def test_hanging_notes_end_with_the_next_note_or_after_a_whole_note() -> None:
    score, repairs = read_midi(midi(event(0, 0x90, 50, 80) + GOOD))
    assert (spans(score), repairs) == ([(0, 480, 50), *NOTES], ["1 hanging note ended"])
    late = event(0, 0x90, 50, 80) + event(48_000, 0xB0, 7, 1) + END
    assert spans(read_midi(midi(late))[0]) == [(0, 1920, 50)]


def test_a_lost_end_does_not_move_the_ends_of_later_notes() -> None:
    track = event(0, 0x90, 60, 80) + played((480, 60), (480, 60), (480, 60)) + END
    score, repairs = read_midi(midi(track))
    assert spans(score) == [(0, 480, 60), (480, 480, 60), (1440, 480, 60), (2400, 480, 60)]
    assert repairs == ["1 hanging note ended"]


def test_a_pedal_that_is_never_released_holds_nothing() -> None:
    score, repairs = read_midi(midi(event(0, 0xB0, 64, 127) + GOOD))
    assert (spans(score), repairs) == (NOTES, ["sustain pedal never released: ignored where it was last pressed"])


def test_the_pedal_of_another_track_is_ignored() -> None:
    pedal, lifted = event(0, 0xB0, 64, 127), event(0, 0xB0, 64, 0)
    silent = pedal + event(2000, 0xB0, 64, 0) + END
    score, repairs = read_midi(midi(silent, GOOD))
    assert (spans(score), repairs) == (NOTES, ["sustain pedal of another track ignored in 1 track"])
    assert read_midi(midi(silent, GOOD, GOOD))[1] == ["sustain pedal of other tracks ignored in 2 tracks"]
    others = pedal + GOOD[: -len(END)] + lifted + END, played((0, 60), channel=1) + END
    assert read_midi(midi(silent, *others))[1] == []
    assert read_midi(midi(silent, GOOD, form=2))[1] == ["type 2: its 2 patterns follow one another"]


@pytest.mark.parametrize(("frames", "parts"), [(25, 40), (24, 100), (30, 80), (25, 1), (30, 32)])
def test_smpte_time_is_read_at_120_per_minute(frames: int, parts: int) -> None:
    second = frames * parts
    track = meta(0, 0x51, (300_000).to_bytes(3, "big")) + played((0, 60), (0, 62), length=second) + END
    score, repairs = read_midi(midi(track, division=-frames * 256 + parts))
    assert spans(score) == [(0, 960, 60), (960, 960, 62)]
    assert score.tempos == [Tempo(0, 120.0)]
    assert repairs == ["SMPTE time read as 120 quarter notes per minute"]


def test_the_29_frames_of_smpte_are_29_97() -> None:
    score, _ = read_midi(midi(played((0, 60), length=30_000) + END, division=-29 * 256 + 100))
    assert spans(score) == [(0, round(960 * 300 / (30_000 / 1001)), 60)]


def test_the_patterns_of_type_2_follow_one_another_from_bar_to_bar() -> None:
    score, repairs = read_midi(midi(GOOD, meta(0, 0x58, bytes([3, 2, 24, 8])) + GOOD, GOOD, form=2))
    assert [spans(score, track)[0][0] for track in range(3)] == [0, 1920, 1920 + 1440]
    assert score.metres == [Metre(0, 4, 4), Metre(1920, 3, 4)]
    assert repairs == ["type 2: its 3 patterns follow one another"]


def test_an_hour_of_silence_is_cut_to_less_than_two_bars() -> None:
    hour = 120 * 60 * 480 + 100
    metre = meta(hour // 2, 0x58, bytes([3, 2, 24, 8]))
    track = played((0, 60)) + metre + played((hour - hour // 2, 62), (0, 64)) + END
    score, repairs = read_midi(midi(track))
    (first, _, _), (second, _, _), (third, _, _) = spans(score)
    assert (first, third - second) == (0, 480)
    assert second < 2 * 1920
    before, after = score.metres
    assert (before, after[1:]) == (Metre(0, 4, 4), (3, 4))
    real = (480 + hour - (480 + hour // 2)) % 1440  # place of the second note in its bar
    assert (second - after.start) % 1440 == real
    assert repairs == [f"{(480 + hour - second) // 480:,} quarter notes of silence cut"]


def test_silence_at_the_beginning_is_cut_after_the_pickup() -> None:
    metres = meta(0, 0x58, bytes([1, 2, 24, 8])) + meta(480, 0x58, bytes([4, 2, 24, 8]))
    score, repairs = read_midi(midi(metres + played((480 * 405, 60)) + END))
    assert (score.pickup, spans(score)) == (480, [(480 + 480, 480, 60)])
    assert repairs == ["404 quarter notes of silence cut"]


def test_too_many_notes_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(midi_events, "MOST", 4)
    assert read_midi(midi(played(*[(0, 60)] * 2) + END, played(*[(0, 60)] * 2) + END))
    with pytest.raises(Unreadable, match="more than 200,000 notes"):
        read_midi(midi(played(*[(0, 60)] * 3) + END, played(*[(0, 60)] * 2) + END))


def test_a_piece_without_end_is_refused() -> None:
    track = b"".join(event(60 * 480, 0x90, 60, 80) + event(480, 60, 0) for _ in range(400)) + END
    with pytest.raises(Unreadable, match="longer than 20,000 quarter notes"):
        read_midi(midi(track))


def test_endless_notes_are_shortened() -> None:
    score, repairs = read_midi(midi(played((0, 60), length=480 * 1000) + END))
    assert (spans(score), repairs) == ([(0, 480 * 64, 60)], ["1 note of more than 64 quarter notes shortened"])


def test_only_drums_are_music() -> None:
    score, repairs = read_midi(midi(played((0, 36), (0, 38), channel=9) + END))
    assert ([track.drums for track in score.tracks], repairs) == ([True], [])

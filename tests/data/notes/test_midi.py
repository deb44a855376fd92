"""Reading and writing MIDI files that are as they should be."""

from dataclasses import replace

import pytest
from hypothesis import given, settings

from genlab.data.notes.midi import read_midi
from genlab.data.notes.midi_events import DRUMS, Events, read_track
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track
from tests.data.notes.made import END, event, meta, midi, played, scores, spans


def read(data: bytes) -> Score:
    """Reads a file that needs no repair."""
    score, repairs = read_midi(data)
    assert repairs == []
    return score


@settings(max_examples=60, deadline=None)
@given(scores(ticks=480))
def test_what_is_written_is_read_again(score: Score) -> None:
    assert read(write_midi(score)) == score


def test_a_pickup_that_no_metre_has_becomes_silence() -> None:
    score = Score([Track([Note(0, 7, 60), Note(7, 48, 62)])], 12, [Metre(0, 4, 4)], pickup=7)
    again = read(write_midi(replace(score, ticks=12)))
    assert (again.pickup, again.metres) == (0, score.metres)
    assert spans(again) == [(41, 7, 60), (48, 48, 62)]


@pytest.mark.parametrize("tempo", [5.0, 88.0, 96.25, 111.11, 700.0])
def test_tempos_are_read_as_they_were_written(tempo: float) -> None:
    score = Score([Track([Note(0, 480, 60)])], tempos=[Tempo(0, tempo)])
    assert read(write_midi(score)) == score


def test_many_tracks_share_channels_but_keep_their_programs() -> None:
    tracks = [Track([Note(0, 10, 60 + number)], number) for number in range(40)]
    tracks.insert(7, Track([Note(0, 10, 36)], 0, True))
    assert read(write_midi(Score(tracks))).tracks == tracks


@pytest.mark.parametrize("programs", [[0] * 20, [*range(15), *range(15)], [5] * 16 + [6, 7], [*range(8)] * 4])
def test_up_to_15_programs_share_no_channel(programs: list[int]) -> None:
    score = Score([Track([Note(0, 10, 60)], program) for program in programs])
    events = Events(480)
    for number, content in enumerate(write_midi(score).split(b"MTrk")[1:]):
        read_track(content[4:], events, number)
    used = {(channel, program) for _, channel, program in events.parts}
    channels = {channel for channel, _ in used}
    assert len(used) == len(channels) == 15
    assert DRUMS not in channels
    assert [track.program for track in read(write_midi(score)).tracks] == programs


def test_running_status_goes_on_after_a_meta_event() -> None:
    track = event(0, 0x90, 60, 80) + event(10, 60, 0) + meta(0, 6, b"A") + event(0, 62, 80) + event(10, 62, 0) + END
    assert spans(read(midi(track, form=0))) == [(0, 10, 60), (10, 10, 62)]


def test_other_events_are_skipped() -> None:
    others = (
        event(5, 0xA0, 60, 1) + event(0, 0xE0, 0, 64) + event(0, 0xD0, 3) + event(0, 0xB0, 7, 100)
        + event(0, 0xF0, 3, 1, 2, 0xF7) + event(0, 0xF7, 1, 9) + event(0, 0xF2, 1, 2) + event(0, 0xF3, 1)
        + event(5, 0xF8) + meta(0, 0x7F, bytes(200)) + meta(0, 5, "la".encode("utf-16")) + meta(0, 5, b"\xff\xfe\x81")
    )  # fmt: skip
    assert spans(read(midi(others + played((0, 60)) + END))) == [(10, 480, 60)]


def test_metres_keys_and_tempos() -> None:
    waltz, jig = bytes([3, 2, 24, 8]), bytes([6, 3, 24, 8])
    changes = meta(0, 0x58, waltz) + meta(0, 0x59, bytes([0xFD, 1])) + meta(0, 0x51, (400_000).to_bytes(3, "big"))
    changes += meta(1440, 0x58, jig) + meta(1440, 0x58, jig) + meta(0, 0x59, bytes([2, 0]))
    score = read(midi(meta(0, 3, b"Waltz") + changes + END, played((0, 60)) + END))
    assert score.metres == [Metre(0, 3, 4), Metre(1440, 6, 8)]
    assert score.keys == [Key(0, -3, True), Key(2880, 2, False)]
    assert score.tempos == [Tempo(0, 150.0)]
    assert score.title == "Waltz"


def test_a_short_first_bar_is_a_pickup() -> None:
    track = meta(0, 0x58, bytes([1, 2, 24, 8])) + meta(480, 0x58, bytes([3, 2, 24, 8])) + played((0, 60)) + END
    score = read(midi(track))
    assert (score.metres, score.pickup) == ([Metre(0, 3, 4)], 480)


def test_each_channel_and_program_is_a_track_and_channel_10_is_drums() -> None:
    track = (
        event(0, 0xC1, 40) + event(0, 0x91, 60, 80) + event(0, 0x99, 36, 80) + event(480, 0x81, 60, 64)
        + event(0, 0x89, 36, 0) + event(0, 0xC1, 70) + played((0, 62), channel=1) + END
    )  # fmt: skip
    score = read(midi(track, form=0))
    assert [(track.program, track.drums, len(track.notes)) for track in score.tracks] == [
        (40, False, 1), (70, False, 1), (0, True, 1),
    ]  # fmt: skip


def test_a_program_set_in_another_track_counts() -> None:
    score = read(midi(event(0, 0xC3, 24) + END, played((0, 60), channel=3) + END))
    assert [track.program for track in score.tracks] == [24]


def test_notes_of_one_pitch_end_in_the_order_in_which_they_begin() -> None:
    track = b"".join(event(10, status, 60, 80) for status in (0x90, 0x90, 0x80, 0x80)) + END
    assert spans(read(midi(track))) == [(10, 20, 60), (20, 20, 60)]


def test_the_sustain_pedal_lengthens_notes() -> None:
    track = (
        event(0, 0xB0, 64, 127) + event(0, 0x90, 60, 80) + event(10, 0x80, 60, 0)  # until the pedal is lifted
        + event(0, 0x90, 62, 80) + event(10, 0x80, 62, 0) + event(10, 0x90, 62, 80)  # until it is struck again
        + event(10, 0xB0, 64, 0) + event(10, 0x80, 62, 0) + END
    )  # fmt: skip
    assert spans(read(midi(track))) == [(0, 40, 60), (10, 20, 62), (30, 20, 62)]


def test_all_notes_off_ends_notes() -> None:
    track = event(0, 0x90, 60, 80) + event(0, 0x91, 61, 80) + event(30, 0xB0, 123, 0) + event(5, 0x81, 61, 0) + END
    score = read(midi(track))
    assert (spans(score, 0), spans(score, 1)) == ([(0, 30, 60)], [(0, 35, 61)])


@pytest.mark.parametrize("name", ["Flöte", "Ünïcode"])
@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_names_in_several_encodings(name: str, encoding: str) -> None:
    score = read(midi(meta(0, 3, name.encode(encoding) + b"\0\n") + played((0, 60)) + END))
    assert score.tracks[0].name == name

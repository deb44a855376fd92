"""The synthesiser: right pitch, right time, no clicks, no clipping."""

import io
import time
import wave

import numpy as np
import pytest

from genlab.data.notes.score import Note, Score, Tempo, Track
from genlab.show import sound as synthesiser
from genlab.show.drums import KIT, TOMS, struck
from genlab.show.instruments import frequency_of, held, instrument_of
from genlab.show.sound import seconds_at, seconds_of, sound_of, wav

RATE = 44_100
TICKS = 480
PROGRAMS = [0, 9, 19, 25, 33, 40, 45, 48, 52, 56, 65, 73, 80, 89, 97, 105, 113, 122]


def score(*tracks: Track, tempos: list[Tempo] | None = None) -> Score:
    return Score(list(tracks), TICKS, tempos=tempos or [Tempo(0, 120.0)])


def tone(pitch: int, program: int = 0, beats: float = 2, start: float = 0) -> Track:
    return Track([Note(round(start * TICKS), round(beats * TICKS), pitch)], program)


def spectrum(samples: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frequencies in Hz and power."""
    power = np.abs(np.fft.rfft(samples * np.hanning(len(samples)), 1 << 18)) ** 2
    return np.fft.rfftfreq(1 << 18, 1 / RATE), power


@pytest.mark.parametrize("program", PROGRAMS)
def test_a4_sounds_at_440_hz(program: int) -> None:
    sound = sound_of(score(tone(69, program)), stereo=False)[0]
    frequencies, power = spectrum(sound[: RATE // 2])
    near = (frequencies > 400) & (frequencies < 480)
    assert frequencies[near][power[near].argmax()] == pytest.approx(440, abs=3)
    below = frequencies < 380
    assert power[below].max() < 1e-3 * power.max()


@pytest.mark.parametrize("pitch", [21, 36, 60, 84, 108, 127])
def test_every_pitch_is_in_tune_and_without_aliases(pitch: int) -> None:
    frequency = frequency_of(pitch)
    frequencies, power = spectrum(held(instrument_of(0), pitch, RATE, RATE))
    inside = np.abs(frequencies / frequency - np.round(frequencies / frequency)) * frequency < 12
    inside[frequencies < frequency / 2] = False
    assert power[~inside].sum() < 1e-3 * power.sum()
    near = np.abs(frequencies - frequency) < max(2, 0.01 * frequency)
    assert frequencies[near][power[near].argmax()] == pytest.approx(frequency, rel=0.003)


@pytest.mark.parametrize("stereo", [False, True])
def test_samples_are_within_bounds_and_the_ends_are_silent(stereo: bool) -> None:
    chord = Track([Note(0, TICKS, pitch, 127) for pitch in range(36, 96, 2)], 48)
    kit = Track(
        [Note(index * TICKS // 4, 10, number, 127) for index, number in enumerate((36, 38, 42, 49))], drums=True
    )
    sound = sound_of(score(chord, kit, tone(60)), stereo=stereo)
    assert sound.shape[0] == (2 if stereo else 1)
    assert sound.dtype == np.float32
    assert 0.8 < np.abs(sound).max() < 0.9
    assert np.abs(sound[:, :4]).max() < 0.02
    assert np.abs(sound[:, -200:]).max() < 1e-3
    assert sound[:, 0].tolist() == sound[:, -1].tolist() == [0] * len(sound)


@pytest.mark.parametrize("program", [19, 48, 73])
def test_notes_start_and_end_without_clicks(program: int) -> None:
    """A click is energy at all frequencies, above the harmonics too."""
    sound = sound_of(score(Track([Note(0, TICKS, 60), Note(TICKS + 7, TICKS - 11, 60)], program)), stereo=False)[0]
    frequencies, power = spectrum(sound)
    highest = len(instrument_of(program).harmonics) * frequency_of(60) * 1.1
    clean = power[frequencies > highest].sum()
    cut = sound.copy()
    loudest = RATE // 4 + np.abs(sound[RATE // 4 : RATE // 4 + 200]).argmax()
    cut[loudest : loudest + 2000] = 0  # clicks, for comparison
    assert clean < 0.1 * spectrum(cut)[1][frequencies > highest].sum()
    assert clean < 1e-6 * power.sum()


def test_notes_last_as_long_as_written() -> None:
    """An organ note that ends after a second is silent soon afterwards, whatever other notes do."""
    sound = sound_of(score(tone(69, 19), tone(44, 19, beats=6)), stereo=False)[0]
    frequencies, held_power = spectrum(sound[RATE // 4 : RATE * 3 // 4])
    _, later = spectrum(sound[2 * RATE : RATE * 5 // 2])
    near = np.abs(frequencies - 2 * 440) < 15  # where the low note has no harmonic
    assert later[near].max() < 0.05 * held_power[near].max()


def test_tempos() -> None:
    tempos = [Tempo(0, 60.0), Tempo(2 * TICKS, 120.0), Tempo(4 * TICKS, 30.0)]
    ticks = np.array([0, TICKS, 2 * TICKS, 3 * TICKS, 4 * TICKS, 5 * TICKS])
    assert seconds_at(ticks, TICKS, tempos) == pytest.approx([0, 1, 2, 2.5, 3, 5])
    late = sound_of(score(tone(69, beats=1, start=4), tempos=tempos), stereo=False)[0]
    assert np.abs(late[: round(2.99 * RATE)]).max() < 1e-6
    assert np.abs(late[3 * RATE : round(3.1 * RATE)]).max() > 0.5


def test_tracks_are_spread_from_left_to_right() -> None:
    left, right = sound_of(score(tone(69), Track([])))
    assert np.square(left).sum() > 2 * np.square(right).sum()
    left, right = sound_of(score(Track([Note(pitch * 90, 90, pitch) for pitch in range(48, 84)])))
    assert np.square(left).sum() == pytest.approx(np.square(right).sum(), rel=0.1)


def test_louder_notes_are_louder() -> None:
    sound = sound_of(score(Track([Note(0, TICKS, 60, 127), Note(8 * TICKS, TICKS, 60, 32)], 19)), stereo=False)[0]
    loud, soft = (np.abs(sound[start * RATE : start * RATE + RATE // 2]).max() for start in (0, 4))
    assert soft / loud == pytest.approx((32 / 127) ** 1.5, rel=0.05)


def test_a_short_sound_in_much_silence_keeps_its_shape() -> None:
    """Peaks are judged by the level of what is heard, not by the silence around it."""
    once = sound_of(score(tone(69, 73, beats=1)), stereo=False)[0]
    alone = sound_of(score(tone(69, 73, beats=1), tone(69, 73, beats=1, start=100)), stereo=False)[0]
    assert alone[: RATE // 2] == pytest.approx(once[: RATE // 2], abs=0.05)


@pytest.mark.parametrize("number", sorted({*KIT, *TOMS, 0, 27, 76, 127}))
def test_drums(number: int) -> None:
    sound = struck(number, RATE)
    assert 0.02 < np.abs(sound).max() <= 1.5
    assert sound[0] == sound[-1] == 0
    assert (struck(number, RATE) == sound).all()
    tail = np.square(sound[-len(sound) // 4 :]).mean()
    assert tail < 0.1 * np.square(sound).mean()


def test_the_kit_has_low_and_high_drums() -> None:
    def centre(number: int) -> float:
        frequencies, power = spectrum(struck(number, RATE))
        return float((frequencies * power).sum() / power.sum())

    kick, snare, hat = centre(36), centre(38), centre(42)
    assert kick < 300 < snare < 8000 < hat


def test_silence() -> None:
    for empty in (score(), score(Track([])), score(Track([], drums=True))):
        assert np.abs(sound_of(empty)).max() == 0


def test_wav_files() -> None:
    sound = sound_of(score(tone(60), tone(64, 48)), rate=16_000)
    with wave.open(io.BytesIO(wav(sound, 16_000))) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, 16_000)
        assert file.getnframes() == sound.shape[1]
        read = np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2).T / 32767
    assert read == pytest.approx(sound, abs=1e-4)


def test_long_music_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesiser, "LONGEST", 2.0)
    long = score(
        tone(60, beats=1), tone(64, beats=7200, start=2), tone(72, beats=1, start=6), Track([Note(9999, 9, 38)])
    )
    cut = score(tone(60, beats=1), tone(64, beats=2, start=2), Track([]), Track([]))
    assert (sound_of(long) == sound_of(cut)).all()
    assert seconds_of(long) == 3601


def test_the_same_score_sounds_the_same() -> None:
    one = score(tone(60), Track([Note(0, 9, 38)], drums=True))
    assert (sound_of(one) == sound_of(one)).all()


def test_four_voices_take_less_than_their_time() -> None:
    """A bound for slow machines; the benchmark measures the speed."""
    voices = [Track([Note(beat * TICKS, TICKS, 48 + 7 * n + beat % 7) for beat in range(40)], 19) for n in range(4)]
    start = time.process_time()
    sound = sound_of(score(*voices))
    assert time.process_time() - start < sound.shape[1] / RATE / 5

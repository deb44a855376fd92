"""Piano rolls: bars where the metres say, notes in the colour of their track, pictures of bounded size."""

import io

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from PIL import Image

from genlab.data.notes.score import Metre, Note, Score, Track
from genlab.show.piano_roll import HIGHEST, WIDTH, bar_lines, piano_roll

TICKS = 480
BLUE, ORANGE = (31, 119, 180), (255, 127, 14)


def line(pitch: int, beats: int, length: int = TICKS, **options) -> Track:
    return Track([Note(beat * TICKS, length, pitch) for beat in range(beats)], **options)


def drawn(score: Score) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(piano_roll(score))).convert("RGB"))


def pixels(picture: np.ndarray, colour: tuple[int, int, int]) -> int:
    return int((np.abs(picture.astype(int) - colour).max(2) < 4).sum())


def test_bars_and_beats() -> None:
    bars, beats = bar_lines(Score([line(60, 8)], TICKS))
    assert bars.tolist() == [0, 4 * TICKS, 8 * TICKS]
    assert beats.tolist() == [beat * TICKS for beat in range(8)]
    bars, _ = bar_lines(Score([line(60, 8)], TICKS, pickup=TICKS))
    assert bars.tolist() == [0, TICKS, 5 * TICKS, 9 * TICKS]
    changing = Score([line(60, 9)], TICKS, [Metre(0, 3, 4), Metre(3 * TICKS, 6, 8)])
    bars, beats = bar_lines(changing)
    assert bars.tolist() == [0, 3 * TICKS, 6 * TICKS, 9 * TICKS]
    assert beats.tolist() == [0, 480, 960, *range(1440, 9 * TICKS, 240)]
    cut_short = Score([line(60, 8)], TICKS, [Metre(0, 4, 4), Metre(2 * TICKS, 3, 4)])
    assert bar_lines(cut_short)[0].tolist() == [0, 2 * TICKS, 5 * TICKS, 8 * TICKS]


def test_tracks_have_their_colours() -> None:
    one = drawn(Score([line(60, 8, name="Soprano")], TICKS))
    two = drawn(Score([line(60, 8), line(50, 8)], TICKS))
    assert pixels(one, BLUE) > 2000
    assert pixels(one, ORANGE) == 0
    assert min(pixels(two, BLUE), pixels(two, ORANGE)) > 2000


def test_two_voices_on_one_pitch_are_both_seen() -> None:
    picture = drawn(Score([line(60, 8), line(60, 8)], TICKS))
    assert min(pixels(picture, BLUE), pixels(picture, ORANGE)) > 500


def test_longer_notes_are_longer_and_higher_ones_higher() -> None:
    def columns(picture: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
        return np.flatnonzero((np.abs(picture.astype(int) - colour).max(2) < 4)[30:].any(0))

    picture = drawn(Score([Track([Note(0, 2 * TICKS, 60)]), Track([Note(TICKS, 3 * TICKS, 72)])], TICKS))
    blue, orange = columns(picture, BLUE), columns(picture, ORANGE)
    assert (orange.max() - orange.min()) / (blue.max() - blue.min()) == pytest.approx(1.5, rel=0.05)
    rows = [np.flatnonzero((np.abs(picture.astype(int) - colour).max(2) < 4).sum(1) > 100) for colour in (BLUE, ORANGE)]
    assert rows[1].max() < rows[0].min()


def test_long_pieces_continue_on_further_rows_and_stop() -> None:
    heights = [drawn(Score([line(60, beats)], TICKS)).shape[0] for beats in (8, 200, 8000)]
    assert heights[0] < heights[1] < heights[2] <= 100 * (HIGHEST + 1)
    wide = Score([Track([Note(beat * TICKS, TICKS, beat % 128) for beat in range(8000)])], TICKS)
    assert drawn(wide).shape[:2] <= (100 * (HIGHEST + 1), 100 * WIDTH)


def test_pieces_without_notes_and_with_odd_names() -> None:
    for score in (Score([]), Score([Track([])]), Score([line(60, 1, name="$x_2$ \\frac")], TICKS, title="$\\broken")):
        assert drawn(score).shape[1] == 100 * WIDTH


@pytest.mark.parametrize("name", ["$\\frac$", "$x$", "_bass", "_", "a^b_c"])
def test_names_are_drawn_as_they_are(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    figures = []
    print_png = FigureCanvasAgg.print_png

    def spy(canvas: FigureCanvasAgg, *values, **options) -> None:
        figures.append(canvas.figure)
        print_png(canvas, *values, **options)

    monkeypatch.setattr(FigureCanvasAgg, "print_png", spy)
    piano_roll(Score([line(60, 8, name=name), line(50, 8)], TICKS))
    texts = figures[0].axes[0].get_legend().get_texts()
    assert [text.get_text() for text in texts] == [name, "track 2"]
    assert not any(text.get_parse_math() for text in texts)


def test_the_same_score_gives_the_same_file() -> None:
    score = Score([line(60, 8), line(38, 8, 10, drums=True)], TICKS)
    assert piano_roll(score) == piano_roll(score)

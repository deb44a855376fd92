"""Piano rolls: pictures of a score with time from left to right and pitch from bottom to top."""

import io
from typing import TYPE_CHECKING

import numpy as np

from genlab.data.notes.score import Score, Track

if TYPE_CHECKING:
    from matplotlib.axes import Axes

WIDTH, SEMITONE, HIGHEST = 14.0, 0.09, 40.0
"""Width of the picture, height of a semitone and largest height of the picture, in inches."""
BEATS = 40
"""Quarter notes per row, at least; a row ends with a bar."""
ROWS = 12
"""Most rows."""
NATURALS = {0: "C", 2: "D", 4: "E", 5: "F", 7: "G", 9: "A", 11: "B"}
NAMED = 40
"""Largest range, in semitones, at which every natural note has its name; otherwise every C has."""
COLOURS, GREY = 9, 7
"""Number of colours of the tracks, and index of the grey among them, which drums have."""


def piano_roll(score: Score) -> bytes:
    """Draws a PNG: a colour per track, a line per bar, a thin line per beat, and names of pitches.

    Long pieces continue on further rows; where the picture would be too large, it ends and says so.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    bars, beats = bar_lines(score)
    rows = _rows(bars, score.ticks)
    pitches = [note.pitch for track in score.tracks for note in track.notes] or [60]
    low, high = min(pitches) - 2, max(pitches) + 2
    height = (high - low) * SEMITONE + 0.35
    shown = rows[: max(1, min(ROWS, int(HIGHEST / height)))]
    figure = Figure(figsize=(WIDTH, len(shown) * height + 0.6), layout="constrained")
    longest = max(end - start for start, end in shown)
    panels = figure.subplots(len(shown), squeeze=False)[:, 0]
    for axes, (start, end) in zip(panels, shown, strict=True):
        _pitches(axes, low, high)
        for line in beats[(beats >= start) & (beats <= end)]:
            axes.axvline(line, color="0.85", linewidth=0.5, zorder=1)
        inside = np.flatnonzero((bars >= start) & (bars <= end))
        for line in bars[inside]:
            axes.axvline(line, color="0.45", linewidth=0.9, zorder=1)
        first = 0 if score.pickup else 1  # the pick-up is bar 0
        axes.set_xticks(bars[inside], [str(index + first) for index in inside], fontsize=7)
        axes.set_xlim(start, start + longest)
        for index, track in enumerate(score.tracks):
            _notes(axes, track, index, start, end)
    if score.tracks:
        legend = panels[0].legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=8, fontsize=7, frameon=False)
        for index, (text, track) in enumerate(zip(legend.get_texts(), score.tracks, strict=True)):
            text.set_parse_math(False)
            text.set_text(_name(track, index))  # not its label: labels that start with _ are not shown
    cut = f" (bars after {len(bars[bars < shown[-1][1]]):,} are not shown)" if len(rows) > len(shown) else ""
    figure.suptitle(f"{score.title[:80]}{cut}", fontsize=10, x=0.01, ha="left", parse_math=False)
    canvas = FigureCanvasAgg(figure)
    file = io.BytesIO()
    canvas.print_png(file, metadata={"Software": None})
    return file.getvalue()


def bar_lines(score: Score) -> tuple[np.ndarray, np.ndarray]:
    """Ticks at which bars start, the end of the last one included, and ticks of all beats."""
    bars, beats = [], []
    place, which, end = 0, 0, max(1, score.length)
    while place < end:
        while which + 1 < len(score.metres) and score.metres[which + 1].start <= place:
            which += 1
        metre = score.metres[which]
        beat = 4 * score.ticks / metre.unit
        length = score.pickup if place == 0 and score.pickup else round(beat * metre.beats)
        following = score.metres[which + 1].start if which + 1 < len(score.metres) else place + length
        length = max(1, min(length, following - place))
        bars.append(place)
        beats += [place + round(beat * number) for number in range(int(np.ceil(length / beat)))]
        place += length
    return np.array([*bars, place]), np.array(beats)


def _rows(bars: np.ndarray, ticks: int) -> list[tuple[int, int]]:
    """Start and end of each row."""
    rows, start = [], int(bars[0])
    for line in bars[1:].tolist():
        if line - start >= BEATS * ticks or line == bars[-1]:
            rows.append((start, line))
            start = line
    return rows


def _pitches(axes: "Axes", low: int, high: int) -> None:
    """The pitch axis: names, and darker stripes for the black keys."""
    named = [
        pitch for pitch in range(low, high + 1) if (pitch % 12 in NATURALS if high - low <= NAMED else pitch % 12 == 0)
    ]
    axes.set_yticks(named, [f"{NATURALS[pitch % 12]}{pitch // 12 - 1}" for pitch in named], fontsize=6)
    axes.set_ylim(low - 0.5, high + 0.5)
    axes.tick_params(length=0, pad=2)
    for pitch in range(low, high + 1):
        if pitch % 12 not in NATURALS:
            axes.axhspan(pitch - 0.5, pitch + 0.5, color="0.96", zorder=0)
        if pitch % 12 == 0:
            axes.axhline(pitch - 0.5, color="0.7", linewidth=0.5, zorder=1)


def _notes(axes: "Axes", track: Track, index: int, start: int, end: int) -> None:
    """The notes of a track in a row. Later tracks are thinner, which shows two voices on one pitch."""
    from matplotlib import colormaps
    from matplotlib.collections import PolyCollection

    shade = index % COLOURS
    colour = colormaps["tab10"](GREY if track.drums else shade + (shade >= GREY))
    gap, half = 0.003 * (end - start), 0.45 - 0.07 * (index % 4)
    boxes = []
    for note in track.notes:
        if note.start < end and note.start + note.length > start:
            left = max(note.start, start)
            right = max(min(note.start + note.length, end) - gap, left + gap / 2)
            bottom, top = note.pitch - half, note.pitch + half
            boxes.append(((left, bottom), (right, bottom), (right, top), (left, top)))
    axes.add_collection(PolyCollection(boxes, facecolors=colour, zorder=2, label=f"track {index}"), autolim=False)


def _name(track: Track, index: int) -> str:
    return track.name[:24] or ("drums" if track.drums else f"track {index + 1}")

"""Draws the strip of pictures at the top of the README from four trainings on sample sets; no sample is selected.

python benchmarks/strip.py runs/strip --to docs/strip.png
"""

import argparse
import textwrap
from pathlib import Path
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import genlab


class Training(NamedTuple):
    """A panel's training: `genlab train TASK DATA --minutes MINUTES`."""

    task: str
    data: str
    minutes: float


BIBLE = Training("text", "@bible", 2)
DIGITS = Training("images", "@digits", 2)
FACES = Training("images", "@faces:4000", 5)
NUMBERS = Training("translate", "@numbers-fr", 2)
PROMPT, SENTENCE = "In the beginning", "four hundred and seventy-two thousand"


def run_of(training: Training, folder: Path) -> genlab.Run:
    """The run of an earlier call, or a new one."""
    out = folder / training.data[1:].replace(":", "-")
    if out.exists():
        return genlab.load(out)
    return genlab.train(training.task, training.data, minutes=training.minutes, out=out)


def written(axes: Axes, run: genlab.Run) -> None:
    text = run.generate(prompt=PROMPT, tokens=130, seed=1)[0].content
    lines = textwrap.wrap(" ".join(text.split()), 34)[:11]
    axes.text(0, 1.02, "\n".join(lines), va="top", family="serif", size=10, linespacing=1.3, parse_math=False)
    axes.axis("off")


def painted(axes: Axes, run: genlab.Run, rows: int, columns: int) -> None:
    pictures = [sample.content for sample in run.generate(n=rows * columns, seed=1)]
    sheet = np.vstack([np.hstack(pictures[row * columns : (row + 1) * columns]) for row in range(rows)])
    axes.imshow(sheet, cmap="gray", interpolation="nearest")
    axes.axis("off")


def attended(axes: Axes, run: genlab.Run) -> None:
    last = [one for one in run.attention(SENTENCE) if one.name == "cross"][-1]
    axes.imshow(last.weights.mean(0).numpy(), cmap="Blues", vmin=0)
    axes.set_xticks(range(len(last.columns)), last.columns, rotation=45, ha="right", size=8)
    axes.set_yticks(range(len(last.rows)), last.rows, size=8)
    axes.tick_params(length=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, help="where the runs are, or will be")
    parser.add_argument("--to", type=Path, default=Path("strip.png"))
    options = parser.parse_args()
    runs = {training: run_of(training, options.folder) for training in (BIBLE, DIGITS, FACES, NUMBERS)}
    figure = Figure(figsize=(13, 3.1), layout="constrained")
    panels = figure.subplots(1, 4, width_ratios=[1.2, 1, 1.2, 1.15])
    written(panels[0], runs[BIBLE])
    painted(panels[1], runs[DIGITS], 6, 6)
    painted(panels[2], runs[FACES], 5, 6)
    attended(panels[3], runs[NUMBERS])
    names = ("text", "digits", "drawn faces", "translation: its attention")
    for axes, training, name in zip(panels, runs, names, strict=True):
        axes.set_title(f"{name}, {training.minutes:g} min", size=11)
    figure.savefig(options.to, dpi=100)


if __name__ == "__main__":
    main()

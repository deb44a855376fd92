"""The JSB chorales in nats per cell, beside an n-gram, with the options that users get; and, on request, speed.

    python benchmarks/music.py Jsb16thSeparated.json --minutes 30
    python benchmarks/music.py Jsb16thSeparated.json --minutes 30 --made     # also what `genlab evaluate` measures
    python benchmarks/music.py Jsb16thSeparated.json --minutes 30 --speed    # also writing, sound and reading
    python benchmarks/music.py Jsb16thSeparated.json --steps 5               # to try out the script

The file is from github.com/czhuang/JSB-Chorales-dataset: 229, 76 and 77 chorales for training, validation and test, on
a grid of sixteenths. A cell is a voice at a sixteenth. The file does not distinguish held from repeated notes: both
count as held. Nats per cell are the total of a split divided by its cells, and `mean of pieces` is the mean of the
pieces' own. Each cell is predicted from all steps before it in its piece and the higher voices of its step; the ends
of pieces do not count, nothing is padded, no chord is given, and only training transposes. Nats per note divide the
same total by the number of notes, held cells merged.

`OPTIONS` is the one set of options, for every number of minutes: the defaults of `genlab train music`. The validation
split selects the best weights, so that its figure is slightly optimistic; the test split is only reported. The last
line is JSON: {"valid": nats per cell, "test": nats per cell}.
"""

import argparse
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import genlab
from genlab.data.notes.midi_writing import write_midi
from genlab.data.notes.piece_set import read_pieces
from genlab.data.notes.score import Note, Score, Track
from genlab.show.sound import RATE
from genlab.tasks.music.chorale import nats_per_cell
from genlab.tasks.music.evaluate import likelihoods
from genlab.tasks.music.grids import grids_of

OPTIONS: dict[str, Any] = {}
"""Options of the training beside its time and seed: the defaults."""
BEATS = 64
"""Bars to write when the speed is measured: the file has a bar for each beat."""
ROUNDS = 3
"""Number of measurements of each speed, of which the median is reported."""
FILES, NOTES = 1_000, 3_000
"""Number of MIDI files to read, and of notes in each."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="Jsb16thSeparated.json")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=30.0, help="of training")
    budget.add_argument("--steps", type=int, help="instead of minutes, to try out the script")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--made", action="store_true", help="also measure generated pieces, as genlab evaluate does")
    parser.add_argument("--speed", action="store_true", help="also measure writing, sound, and reading MIDI files")
    parser.add_argument("--loud", action="store_true", help="show the progress of training")
    options = parser.parse_args()
    length = {"steps": options.steps} if options.steps else {"minutes": options.minutes}
    with tempfile.TemporaryDirectory() as folder:
        run = genlab.train(
            "music", options.data, out=f"{folder}/run", seed=options.seed, quiet=not options.loud, **length, **OPTIONS
        )
        found = measured(run, options.data)
        if options.made:
            print("\n" + json.dumps(run.evaluate(), indent=2), flush=True)
        if options.speed:
            speed(run)
    print(json.dumps(found))


def measured(run: genlab.Run, data: str) -> dict[str, float]:
    """Nats per cell of the validation and the test split; prints them beside an n-gram's."""
    pieces = read_pieces(data, "0.05", "0.1")  # the file names its splits
    splits = {name: grids_of(some, pieces.name)[0] for name, some in pieces.splits().items()}
    weights = sum(weight.numel() for weight in run.pipeline.network.parameters())
    step, seconds = run.about["best"]["step"], run.about["seconds"]
    print(f"{run.folder.config()['model']}, {weights / 1e6:.2f} M, {seconds:.0f} s, weights of step {step:,}\n")
    print("| split | model | nats per cell | mean of pieces | nats per note |\n|---|---|---|---|---|", flush=True)
    found = {}
    for short, split in (("valid", "validation"), ("test", "test")):
        nats = likelihoods(run.pipeline, splits[split], splits["train"])
        mean = statistics.mean(nats_per_cell(run.pipeline, [grid])["nats_per_cell"] for grid in splits[split])
        for model, each in (("model", f"{mean:.4f}"), ("ngram", "")):
            per_cell, per_note = (nats[f"nats_per_{unit}"][model] for unit in ("cell", "note"))
            print(f"| {short} | {model} | {per_cell:.4f} | {each} | {per_note:.3f} |", flush=True)
        found[short] = nats["nats_per_cell"]["model"]
    return found


# --- speed ----------------------------------------------------------------------------------------


def speed(run: genlab.Run) -> None:
    """Prints how fast the model writes, the synthesiser plays, and MIDI files are read."""
    print("\n| what | speed |\n|---|---|", flush=True)
    samples = run.generate(n=16, bars=BEATS)
    for count in (16, 1):
        rate = statistics.median(notes_per_second(run, count, seed) for seed in range(1, 1 + ROUNDS))
        print(f"| notes per second, {count} together | {rate:,.0f} |", flush=True)
    took = statistics.median(seconds(lambda: [one.files["wav"] for one in samples[:4]]) for _ in range(ROUNDS))
    played = sum(one.audio().shape[1] / RATE for one in samples[:4])
    print(f"| WAV, times real time | {played / took:,.0f} |", flush=True)
    print(f"| {FILES:,} MIDI files of {NOTES:,} notes, seconds to read | {reading(FILES, NOTES):.1f} |", flush=True)


def notes_per_second(run: genlab.Run, count: int, seed: int) -> float:
    """Speed of writing `count` pieces together."""
    start = time.perf_counter()
    samples = run.generate(n=count, bars=BEATS, seed=seed)
    took = time.perf_counter() - start
    return sum(len(track.notes) for one in samples for track in one.content.tracks) / took


def reading(files: int, notes: int) -> float:
    """Seconds that a training takes to read and split new MIDI files, with an empty cache."""
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as cache:
        os.environ["GENLAB_CACHE"] = cache
        for number in range(files):
            (Path(folder) / f"{number:05d}.mid").write_bytes(write_midi(random_piece(number, notes)))
        return seconds(lambda: read_pieces(folder, "0.05", "0.1"))


def random_piece(seed: int, notes: int) -> Score:
    """Four tracks of random notes in sixteenths."""
    chance = random.Random(seed)
    tracks = []
    for low in (64, 57, 50, 40):
        starts = range(0, 120 * (notes // 4), 120)
        tracks.append(Track([Note(start, 120, low + chance.randrange(15), 80) for start in starts]))
    return Score(tracks)


def seconds(work: Callable[[], Any]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


if __name__ == "__main__":
    main()

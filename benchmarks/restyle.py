"""The default StarGAN beside the published CycleGAN and StarGAN, at equal seconds, on pictures held out from training.

    python benchmarks/restyle.py @faces --attribute hair --seconds 600 --seeds 3 --peer-repo stargan --sheets sheets
    python benchmarks/restyle.py celeba --attribute hair=Black_Hair,Blond_Hair --pixels 64 --seconds 3600

`cyclegan` has the settings of its paper. It changes one attribute between two values, here the two commonest, and every
model is also measured on these changes alone. `peer` is the authors' StarGAN (`restyle_peer.py`), from a clone of
https://github.com/yunjey/stargan. Baselines: the input unchanged; `swap`, a plain colour swap (for photographs, the
difference of the values' mean pictures); and a random real picture of the new value, which a Fréchet distance would
prefer to any model. Everything is measured as by `genlab evaluate`, with a judge that took no part in training.

Every training appends a line to --results, and what has a line from the same code, processor and number of threads is
not trained again: the benchmark can be interrupted, and spread over several commands.
"""

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from restyle_models import BASELINES, SHARES, Budget, Pixels, Trained, baseline, cyclegan, peer, stargan
from result_lines import append, read, setting_of, spread

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.shared.sample_sets import truth_of
from genlab.engine.machine import Machine
from genlab.show.sheets import sheet
from genlab.tasks.restyle.changes import Changes, changes_of, true_pictures
from genlab.tasks.restyle.comparison import compared_pixels, compared_values
from genlab.tasks.restyle.evaluate import judge_of, studied_of
from genlab.tasks.shared.judges import Judge, judged, most_likely

MODELS = ("stargan", "cyclegan", "peer")
SHEET_CHANGES = 32
"""Number of changes on a sheet."""


class Bench(NamedTuple):
    """What all models are trained on and measured by."""

    found: AttributedSet
    judge: Judge
    pair: list[int]
    """The two commonest values of the first attribute."""
    changes: dict[str, Changes]
    """Of all values ("all"), and between the two commonest ("black <-> blond"); the last are those of the pair."""
    truth: dict[str, Pixels]
    """The true results of the same changes, where they are known."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--attribute", nargs="*", default=[], help="as for genlab train restyle")
    parser.add_argument("--pixels", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=600.0, help="of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--models", nargs="*", choices=MODELS, default=MODELS)
    parser.add_argument("--peer-repo", type=Path, help="clone of https://github.com/yunjey/stargan; else no peer")
    parser.add_argument("--results", type=Path, default=Path("restyle.jsonl"), help="JSON-lines file of all results")
    parser.add_argument("--sheets", type=Path, help="folder for a sheet per model: before, after, truth if known")
    options = parser.parse_args()
    setting = setting_of(options, ("data", "attribute", "pixels", "seconds"))
    models = [model for model in options.models if model != "peer" or options.peer_repo]
    wanted = [*((name, 0) for name in BASELINES), *((name, seed) for seed in range(options.seeds) for name in models)]
    done = {(line["model"], line["seed"]) for line in read(options.results, setting)}
    if missing := [each for each in wanted if each not in done]:
        bench = prepare(options)
        for model, seed in missing:
            line = {"setting": setting, "model": model, "seed": seed, **one(options, bench, model, seed)}
            append(options.results, line)
    report(read(options.results, setting))


def prepare(options: argparse.Namespace) -> Bench:
    """Reads the data, trains the judge and chooses the changes."""
    attributes = tuple(options.attribute)
    found = read_attributed(options.data, *SHARES.values(), pixels=options.pixels, attributes=attributes)
    held_out = found.test
    assert held_out is not None, "the data have too few pictures for a test split"
    judge = judge_of(found, studied_of(found.train), Machine())
    pair = sorted(np.bincount(found.train.values[:, 0]).argsort(kind="stable")[-2:].tolist())
    changes = {"all": changes_of(held_out, found.attributes)}
    if [len(one.values) for one in found.attributes] != [2]:
        names = [found.attributes[0].values[value] for value in pair]
        changes[" <-> ".join(names)] = between(held_out, found, pair)
    redraw = None if any("=" in item for item in attributes) else truth_of(options.data)
    truth = {name: true_pictures(each, redraw) for name, each in changes.items()} if redraw else {}
    return Bench(found, judge, pair, changes, truth)


def between(held_out: AttributedSplit, found: AttributedSet, pair: list[int]) -> Changes:
    """Changes of pictures that have one of two values of the first attribute to the other."""
    some = held_out.take(np.flatnonzero(np.isin(held_out.values[:, 0], pair)))
    changes = changes_of(some, found.attributes)
    return replace(changes, changed=np.zeros_like(changes.changed), wanted=sum(pair) - changes.source[:, 0])


# --- measuring ------------------------------------------------------------------------------------


def one(options: argparse.Namespace, bench: Bench, model: str, seed: int) -> dict[str, Any]:
    """Trains a model once, and measures it on the changes that it can make."""
    with tempfile.TemporaryDirectory() as folder:
        trained = train(options, bench, model, seed, Path(folder))
        measured = {}
        for name in list(bench.changes)[-1:] if model == "cyclegan" else bench.changes:
            made = trained.change(bench.changes[name])
            measured[name] = measure(bench, name, made)
        if options.sheets and seed == 0:
            options.sheets.mkdir(parents=True, exist_ok=True)
            stem = Path(options.data.lstrip("@").partition(":")[0]).name
            place = options.sheets / f"{stem}-{model}-{options.seconds:.0f}s.png"
            place.write_bytes(drawn(bench, name, made))
    return {"seconds": trained.seconds, "steps": trained.steps, "measured": measured}


def train(options: argparse.Namespace, bench: Bench, model: str, seed: int, folder: Path) -> Trained:
    budget = Budget(options.seconds, seed)
    if model == "stargan":
        return stargan(options.data, options.attribute, options.pixels, budget, folder)
    if model == "cyclegan":
        return cyclegan(bench.found, bench.pair, options.pixels, budget, folder)
    if model == "peer":
        return peer(options.peer_repo, bench.found, budget)
    return baseline(model, bench.found)


def measure(bench: Bench, name: str, made: Pixels) -> dict[str, Any]:
    """The judge's accuracy, flips, values kept, and wrong pixels where the truth is known."""
    changes = bench.changes[name]
    outputs = {"model": made, "unchanged": changes.pictures}
    machine = Machine()
    readings = {key: most_likely(judged(bench.judge, each, machine)) for key, each in outputs.items()}
    found = compared_values(readings, changes, [*bench.found.attributes, *bench.found.kept])
    kept = {column: each["model"] for column, each in found["kept"].items() if each["model"] is not None}
    result = {"judge": found["judge"]["accuracy"], "flip_rate": found["flip_rate"]["model"], "kept": kept}
    if name in bench.truth:
        errors = compared_pixels(outputs, changes, bench.truth[name])
        result |= {key: each["model"] for key, each in errors.items()}
        result |= {f"{key}_above_2": each["above_2"]["model"] for key, each in errors.items()}
    return result


def drawn(bench: Bench, name: str, made: Pixels) -> bytes:
    """A sheet of some changes: before, after, and the truth where it is known."""
    panels = [bench.changes[name].pictures, made, *([bench.truth[name]] if name in bench.truth else [])]
    pictures = [panel[row] for row in range(min(SHEET_CHANGES, len(made))) for panel in panels]
    return sheet(pictures, 4 * len(panels), len(panels))


# --- the report -----------------------------------------------------------------------------------

PIXELS = {
    "outside changed": "outside_changed",
    "inside wrong": "inside_wrong",
    "inside wrong (2/255)": "inside_wrong_above_2",
    "wrong pixels": "wrong",
}
"""Column of the table -> measure."""


def report(lines: list[dict[str, Any]]) -> None:
    """Prints two tables per set of changes, the second with what is kept: medians and ranges over the seeds."""
    for name in lines[0]["measured"]:
        found: dict[str, list[dict]] = {}
        for line in lines:
            if name in line["measured"]:
                row = {**line["measured"][name], "seconds": line["seconds"], "steps": line["steps"]}
                found.setdefault(line["model"], []).append(row)
        example = lines[0]["measured"][name]
        accuracy = [f"{column} {share:.1%}" for column, share in example["judge"].items() if share is not None]
        print(f"\nChanges: {name}. The judge's accuracy on real pictures: {', '.join(accuracy)}.\n")
        pixels = {title: key for title, key in PIXELS.items() if key in example}
        header = ["model", "flip rate", "least kept", *pixels, "seconds", "steps"]
        print(f"| {' | '.join(header)} |\n{'|---' * len(header)}|")
        for model, rows in found.items():
            cells = [spread([row["flip_rate"] for row in rows])]
            cells.append(spread([min(row["kept"].values()) for row in rows if row["kept"]]))
            cells += [spread([row[key] for row in rows], "{:.2%}") for key in pixels.values()]
            cells += [spread([row[key] for row in rows], "{:,.0f}") for key in ("seconds", "steps")]
            print(f"| {model} | {' | '.join(cells)} |")
        if example["kept"]:
            print(f"\n| kept | {' | '.join(found)} |\n{'|---' * (1 + len(found))}|")
        for column in example["judge"]:
            each = [[row["kept"][column] for row in rows if column in row["kept"]] for rows in found.values()]
            if any(each):
                print(f"| {column} | {' | '.join(map(spread, each))} |")


if __name__ == "__main__":
    main()

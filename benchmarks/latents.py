"""Latents on purpose: what directions of a GAN change, beside another class, and how close inversions come.

    python benchmarks/latents.py @faces --seconds 600 --seeds 3 --sheets sheets

Two GANs are trained per seed. `plain` knows no attributes: a direction per value of each --attribute is found and
measured as by `genlab latents`, with a judge that took no part in finding it; then held-out pictures are inverted,
beside their nearest training pictures and beside pictures of the GAN's own, which it can certainly make. `classes` has
the values of the first attribute as its classes, so that its directions can be compared with the baseline that needs
none: the same latent vector, another class.

Every training appends a line to --results, and what has a line from the same code, processor and number of threads is
not trained again: the benchmark can be interrupted, and spread over several commands.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from result_lines import append, print_table, read, setting_of, spread

import genlab
from genlab.data.pictures.picture_set import read_pictures
from genlab.show.sheets import pairs, sheet
from genlab.tasks.images.walks import COLUMNS

TRAININGS = ("plain", "classes")
SHARES = ("0.05", "0.10")
"""Size of the validation and test splits."""
OWN_SEED = 1
"""Seed of the GAN's own pictures to invert."""
EDITED = 4
"""Number of rows per value on a sheet."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="with a table of attributes")
    parser.add_argument("--attribute", nargs="*", default=["hair", "glasses", "beard", "skin"])
    parser.add_argument("--model", default="gan", choices=["gan", "wgan_gp", "dcgan", "vae"])
    parser.add_argument("--pixels", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=600.0, help="of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--trainings", nargs="*", choices=TRAININGS, default=TRAININGS)
    parser.add_argument("--draws", type=int, default=5000, help="generated pictures to find directions from")
    parser.add_argument("--inverted", type=int, default=256, help="largest number of pictures of each kind to invert")
    parser.add_argument("--results", type=Path, default=Path("latents.jsonl"), help="JSON-lines file of all results")
    parser.add_argument("--sheets", type=Path, help="folder for sheets of edits and of inversions")
    options = parser.parse_args()
    asked = ("data", "attribute", "model", "pixels", "seconds", "draws", "inverted")
    setting = setting_of(options, asked)
    done = {(line["training"], line["seed"]) for line in read(options.results, setting)}
    for seed in range(options.seeds):
        for training in options.trainings:
            if (training, seed) not in done:
                line = {"setting": setting, "training": training, "seed": seed, **one(options, training, seed)}
                append(options.results, line)
    report(read(options.results, setting))


# --- measuring ------------------------------------------------------------------------------------


def one(options: argparse.Namespace, training: str, seed: int) -> dict[str, Any]:
    """Trains a model once, and measures its latents."""
    attributes = options.attribute if training == "plain" else options.attribute[:1]
    with tempfile.TemporaryDirectory() as folder:
        run = genlab.train(
            "images", options.data, model=options.model, label=attributes[0] if training == "classes" else None,
            pixels=options.pixels, minutes=options.seconds / 60, seed=seed, validation=SHARES[0], test=SHARES[1],
            out=Path(folder) / "run", quiet=True,
        )  # fmt: skip
        if run.about["state"] != "done":
            raise SystemExit("Interrupted: this training has no result.")
        start = time.perf_counter()
        found = {"seconds": run.about["seconds"], "steps": run.about["step"]}
        found["latents"] = run.find_directions(*attributes, draws=options.draws)
        found["finding"] = time.perf_counter() - start
        place = options.sheets if seed == 0 else None
        if place is not None:
            place.mkdir(parents=True, exist_ok=True)
            if attributes[0] in run.directions():
                (place / f"{stem(options)}-{training}-edits.png").write_bytes(edits(run, attributes[0]))
        if training == "plain":
            found["inversion"] = inversion(options, run, place)
        return found


def inversion(options: argparse.Namespace, run: genlab.Run, sheets: Path | None) -> dict[str, Any]:
    """Mean absolute differences, out of 255, of held-out pictures from what their latents make, and of others."""
    test = read_pictures(options.data, *SHARES, pixels=options.pixels).test
    assert test is not None, "the data have too few pictures for a test split"
    picks = np.random.default_rng(0).permutation(len(test))[: options.inverted]
    held_out = test.array[test.rows[picks]]
    own = np.stack([sample.content for sample in run.generate(n=len(held_out), seed=OWN_SEED)])
    guesses = run.invert(held_out, optimise=0)  # learns the encoder
    start = time.perf_counter()
    made = run.invert(held_out)
    spent = time.perf_counter() - start
    nearest = run.nearest(held_out)
    assert nearest is not None
    if sheets is not None:
        shown = [(one.picture, one.made, one.latent) for one in made[:32]]
        (sheets / f"{stem(options)}-inversions.png").write_bytes(pairs(shown)["png"])
    differences = np.array([one.difference for one in made])
    return {
        "pictures": len(held_out),
        "difference": differences.mean(),
        "guess": float(np.mean([one.difference for one in guesses])),
        "nearest": nearest.mean(),
        "half": float((differences <= nearest / 2).mean()),
        "own": float(np.mean([one.difference for one in run.invert(own)])),
        "seconds": spent / len(held_out),
    }


def edits(run: genlab.Run, attribute: str) -> bytes:
    """A sheet of the same pictures, in rows that change to each value of an attribute."""
    panels = [
        panel
        for value in run.directions().get(attribute, {})
        for row in run.generate(n=EDITED, edit={attribute: value})
        for panel in row.panels or ()
    ]
    return sheet(panels, columns=COLUMNS)


def stem(options: argparse.Namespace) -> str:
    name = Path(options.data.lstrip("@").partition(":")[0]).name
    return f"{name}-{options.model}-{options.seconds:.0f}s"


# --- the report -----------------------------------------------------------------------------------


def report(lines: list[dict[str, Any]]) -> None:
    """Prints a table of directions per training, and one of inversions: medians and ranges over seeds."""
    for training in TRAININGS:
        some = [line for line in lines if line["training"] == training]
        if some:
            seconds = spread([line["seconds"] for line in some], "{:.0f} s")
            print(f"\nDirections, {training}: {seconds}, {spread([line['steps'] for line in some], '{:,.0f}')} steps.")
            read_real = some[0]["latents"]["accuracy_on_real"]
            accuracies = [f"{name} {share:.1%}" for name, share in read_real.items() if share is not None]
            print(f"The judge's accuracy on real pictures: {', '.join(accuracies)}.\n")
            print_directions([line["latents"]["directions"] for line in some])
    inversions = [line["inversion"] for line in lines if "inversion" in line]
    if inversions:
        print(f"\nInversions of {inversions[0]['pictures']:,} held-out pictures, mean differences out of 255:\n")
        names = {
            "inversion": "difference",
            "encoder alone": "guess",
            "nearest training picture": "nearest",
            "own pictures": "own",
            "seconds per picture": "seconds",
        }
        cells = [spread([one[key] for one in inversions], "{:.2f}") for key in names.values()]
        share = spread([one["half"] for one in inversions])
        print_table([*names, "at most half of the nearest"], [[*cells, share]])


def print_directions(found: list[dict[str, Any]]) -> None:
    """A row per value, and one per attribute with the means over its values."""
    rows = []
    for attribute, values in found[0].items():
        whole = []
        for value in values:
            whole.append([each[attribute][value] for each in found if value in each.get(attribute, {})])
            lengths = spread([one["moved"] for one in whole[-1] if one["moved"] is not None], "{:.1f}")
            rows.append([f"{attribute} {value}", lengths, *shares(whole[-1])])
        means = [mean_of(list(each[attribute].values())) for each in found if attribute in each]
        rows.append([f"**{attribute}**", "", *shares(means)])
    header = ["direction", "length", "flips", "others flipped", "other class: flips", "others flipped"]
    print_table(header, rows)


def shares(measured: Sequence[dict[str, Any]]) -> list[str]:
    """Flips and others flipped, of the direction and of another class."""
    other = [one["other_class"] for one in measured if one["other_class"] is not None]
    return [
        spread([one[key] for one in some if one[key] is not None])
        for some in (measured, other)
        for key in ("flips", "others_flipped")
    ]


def mean_of(measured: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The means of flips and others flipped over values, None where there are none."""

    def mean(some: Sequence[dict[str, Any]]) -> dict[str, Any]:
        found = {}
        for key in ("flips", "others_flipped"):
            known = [one[key] for one in some if one[key] is not None]
            found[key] = sum(known) / len(known) if known else None
        return found

    other = [one["other_class"] for one in measured if one["other_class"] is not None]
    return {**mean(measured), "other_class": mean(other) if other else None}


if __name__ == "__main__":
    main()

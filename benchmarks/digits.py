"""Five-fold accuracy of the picture classifier on @digits; the target is 98.6 % within three minutes per training.

python benchmarks/digits.py --minutes 3
python benchmarks/digits.py --steps 2000 --folds 1
"""

import argparse
import statistics
import tempfile
import zipfile
from pathlib import Path

import numpy as np

import genlab
from genlab.data.pictures.sample_sets import digits


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=3.0, help="of each training; for an idle machine")
    budget.add_argument("--steps", type=int, help="of each training; for a busy machine")
    parser.add_argument("--folds", type=int, default=5, help="number of folds, of the five")
    parser.add_argument("--width", type=int, help="of the network; by default fitted to the time")
    options = parser.parse_args()
    length = {"steps": options.steps} if options.steps else {"minutes": options.minutes}

    with zipfile.ZipFile(digits()) as archive:
        files = {name: archive.read(name) for name in sorted(archive.namelist())}
    names = np.array(list(files))
    order = np.random.default_rng(0).permutation(len(names))
    print("| fold | accuracy | wrong of | log-loss | steps | seconds |\n|---|---|---|---|---|---|", flush=True)
    found = []
    for fold in range(options.folds):
        held_out = np.zeros(len(names), bool)
        held_out[order[fold::5]] = True
        with tempfile.TemporaryDirectory() as folder:
            for part, chosen in (("train", ~held_out), ("test", held_out)):
                with zipfile.ZipFile(Path(folder) / f"{part}.zip", "w") as archive:
                    for name in names[chosen]:
                        archive.writestr(str(name), files[name])
            run = genlab.train(
                "classify", f"{folder}/train.zip", out=f"{folder}/run", validation=0, test=f"{folder}/test.zip",
                quiet=True, width=options.width, **length,
            )  # fmt: skip
            test, about = run.about["test"], run.about
        found.append(test["accuracy"])
        wrong = round((1 - test["accuracy"]) * held_out.sum())
        print(
            f"| {fold} | {test['accuracy']:.4f} | {wrong} of {held_out.sum()} | {test['log_loss']:.4f} "
            f"| {about['step']} | {about['seconds']:.0f} |", flush=True,
        )  # fmt: skip
    print(f"| mean | {statistics.mean(found):.4f} | | | | |")


if __name__ == "__main__":
    main()

"""The table classifier and scikit-learn's tuned logistic regression, on its breast-cancer table in the same five folds.

python benchmarks/breast_cancer.py --minutes 0.25
python benchmarks/breast_cancer.py --steps 1500
"""

import argparse
import csv
import statistics
import tempfile
from pathlib import Path

import numpy as np
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import genlab


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=0.25, help="of each training; for an idle machine")
    budget.add_argument("--steps", type=int, help="of each training; for a busy machine")
    parser.add_argument("--seeds", type=int, default=1, help="number of times that the table is shuffled into folds")
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("OPTION", "VALUE"))
    options = parser.parse_args()
    length = {"steps": options.steps} if options.steps else {"minutes": options.minutes}
    model = {name: float(value) if "." in value else int(value) for name, value in options.set}

    data = load_breast_cancer()
    header = [*data.feature_names, "diagnosis"]
    ours, theirs, losses, peers_losses = [], [], [], []
    print("| shuffle, fold | genlab | logistic regression | log-loss | theirs |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(options.seeds):
            folds = StratifiedKFold(5, shuffle=True, random_state=seed)
            for fold, (train, test) in enumerate(folds.split(data.data, data.target)):
                for name, rows in (("train", train), ("test", test)):
                    cells = [[*data.data[row], data.target_names[data.target[row]]] for row in rows]
                    write(Path(folder) / f"{name}.csv", [header, *cells])
                run = genlab.train(
                    "classify", f"{folder}/train.csv", out=f"{folder}/run-{seed}-{fold}", validation=0,
                    test=f"{folder}/test.csv", seed=seed, quiet=True, **length, **model,
                )  # fmt: skip
                peer = make_pipeline(
                    StandardScaler(),
                    LogisticRegressionCV(Cs=20, cv=5, max_iter=5000, l1_ratios=(0,), scoring="neg_log_loss"),
                ).fit(data.data[train], data.target[train])
                ours.append(run.about["test"]["accuracy"])
                losses.append(run.about["test"]["log_loss"])
                theirs.append(float((peer.predict(data.data[test]) == data.target[test]).mean()))
                chances = peer.predict_proba(data.data[test])[np.arange(len(test)), data.target[test]]
                peers_losses.append(float(-np.log(chances).mean()))
                cells = (ours[-1], theirs[-1], losses[-1], peers_losses[-1])
                print(f"| {seed}, {fold} | {' | '.join(f'{cell:.4f}' for cell in cells)} |", flush=True)
    means = [statistics.mean(values) for values in (ours, theirs, losses, peers_losses)]
    print(f"| mean | {' | '.join(f'{mean:.4f}' for mean in means)} |")
    error = statistics.stdev(theirs) / len(theirs) ** 0.5
    print(f"target: {means[1]:.4f} - {error:.4f} = {means[1] - error:.4f}")


def write(path: Path, rows: list[list]) -> None:
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


if __name__ == "__main__":
    main()

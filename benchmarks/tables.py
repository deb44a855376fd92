"""The classifier of table rows, histogram gradient boosting and logistic regression, in the same folds of seven tables.

Stratified 5-fold cross-validation, twice; log-loss on the test folds. Both peers are tuned by cross-validation inside
the training folds: boosting (learning rate 0.06) over the leaves of a tree (4, 8, 31) and the number of trees (up to
300), logistic regression over 15 strengths of its L2 penalty. Ours splits its validation share (5 %) off the training
folds. Text columns are categories; numbers are as the files have them.

python benchmarks/tables.py --results tables.jsonl --islp ISLP/data --penguins penguins.csv --adult adult.csv
python benchmarks/tables.py --results tables.jsonl --tables breast-cancer --folds 2 --models ours --steps 2000

Every training appends a line to --results, and what has a line is not trained again: the benchmark can be interrupted,
and spread over several commands. Wage's and Bikeshare's labels are made here: above the median of wage and bikers.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.datasets import load_breast_cancer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegressionCV
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import RepeatedStratifiedKFold, StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import genlab

TABLES = ("breast-cancer", "penguins", "Default", "Caravan", "Wage", "Bikeshare", "adult")
MODELS = ("boosting", "logistic", "ours")
LEAVES = (4, 8, 31)
"""Most leaves of a tree to choose from."""
MOST_TREES = 300
STRENGTHS = np.logspace(-4, 3, 15)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=Path, required=True, help="JSON-lines file of all results")
    parser.add_argument("--islp", type=Path, help="folder with Default.csv, Caravan.csv, Wage.csv and Bikeshare.csv")
    parser.add_argument("--penguins", type=Path, help="penguins.csv of palmerpenguins")
    parser.add_argument("--adult", type=Path, help="adult.csv of the census income data")
    parser.add_argument("--tables", nargs="*", default=TABLES, choices=TABLES)
    parser.add_argument("--models", nargs="*", default=MODELS, choices=MODELS)
    parser.add_argument("--folds", type=int, default=10, help="of the ten")
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--minutes", type=float, default=0.9, help="of each training; for an idle machine")
    budget.add_argument("--steps", type=int, help="of each training; for a busy machine")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--name", default="ours", help="name of ours in the results, to compare options")
    parser.add_argument("--set", nargs=2, action="append", default=[], metavar=("OPTION", "VALUE"))
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    length = {"steps": options.steps} if options.steps else {"minutes": options.minutes}
    chosen = {name: json.loads(value) for name, value in options.set}
    done = {(line["table"], line["fold"], line["model"]) for line in read(options.results)}
    for name in options.tables:
        if (path := place(name, options)) == Path():
            continue
        features, labels = table(name, path)
        folds = list(RepeatedStratifiedKFold(n_splits=5, n_repeats=2, random_state=0).split(features, labels))
        for fold, (train, test) in enumerate(folds[: options.folds]):
            for model in options.models:
                called = options.name if model == "ours" else model
                if (name, fold, called) in done:
                    continue
                start = time.perf_counter()
                parts = features.iloc[train], labels[train], features.iloc[test], labels[test]
                found = ours(*parts, fold, {**length, **chosen}) if model == "ours" else peer(model, *parts)
                line = {"table": name, "fold": fold, "model": called, **found}
                line["seconds"] = round(time.perf_counter() - start, 1)
                with open(options.results, "a") as file:
                    file.write(json.dumps(line) + "\n")
                print(json.dumps(line), flush=True)
    report(read(options.results), options.name)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def place(name: str, options: argparse.Namespace) -> Path | None:
    """Where the table is; None for one that scikit-learn holds, an empty path for one that was not given."""
    if name == "breast-cancer":
        return None
    if name in ("penguins", "adult"):
        return getattr(options, name) or Path()
    return options.islp / f"{name}.csv" if options.islp else Path()


def table(name: str, path: Path | None) -> tuple[pd.DataFrame, np.ndarray]:
    """Features and labels."""
    if path is None:
        data = load_breast_cancer(as_frame=True)
        return data.data, data.target_names[data.target.to_numpy()]
    frame = pd.read_csv(path, skipinitialspace=True)
    if name == "Wage":
        wage = frame.pop("wage")
        frame["label"] = np.where(wage > wage.median(), "above", "below")
        frame = frame.drop(columns="logwage")
    elif name == "Bikeshare":
        bikers = frame.pop("bikers")
        frame["label"] = np.where(bikers > bikers.median(), "above", "below")
        frame = frame.drop(columns=["casual", "registered"])
    else:
        label = {"penguins": "species", "Default": "default", "Caravan": "Purchase", "adult": "income"}[name]
        frame["label"] = frame.pop(label)
    labels = frame.pop("label").to_numpy(dtype=str)
    return frame, labels


# --- the models -----------------------------------------------------------------------------------

Parts = tuple[pd.DataFrame, np.ndarray, pd.DataFrame, np.ndarray]


def ours(
    features: pd.DataFrame, labels: np.ndarray, others: pd.DataFrame, truth: np.ndarray, seed: int, given: dict
) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as folder:
        for name, rows, classes in (("train", features, labels), ("test", others, truth)):
            rows.assign(label=classes).to_csv(f"{folder}/{name}.csv", index=False)
        run = genlab.train(
            "classify", f"{folder}/train.csv", out=f"{folder}/run", test=f"{folder}/test.csv", label="label", seed=seed,
            quiet=True, **given,
        )  # fmt: skip
        about = run.about
        return {
            "log_loss": about["test"]["log_loss"],
            "accuracy": about["test"]["accuracy"],
            "steps": about["step"],
            "training": about["seconds"],
        }


def peer(
    model: str, features: pd.DataFrame, labels: np.ndarray, others: pd.DataFrame, truth: np.ndarray
) -> dict[str, float]:
    fitted = boosting(features, labels) if model == "boosting" else logistic(features, labels)
    chances = fitted.predict_proba(_categories(others, features) if model == "boosting" else others)
    return {
        "log_loss": float(log_loss(truth, chances, labels=fitted.classes_)),
        "accuracy": float(accuracy_score(truth, fitted.classes_[chances.argmax(1)])),
    }


def boosting(features: pd.DataFrame, labels: np.ndarray) -> HistGradientBoostingClassifier:
    """Histogram gradient boosting, its size chosen by 3-fold cross-validation."""
    features = _categories(features, features)

    def make(leaves: int, trees: int) -> HistGradientBoostingClassifier:
        return HistGradientBoostingClassifier(
            learning_rate=0.06, max_iter=trees, max_leaf_nodes=leaves, early_stopping=False,
            categorical_features="from_dtype", random_state=0,
        )  # fmt: skip

    best = (np.inf, 0, 0)
    for leaves in LEAVES:
        losses = []
        for fit, held in StratifiedKFold(3, shuffle=True, random_state=0).split(features, labels):
            made = make(leaves, MOST_TREES).fit(features.iloc[fit], labels[fit])
            truth = np.searchsorted(made.classes_, labels[held])
            losses.append([-np.log(chances[np.arange(len(held)), truth].clip(1e-15)).mean()
                           for chances in made.staged_predict_proba(features.iloc[held])])  # fmt: skip
        means = np.mean(losses, 0)
        best = min(best, (float(means.min()), leaves, int(means.argmin()) + 1))
    return make(*best[1:]).fit(features, labels)


def _categories(frame: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """Text columns as categories, those of the training rows; an unknown one is missing."""
    texts = known.select_dtypes(exclude="number").columns
    return frame.assign(**{name: pd.Categorical(frame[name], sorted(known[name].dropna().unique())) for name in texts})


def logistic(features: pd.DataFrame, labels: np.ndarray) -> Any:
    """Logistic regression, its penalty chosen by 5-fold cross-validation."""
    encode = make_column_transformer(
        (
            make_pipeline(SimpleImputer(strategy="median", add_indicator=True), StandardScaler()),
            make_column_selector(dtype_include="number"),
        ),
        (OneHotEncoder(handle_unknown="ignore"), make_column_selector(dtype_exclude="number")),
    )
    regression = LogisticRegressionCV(
        Cs=STRENGTHS, cv=5, l1_ratios=(0,), scoring="neg_log_loss", max_iter=2000, use_legacy_attributes=False
    )
    return make_pipeline(encode, regression).fit(features, labels)


# --- the report -----------------------------------------------------------------------------------


def report(lines: list[dict[str, Any]], name: str) -> None:
    """Mean log-losses over the folds that all three have, and the ratio of ours to the better peer."""
    print("\n| table | folds | ours | boosting | logistic | ours / better | accuracy: ours, boosting, logistic |")
    print("|---|---|---|---|---|---|---|")
    for each in TABLES:
        rows = list(common(lines, each, (name, "boosting", "logistic")))
        if not rows:
            continue
        loss = [float(np.mean([line["log_loss"] for line in column])) for column in zip(*rows, strict=True)]
        right = [float(np.mean([line["accuracy"] for line in column])) for column in zip(*rows, strict=True)]
        cells = [f"{value:.4f}" for value in loss] + [f"{loss[0] / min(loss[1:]):.3f}"]
        print(f"| {each} | {len(rows)} | {' | '.join(cells)} | {', '.join(f'{share:.1%}' for share in right)} |")


def common(lines: list[dict[str, Any]], table: str, models: tuple[str, ...]) -> Iterator[list[dict[str, Any]]]:
    """The results of all models in the folds that all of them have."""
    found = {(line["fold"], line["model"]): line for line in lines if line["table"] == table}
    for fold in range(10):
        if all((fold, model) in found for model in models):
            yield [found[fold, model] for model in models]


if __name__ == "__main__":
    main()

"""What a temperature fitted on few validation examples does to the log-loss of unseen ones, by the way it is fitted.

Each run's test split is divided at random into validation and unseen examples, many times. A figure is the mean
log-loss of the unseen examples with the temperature over that without one: above 1 it did harm. Logits times 1.5 or
2.5 stand for an overconfident classifier.

    genlab train classify @digits --steps 1200 --validation 0.02 --test 0.3 --seed 5 --out runs/sure
    python benchmarks/temperature.py runs/sure
"""

import argparse

import numpy as np
import torch
import torch.nn.functional as F

import genlab
from genlab.engine.options import Place
from genlab.engine.pipeline import Source
from genlab.metrics.classify import PRIOR, fit_temperature
from genlab.tasks.classify.evaluate import judge

LOGS = torch.linspace(-2.5, 2.5, 251, dtype=torch.float64)
"""Log temperatures that are tried; 0 is in the middle."""


def test_logits(path: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits and labels of a run's test split."""
    run = genlab.load(path)
    pipeline, data = run.pipeline, run.about["data"]
    trained_on = Place(data["path"], data["validation"], data["test"], run.folder.encoding)
    split, _ = pipeline.inputs.measured(Source(None, trained_on, data["fingerprint"]), None, pipeline.classes)
    judged = judge(pipeline, split)
    return judged.logits.double(), judged.labels


def losses(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """Log-loss of each example at each of `LOGS`."""
    return torch.stack([F.cross_entropy(logits / at.exp(), labels, reduction="none") for at in LOGS], 1)


def shrunk(found: torch.Tensor, precision: float) -> float:
    """Log of the temperature that minimises the losses, with a normal prior of that precision."""
    return LOGS[(found.sum(0) + precision / 2 * LOGS.square()).argmin()].item()


def cross_validated(found: torch.Tensor, folds: int = 10) -> float:
    """`shrunk` if it lowers the loss of examples that it is not fitted on, else 0."""
    penalised, gain = found.sum(0) + PRIOR / 2 * LOGS.square(), 0.0
    for fold in range(folds):
        out = found[fold::folds].sum(0)
        gain += (out[len(LOGS) // 2] - out[(penalised - out).argmin()]).item()
    return shrunk(found, PRIOR) if gain > 0 else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+")
    parser.add_argument("--splits", type=int, default=60, help="per run and size")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    held = [test_logits(path) for path in arguments.runs]
    for scale in (1.0, 1.5, 2.5):
        scored = [(scale * logits, labels, losses(scale * logits, labels)) for logits, labels in held]
        for count in (60, 125, 250, 500):
            means: dict[str, list[float]] = {}
            for logits, labels, found in scored:
                for split in range(arguments.splits):
                    order = torch.from_numpy(np.random.default_rng((split, count)).permutation(len(labels)))
                    seen, unseen = order[:count], found[order[count:]].mean(0).numpy()
                    fitted = {
                        "none": 0.0,
                        "no prior": shrunk(found[seen], 1e-6),
                        "prior": shrunk(found[seen], PRIOR),
                        "prior x3": shrunk(found[seen], 3 * PRIOR),
                        "cross-validated": cross_validated(found[seen]),
                        "averaged": float(np.log(fit_temperature(logits[seen], labels[seen]))),
                        "best": LOGS[unseen.argmin()].item(),
                    }
                    for name, at in fitted.items():
                        means.setdefault(name, []).append(float(np.interp(at, LOGS, unseen)))
            none = np.mean(means.pop("none"))
            figures = "  ".join(f"{name} {np.mean(all_) / none:.3f}" for name, all_ in means.items())
            print(f"logits x {scale}, {count} validation examples, log-loss {none:.4f}: {figures}", flush=True)


if __name__ == "__main__":
    main()

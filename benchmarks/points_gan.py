"""A relativistic GAN with gradient penalties compared with the classic loss: same networks, data, and time or steps.

python benchmarks/points_gan.py --seconds 40 --seeds 3 --plot docs/points.png
python benchmarks/points_gan.py --steps 6000 --seeds 3 --plot docs/points.png
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

import genlab
from genlab.data.points.point_set import read_points

MODELS: dict[str, dict] = {
    "relativistic, R1 and R2": {"loss": "relativistic"},
    "classic, no penalty": {"loss": "classic", "penalty": 0.0},
}
MEASURES = ("distance", "told_apart", "strays")
SHOWN = 5000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    budget = parser.add_mutually_exclusive_group()
    budget.add_argument("--seconds", type=float, default=40.0, help="of each training; for an idle machine")
    budget.add_argument("--steps", type=int, help="of each training; for a busy machine")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--plot", type=Path, default=Path("points.png"))
    options = parser.parse_args()
    length = {"steps": options.steps} if options.steps else {"minutes": options.seconds / 60}

    figure = Figure(figsize=(12, 8), layout="constrained")
    panels = figure.subplots(2, 3)
    columns = ["data", "model", "modes found", "good points", *(f"{measure} (floor)" for measure in MEASURES)]
    columns += ["steps", "seconds"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    for row, name in enumerate(("@ring", "@grid")):
        data = read_points(name, "0", "0")
        limit = 1.15 * np.abs(data.train).max()
        show(panels[row, 0], data.train[:SHOWN], f"{name}: real", limit)
        for column, (title, model) in enumerate(MODELS.items(), 1):
            runs = []
            for seed in range(options.seeds):
                with tempfile.TemporaryDirectory() as folder:
                    run = genlab.train("points", name, out=f"{folder}/run", seed=seed, quiet=True, **length, **model)
                    runs.append({**run.about["test"], "steps": run.about["step"], "seconds": run.about["seconds"]})
                    if seed == 0:
                        show(panels[row, column], run.generate(n=SHOWN)[0].content, f"{name}: {title}", limit)
            cells = [spread(runs, "modes_found", "{:.0f}"), spread(runs, "good_share", "{:.1%}")]
            for measure in MEASURES:
                floor = statistics.median(one[f"{measure}_floor"] for one in runs)
                cells.append(f"{spread(runs, measure, '{:.3g}')} ({floor:.2g})")
            cells += [spread(runs, "steps", "{:.0f}"), spread(runs, "seconds", "{:.0f}")]
            print(f"| {name} | {title} | {' | '.join(cells)} |", flush=True)
    figure.savefig(options.plot, dpi=80)


def spread(runs: list[dict], measure: str, form: str) -> str:
    """Median and range over the seeds."""
    values = [run[measure] for run in runs]
    low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} [{low} to {high}]"


def show(axes, points: np.ndarray, title: str, limit: float) -> None:
    axes.scatter(points[:, 0], points[:, 1], s=3, alpha=0.4, linewidths=0)
    axes.set(title=title, aspect="equal", xlim=(-limit, limit), ylim=(-limit, limit))


if __name__ == "__main__":
    main()

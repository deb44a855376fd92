"""The page and the plot of the long-range benchmark, from the records of its trainings."""

import statistics
from pathlib import Path
from typing import Any

from long_range_models import MODELS
from long_range_tasks import TASKS
from matplotlib.figure import Figure

Records = list[dict[str, Any]]


def tables(records: Records, rates: dict[tuple[str, str], float]) -> str:
    """Markdown: accuracy by task, distance and model, then the cost of the trainings.

    Args:
        records: One per training.
        rates: The learning rate of each task and model.
    """
    seconds, threads = records[0]["seconds"], sorted({record["threads"] for record in records})
    seeds = sorted({record["seed"] for record in records})
    models = [model for model in MODELS if any(record["model"] == model for record in records)]
    lines = [
        "# Long-range dependencies: what attention is good for",
        "",
        "This page is written by `benchmarks/long_range.py`; `benchmarks/long_range_tasks.py` describes the tasks, and",
        "`benchmarks/long_range_models.py` the models. Every model was trained from scratch for "
        f"{seconds:g} seconds on",
        f"{' or '.join(map(str, threads))} thread{'s' * (threads != [1])}, with a number of parameters within "
        f"{spread(records):.1%} of the Transformer's, on sequences that it never",
        "sees twice, and tested on others.",
        "",
        "![Accuracy against distance](long_range.png)",
        "",
        f"Share of correct answers: mean (lowest to highest) of {len(seeds)} seed{'s' * (len(seeds) > 1)}.",
        "",
        row("task", "distance", *(MODELS[model].title for model in models), "chance"),
        "|---" * (len(models) + 3) + "|",
    ]
    for task in TASKS:
        for distance in sorted({record["distance"] for record in records if record["task"] == task}):
            cells = [accuracy(pick(records, task=task, model=model, distance=distance)) for model in models]
            lines.append(row(task, distance, *cells, f"{1 / TASKS[task].answers:.1%}"))
    lines += ["", "Cost of a training: medians over tasks and seeds.", ""]
    lines += [row("model", "distance", "seconds", "updates", "tokens per second", "peak memory, MB"), "|---" * 6 + "|"]
    for model in models:
        for distance in sorted({record["distance"] for record in records if record["model"] == model}):
            found = pick(records, model=model, distance=distance)
            took, updates, speed, memory = (
                statistics.median(record[key] for record in found)
                for key in ("took", "updates", "tokens_per_second", "memory")
            )
            title = MODELS[model].title
            lines.append(row(title, distance, f"{took:.1f}", f"{updates:,.0f}", f"{speed:,.0f}", f"{memory:,.0f}"))
    lines += ["", "Learning rate, the best of three at distance 16, and parameters over the distances measured:", ""]
    lines += [row("task", *(MODELS[model].title for model in models)), "|---" * (len(models) + 1) + "|"]
    for task in TASKS:
        cells = []
        for model in models:
            sizes = [record["parameters"] for record in pick(records, task=task, model=model)]
            many = f"{min(sizes, default=0):,}" + (f" to {max(sizes):,}" if len(set(sizes)) > 1 else "")
            cells.append(f"{rates[task, model]:g}; {many}" if sizes else "")
        if any(cells):
            lines.append(row(task, *cells))
    return "\n".join(lines) + "\n"


def row(*cells: object) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def pick(records: Records, **wanted: Any) -> Records:
    """The records with the `wanted` values."""
    return [record for record in records if all(record[key] == value for key, value in wanted.items())]


def accuracy(records: Records) -> str:
    """Mean and range, in per cent; empty where nothing was measured."""
    if not records:
        return ""
    values = [record["accuracy"] for record in records]
    mean = f"{statistics.fmean(values):.1%}"
    return mean if len(values) == 1 else f"{mean} ({min(values):.1%} to {max(values):.1%})"


def spread(records: Records) -> float:
    """Largest relative difference in the number of parameters from the Transformer."""
    return max(abs(record["parameters"] / record["transformer_parameters"] - 1) for record in records)


def plot(records: Records, path: Path) -> None:
    """Accuracy against distance, one panel per task: lines are means, bands the ranges, dashes chance."""
    tasks = [task for task in TASKS if pick(records, task=task)]
    figure = Figure(figsize=(3.3 * len(tasks) + 0.8, 3.6), layout="constrained")
    panels = figure.subplots(1, len(tasks), sharey=True, squeeze=False)[0]
    for task, axes in zip(tasks, panels, strict=True):
        for number, (model, about) in enumerate(MODELS.items()):
            found = pick(records, task=task, model=model)
            distances = sorted({record["distance"] for record in found})
            values = [[r["accuracy"] for r in pick(found, distance=distance)] for distance in distances]
            colour = f"C{number}"
            axes.plot(distances, [statistics.fmean(v) for v in values], "o-", ms=4, color=colour, label=about.title)
            axes.fill_between(distances, list(map(min, values)), list(map(max, values)), color=colour, alpha=0.2, lw=0)
        axes.axhline(1 / TASKS[task].answers, color="0.5", ls="--", lw=1, label="chance")
        axes.set_xscale("log", base=2)
        axes.set_xticks(ticks := sorted({record["distance"] for record in records}), list(map(str, ticks)))
        axes.minorticks_off()
        axes.set(title=task, xlabel="distance in tokens", ylim=(-0.03, 1.03))
        axes.grid(alpha=0.3)
    panels[0].set_ylabel("share of correct answers")
    panels[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.02, 0.5))
    figure.suptitle(f"{records[0]['seconds']:g} seconds of training each, equal parameters", size=11)
    figure.savefig(path, dpi=110)

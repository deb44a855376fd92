"""What attention is good for, and what it is not: four models with equally many parameters and seconds, at growing
distances.

python benchmarks/long_range.py --seconds 20 --seeds 3

Trains every model on every task at every distance and writes one line per training to `--records`. Trainings recorded
there are not repeated, so the work can be done in pieces (`--tasks`, `--models`, `--distances`, `--seeds`) and stopped
at any time. The table and the plot use all lines with the same `--seconds`. With 20 seconds, everything takes two
hours.
"""

import argparse
import json
import multiprocessing
import resource
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from long_range_models import LONGEST_GRADIENT, MODELS, new_model, optimizers, parameters
from long_range_report import plot, tables
from long_range_tasks import NONE, TASKS
from torch import nn

DISTANCES = [16, 32, 64, 128, 256, 512]
NEAREST = 8
"""Distance that every training starts with; it grows to the full distance over the first half of the training."""
GROWING = 0.5
"""Share of a training in which the distance grows."""
WARMUP = 0.05
"""Share of a training in which the learning rate warms up; then it falls to zero."""
TESTED = 20_000
"""Minimum number of answers that a trained model is tested on."""
SEARCHED = -1
"""Seed of the trainings that select a learning rate."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--distances", nargs="+", type=int, choices=DISTANCES, default=DISTANCES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each training")
    parser.add_argument("--records", type=Path, default=Path("long_range.jsonl"), help="one line per training")
    parser.add_argument("--table", type=Path, default=Path("docs/long_range.md"))
    parser.add_argument("--plot", type=Path, default=Path("docs/long_range.png"))
    options = parser.parse_args()
    records = [record for record in read(options.records) if record["seconds"] == options.seconds]
    for task in options.tasks:
        for model in options.models:
            for rate in MODELS[model].rates:
                add(records, options, task=task, model=model, distance=DISTANCES[0], seed=SEARCHED, rate=rate)
            rate = best_rate(records, task, model)
            for distance in options.distances:
                for seed in range(options.seeds):
                    add(records, options, task=task, model=model, distance=distance, seed=seed, rate=rate)
    chosen = {(task, model): best_rate(records, task, model) for task, model in done(records)}
    text = tables([record for record in records if record["seed"] != SEARCHED], chosen)
    print(text)
    options.table.write_text(text, encoding="utf-8")
    plot([record for record in records if record["seed"] != SEARCHED], options.plot)


# --- the records ----------------------------------------------------------------------------------


def read(path: Path) -> Iterator[dict[str, Any]]:
    """The recorded trainings, without an incomplete last line."""
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else []:
        try:
            yield json.loads(line)
        except ValueError:
            continue


def add(records: list[dict[str, Any]], options: argparse.Namespace, **cell: Any) -> None:
    """Trains what `records` lacks, in a separate process, because memory is measured per process."""
    if any(all(record[key] == value for key, value in cell.items()) for record in records):
        return
    with multiprocessing.get_context("fork").Pool(1) as pool:
        records.append(pool.apply(train, (options.seconds,), cell))
    before = options.records.read_bytes() if options.records.exists() else b"\n"
    with options.records.open("a", encoding="utf-8") as file:
        file.write("" if before.endswith(b"\n") else "\n")  # an incomplete line stays so, the next is complete
        file.write(json.dumps(records[-1]) + "\n")
    what = f"{cell['task']} {cell['distance']:3}  {cell['model']:13} seed {cell['seed']:2}  rate {cell['rate']}"
    print(f"{what}: {records[-1]['accuracy']:.1%} right", file=sys.stderr, flush=True)


def done(records: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """The measured pairs of task and model."""
    return {(record["task"], record["model"]) for record in records if record["seed"] != SEARCHED}


def best_rate(records: list[dict[str, Any]], task: str, model: str) -> float:
    """The learning rate with the lowest loss at the shortest distance."""
    tried = [r for r in records if (r["task"], r["model"], r["seed"]) == (task, model, SEARCHED)]
    return min(tried, key=lambda record: record["loss"])["rate"]


# --- one training ---------------------------------------------------------------------------------


def train(seconds: float, task: str, model: str, distance: int, seed: int, rate: float) -> dict[str, Any]:
    """Trains for a number of seconds on sequences that are never repeated, and tests on others."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    torch.manual_seed(seed)
    random = torch.Generator().manual_seed(1000 + seed)
    network = new_model(model, task, distance)
    groups = optimizers(network, rate)
    peaks = [[group["lr"] for group in optimizer.param_groups] for optimizer in groups]
    updates, tokens, start = 0, 0, time.perf_counter()
    while (progress := (time.perf_counter() - start) / seconds) < 1:
        reach = distance
        if progress < GROWING:
            reach = int(NEAREST * (distance / NEAREST) ** (progress / GROWING)) // 2 * 2
        for optimizer, rates in zip(groups, peaks, strict=True):
            for group, peak in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = peak * min(progress / WARMUP, 1) * (1 - progress)
            optimizer.zero_grad()
        length = TASKS[task].length * reach
        rows = max(MODELS[model].least_rows, MODELS[model].tokens // length)
        asked, answers = TASKS[task].make(rows, reach, random)
        F.cross_entropy(network(asked).flatten(0, 1), answers.flatten(), ignore_index=NONE).backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), LONGEST_GRADIENT)
        for optimizer in groups:
            optimizer.step()
        updates, tokens = updates + 1, tokens + rows * length
    took = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    accuracy, loss = test(network, task, distance, rows, seed)
    return {
        "task": task, "model": model, "distance": distance, "seed": seed, "seconds": seconds, "rate": rate,
        "accuracy": accuracy, "loss": loss, "took": took, "updates": updates, "tokens_per_second": tokens / took,
        "memory": (peak - before) / 1024, "threads": torch.get_num_threads(),
        "parameters": parameters(model, task, distance),
        "transformer_parameters": parameters("transformer", task, distance),
    }  # fmt: skip


@torch.no_grad()
def test(network: nn.Module, task: str, distance: int, rows: int, seed: int) -> tuple[float, float]:
    """Share of correct answers and mean loss in nats, on sequences from a stream that training does not use."""
    random = torch.Generator().manual_seed(2_000_000 + seed)
    right, count, loss = 0, 0, 0.0
    network.eval()
    while count < TESTED:
        asked, answers = TASKS[task].make(rows, distance, random)
        logits, answers = network(asked).flatten(0, 1), answers.flatten()
        right += int((logits.argmax(-1) == answers).sum())
        loss += F.cross_entropy(logits, answers, ignore_index=NONE, reduction="sum").item()
        count += int((answers != NONE).sum())
    return right / count, loss / count


if __name__ == "__main__":
    main()

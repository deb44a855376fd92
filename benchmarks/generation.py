"""Pictures made a second by a trained GAN at 32 x 32.

    python benchmarks/generation.py

A run of the default model is trained for some steps (its speed does not depend on what it has learnt) and opened again.
Then 64 latent vectors at a time become pictures: by `run.sample`, which ends with bytes in numpy, and by the network
alone.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch
from PIL import Image

import genlab

PIXELS, BATCH = 32, 64


def write_pictures(folder: Path, count: int = 64) -> Path:
    """Something to begin a training with: noise in colour, in two classes."""
    random = torch.Generator().manual_seed(0)
    for number in range(count):
        path = folder / ("even", "odd")[number % 2] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = torch.randint(256, (PIXELS, PIXELS, 3), generator=random, dtype=torch.uint8)
        Image.fromarray(pixels.numpy()).save(path)
    return folder


def speed(make: Callable[[], object], seconds: float) -> float:
    """Pictures a second of a function that makes a batch."""
    start, count = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        make()
        count += BATCH
    return count / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repetitions", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each repetition")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = write_pictures(Path(name) / "pictures")
        genlab.train("images", folder, steps=20, pixels=PIXELS, validation=0, test=0, out=f"{name}/run", quiet=True)
        run = genlab.load(f"{name}/run")
        pipeline = run.pipeline
        latents, labels = pipeline.noise(BATCH, 0), pipeline.class_numbers(BATCH, "odd")
        ways = {
            "`run.sample`: latent vectors to bytes": partial(run.sample, latents, "odd"),
            "the network alone": torch.inference_mode()(partial(pipeline.make, latents, labels)),
        }
        parameters = sum(weight.numel() for weight in pipeline.networks["generator"].parameters())
        print(f"gan, {parameters:,} parameters in the generator, {torch.get_num_threads()} threads, batches of {BATCH}")
        print("| way | pictures a second: median (range) |\n|---|---|", flush=True)
        for make in ways.values():
            speed(make, options.seconds / 3)  # warms up
        found = [[speed(make, options.seconds) for make in ways.values()] for _ in range(options.repetitions)]
        for way, rates in zip(ways, zip(*found, strict=True), strict=True):
            print(f"| {way} | {statistics.median(rates):,.0f} ({min(rates):,.0f} to {max(rates):,.0f}) |")


if __name__ == "__main__":
    main()

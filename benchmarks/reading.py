"""Reading 10,000 pictures for a training, compared with Pillow alone on all cores.

    python benchmarks/reading.py

Ours reads a folder with an empty cache: it finds the files, computes their SHA-256, decodes them, resizes them to
32 x 32, writes the array into the cache and splits it. The peer knows the names of the files, and opens, converts and
resizes them with the same filter into one array in memory, in a plain pool of processes or threads, whichever is
faster. Both alternate on the same files, which are new in each run and small enough to stay in the system's memory.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PIL import Image

from genlab.data.pictures.picture_set import read_pictures

PIXELS = 32
CORES = os.cpu_count() or 1


def write_pictures(folder: Path, count: int, side: int) -> list[Path]:
    """Writes smooth random pictures with a little noise."""
    random = np.random.default_rng()
    paths = []
    for number in range(count):
        coarse = Image.fromarray(random.integers(0, 256, (5, 5, 3), dtype=np.uint8))
        smooth = np.asarray(coarse.resize((side, side), Image.Resampling.BICUBIC))
        noisy = smooth.astype(np.int16) + random.integers(-2, 3, smooth.shape)
        file = io.BytesIO()
        Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(file, "png")
        paths.append(folder / f"{number:05d}.png")
        paths[-1].write_bytes(file.getvalue())
    return paths


def ours(folder: Path) -> None:
    """Seconds that genlab takes with an empty cache."""
    with tempfile.TemporaryDirectory() as cache:
        os.environ["GENLAB_CACHE"] = cache
        found = read_pictures(str(folder), "0.05", "0.1", pixels=PIXELS)
        assert found.train.array.shape[1:] == (PIXELS, PIXELS, 3)


def one(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB").resize((PIXELS, PIXELS), Image.Resampling.LANCZOS))


def processes(paths: list[Path]) -> None:
    with ProcessPoolExecutor(CORES, get_context("fork")) as pool:
        np.stack(list(pool.map(one, paths, chunksize=200)))


def threads(paths: list[Path]) -> None:
    with ThreadPoolExecutor(CORES) as pool:
        np.stack(list(pool.map(one, paths)))


def seconds(work: Callable[[], None]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=10_000)
    parser.add_argument("--sides", type=int, nargs="*", default=[64, 32], help="of the pictures in the files")
    parser.add_argument("--repetitions", type=int, default=3)
    options = parser.parse_args()
    columns = ["files", "genlab (s)", "Pillow, processes (s)", "Pillow, threads (s)", "ratio to the faster"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    for side in options.sides:
        with tempfile.TemporaryDirectory() as name:
            paths = write_pictures(Path(name), options.pictures, side)
            work = [partial(ours, Path(name)), partial(processes, paths), partial(threads, paths)]
            times = [[seconds(one) for one in work] for _ in range(options.repetitions)]
        mine, forked, threaded = (statistics.median(column) for column in zip(*times, strict=True))
        cells = f"{mine:.2f} | {forked:.2f} | {threaded:.2f} | {mine / min(forked, threaded):.2f}"
        print(f"| {options.pictures:,} PNGs of {side} x {side} | {cells} |", flush=True)


if __name__ == "__main__":
    main()

"""A text of 1 GB: peak memory and time to read it (which includes tokenizing it) and to train on it.

    python benchmarks/big_text.py

The text repeats the lines of @bible in random order, each with a number in front. Peak memory is that of the whole
command, including the pages of the memory-mapped tokens that it touched.
"""

import argparse
import itertools
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from genlab.data.text.sample_sets import bible


def write_text(path: Path, size: int) -> None:
    """Writes at least `size` bytes of numbered lines."""
    lines = [line for _, book in bible() for line in book.splitlines() if line]
    order = random.Random(0)
    with path.open("w", encoding="utf-8") as file:
        for number in itertools.count():
            if file.tell() >= size:
                return
            order.shuffle(lines)
            file.writelines(f"{number} {line}\n" for line in lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--steps", type=int, default=50)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        text = Path(folder) / "big.txt"
        write_text(text, int(options.gigabytes * 1e9))
        print(f"{text.stat().st_size:,} bytes of text")
        environment = {**os.environ, "GENLAB_CACHE": f"{folder}/cache"}
        for what in ("read and train", "train, tokens cached"):
            run = f"{folder}/{what[:4]}"
            command = [sys.executable, "-m", "genlab", "train", "text", str(text), "--steps", str(options.steps)]
            start = time.perf_counter()
            subprocess.run([*command, "--out", run], env=environment, check=True, stderr=subprocess.DEVNULL)
            seconds = time.perf_counter() - start
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
            print(f"{what}: {seconds:.0f} s, peak memory so far {peak:.2f} GB", flush=True)


if __name__ == "__main__":
    main()

"""Benchmarks are scripts: what stands beside one is imported by its plain name."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

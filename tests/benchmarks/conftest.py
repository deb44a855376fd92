"""Makes the benchmarks' modules importable by their plain names, as in a script run beside them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

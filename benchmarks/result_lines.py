"""Results of benchmarks as JSON lines: what has a line in the same setting is not trained again."""

import argparse
import json
import re
import statistics
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from genlab.engine.machine import Machine


def setting_of(options: argparse.Namespace, names: Sequence[str]) -> dict[str, Any]:
    """What makes results comparable: the options `names`, the code and the machine."""
    describe = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    revision = subprocess.check_output(describe, cwd=Path(__file__).parent, text=True).strip()
    machine = Machine().about()
    facts = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    processor = " ".join([machine["processor"], *re.findall(r"model name\s*: (.*)", facts)[:1]])
    asked = {name: getattr(options, name) for name in names}
    return {**asked, "revision": revision, "processor": processor, "threads": machine["threads"]}


def read(path: Path, setting: dict[str, Any]) -> list[dict[str, Any]]:
    """The results in this setting."""
    lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
    return [line for line in lines if line["setting"] == setting]


def append(path: Path, line: dict[str, Any]) -> None:
    """Adds a result to the file, and prints it."""
    text = json.dumps(line)
    with open(path, "a") as file:
        file.write(text + "\n")
    print(text, flush=True)


def spread(values: Sequence[float], form: str = "{:.1%}") -> str:
    """Median and range; empty without values."""
    if not values:
        return ""
    low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Prints a table in Markdown."""
    print(f"| {' | '.join(header)} |\n{'|---' * len(header)}|")
    for row in rows:
        print(f"| {' | '.join(row)} |")

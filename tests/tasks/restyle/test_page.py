"""docs/restyle.md names the options that there are."""

import dataclasses
import re
from pathlib import Path

from genlab.tasks.restyle.options import RestyleRequest, StarGANOptions

PAGE = (Path(__file__).parents[3] / "docs/restyle.md").read_text()


def listed(heading: str) -> set[str]:
    """The options in the first column of the tables below a heading."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    cells = re.findall(r"^\| (`--.*?`) \|", section, re.MULTILINE)
    return {name for cell in cells for name in re.findall(r"--(?:no-)?([a-z-]+)", cell)}


def fields(options: type) -> set[str]:
    return {field.name.replace("_", "-") for field in dataclasses.fields(options)}


def test_every_option_of_the_default_is_explained():
    assert listed("Training options") == fields(StarGANOptions)


def test_every_option_of_a_request_is_explained():
    assert listed("Changing pictures") - {"to", "grid"} == fields(RestyleRequest) - {"pictures"}

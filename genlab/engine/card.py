"""The model card: what a run is and what was measured, for a person who finds the folder."""

from pathlib import Path
from typing import Any

from genlab.engine.files import write_atomically
from genlab.engine.folder import RunFolder
from genlab.engine.recipe import Generates, Recipe


def write_card(folder: RunFolder, recipe: Recipe, state: str | None = None) -> None:
    """Writes README.md from what stands in the run (`state` is about to); it names no path of the user's."""
    about, config = folder.about(), folder.config()
    data, plan, machine = about["data"], config["plan"], about["machine"]
    parameters = sum(weight.numel() for network in recipe.saved().values() for weight in network.parameters())
    before = config["run"].get("from_")
    start = f"on from the weights of {Path(before).name}" if before else "from scratch"
    lines = [
        f"# {recipe.task}: {recipe.name} on {data['name']}",
        "",
        f"Trained {start} with genlab {about['versions']['genlab']}: {parameters:,} parameters, "
        f"{about.get('step', 0):,} of about {plan['steps']:,} steps, {about.get('seconds', 0):.0f} s on "
        f"{machine['processor']} ({machine['device']}, {machine['threads']} threads), seed {about['seed']}. "
        f"State: {state or about['state']}.",
        "",
        f"    genlab {'generate THIS_FOLDER' if isinstance(recipe, Generates) else 'predict THIS_FOLDER FILE'}",
        "    genlab evaluate THIS_FOLDER",
        "",
        "## Measured",
        "",
        *_table({"validation (picked the weights)": about.get("best"), "test (only reported)": about.get("test")}),
    ]
    if evaluation := about.get("evaluation"):
        lines += ["## Evaluated", "", *_tree(evaluation), ""]
    lines += [
        "## Data",
        "",
        f"{data['name']}, fingerprint `{data['fingerprint'][:16]}`",
        "",
        *_tree(data["counts"]),
        "",
    ]
    lines += ["## Configuration", "", *_tree(config["config"]), ""]
    write_atomically(folder.path / "README.md", "\n".join(lines).encode())


def _table(rows: dict[str, dict[str, Any] | None]) -> list[str]:
    lines = []
    for name, measures in rows.items():
        if measures:
            shown = ", ".join(f"{key} {value:.4g}" for key, value in measures.items())
            lines.append(f"- {name}: {shown}")
    return [*(lines or ["- nothing: no data were held out"]), ""]


def _tree(values: dict[str, Any], indent: str = "") -> list[str]:
    lines = []
    for name, value in values.items():
        if isinstance(value, dict):
            lines += [f"{indent}- {name}:", *_tree(value, indent + "  ")]
        else:
            shown = f"{value:.4g}" if isinstance(value, float) else str(value)
            lines.append(f"{indent}- {name}: {shown}")
    return lines

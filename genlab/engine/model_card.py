"""The model card: what a run is and what was measured, for a person who finds the folder."""

from pathlib import Path
from typing import Any

from genlab.engine.files import write_atomically
from genlab.engine.pipeline import Generates
from genlab.engine.recipe import Recipe
from genlab.engine.run_folder import RunFolder


def write_card(folder: RunFolder, recipe: Recipe, state: str | None = None) -> None:
    """Writes README.md; `state` is what the run is about to be in."""
    commands = [
        f"    genlab {'generate THIS_FOLDER' if isinstance(recipe, Generates) else 'predict THIS_FOLDER FILE'}",
        "    genlab evaluate THIS_FOLDER" + ("" if folder.about()["data"]["fingerprint"] else " --data FILE"),
    ]
    write_atomically(
        folder.path / "README.md", card(folder, recipe, commands, state).encode("utf-8", "backslashreplace")
    )


def card(folder: RunFolder, recipe: Recipe, commands: list[str], state: str | None = None) -> str:
    """The card from what stands in the run; it names no path of the user's."""
    about, config = folder.about(), folder.config()
    data = about["data"]
    lines = [
        f"# {recipe.task}: {recipe.name} {'on' if data['fingerprint'] else 'from'} {data['name']}",
        "",
        _origin(recipe, about, config, state),
        "",
        *commands,
        "",
        "## Measured",
        "",
        *_table({"validation (picked the weights)": about.get("best"), "test (only reported)": about.get("test")}),
    ]
    if evaluation := about.get("evaluation"):
        lines += ["## Evaluated", "", *_tree(evaluation), ""]
    if data["fingerprint"]:
        lines += ["## Data", "", f"{data['name']}, fingerprint `{data['fingerprint'][:16]}`", ""]
        lines += [*_tree(data["counts"]), ""]
    known = {name: value for name, value in config["config"].items() if value is not None}
    lines += ["## Configuration", "", *_tree(known), ""]
    return "\n".join(lines)


def _origin(recipe: Recipe, about: dict[str, Any], config: dict[str, Any], state: str | None) -> str:
    """How the weights came about."""
    parameters = sum(weight.numel() for network in recipe.saved().values() for weight in network.parameters())
    if "plan" not in config:
        return f"Imported into genlab {about['versions']['genlab']}, not trained here: {parameters:,} parameters."
    before, plan, machine = config["run"].get("from_"), config["plan"], about["machine"]
    start = f"on from the weights of {Path(before).name}" if before else "from scratch"
    return (
        f"Trained {start} with genlab {about['versions']['genlab']}: {parameters:,} parameters, "
        f"{about.get('step', 0):,} of about {plan['steps']:,} steps, {about.get('seconds', 0):.0f} s on "
        f"{machine['processor']} ({machine['device']}, {machine['threads']} threads), seed {about['seed']}. "
        f"State: {state or about['state']}."
    )


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

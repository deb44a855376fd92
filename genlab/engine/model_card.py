"""The model card: describes a run and its metrics to anyone who finds the folder."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from genlab.catalog import task_named
from genlab.engine.files import write_atomically
from genlab.engine.pipeline import Pipeline
from genlab.engine.run_folder import RunFolder


def write_card(folder: RunFolder, pipeline: Pipeline, state: str | None = None) -> None:
    """Writes README.md; `state` is the state that the run is about to enter."""
    config = folder.config()
    requests = task_named(config["task"]).model(config["model"]).requests
    lines = [f"    {command}" for command in commands(requests, pipeline, "THIS_FOLDER")]
    lines[-1] += "" if folder.about()["data"]["fingerprint"] else " --data FILE"
    text = card(folder, pipeline, lines, state)
    write_atomically(folder.path / "README.md", text.encode("utf-8", "backslashreplace"))


def commands(requests: Iterable[str], pipeline: Pipeline, run: str) -> list[str]:
    """Example commands on a run, its evaluation last; `run` is its path as typed in a shell."""
    uses = [use for use in ("generate", "predict") if use in requests]
    return [f"genlab {use} {run} {pipeline.arguments.get(use, '')}".rstrip() for use in (*uses, "evaluate")]


def card(folder: RunFolder, pipeline: Pipeline, commands: list[str], state: str | None = None) -> str:
    """The card, from the files of the run; it contains no paths."""
    about, config = folder.about(), folder.config()
    data = about["data"]
    lines = [
        f"# {config['task']}: {config['model']} {'on' if data['fingerprint'] else 'from'} {data['name']}",
        "",
        _origin(pipeline, about, config, state),
        "",
        *commands,
        "",
        "## Measured",
        "",
        *_table({"validation (selected the weights)": about.get("best"), "test (only reported)": about.get("test")}),
    ]
    if evaluation := about.get("evaluation"):
        lines += ["## Evaluated", "", *_tree(evaluation), ""]
    if data["fingerprint"]:
        lines += ["## Data", "", f"{data['name']}, fingerprint `{data['fingerprint'][:16]}`", ""]
        lines += [*_tree(data["counts"]), ""]
        samples = {one.name: one for one in task_named(config["task"]).samples}
        if (sample := samples.get(data["name"].partition(":")[0])) and sample.licence:
            lines += [sample.licence, ""]
    known = {name: value for name, value in config["config"].items() if value is not None}
    lines += ["## Configuration", "", *_tree(known), ""]
    return "\n".join(lines)


def _origin(pipeline: Pipeline, about: dict[str, Any], config: dict[str, Any], state: str | None) -> str:
    """The origin of the weights."""
    parameters = sum(weight.numel() for network in pipeline.networks.values() for weight in network.parameters())
    if "plan" not in config:
        return f"Imported into genlab {about['versions']['genlab']}, not trained here: {parameters:,} parameters."
    before, plan, machine = config["run"].get("from_"), config["plan"], about["machine"]
    start = f"from the weights of {Path(before).name}" if before else "from scratch"
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

"""The tables of `benchmarks/flow.py`: medians and ranges over seeds."""

from collections.abc import Sequence
from typing import Any

from result_lines import print_table, spread

from genlab.tasks.images.making import GUIDANCE
from genlab.tasks.images.options import FlowRequest

DEFAULT = FlowRequest(guidance=GUIDANCE)
SHOWN = 64
"""Number of pictures on a sheet, and of those whose making is timed."""
DISTANCES = {"Fréchet distance": "frechet", "recall": "recall", "precision": "precision"}
"""Column of a table -> measure."""
SCORES = {"score": "generated", "score of real pictures": "real"}
"""The same for the classification accuracy score."""
FORMS = {
    "frechet": "{:.1f}",
    "recall": "{:.3f}",
    "precision": "{:.3f}",
    "making": "{:.1f}",
    "seconds": "{:,.0f}",
    "steps": "{:,.0f}",
    "read": "{:,.0f}",
    "seconds_of_shown": "{:.1f}",
}
Line = dict[str, Any]


def report(lines: list[Line]) -> None:
    """Prints tables of distances by guidance, of trainings, of steps and samplers, and of what pictures show."""
    first = lines[0]
    floor = ", ".join(f"{title} {FORMS[name].format(first['floor'][name])}" for title, name in DISTANCES.items())
    print(
        f"\nFeatures: {first['features']['name']} ({first['features']['sha256'][:12]}); {first['pictures']:,} pictures"
    )
    print(f"of each kind. Between real pictures: {floor}.\n")
    groups = grouped(lines)
    usual = {key: rows for key, rows in groups.items() if key[2:] == (DEFAULT.flow_steps, DEFAULT.sampler)}
    scored = any("score" in row for rows in usual.values() for row in rows)
    header = ["model", "guidance", *DISTANCES, "all right", *(SCORES if scored else ()), f"making {SHOWN}, s"]
    guidances = []
    for (model, guidance, *_), rows in usual.items():
        start = [model, f"{guidance:g}" if model == "flow" else "", *distances(rows)]
        guidances.append([*start, *(scores(rows) if scored else ()), cell(rows, "making")])
    print_table(header, guidances)

    print("\nTrainings:\n")
    header = ["model", "seconds", "steps", "pictures per second", f"making {SHOWN} by default, s"]
    trainings = []
    for model in dict.fromkeys(line["model"] for line in lines):
        found = [line for line in lines if line["model"] == model]
        trainings.append([model, *(cell(found, name) for name in ("seconds", "steps", "read", "seconds_of_shown"))])
    print_table(header, trainings)

    swept = {key[2:]: rows for key, rows in groups.items() if key[:2] == ("flow", DEFAULT.guidance)}
    if len(swept) > 1:
        print(f"\nSteps of the flow, with guidance {DEFAULT.guidance:g}:\n")
        order = sorted(swept, key=lambda key: (key[1] != DEFAULT.sampler, key[0]))
        header = ["sampler", "steps", *DISTANCES, "all right", f"making {SHOWN}, s"]
        steps = [[key[1], str(key[0]), *distances(swept[key]), cell(swept[key], "making")] for key in order]
        print_table(header, steps)

    for (model, guidance, *_), rows in usual.items():
        if "adherence" in rows[0] and (model != "flow" or guidance == DEFAULT.guidance):
            print(f"\nWhat pictures of {model} show, {first['prompts']:,} descriptions or classes:\n")
            found = [row["adherence"] for row in rows]
            print_table(["share right", "model", "real", "chance"], adherence(found))


def grouped(lines: list[Line]) -> dict[tuple[str, float, int, str], list[Line]]:
    """What was measured, by model, guidance, steps and sampler."""
    groups: dict[tuple[str, float, int, str], list[Line]] = {}
    for line in lines:
        for row in line["measured"]:
            key = (line["model"], row["guidance"], row["flow_steps"], row["sampler"])
            groups.setdefault(key, []).append(row)
    return groups


def cell(rows: Sequence[Line], name: str) -> str:
    return spread([row[name] for row in rows], FORMS[name])


def distances(rows: Sequence[Line]) -> list[str]:
    """The distances, and the share of pictures with all attributes right."""
    right = [row["adherence"]["all"]["model"] for row in rows if "adherence" in row]
    return [*(cell(rows, name) for name in DISTANCES.values()), spread(right)]


def scores(rows: Sequence[Line]) -> list[str]:
    """The classification accuracy scores of generated and of real pictures."""
    found = [row["score"] for row in rows if "score" in row]
    return [spread([each[of] for each in found]) for of in SCORES.values()]


def adherence(found: list[Line]) -> list[list[str]]:
    """A row per attribute and for all of them, then the same for seen and for unseen combinations."""
    parts = {f", {part} combinations": [one[part] for one in found if part in one] for part in ("seen", "unseen")}
    rows = []
    for where, reports in {"": found, **parts}.items():
        if reports:
            figures = {name: [one["each"][name] for one in reports] for name in reports[0]["each"]}
            figures["all"] = [one["all"] for one in reports]
            for name, each in figures.items():
                shares = [spread([one[of] for one in each]) for of in ("model", "real", "chance")]
                rows.append([f"{name}{where}", *shares])
    return rows

"""genlab look TASK DATA: what a training would read and choose, before anything is trained."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from genlab.cli.option import options_of
from genlab.cli.parser import asks_help
from genlab.cli.shared import print_json, print_tree, say
from genlab.cli.train import overview, training
from genlab.options import RUN, Shown


@dataclass(frozen=True)
class LookOptions:
    """Options of looking at data."""

    to: Annotated[str | None, RUN, Shown("FILE")] = None
    """Image file for the examples, if they are pictures or points; by default look-<task>.png in this folder."""


def run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(overview("look"))
        return 0
    asked = training("look", words, options_of(LookOptions))
    if asks_help(words):
        print(asked.page.help())
        return 0

    from genlab.engine.files import make_folder, write_atomically
    from genlab.engine.train import look

    seen = look(asked.model, asked.options, asked.run)
    files = []
    for example in seen.examples:
        if "png" in example.files:
            files.append(asked.values.make(LookOptions).to or f"look-{asked.task.name}.png")
            make_folder(Path(files[-1]).parent)
            write_atomically(Path(files[-1]), example.files["png"])
    texts = [example.content for example in seen.examples if isinstance(example.content, str)]
    chosen = asdict(seen.options)
    report: dict[str, Any] = {
        "data": seen.facts.name,
        "model": asked.model.name,
        "counts": seen.facts.counts,
        "notes": seen.facts.notes,
        "left_out": len(seen.facts.left_out),
        "options": chosen,
    }
    if asked.values["json"]:
        print_json({**report, "examples": texts, "files": files})
        return 0
    print(f"{seen.facts.name}: {asked.model.name}, {asked.model.about}\n\nsplits:")
    print_tree(seen.facts.counts, "  ")
    for note in seen.facts.notes:
        print(f"\nNote: {note}")
    for text in texts:
        print(f"\n{text}")
    own = asdict(asked.options)
    print("\noptions that this data and this machine call for:")
    print_tree({name: value for name, value in chosen.items() if value != own[name]} or {"none": "all are fixed"}, "  ")
    for file in files:
        say(f"wrote {file}")
    return 0

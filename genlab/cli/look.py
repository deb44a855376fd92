"""genlab look TASK DATA: shows what `genlab train` would read and choose, without training."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

from genlab.cli.option import options_of
from genlab.cli.parser import asks_help
from genlab.cli.shared import print_json, print_tree, say
from genlab.cli.train import overview, parse_training
from genlab.options import RUN, Shown


@dataclass(frozen=True)
class LookOptions:
    """Options of `genlab look`."""

    to: Annotated[str | None, RUN, Shown("FILE")] = None
    """Image file for examples of pictures or points; by default look-<task>.png in the current folder."""


def run(words: list[str]) -> int:
    if not words or words[0] in ("-h", "--help"):
        print(overview("look"))
        return 0
    training = parse_training("look", words, options_of(LookOptions))
    if asks_help(words):
        print(training.page.help())
        return 0

    from genlab.engine.files import make_folder, write_atomically
    from genlab.engine.train import look
    from genlab.show.sheets import Sheet

    seen = look(training.model, training.options, training.run)
    files = []
    drawn = [example for example in seen.examples if "png" in example.files]
    if drawn:
        sheet = Sheet()
        for example in drawn if len(drawn) > 1 else ():
            sheet.add(example)
        files.append(training.values.make(LookOptions).to or f"look-{training.task.name}.png")
        make_folder(Path(files[-1]).parent)
        write_atomically(Path(files[-1]), sheet.files()["png"] if len(drawn) > 1 else drawn[0].files["png"])
    texts = [example.content for example in seen.examples if isinstance(example.content, str)]
    chosen = asdict(seen.options)
    report: dict[str, Any] = {
        "data": seen.facts.name,
        "model": training.model.name,
        "counts": seen.facts.counts,
        "notes": seen.facts.notes,
        "left_out": len(seen.facts.left_out),
        "options": chosen,
    }
    if training.values["json"]:
        print_json({**report, "examples": texts, "files": files})
        return 0
    print(f"{seen.facts.name}: {training.model.name}, {training.model.about}\n\nsplits:")
    print_tree(seen.facts.counts, "  ")
    for note in seen.facts.notes:
        print(f"\nNote: {note}")
    for text in texts:
        print(f"\n{text}")
    own = asdict(training.options)
    print("\noptions chosen for these data and this machine:")
    print_tree({name: value for name, value in chosen.items() if value != own[name]} or {"none": "all are fixed"}, "  ")
    for file in files:
        say(f"wrote {file}")
    return 0

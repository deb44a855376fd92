"""genlab attention RUN --prompt TEXT: shows what the attention heads attend to, as a table and pictures."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from genlab.catalog import load
from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import OnDevice, command_on, declared, opened, print_json, run_argument, say
from genlab.errors import InputError
from genlab.options import Shown


@dataclass(frozen=True)
class AttentionOptions(OnDevice):
    """Options of `genlab attention`."""

    layer: int | None = None
    """Draw this layer only, counted from 0."""
    head: int | None = None
    """Draw this head only, counted from 0; with --layer, as one large picture."""
    to: Annotated[str | None, Shown("FILE.png")] = None
    """PNG file to write; by default in the run's samples folder."""


def run(words: list[str]) -> int:
    path = run_argument("attention", words)
    if path is None:
        return 0
    task, model = declared(path)
    if "explain" not in model.requests:
        raise InputError(f"{path} is a {model.name} for {task.name}, which has no attention to show.", "run")
    request_type = load(model.requests["explain"])
    about = f"Show what the attention heads of {path} attend to."
    page = Page(command_on(path, "attention"), about, [*options_of(request_type), *options_of(AttentionOptions)])
    if asks_help(words):
        print(page.help())
        return 0
    values = page.parse(words[1:])
    request, options = values.make(request_type), values.make(AttentionOptions)
    if options.to is not None and not options.to.lower().endswith(".png"):
        raise InputError(f"to: {options.to} must end in .png.", "to")

    from genlab.engine.files import make_folder, write_atomically
    from genlab.engine.pipeline import Explains
    from genlab.show.attention_pictures import choose, pictures, table

    found = opened(path, options.device)
    assert isinstance(found.pipeline, Explains)
    maps = choose(found.pipeline.explain(request), options.layer, options.head)
    chosen = {"layer": options.layer, "head": options.head}
    which = "".join(f"-{what}-{number}" for what, number in chosen.items() if number is not None)
    first = Path(options.to) if options.to else found.path / "samples" / f"attention{which}.png"
    make_folder(first.parent)
    files = []
    for name, data in pictures(maps).items():
        files.append(first.with_stem(f"{first.stem}-{name}" if name else first.stem))
        write_atomically(files[-1], data)
    if options.json:
        print_json({"files": [str(file) for file in files], "maps": [one.as_json() for one in maps]})
    else:
        print("\n".join(table(maps)))
        for file in files:
            say(f"wrote {file}")
    return 0

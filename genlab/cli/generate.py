"""genlab generate RUN: makes new content, on standard output or as files."""

import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genlab.catalog import load
from genlab.cli.option import Option, options_of
from genlab.cli.parser import Page, Values, asks_help
from genlab.cli.shared import Encoded, OnDevice, command_on, declared, opened, print_json, run_argument, say
from genlab.errors import InputError
from genlab.options import Shown, field_names

if TYPE_CHECKING:
    from genlab.engine.pipeline import Pipeline
    from genlab.engine.samples import Sample
    from genlab.tasks.task import FileOption

NAME = "generated"
"""Prefix of the names of generated files."""
MANY = 20
"""Above this number of files, only the first and the last are listed; facts are reported of the first samples."""
FILES = "FILE..."
"""Files that are given without an option."""


@dataclass(frozen=True)
class GenerateOptions(OnDevice):
    """Options of `genlab generate`."""

    to: Annotated[str | None, Shown("FOLDER")] = None
    """Folder to write the content to, one file per sample, numbered after those already there."""


def run(words: list[str]) -> int:
    path = run_argument("generate", words)
    if path is None:
        return 0
    task, model = declared(path)
    if "generate" not in model.requests:
        uses = " or ".join(f"{command_on(path, use)} FILE" for use in model.requests)
        raise InputError(f"{path} is a {model.name} for {task.name}, which cannot generate: use {uses}.", "run")
    request_type, files = load(model.requests["generate"]), task.files.get("generate", ())
    files = tuple(file for file in files if file.field in field_names(request_type))
    about = f"{task.generates} with {path} ({model.name}: {model.about})."
    more = options_of(GenerateOptions)
    if task.sheet:
        more.append(Option("grid", str | None, task.sheet, shown=Shown("FILE.png", "options")))
    arguments = FILES if any(file.positional for file in files) else ""
    options = [*options_of(request_type), *file_options(files), *more]
    page = Page(command_on(path, "generate"), about, options, arguments)
    if asks_help(words):
        print(page.help())
        return 0
    from genlab.engine.run_folder import RunFolder

    try:
        values = page.parse(words[1:])
    except InputError as error:
        raise task.error_about(error.field or "", model, "generate") or error from None
    chosen, grid = values.make(GenerateOptions), values.given.get("grid")
    # An option that names a file may be called like the field that its content is for.
    own = field_names(request_type)
    request = values.make(request_type, **{file.name: None for file in files if file.name in own})
    encoding = values.make(Encoded).encoding or RunFolder.open(path).encoding
    source = _source(request, [file for file in files if not file.shared], values, page.command)
    for file in files:
        if file.shared and values[file.name] is not None:
            request = replace(request, **{file.field: next(load(file.read)(values[file.name]))})
    if chosen.to is not None and Path(chosen.to).exists() and not Path(chosen.to).is_dir():
        raise InputError(f"to: {chosen.to} is not a folder; name a folder for the files.", "to")
    if grid is not None and not grid.lower().endswith(".png"):
        raise InputError(f"grid: {grid} must end in .png.", "grid")

    from genlab.engine.pipeline import Generates

    found = opened(path, chosen.device)
    pipeline = found.pipeline
    assert isinstance(pipeline, Generates)
    show = None if chosen.json else _print_piece
    requests = iter([request]) if source is None else _requests(request, *source, encoding, pipeline)
    samples: Iterator[Sample] = (sample for one in requests for sample in pipeline.generate(one, show))
    if show:
        samples = _spaced(samples, vars(request).get("n", 1))
    output = _Output(found.path / "samples", chosen.to, grid)
    if chosen.json:
        contents = [content for sample in samples for content in _as_json(sample, output.take(sample))]
        print_json({"samples": contents, "files": list(map(str, output.files()))})
    else:
        _report(samples, output)
    return 0


def _report(samples: "Iterator[Sample]", output: "_Output") -> None:
    """Writes the samples and says which files it wrote, with the facts about the samples."""
    said: list[Path] = []
    for number, sample in enumerate(samples):
        files = output.take(sample)
        if sample.about and number < MANY:
            say(f"wrote {files[0]} ({sample.facts})" if files else f"{sample.name or NAME} ({sample.facts})")
            said += files[:1]
    files = output.files()
    if len(files) > MANY:
        say(f"wrote {len(files):,} files, {files[0]} to {files[-1]}")
    else:
        for file in files:
            if file not in said:
                say(f"wrote {file}")


def _as_json(sample: "Sample", files: list[Path]) -> list[Any]:
    """What --json prints of a sample: its content or, if only files hold it, the facts about it, if any."""
    from genlab.engine.samples import Kind

    if sample.kind is Kind.TEXT:
        return [sample.content]
    if sample.kind in (Kind.ROWS, Kind.POINTS):
        return [sample.content.tolist()]
    return [{**sample.about, "files": list(map(str, files))}] if sample.about else []


def file_options(files: tuple["FileOption", ...]) -> list[Option]:
    """The options that name files, and the encoding if a file is text."""
    options = [
        Option(file.name, tuple[str, ...], file.help, shown=Shown(FILES, positional=True))
        if file.positional
        else Option(
            file.name, tuple[str, ...] if file.repeats else str | None, file.help, shown=Shown("FILE", "options")
        )
        for file in files
    ]
    return options + (options_of(Encoded) if any(file.text for file in files) else [])


def _source(
    request: Any, files: Sequence["FileOption"], values: Values, command: str
) -> tuple["FileOption", str | tuple[str, ...]] | None:
    """The file option that gives a field of the request, and its value; None if the request is complete.

    Raises:
        InputError: an option and a file give the same field, or the files are missing.
    """
    given = [f"--{file.name}" for file in files if values[file.name] is not None and not file.positional]
    if len(given) > 1:
        raise InputError(f"{' and '.join(given)} exclude each other: use one of them.", given[1].strip("-"))
    chosen = None
    for file in files:
        path, own = values[file.name], getattr(request, file.field)
        if path is not None and own is not None:
            both = f"--{file.field} and --{file.name} both give the {file.field}"
            raise InputError(f"{both}: use one of them.", file.name)
        if path is None and own is None:
            path = file.default
        if path is None and own is None and file.positional:
            raise InputError(f"Name the {file.field}: {command} FILE.", file.name)
        if path is not None:
            chosen = file, path
    return chosen


def _requests(
    request: Any, file: "FileOption", path: str | tuple[str, ...], encoding: str | None, pipeline: "Pipeline"
) -> Iterator[Any]:
    """One request per value in a file that gives one of its fields."""
    if path == "-" and sys.stdin.isatty():
        say(f"Type one {file.field} per line; Ctrl-D ends the input.")
    more = [encoding] * file.text + [pipeline] * file.fitted
    for value in load(file.read)(path, *more):
        yield replace(request, **{file.field: value})


def _print_piece(piece: str) -> None:
    """Prints a piece of text immediately."""
    sys.stdout.write(piece)
    sys.stdout.flush()


def _spaced(samples: "Iterator[Sample]", count: int) -> "Iterator[Sample]":
    """Prints a newline after each text, and a blank line between the `count` texts of one request."""
    from genlab.engine.samples import Kind

    for number, sample in enumerate(samples, 1):
        if sample.kind is Kind.TEXT:
            print("\n" if number < count else "")
        yield sample


class _Output:
    """Writes samples: one file each in --to, all on the sheet --grid, or in the run's samples.

    Writes at once what it can, so that a long stream of samples needs no memory.
    """

    def __init__(self, samples: Path, to: str | None, grid: str | None) -> None:
        from genlab.show.sheets import Sheet

        self.folder = samples if to is None else Path(to)
        self.each = to is not None
        self.grid = grid
        self.sheet = Sheet()
        self.kept: list[Sample] = []
        self.written: list[Path] = []
        self.numbers: dict[str, int] | None = None

    def take(self, sample: "Sample") -> list[Path]:
        """Writes or keeps a sample; returns the files written.

        Raises:
            InputError: the sample cannot be drawn on the sheet, or the file cannot be written.
        """
        from genlab.engine.samples import Kind
        from genlab.show.sheets import DRAWN

        if self.grid is not None and sample.kind not in DRAWN:
            raise InputError(f"grid: a {sample.kind} cannot be drawn on a sheet: use --to.", "grid")
        if self.grid is not None:
            self.sheet.add(sample)
        if self.each or (self.grid is None and sample.name is not None):
            return self._write(sample)
        if self.grid is None and sample.kind is not Kind.TEXT:
            self.kept.append(sample)
        return []

    def files(self) -> list[Path]:
        """Writes the samples kept so far; returns all files written."""
        from genlab.engine.files import make_folder, write_atomically
        from genlab.show.sheets import together

        if self.sheet.pictures and self.grid is not None:
            make_folder(Path(self.grid).parent)
            for ending, data in self.sheet.files().items():
                self.written.append(Path(self.grid).with_suffix(f".{ending}"))
                write_atomically(self.written[-1], data)
        for sample in together(self.kept):
            self._write(sample)
        return self.written

    def _write(self, sample: "Sample") -> list[Path]:
        from genlab.engine.samples import write_samples

        if self.numbers is None:
            self.numbers = _next_numbers(self.folder)
        name = sample.name or NAME
        number = self.numbers.get(name.casefold(), 0)
        self.numbers[name.casefold()] = number + 1
        files = write_samples([sample], self.folder, name, number)
        self.written += files
        return files


def _next_numbers(folder: Path) -> dict[str, int]:
    """For each name in the folder, the number after the highest, so that no file is overwritten.

    Names that differ only in case share their numbers, because some file systems do not distinguish them.
    """
    found: dict[str, int] = {}
    for path in folder.glob("*"):
        if parts := re.fullmatch(r"(.+)-(\d+)\.[^.]+", path.name, re.DOTALL):
            name = parts[1].casefold()
            found[name] = max(found.get(name, 0), int(parts[2]) + 1)
    return found

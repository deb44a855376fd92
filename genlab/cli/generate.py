"""genlab generate RUN: makes new content, on standard output or as files."""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genlab.catalog import load
from genlab.cli.option import Option, options_of
from genlab.cli.parser import Page, Values, asks_help
from genlab.cli.shared import Encoded, OnDevice, command_on, declared, opened, print_json, run_argument, say
from genlab.errors import InputError
from genlab.options import Shown

if TYPE_CHECKING:
    from genlab.engine.samples import Sample
    from genlab.tasks.task import FileOption

NAME = "generated"
"""Prefix of the names of generated files."""
MANY = 20
"""Above this number of files, only the first and the last are listed."""


@dataclass(frozen=True)
class GenerateOptions(OnDevice):
    """Options of `genlab generate`."""

    to: Annotated[str | None, Shown("FOLDER")] = None
    """Folder to write the content to, one file per sample, numbered after those already there."""


@dataclass(frozen=True)
class SheetOptions:
    """Options of `genlab generate` for pictures."""

    grid: Annotated[str | None, Shown("FILE.png")] = None
    """Write all pictures on one sheet, and their latent vectors next to it as .npy."""


def run(words: list[str]) -> int:
    path = run_argument("generate", words)
    if path is None:
        return 0
    task, model = declared(path)
    if "generate" not in model.requests:
        uses = " or ".join(f"{command_on(path, use)} FILE" for use in model.requests)
        raise InputError(f"{path} is a {model.name} for {task.name}, which cannot generate: use {uses}.", "run")
    request_type, files = load(model.requests["generate"]), task.files.get("generate", ())
    about = f"Make new content with {path}: {model.name}, {model.about}."
    own = [*options_of(GenerateOptions), *(options_of(SheetOptions) if task.makes == "picture" else ())]
    page = Page(command_on(path, "generate"), about, [*options_of(request_type), *_file_options(files), *own])
    if asks_help(words):
        print(page.help())
        return 0
    from genlab.engine.run_folder import RunFolder

    values = page.parse(words[1:])
    chosen, grid = values.make(GenerateOptions), values.make(SheetOptions).grid
    request = values.make(request_type)
    encoding = values.make(Encoded).encoding or RunFolder.open(path).encoding
    requests = _requests(request, files, values, encoding)
    if chosen.to is not None and Path(chosen.to).exists() and not Path(chosen.to).is_dir():
        raise InputError(f"to: {chosen.to} is not a folder; name a folder for the files.", "to")
    if grid is not None and not grid.lower().endswith(".png"):
        raise InputError(f"grid: {grid} must end in .png.", "grid")

    from genlab.engine.pipeline import Generates

    found = opened(path, chosen.device)
    pipeline = found.pipeline
    assert isinstance(pipeline, Generates)
    show = None if chosen.json else _print_piece
    samples: Iterator[Sample] = (sample for one in requests for sample in pipeline.generate(one, show))
    if show:
        samples = _spaced(samples, vars(request).get("n", 1))
    output = _Output(found.path / "samples", chosen.to, grid)
    contents = [content for sample in samples if (content := output.take(sample)) is not None]
    written = [str(file) for file in output.files()]
    if chosen.json:
        print_json({"samples": contents, "files": written})
    else:
        for file in written if len(written) <= MANY else [f"{len(written):,} files, {written[0]} to {written[-1]}"]:
            say(f"wrote {file}")
    return 0


def _file_options(files: tuple["FileOption", ...]) -> list[Option]:
    options = [Option(file.name, str | None, file.help, shown=Shown("FILE", "options")) for file in files]
    return options + (options_of(Encoded) if any(file.text for file in files) else [])


def _requests(request: Any, files: tuple["FileOption", ...], values: Values, encoding: str | None) -> Iterator[Any]:
    """The request itself, or one request per value in a file that gives one of its fields.

    Raises:
        InputError: an option and a file give the same field.
    """
    for file in files:
        path, own = values[file.name], getattr(request, file.field)
        if path is not None and own is not None:
            both = f"--{file.field} and --{file.name} both give the {file.field}"
            raise InputError(f"{both}: use one of them.", file.name)
        if path is None and own is None:
            path = file.default
        if path is not None:
            return _requests_from_file(request, file, path, encoding)
    return iter([request])


def _requests_from_file(request: Any, file: "FileOption", path: str, encoding: str | None) -> Iterator[Any]:
    if path == "-" and sys.stdin.isatty():
        say(f"Type one {file.field} per line; Ctrl-D ends the input.")
    for value in load(file.read)(path, encoding) if file.text else load(file.read)(path):
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
    """Writes samples: one file each in --to, all pictures on the sheet --grid, or together in the run's samples."""

    def __init__(self, samples: Path, to: str | None, grid: str | None) -> None:
        self.folder = samples if to is None else Path(to)
        self.each = to is not None
        self.grid = grid
        self.kept: list[Sample] = []
        self.written: list[Path] = []
        self.number: int | None = None

    def take(self, sample: "Sample") -> Any:
        """Writes or keeps a sample; returns its content for JSON, or None if only files hold it.

        Raises:
            InputError: the sample cannot be drawn on the sheet, or the file cannot be written.
        """
        from genlab.engine.samples import Kind

        if self.grid is not None and sample.kind is not Kind.PICTURE:
            raise InputError(f"grid: a {sample.kind} cannot be drawn on a sheet: use --to.", "grid")
        if self.each:
            self._write([sample])
        if self.grid is not None or (not self.each and sample.kind is not Kind.TEXT):
            self.kept.append(sample)
        if sample.kind is Kind.TEXT:
            return sample.content
        return sample.content.tolist() if sample.kind in (Kind.ROWS, Kind.POINTS) else None

    def files(self) -> list[Path]:
        """Writes the samples kept so far; returns all files written."""
        from genlab.engine.files import make_folder, write_atomically
        from genlab.show.sheets import sheet_of, together

        if self.kept and self.grid is not None:
            make_folder(Path(self.grid).parent)
            for ending, data in sheet_of(self.kept).files.items():
                self.written.append(Path(self.grid).with_suffix(f".{ending}"))
                write_atomically(self.written[-1], data)
        elif self.kept:
            self._write(together(self.kept))
        return self.written

    def _write(self, samples: "list[Sample]") -> None:
        from genlab.engine.samples import write_samples

        if self.number is None:
            self.number = _next_number(self.folder)
        self.written += write_samples(samples, self.folder, NAME, self.number)
        self.number += len(samples)


def _next_number(folder: Path) -> int:
    """The number after the highest among the generated files already there, which are never overwritten."""
    names = (re.fullmatch(rf"{NAME}-(\d+)\..+", path.name) for path in folder.glob(f"{NAME}-*"))
    return max((int(name[1]) + 1 for name in names if name), default=0)

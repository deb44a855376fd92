"""genlab latents RUN: finds directions in latent space and the latent vectors of pictures, and draws a map."""

from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from genlab.catalog import load
from genlab.cli.generate import file_options
from genlab.cli.option import options_of
from genlab.cli.parser import Page, Values, asks_help
from genlab.cli.shared import (
    Encoded,
    OnDevice,
    command_on,
    declared,
    opened,
    print_json,
    print_tree,
    run_argument,
    say,
)
from genlab.errors import InputError
from genlab.options import Shown, field_names

if TYPE_CHECKING:
    from genlab.api import Run
    from genlab.engine.pipeline import Inversion
    from genlab.tasks.task import FileOption

FIND, INVERT = "directions", "invert"


@dataclass(frozen=True)
class LatentsOptions(Encoded, OnDevice):
    """Options of `genlab latents`."""

    data: Annotated[str | None, Shown("PATH")] = None
    """Pictures with a table of attributes to find directions with, or to place on the map; by default the training
    data."""
    classifier: Annotated[str | None, Shown("RUN")] = None
    """Run that classifies such pictures: find a direction for each of its classes, instead of reading a table."""
    map: Annotated[str | None, Shown("FILE.png")] = None
    """Draw a map of the latent space: a grid of samples, and test pictures coloured by class."""
    axis: Annotated[tuple[str, ...], Shown("NAME=VALUE")] = ()
    """Direction along which the map extends, given twice; by default the first two principal components of the test
    pictures."""
    label: Annotated[str | None, Shown("COLUMN")] = None
    """Column of the table beside the pictures that colours them on the map; by default the classes."""
    to: Annotated[str | None, Shown("FOLDER")] = None
    """Folder for the inverted pictures and their latent vectors; by default the run's samples."""


def run(words: list[str]) -> int:
    path = run_argument("latents", words)
    if path is None:
        return 0
    task, model = declared(path)
    if FIND not in model.requests:
        raise InputError(f"{path} is a {model.name} for {task.name}, which has no latent vectors to edit.", "run")
    types = {what: load(model.requests[what]) for what in (FIND, INVERT)}
    files = task.files.get(INVERT, ())
    options = [each for kind in types.values() for each in options_of(kind)]
    about = f"Find directions in the latent space of {path}, or the latent vectors of pictures."
    page = Page(command_on(path, "latents"), about, [*options, *file_options(files), *options_of(LatentsOptions)])
    if asks_help(words):
        print(page.help())
        return 0
    values = page.parse(words[1:])
    chosen, find, invert = values.make(LatentsOptions), values.make(types[FIND]), values.make(types[INVERT])
    _check(values, types[FIND], types[INVERT], files)
    axes = _axes(chosen)
    found = opened(path, chosen.device)
    report: dict[str, Any] = {}
    written: list[Path] = []
    for file in files:
        if values[file.name] is not None:
            (pictures,) = load(file.read)(values[file.name], found.pipeline)
            request = {name: value for name, value in vars(invert).items() if name != file.field}
            made = found.invert(pictures, **request)
            report["inversions"] = _inversions(found, made)
            written += _write(made, Path(chosen.to) if chosen.to else found.path / "samples")
    if find.attribute or chosen.classifier is not None:
        asked = {name: value for name, value in vars(find).items() if name != "attribute"}
        report["latents"] = found.find_directions(
            *find.attribute, data=None if chosen.classifier else chosen.data, classifier=chosen.classifier,
            encoding=chosen.encoding, **asked,
        )  # fmt: skip
    if chosen.map is not None:
        written.append(_drawn(found, chosen, axes))
    if not report and not written:
        from genlab.engine.pipeline import Edits

        found.directions()  # refuses a run without directions
        assert isinstance(found.pipeline, Edits)
        report["latents"] = found.pipeline.measured()
    if chosen.json:
        print_json({**report, "files": [str(file) for file in written]})
        return 0
    print_tree(report.get("latents", {}))
    for one in report.get("inversions", []):
        near = one["nearest_training"]
        beside = "" if near is None else f", nearest training picture {near:.1f}"
        print(f"{one['picture']}: differs by {one['difference']:.1f} of 255{beside}")
    for place in written:
        say(f"wrote {place}")
    return 0


def _check(values: Values, find: type, invert: type, files: tuple["FileOption", ...]) -> None:
    """Checks that every option given has an effect.

    Raises:
        InputError: the option that it belongs to is missing, or another one replaces it.
    """
    given = values.given
    maps, by_class = "map" in given, "classifier" in given
    if by_class and "data" in given and not maps:
        raise InputError("data: the classifier replaces these pictures: omit --data or --classifier.", "data")
    inverts = any(file.name in given for file in files)
    needs = [
        ({*field_names(find)} - {"attribute"}, "attribute" in given or by_class, "--attribute COLUMN"),
        ({*field_names(invert), "to"}, inverts, "--invert FILE"),
        ({"axis", "label"}, maps, "--map FILE.png"),
        ({"data", "encoding"}, maps or ("attribute" in given and not by_class), "--attribute COLUMN or --map FILE.png"),
    ]
    for field in given:
        for fields, has_effect, missing in needs:
            if field in fields and not has_effect:
                name = field.rstrip("_")
                raise InputError(f"{name}: it has no effect alone: add {missing}.", name)


def _axes(options: LatentsOptions) -> list[tuple[str, str]]:
    """The axes of the map.

    Raises:
        InputError: one is not NAME=VALUE, their number is wrong, or the map is not a PNG.
    """
    if options.map is not None and not options.map.lower().endswith(".png"):
        raise InputError(f"map: {options.map} must end in .png.", "map")
    if len(options.axis) not in (0, 2):
        raise InputError(f"axis: a map has two axes, not {len(options.axis)}: give --axis twice, or not.", "axis")
    parts = [axis.partition("=") for axis in options.axis]
    for axis, (name, equals, value) in zip(options.axis, parts, strict=True):
        if not (name and equals and value):
            raise InputError(f"axis: {axis!r} cannot be used; it must be of the form NAME=VALUE.", "axis")
    return [(name, value) for name, _, value in parts]


def _inversions(found: "Run", made: "list[Inversion]") -> list[dict[str, Any]]:
    """What to report of each inversion."""
    near = found.nearest([one.picture for one in made])
    distances = [None] * len(made) if near is None else near.tolist()
    return [
        {"picture": one.name, "class": one.label, "difference": one.difference, "nearest_training": distance}
        for one, distance in zip(made, distances, strict=True)
    ]


def _write(made: "list[Inversion]", folder: Path) -> list[Path]:
    """Writes the pictures before and after, and the latent vectors, to files with a new number."""
    from genlab.engine.files import make_folder, write_atomically
    from genlab.show.sheets import pairs

    make_folder(folder)
    number = next(number for number in count() if not any(folder.glob(f"inverted-{number:03d}.*")))
    paths = []
    for ending, data in pairs([(one.picture, one.made, one.latent) for one in made]).items():
        paths.append(folder / f"inverted-{number:03d}.{ending}")
        write_atomically(paths[-1], data)
    return paths


def _drawn(found: "Run", options: LatentsOptions, axes: list[tuple[str, str]]) -> Path:
    from genlab.engine.files import make_folder, write_atomically

    assert options.map is not None
    drawn = found.latent_map(axes, options.label, options.data, options.encoding)
    path = Path(options.map)
    make_folder(path.parent)
    write_atomically(path, drawn)
    return path

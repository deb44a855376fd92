"""The declaration of a task, which loads no torch: its models, their options and requests, its data and sample sets.

Heavy parts are named as "module:name", and `catalog.load` loads them when they are needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from genlab.catalog import load
from genlab.data.shared.sample_sets import SampleSet
from genlab.errors import InputError
from genlab.options import field_names, nearest


@dataclass(frozen=True)
class Model:
    """One model of a task."""

    name: str
    about: str
    """Description, as a phrase: "a decoder-only Transformer"."""
    options: str
    """Its options, a dataclass."""
    recipe: str
    """Its recipe, a class."""
    network: str
    """Function that builds the networks in model.safetensors; the task's pipeline calls it."""
    requests: Mapping[str, str] = field(default_factory=dict)
    """Capabilities of a finished run ("generate", "predict", "explain", "directions", "invert"), with the dataclass of
    each request."""
    reads: tuple[str, ...] = ()
    """Extensions of the files for which this model is the default."""
    fits: str = ""
    """Function (path) -> whether this model is the default for these data; it is quick, and never raises."""
    suits: str = ""
    """The data for which this model is the default, as a phrase, if another model is the default for other data."""
    continues: bool = False
    """Whether training can start from the weights of another run (--from)."""
    exports: tuple[str, ...] = ()
    """Formats that `genlab export` can write; the first is the default."""


@dataclass(frozen=True)
class FileOption:
    """A command-line option that names a file, or arguments that name several, read into a field of a request."""

    name: str
    field: str
    """Field of the request."""
    read: str
    """Function (path, or paths if positional; then encoding if text, pipeline if fitted) -> iterator of values for the
    field; each value makes one request."""
    help: str
    default: str | None = None
    """Path to read if neither the option nor its field is given; - is standard input."""
    text: bool = False
    """Whether the file is text, so that `read` also takes its encoding."""
    fitted: bool = False
    """Whether `read` also takes the run's pipeline, to read files as the training data were read."""
    positional: bool = False
    """Whether the command takes one or more files as its arguments, without --NAME."""
    repeats: bool = False
    """Whether --NAME can be repeated, so that `read` takes all paths together."""
    shared: bool = False
    """Whether --NAME can be given beside other files: `read` yields one value, which every request gets."""


@dataclass(frozen=True)
class Import:
    """How a task opens models that other tools saved."""

    read: str
    """Function (folder, machine) -> Imported, which opens the model in a folder."""
    about: str
    """Description of such a model, as a phrase: "a language model saved by transformers"."""
    folder: str
    """The files in its folder, as a phrase."""
    uses: tuple[str, ...]
    """Commands to suggest for an imported run, with {run} for its path."""


@dataclass(frozen=True)
class Task:
    """One kind of content: how to read, model, make and measure it."""

    name: str
    about: str
    models: tuple[Model, ...]
    """Its models, the default first."""
    pipeline: str
    """Its pipeline, a class."""
    evaluate: str
    """Function (pipeline, source) -> Evaluation."""
    makes: str
    """Kind of its samples, as `engine.samples.Kind` names it; "label" for a classifier."""
    data: str
    """Description of the user's data, as a phrase for the help page."""
    paths: int = 1
    """Largest number of paths that give the data, such as two folders."""
    parts: tuple[tuple[str, str], ...] = ()
    """Options, with their help, that give the data in several parts, such as two parallel files."""
    samples: tuple[SampleSet, ...] = ()
    files: Mapping[str, tuple[FileOption, ...]] = field(default_factory=dict)
    """Command-line options that read files for a request, by request."""
    latents: Mapping[str, str] = field(default_factory=dict)
    """Functions of `genlab latents`, for the models with the requests "directions" and "invert": `find` (pipeline,
    source, request, classifier, folder) -> report, `nearest` (pipeline, source, pictures) -> distances, and `draw_map`
    (pipeline, source, axes, label) -> PNG."""
    generates: str = "Make new content"
    """What `genlab generate` does, as the beginning of a sentence that ends with the run."""
    sheet: str = ""
    """Help of `generate --grid`, for tasks whose samples are drawn on one sheet."""
    imports: Import | None = None
    """The models of other tools that `genlab import` opens."""
    page: str = ""
    """Page of the documentation."""

    @property
    def default(self) -> str:
        """The name of the default model, or of each with the data that it suits."""
        suited = [f"{model.name} for {model.suits}" for model in self.models if model.suits]
        return ", ".join(suited) or self.models[0].name

    def model(self, name: str | None = None, data: str = "") -> Model:
        """The model called `name`, by default the one for these data.

        Raises:
            InputError: the task has no such model.
        """
        if name is None:
            return next((model for model in self.models if _fits(model, data)), self.models[0])
        for model in self.models:
            if model.name == name:
                return model
        names = [model.name for model in self.models]
        raise InputError(f"The task {self.name} has no model {name}: choose from {nearest(name, names)}.", "model")

    def error_about(self, field: str, model: Model, capability: str) -> InputError | None:
        """The error about a field that requests of other models have, and those of `model` lack; None for others."""

        def has(one: Model) -> bool:
            return capability in one.requests and field in field_names(load(one.requests[capability]))

        able = [one.name for one in self.models if has(one)]
        if not able or has(model):
            return None
        option, *others = field.replace("_", "-"), *able[:-1]
        names = f"{', '.join(others)} and {able[-1]}" if others else able[-1]
        return InputError(
            f"--{option} is an option of {names}, not of {model.name}: train with --model {able[0]}.",
            field,
        )

    @property
    def _most(self) -> int:
        """Largest number of paths at which data are found together."""
        return max(self.paths, len(self.parts))

    @property
    def metavar(self) -> str:
        """Placeholder of an option that takes data like those of the task: PATH, or PATH[,PATH]."""
        return "PATH" + "[,PATH]" * (self._most - 1)

    def joined(self, paths: Sequence[str], field: str = "data") -> str:
        """One path as it is, or several as one string, "FIRST,SECOND".

        Raises:
            InputError: there are more paths than the task takes.
        """
        if len(paths) > self._most:
            most = "one path" if self._most == 1 else f"at most {self._most} paths"
            raise InputError(f"{field}: {self.name} takes {most}, not {len(paths)}.", field)
        return ",".join(paths)

    def place(self, data: Sequence[str], parts: Mapping[str, str | None]) -> str:
        """The location of the data: its paths, or its parts, as one string.

        Raises:
            InputError: neither is given, or both, or only some of the parts, or too many paths.
        """
        given = {name: parts.get(name) for name, _ in self.parts}
        options = " and ".join(f"--{name} FILE" for name in given)
        if not any(given.values()):
            if not data:
                also = f", or {options}" if given else ""
                raise InputError(f"The data are missing: {self.data}{also}.", "data")
            return self.joined(data)
        if data:
            raise InputError(f"The data are given twice: as one path and as {options}.", "data")
        for name, path in given.items():
            if path is None:
                raise InputError(f"{options} belong together: --{name} is missing.", name)
        return ",".join(path for path in given.values() if path is not None)


def _fits(model: Model, data: str) -> bool:
    """Whether a model is the default for these data."""
    if model.reads and data.lower().endswith(model.reads):
        return True
    return bool(model.fits and data and load(model.fits)(data))

"""What a task declares, without loading torch: its models, their options and requests, its data, its sample sets.

Whatever is heavy is named by "module:name" and loaded by `catalog.load` when it is needed.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from genlab.data.shared.sample_sets import SampleSet
from genlab.errors import InputError
from genlab.options import nearest


@dataclass(frozen=True)
class Model:
    """One model of a task."""

    name: str
    about: str
    """What it is, as a phrase: "a decoder-only Transformer"."""
    options: str
    """Dataclass of its options."""
    recipe: str
    """Class that trains it."""
    network: str
    """Function that builds what model.safetensors holds; the task's pipeline knows its arguments."""
    requests: Mapping[str, str] = field(default_factory=dict)
    """What a finished run can be asked for ("generate", "predict", "explain"), with the dataclass of the request."""
    reads: tuple[str, ...] = ()
    """Endings of the files for which this model is the default."""
    continues: bool = False
    """Whether training can start from the weights of another run (--from)."""
    exports: tuple[str, ...] = ()
    """Formats that `genlab export` can write."""


@dataclass(frozen=True)
class FileOption:
    """An option of the command line that names a file whose content becomes a field of a request."""

    name: str
    field: str
    """Field of the request."""
    read: str
    """Function from the path to an iterator of values for that field; each value makes a request."""
    help: str
    default: str | None = None
    """Path that is read where neither the option nor its field is given; - is standard input."""


@dataclass(frozen=True)
class Task:
    """One kind of content: how it is read, modelled, made and measured."""

    name: str
    about: str
    models: tuple[Model, ...]
    """The first is the default."""
    pipeline: str
    """Class of a finished run."""
    evaluate: str
    """Function (pipeline, source) -> Evaluation."""
    makes: str
    """Kind of its samples, as `engine.samples.Kind` names it; "label" for a classifier."""
    data: str
    """The user's data, in a phrase for the help page."""
    parts: tuple[tuple[str, str], ...] = ()
    """Options, with their help, that name the data in several parts, such as two parallel files."""
    samples: tuple[SampleSet, ...] = ()
    write_sample: str | None = None
    """Function (name, folder) -> number of files that writes a sample set the way a user's data would look."""
    files: Mapping[str, tuple[FileOption, ...]] = field(default_factory=dict)
    """Options of the command line that read files for a request, by request."""
    imports: str | None = None
    """Function (folder) -> Imported that opens another tool's model."""
    page: str = ""
    """Page of the documentation."""

    def model(self, name: str | None = None, data: str = "") -> Model:
        """The model of that name, by default the one for such data.

        Raises:
            InputError: the task has no such model.
        """
        if name is None:
            fitting = (model for model in self.models if model.reads and data.lower().endswith(model.reads))
            return next(fitting, self.models[0])
        for model in self.models:
            if model.name == name:
                return model
        names = [model.name for model in self.models]
        raise InputError(f"The task {self.name} has no model {name}; it has {nearest(name, names)}.", "model")

    def place(self, data: str | None, parts: Mapping[str, str | None]) -> str:
        """Where the data are: `data` itself, or its parts as one string, "FIRST,SECOND".

        Raises:
            InputError: there is neither, both, or only some of the parts.
        """
        given = {name: parts.get(name) for name, _ in self.parts}
        options = " and ".join(f"--{name} FILE" for name in given)
        if not any(given.values()):
            if data is None:
                also = f", or {options}" if given else ""
                raise InputError(f"Say what to learn from: {self.data}{also}.", "data")
            return data
        if data is not None:
            raise InputError(f"The data are given twice: as one path, and as {options}.", "data")
        for name, path in given.items():
            if path is None:
                raise InputError(f"{options} belong together: --{name} is missing.", name)
        return ",".join(path for path in given.values() if path is not None)

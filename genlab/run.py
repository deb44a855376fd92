"""Runs in Python: a folder with its pipeline, and what can be asked of them."""

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np

from genlab.catalog import load as load_object
from genlab.catalog import task_named
from genlab.engine.files import make_folder, write_atomically
from genlab.engine.machine import Machine
from genlab.engine.model_card import card, write_card
from genlab.engine.opening import open_with
from genlab.engine.options import Place
from genlab.engine.pipeline import (
    AttentionMap,
    Decodes,
    Edits,
    Evaluation,
    Explains,
    Exports,
    Generates,
    Inversion,
    Pipeline,
    Prediction,
    Predicts,
    Source,
)
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import Sample
from genlab.errors import InputError, UnwritableError
from genlab.exchange.hub import push_folder
from genlab.options import make

if TYPE_CHECKING:
    from genlab.tasks.task import Model

Capability = TypeVar("Capability")
Data = str | os.PathLike | Sequence[str | os.PathLike]
"""One path, or several for the tasks whose data are in several places."""
LACKS: dict[type, str] = {
    Generates: "cannot generate",
    Decodes: "has no latent vectors",
    Edits: "has no latent vectors to edit",
    Predicts: "cannot predict labels",
    Explains: "has no attention to show",
    Exports: "cannot be exported",
}
"""What errors say about a run without a capability."""


def paths_of(data: Data) -> list[str]:
    """The paths of the data."""
    return [os.fspath(path) for path in ([data] if isinstance(data, str | os.PathLike) else data)]


class Run:
    """A run folder with its pipeline, from `train` or `load`."""

    def __init__(self, folder: RunFolder, pipeline: Pipeline) -> None:
        self.folder = folder
        self.pipeline = pipeline
        pipeline.folder = folder.path
        config = folder.config()
        self.task: str = config["task"]
        self.model: str = config["model"]

    @property
    def path(self) -> Path:
        return self.folder.path

    @property
    def about(self) -> dict[str, Any]:
        """Content of run.json: state, seed, versions, machine, wall time, data, metrics."""
        return self.folder.about()

    def generate(self, show: Callable[[str], None] | None = None, **options: Any) -> list[Sample]:
        """Generates content; the options are those of `genlab generate RUN --help`.

        Args:
            show: Called with each piece of text as it is generated.
            **options: Fields of the request.

        Returns:
            The samples; `str(sample)` or `sample.content` is the content.

        Raises:
            InputError: an option is invalid, or the run cannot generate.
        """
        able = self._able(Generates, "generate")
        return list(able.generate(self._request("generate", options), show))

    def sample(self, latents: Any, label: str | None = None) -> np.ndarray:
        """Makes content from latent vectors.

        Args:
            latents: Array or tensor (samples, latent).
            label: Class of the content, if the run has classes; its description, if the run has descriptions.

        Raises:
            InputError: the latent vectors have the wrong shape, or the run has none.
        """
        return self._able(Decodes).decode(latents, label)

    def predict(self, data: Any, encoding: str | None = None) -> list[Prediction]:
        """Predicts labels with probabilities.

        Args:
            data: A path or a list of paths (pictures, folders of pictures, or CSV files), or inputs in memory: pictures
                as an array; rows as a data frame, a dict of values or of lists, a list of dicts, or an array.
            encoding: Encoding of tables that are not UTF-8; by default that of the training data.

        Raises:
            InputError: the data cannot be read, or the run is not a classifier.
        """
        able = self._able(Predicts, "predict")
        return able.predict(self._request("predict", {"inputs": data, "encoding": encoding or self.folder.encoding}))

    def attention(self, prompt: str, **options: Any) -> list[AttentionMap]:
        """The attention map of every layer, with tokens, entropy and distance.

        Args:
            prompt: The text that the model reads.
            **options: Further fields of the request.

        Raises:
            InputError: the prompt cannot be read, or the run has no attention.
        """
        able = self._able(Explains, "explain")
        return able.explain(self._request("explain", {"prompt": prompt, **options}))

    # --- editing latent vectors ---

    def directions(self) -> dict[str, dict[str, np.ndarray]]:
        """The direction of each value in latent space, by attribute, as `find_directions` found them.

        Returns:
            Vectors (latent,) of length 1, in standard deviations of the latents.

        Raises:
            InputError: no directions have been found, or the run has no latents to edit.
        """
        return self._able(Edits, "directions").directions()

    def edit(self, latents: Any, changes: Mapping[str, str], strength: float | None = None) -> np.ndarray:
        """Moves latent vectors along directions; `sample` makes pictures of the result.

        Args:
            latents: Array or tensor (samples, latent).
            changes: The new value of each attribute to change: {"hair": "blond"}.
            strength: How far to move, in standard deviations; None for just far enough that the value is expected.

        Raises:
            InputError: an attribute or value is unknown, or no directions have been found.
        """
        return self._able(Edits, "directions").edit(latents, changes, strength)

    def invert(self, pictures: Any, **options: Any) -> list[Inversion]:
        """Finds the latent vectors of pictures, with an encoder that the run folder keeps after the first call.

        Args:
            pictures: A picture of Pillow, an array, or a list of these.
            **options: Further fields of the request: `class_`, `fit`, `optimise`.

        Raises:
            InputError: a picture has another size or kind, or the run has no latents to edit.
        """
        able = self._able(Edits, "invert")
        return able.invert(self._request("invert", {"pictures": pictures, **options}))

    def find_directions(
        self, *attribute: str, data: Data | None = None, classifier: str | os.PathLike | None = None,
        encoding: str | None = None, **options: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Finds a direction in latent space for each value of an attribute, measures them and keeps them in the run.

        Args:
            *attribute: Columns of the table beside the pictures; with `classifier`, at most one name for its classes.
            data: Pictures with the table; None for the training data.
            classifier: Folder of a run that classifies such pictures, instead of a table.
            encoding: Encoding of a table that is not UTF-8.
            **options: Further fields of the request: `draws`, `seed`.

        Returns:
            For each direction, what another judge reads from edited pictures.

        Raises:
            InputError: the data cannot be read, an attribute is unknown, or the run has no latents to edit.
        """
        able = self._able(Edits, "directions")
        request = self._request("directions", {"attribute": attribute, **options})
        if classifier is not None and data is not None:
            raise InputError("classifier: it replaces the data: give one of them.", "classifier")
        predict = None
        if classifier is not None:
            device = self.pipeline.machine.device
            machine = Machine(str(device) if device.type == "cuda" else device.type)
            what = "a run of genlab train classify on pictures"
            predict = Run(*open_with(os.fspath(classifier), machine, Predicts, "classifier", what)).predict
        with self.folder.locked():
            found: dict[str, Any] = self._latents("find")(
                able, self._source(data, encoding), request, predict, self.path
            )
        return found

    def nearest(self, pictures: np.ndarray | Sequence[np.ndarray]) -> np.ndarray | None:
        """The mean absolute difference, out of 255, of each picture from its nearest training picture.

        Args:
            pictures: Bytes (pictures, height, width, channels), in the size of the run.

        Returns:
            The differences; None if the training data have moved or changed.
        """
        able, source = self._able(Edits, "invert"), self._source(None, None)
        found: np.ndarray | None = self._latents("nearest")(able, source, np.stack(list(pictures)))
        return found

    def latent_map(
        self, axes: Sequence[tuple[str, str]] = (), label: str | None = None, data: Data | None = None,
        encoding: str | None = None,
    ) -> bytes:  # fmt: skip
        """Draws a map of the latent space: a grid of samples, and test pictures coloured by class.

        Args:
            axes: Two directions, such as [("hair", "blond"), ("glasses", "yes")]; by default the first two principal
                components of the latent vectors of test pictures.
            label: Column of the table beside the pictures that colours them; by default the classes.
            data: Pictures to show instead of the test split.
            encoding: Encoding of a table that is not UTF-8.

        Returns:
            A PNG.

        Raises:
            InputError: the data cannot be read, a direction is unknown, or the run has no latents to edit.
        """
        able, source = self._able(Edits, "invert"), self._source(data, encoding)
        drawn: bytes = self._latents("draw_map")(able, source, axes, label)
        return drawn

    # --- other tools, and measures ---

    def export(self, to: str, place: str | os.PathLike) -> None:
        """Writes the model for other tools.

        Args:
            to: A format that the model supports: hf (a folder for transformers), gguf (a file for llama.cpp) or onnx
                (a file for ONNX runtimes). Language models support all, models of pictures onnx.
            place: The folder or file to write.

        Raises:
            InputError: the run does not support the format, or writing fails, which leaves no partial file.
        """
        able, formats = self._able(Exports), self._declared().exports
        if not formats:
            raise self._unsupported(LACKS[Exports])
        if to not in formats:
            raise InputError(f"to: {to!r} cannot be used; it must be one of {', '.join(formats)}.", "to")
        commands = ["    genlab import THIS_FOLDER --out RUN", "    genlab generate RUN"]
        able.export(to, Path(place), card(self.folder, self.pipeline, commands))

    def push(self, name: str, private: bool = False) -> str:
        """Uploads the model in the format of transformers to a Hugging Face repository.

        Args:
            name: OWNER/NAME, or NAME in the account of the user who is logged in.
            private: Make the repository private if it does not exist yet.

        Returns:
            The URL of the repository.

        Raises:
            InputError: the run cannot be exported, or the repository cannot be written.
        """
        if "hf" not in self._declared().exports:
            raise self._unsupported("cannot be exported for transformers (--to hf)")
        with TemporaryDirectory() as folder:
            self.export("hf", Path(folder) / "model")
            return push_folder(Path(folder) / "model", name, private)

    def evaluate(self, data: Data | None = None, encoding: str | None = None) -> dict[str, Any]:
        """Evaluates on the test split, or on `data`; reports every metric with its noise floor and baseline.

        Args:
            data: Data as for `train`; None for the test split.
            encoding: Encoding of texts and tables that are not UTF-8; by default that of the training data.

        Raises:
            InputError: the training data have moved or changed (give them as `data`), or the disk is full.
        """
        source = self._source(data, encoding)
        measure: Callable[[Pipeline, Source], Evaluation] = load_object(task_named(self.task).evaluate)
        with self.pipeline.evaluating(seed=0):
            found = measure(self.pipeline, source)
        with suppress(UnwritableError), self.folder.locked():  # skipped while the run trains, or if it is read-only
            for name, picture in found.pictures.items():
                make_folder(self.path / "samples")
                if picture is None:
                    (self.path / "samples" / name).unlink(missing_ok=True)
                else:
                    write_atomically(self.path / "samples" / name, picture)
            if data is None:
                self.folder.note(evaluation=found.report)
                write_card(self.folder, self.pipeline)
        return found.report

    def __repr__(self) -> str:
        return f"<genlab run {self.path}: {self.task} {self.model}>"

    # --- what the run declares ---

    def _declared(self) -> "Model":
        return task_named(self.task).model(self.model)

    def _able(self, capability: type[Capability], what: str | None = None) -> Capability:
        """The pipeline, typed as the capability.

        Raises:
            InputError: the pipeline lacks the capability, or the model does not declare the request `what`.
        """
        declared = what is None or what in self._declared().requests
        if not (declared and isinstance(self.pipeline, capability)):
            raise self._unsupported(LACKS[capability])
        return self.pipeline

    def _unsupported(self, lack: str) -> InputError:
        return InputError(f"{self.path} is a {self.model} for {self.task}, which {lack}.", "run")

    def _request(self, what: str, values: dict[str, Any]) -> Any:
        """Builds and validates the request `what`, which the model declares."""
        declared = self._declared()
        for field in values:
            if error := task_named(self.task).error_about(field, declared, what):
                raise error
        return make(load_object(declared.requests[what]), values)

    def _latents(self, what: str) -> Callable[..., Any]:
        """The function `what` of the task's declaration."""
        function: Callable[..., Any] = load_object(task_named(self.task).latents[what])
        return function

    def _source(self, data: Data | None, encoding: str | None) -> Source:
        """`data` and the training data, for the functions that reopen them."""
        facts = self.about["data"]
        encoding = encoding or self.folder.encoding
        trained_on = Place(facts["path"], facts["validation"], facts["test"], encoding)
        given = None if data is None else task_named(self.task).joined(paths_of(data))
        return Source(given, trained_on, facts["fingerprint"])

"""genlab predict RUN FILE|FOLDER...: predicts labels with probabilities."""

from dataclasses import dataclass
from typing import Annotated

from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import Encoded, OnDevice, command_on, opened, print_json, run_argument
from genlab.errors import InputError
from genlab.options import Shown

SHOWN = 3
"""Number of labels shown for each input, the most likely first."""


@dataclass(frozen=True)
class PredictOptions(Encoded, OnDevice):
    """Options of `genlab predict`."""

    files: Annotated[tuple[str, ...], Shown("FILE...", positional=True)] = ()
    """Inputs to label: pictures, folders of pictures, or a CSV file of rows without labels."""


def run(words: list[str]) -> int:
    path = run_argument("predict", words)
    if path is None:
        return 0
    command = command_on(path, "predict")
    page = Page(command, f"Predict labels with {path}.", options_of(PredictOptions), "FILE...")
    if asks_help(words):
        print(page.help())
        return 0
    options = page.parse(words[1:]).make(PredictOptions)
    if not options.files:
        raise InputError(f"Name the inputs to label: {command} FILE or FOLDER.", "files")
    found = opened(path, options.device).predict(list(options.files), options.encoding)
    if options.json:
        print_json({"predictions": [prediction._asdict() for prediction in found]})
        return 0
    width = max(len(prediction.file) for prediction in found)
    for prediction in found:
        likely = sorted(prediction.probabilities.items(), key=lambda item: -item[1])[:SHOWN]
        shares = "  ".join(f"{label} {share:.1%}" for label, share in likely)
        print(f"{prediction.file:{width}}  {prediction.label:16}  {shares}")
    return 0

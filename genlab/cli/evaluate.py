"""genlab evaluate RUN: evaluates a trained model on data that it was not trained on."""

from dataclasses import dataclass
from typing import Annotated

from genlab.cli.option import options_of
from genlab.cli.parser import Page, asks_help
from genlab.cli.shared import (
    Encoded,
    OnDevice,
    command_on,
    declared,
    opened,
    print_json,
    print_tree,
    run_argument,
    taking_data,
)
from genlab.options import Shown


@dataclass(frozen=True)
class EvaluateOptions(Encoded, OnDevice):
    """Options of `genlab evaluate`."""

    data: Annotated[str | None, Shown("PATH")] = None
    """Data to evaluate on instead of the test split, or the new location of the training data if they have moved."""


def run(words: list[str]) -> int:
    path = run_argument("evaluate", words)
    if path is None:
        return 0
    about = f"Evaluate {path} on data that it was not trained on."
    task, _ = declared(path)
    page = Page(
        command_on(path, "evaluate"), about, [taking_data(task, option) for option in options_of(EvaluateOptions)]
    )
    if asks_help(words):
        print(page.help())
        return 0
    options = page.parse(words[1:]).make(EvaluateOptions)
    report = opened(path, options.device).evaluate(options.data, options.encoding)
    if options.json:
        print_json(report)
    else:
        print_tree(report)
    return 0

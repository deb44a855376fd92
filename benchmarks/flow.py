"""The flow beside the default GAN and torchcfm's class-conditional flow, at equal seconds and with the same features.

    python benchmarks/flow.py @faces --seconds 600 --seeds 3 --models flow gan --sheets sheets
    python benchmarks/flow.py @digits --against train --seconds 600 --seeds 3 --peer torchcfm --guidance 1 2 \\
        --swept 0 --score --sheets sheets

`flow` is measured with each --guidance and, for the first --swept seeds, with each number of --flow-steps of each
sampler at the default guidance. `torchcfm` is the class-conditional example of its authors (`flow_peer.py`), for grey
pictures with classes; it makes pictures of 28 x 28 pixels, which are resized as the data are.

Distances and recall compare pictures made from the descriptions (or classes) of held-out pictures with as many real
pictures: those of the test split, as `genlab evaluate` does, or of the training split (--against train) where the test
split is small. Whether a picture shows what its description says is judged as by `genlab evaluate`, by a classifier of
real training pictures. For classes, `score` is the classification accuracy score: the accuracy on the test split of a
classifier trained on the pictures that were made with guidance 1, beside one trained on as many real ones.

Every training appends a line to --results, and what has a line from the same code, processor and number of threads is
not trained again: the benchmark can be interrupted, and spread over several commands.
"""

import argparse
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from flow_models import SHARES, Pixels, Trained, Wanted, ours, torchcfm
from flow_report import DEFAULT, SHOWN, report
from result_lines import append, read, setting_of

from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.facts import Facts
from genlab.data.pictures.picture_set import PictureSet, PictureSplit, read_pictures
from genlab.data.pictures.pixels import to_tensor
from genlab.engine.machine import Machine
from genlab.metrics.pictures import frechet_distance, precision_recall
from genlab.show.sheets import sheet
from genlab.tasks.images.accuracy_score import accuracy_after
from genlab.tasks.images.adherence import Prompts, prompts_of
from genlab.tasks.images.flow import FlowRecipe
from genlab.tasks.images.options import FlowOptions, FlowRequest
from genlab.tasks.shared.halves import halves
from genlab.tasks.shared.picture_features import Extractor, RealFeatures, Rows, extractor

MODELS = ("flow", "gan", "torchcfm")
ASKED = (
    "data", "label", "caption", "pixels", "seconds", "pictures", "against", "guidance", "flow_steps", "swept", "score",
)  # fmt: skip
"""The options that results depend on."""


class Bench(NamedTuple):
    """What all models are trained on and measured by."""

    found: PictureSet
    prompts: Prompts
    """Of the test split."""
    wanted: Wanted
    """The same again and again, as often as pictures are compared."""
    extractor: Extractor
    real: Rows
    floor: dict[str, float]
    """The measures of other real pictures."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", help="with classes, or with columns to write descriptions from")
    parser.add_argument("--label", help="column of the classes, as for genlab train images")
    parser.add_argument("--caption", nargs="*", default=[], help="columns of the flow, as for genlab train images")
    parser.add_argument("--pixels", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=600.0, help="of each training")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--models", nargs="*", choices=MODELS, default=MODELS)
    parser.add_argument("--peer", type=Path, help="folder with torchcfm, see flow_peer.py; else no torchcfm")
    parser.add_argument("--pictures", type=int, default=1000, help="largest number of pictures of each kind to compare")
    parser.add_argument("--against", choices=("test", "train"), default="test", help="split to compare with")
    parser.add_argument("--guidance", type=float, nargs="*", default=[1.0, 1.5, 2.0, 3.0])
    parser.add_argument("--flow-steps", type=int, nargs="*", default=[4, 8, 16, 32])
    parser.add_argument("--swept", type=int, default=1, help="seeds measured with each number of steps and sampler")
    parser.add_argument("--score", action="store_true", help="the classification accuracy score, if there are classes")
    parser.add_argument("--results", type=Path, default=Path("flow.jsonl"), help="JSON-lines file of all results")
    parser.add_argument("--sheets", type=Path, help="folder for a sheet per model, with the default guidance")
    options = parser.parse_args()
    setting = setting_of(options, ASKED)
    models = [model for model in options.models if model != "torchcfm" or options.peer]
    done = {(line["model"], line["seed"]) for line in read(options.results, setting)}
    wanted = [(model, seed) for seed in range(options.seeds) for model in models]
    if missing := [each for each in wanted if each not in done]:
        bench = prepare(options)
        for model, seed in missing:
            line = {"setting": setting, "model": model, "seed": seed, **one(options, bench, model, seed)}
            append(options.results, line)
    report(read(options.results, setting))


def prepare(options: argparse.Namespace) -> Bench:
    """Reads the data, trains the judge and computes the features of real pictures."""
    flow = FlowOptions(pixels=options.pixels, label=options.label, caption=tuple(options.caption))
    descriptions = FlowRecipe.description_source(flow)
    found = read_pictures(options.data, *SHARES, pixels=options.pixels, label=options.label, descriptions=descriptions)
    train, test = found.train, found.test
    assert test is not None, "the data have too few pictures for a test split"
    reference = test if options.against == "test" else train
    machine, count = Machine(), min(options.pictures, len(reference))
    studied = [train, *([found.unseen] if found.unseen is not None else [])]
    asked = test
    if train.described is None and found.classes:
        asked, *studied = (with_class(split, found.classes) for split in (test, *studied))
    prompts = prompts_of(asked, studied, found.combinations, machine, count)
    if prompts is None:
        raise SystemExit(f"{options.data} has neither classes nor attributes that could be judged.")
    again = np.arange(count) % len(prompts)
    labels = None if train.described is not None else prompts.wanted[again, 0]
    wanted = Wanted([prompts.texts[place] for place in again.tolist()], labels)
    features = RealFeatures(extractor("auto", found.name, machine))
    others = (test, train) if reference is test else [train.take(half) for half in halves(train)]
    floor = distances(*(features.of(each, count) for each in others))
    return Bench(found, prompts, wanted, features.extractor, features.of(reference, count), floor)


def with_class(pictures: PictureSplit, classes: list[str]) -> PictureSplit:
    """The pictures with their class as an attribute, which the judge reads."""
    assert pictures.labels is not None
    return replace(pictures, described=Facts([Attribute("class", classes)], pictures.labels[:, None]))


# --- measuring ------------------------------------------------------------------------------------


def one(options: argparse.Namespace, bench: Bench, model: str, seed: int) -> dict[str, Any]:
    """Trains a model once, and measures the pictures that it makes."""
    with tempfile.TemporaryDirectory() as folder:
        trained = train(options, model, seed, Path(folder))
        few = Wanted(bench.wanted.texts[:SHOWN], None if bench.wanted.labels is None else bench.wanted.labels[:SHOWN])
        start = time.perf_counter()
        shown = trained.make(few, DEFAULT)
        spent = time.perf_counter() - start
        if options.sheets and seed == 0:
            options.sheets.mkdir(parents=True, exist_ok=True)
            stem = f"{Path(options.data.lstrip('@').partition(':')[0]).name}-{model}-{options.seconds:.0f}s"
            (options.sheets / f"{stem}.png").write_bytes(sheet(list(shown)))
        measured = [
            {**about(request), **measure(options, bench, model, trained, request)}
            for request in (requests(options, seed) if model == "flow" else [replace(DEFAULT, guidance=1.0)])
        ]
    return {
        "seconds": trained.seconds,
        "steps": trained.steps,
        "read": trained.steps * trained.batch / trained.seconds,
        "seconds_of_shown": spent * SHOWN / len(shown),
        "features": {"name": bench.extractor.name, "sha256": bench.extractor.hash},
        "pictures": len(bench.real),
        "prompts": len(bench.prompts),
        "floor": bench.floor,
        "measured": measured,
    }


def train(options: argparse.Namespace, model: str, seed: int, folder: Path) -> Trained:
    given = options.data, options.label, options.pixels, options.seconds, seed
    if model == "torchcfm":
        return torchcfm(options.peer, *given)
    return ours(model, *given, folder, **({"caption": tuple(options.caption)} if model == "flow" else {}))


def requests(options: argparse.Namespace, seed: int) -> list[FlowRequest]:
    """What the flow is asked for: each guidance, then each other number of steps and sampler."""
    asked = [replace(DEFAULT, guidance=guidance) for guidance in options.guidance]
    if seed < options.swept:
        for sampler in ("heun", "euler"):
            asked += [replace(DEFAULT, sampler=sampler, flow_steps=steps) for steps in options.flow_steps]
    return [each for place, each in enumerate(asked) if each not in asked[:place]]


def about(request: FlowRequest) -> dict[str, Any]:
    return {name: getattr(request, name) for name in ("guidance", "flow_steps", "sampler")}


def measure(
    options: argparse.Namespace, bench: Bench, model: str, trained: Trained, request: FlowRequest
) -> dict[str, Any]:
    """Makes pictures and compares them with real ones."""
    start = time.perf_counter()
    made = trained.make(bench.wanted, request)
    spent = time.perf_counter() - start
    rows = bench.extractor.features(len(made), lambda part: to_tensor(made[part]))
    result: dict[str, Any] = {**distances(bench.real, rows), "making": spent * SHOWN / len(made)}
    if bench.wanted.labels is not None or model == "flow":
        result["adherence"] = bench.prompts.compared(made[: len(bench.prompts)])
    if options.score and bench.wanted.labels is not None and request == replace(DEFAULT, guidance=1.0):
        result["score"] = score(bench, made, bench.wanted.labels)
    return result


def distances(real: Rows, other: Rows) -> dict[str, float]:
    found = precision_recall(real, other)
    return {"frechet": frechet_distance(real, other), "recall": found["recall"], "precision": found["precision"]}


def score(bench: Bench, made: Pixels, labels: np.ndarray) -> dict[str, float]:
    """The classification accuracy score of the pictures, beside that of as many training pictures."""
    train, test = bench.found.train, bench.found.test
    assert test is not None and test.labels is not None and train.labels is not None
    known = (test.tensor(), torch.from_numpy(test.labels))
    some = train.take(np.random.default_rng(0).permutation(len(train))[: len(made)])
    sources = {"generated": (made, labels), "real": (some.array[some.rows], some.labels)}
    result = {}
    for name, (pictures, classes) in sources.items():
        random = np.random.default_rng(0)

        def draw(step: int, count: int, pictures=pictures, classes=classes, random=random):
            picks = random.integers(len(pictures), size=count)
            return to_tensor(pictures[picks]), torch.from_numpy(classes[picks])

        result[name] = accuracy_after(draw, len(train), known, len(bench.found.classes), bench.prompts.machine)
    return result


if __name__ == "__main__":
    main()

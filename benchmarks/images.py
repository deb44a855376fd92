"""The default GAN compared with the plain DCGAN recipe, at equal seconds and with the same features.

    python benchmarks/images.py @digits --seconds 37.5 150 --peer-seconds 150 --seeds 3 --sheets docs
    python benchmarks/images.py @faces:12000 --seconds 600 --seeds 1 --sheets docs
    python benchmarks/images.py celeba --flip --seconds 600
    python benchmarks/images.py celeba --flip --pixels 64 --seconds 3600

The peer is genlab's own `dcgan` without classes, with the widths, batch norm, latent size, batch and Adam settings that
are customary at 32 x 32; it does not support `--flip`. Both keep the weights that validate best. Distances are between
the training pictures (at most 10,000) and equally many generated ones; the floor is the distance between two halves of
the training pictures.
"""

import argparse
import statistics
import tempfile
from pathlib import Path

import genlab
from genlab.data.pictures.picture_set import read_pictures
from genlab.metrics.pictures import frechet_distance, precision_recall
from genlab.show.sheets import sheet
from genlab.tasks.images.features import generated_features
from genlab.tasks.shared.halves import halves
from genlab.tasks.shared.picture_features import RealFeatures, extractor

MODELS: dict[str, dict] = {
    "gan (default)": {"model": "gan"},
    "dcgan, the peer": {"model": "dcgan", "conditional": False},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--seconds", type=float, nargs="*", default=[150.0], help="of each training of the default")
    parser.add_argument("--peer-seconds", type=float, nargs="*", help="of each training of the peer; default the same")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--pixels", type=int, default=32, help="side of the pictures")
    parser.add_argument("--flip", action="store_true", help="train the default with mirror images too, as for faces")
    parser.add_argument("--models", nargs="*", choices=["gan", "dcgan"], default=["gan", "dcgan"])
    parser.add_argument(
        "--score", action="store_true", help="the classification accuracy score as well (about a minute)"
    )
    parser.add_argument("--sheets", type=Path, help="folder for a sheet per kind")
    options = parser.parse_args()
    if options.sheets:
        options.sheets.mkdir(parents=True, exist_ok=True)
    lengths = {"gan (default)": options.seconds, "dcgan, the peer": options.peer_seconds or options.seconds}
    columns = ["model", "seconds", "Fréchet distance", "recall", "precision", "training pictures per second"]
    print(f"| {' | '.join(columns)} |\n{'|---' * len(columns)}|", flush=True)
    chosen = {name: model for name, model in MODELS.items() if model["model"] in options.models}
    for name, model in chosen.items():
        for seconds in lengths[name]:
            rows = [one(options, name, model, seconds, seed) for seed in range(options.seeds)]
            cells = [spread([row[column] for row in rows], form) for column, form in FORMS.items()]
            print(f"| {name} | {' | '.join(cells)} |", flush=True)


FORMS = {"seconds": "{:.0f}", "frechet": "{:.1f}", "recall": "{:.3f}", "precision": "{:.3f}", "read": "{:,.0f}"}


def one(options: argparse.Namespace, name: str, model: dict, seconds: float, seed: int) -> dict[str, float]:
    """Trains once and measures the result."""
    arguments = {**model, "pixels": options.pixels, "minutes": seconds / 60, "seed": seed}
    if model["model"] == "gan":
        arguments["flip"] = options.flip
    with tempfile.TemporaryDirectory() as folder:
        run = genlab.train("images", options.data, out=f"{folder}/run", quiet=True, **arguments)
        pipeline, about = run.pipeline, run.about
        asked = pipeline.options
        train = read_pictures(options.data, "0.05", "0.10", pixels=asked.pixels, label=asked.label).train
        features = RealFeatures(extractor(asked.features, pipeline.facts.name, pipeline.machine))
        count = min(len(train), 10_000)
        real, made = features.of(train, count), generated_features(pipeline, features.extractor, count, 1)
        found = precision_recall(real[:5000], made[:5000])
        if options.sheets and seed == 0:
            stem = f"{Path(options.data.lstrip('@').partition(':')[0]).name}-{model['model']}-{seconds:.0f}s"
            pictures = [picture.content for picture in run.generate(n=64)]
            (options.sheets / f"{stem}.png").write_bytes(sheet(pictures))
        if seed == 0 and seconds == options.seconds[-1] and model["model"] == "gan":
            one_half, other = (train.take(half) for half in halves(train))
            floor = frechet_distance(features.of(one_half, count), features.of(other, count))
            seen_by = f"{features.extractor.name} ({features.extractor.hash[:12]})"
            print(f"features: {seen_by}; {count:,} pictures; floor {floor:.2f}", flush=True)
        if options.score and model["model"] == "gan":
            print({key: run.evaluate()[key] for key in ("classification_accuracy_score", "copying")}, flush=True)
        return {
            "seconds": about["seconds"],
            "frechet": frechet_distance(real, made),
            "recall": found["recall"],
            "precision": found["precision"],
            "read": about["step"] * asked.batch / about["seconds"],
        }


def spread(values: list[float], form: str) -> str:
    """Median and range."""
    low, middle, high = (form.format(value) for value in (min(values), statistics.median(values), max(values)))
    return middle if low == high else f"{middle} ({low} to {high})"


if __name__ == "__main__":
    main()

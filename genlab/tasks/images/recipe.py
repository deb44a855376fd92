"""What every model that makes pictures shares: all but its networks and its step.

A recipe over `PictureMaker` builds `networks`, and says in `make` how latent vectors become pictures.
"""

import io
import math
from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor

from genlab.data.pictures.picture_set import PictureSet, PictureSplit, read_pictures
from genlab.data.pictures.pixels import to_bytes
from genlab.engine.files import make_folder, read_json, write_atomically, write_json
from genlab.engine.pipeline import Decodes, Generates
from genlab.engine.recipe import DataFacts, Recipe
from genlab.engine.samples import Sample
from genlab.errors import InputError
from genlab.metrics.pictures import copying, frechet_distance, kernel_distance, nearest, precision_recall
from genlab.show.sheets import picture_sample, sheet, sheet_of
from genlab.tasks.images.accuracy_score import accuracy_after
from genlab.tasks.images.features import Extractor, extractor
from genlab.tasks.images.options import PicturesRequest
from genlab.tasks.shared.latents import latent_rows
from genlab.tasks.shared.reopening import reopened, write_left_out

Batch = tuple[Float[Tensor, "batch channels height width"], Int[Tensor, " batch"]]
Rows = Float[Tensor, "pictures features"]
ROWS = 250
"""Pictures that are made together."""
FEWEST = 6
"""Pictures that a split needs to be measured on."""
WATCHED = 1000
"""Most pictures of each kind that are compared during training."""
MEASURED = 10_000
"""Most pictures of each kind that `evaluate` compares."""
SHOWN = 64
"""Pictures of a preview."""
FRAMES = 16
"""Of a walk between two latent vectors."""
ALIKE = 0.3
"""Spread of generated pictures, over that of real ones, below which a model has collapsed."""


class PictureMaker(Recipe, Generates, Decodes):
    """A model of the user's pictures."""

    task = "images"
    steady = False
    request_type = PicturesRequest
    pictures: PictureSet | None = None
    folder: Path | None = None

    # --- data ---

    def read(self, data: str, validation: str, test: str) -> DataFacts:
        config = self.config
        found = self.pictures = read_pictures(data, validation, test, config.pixels, config.label)
        self.data_name, self.channels = found.name, found.channels
        self.classes = found.classes if config.conditional else []
        self._check_held_out(found)
        return DataFacts(found.name, found.fingerprint, found.counts(), found.notes)

    def _check_held_out(self, found: PictureSet) -> None:
        """Leaves out splits too small to measure on.

        Raises:
            InputError: pictures held out lack the classes that the others have.
        """
        for part in ("validation", "test"):
            pictures: PictureSplit | None = getattr(found, part)
            if pictures is not None and self.classes and pictures.labels is None:
                raise InputError(f"{part}: its pictures have no classes, those of {found.name} do.", part)
            if pictures is not None and len(pictures) < FEWEST:
                found = self.pictures = replace(found, **{part: None})  # type: ignore[arg-type]
                found.notes.append(f"the {part} split has {len(pictures)} pictures, too few to measure on: left out.")

    def batch(self, step: int) -> Batch:
        assert self.pictures is not None
        train = self.pictures.train
        random = np.random.default_rng((self.seed, step, self.machine.rank))
        picks = random.integers(len(train), size=self.pictures_per_step)
        labels = train.labels[picks] if self.classes and train.labels is not None else np.zeros(len(picks), np.int64)
        return train.tensor(picks), torch.from_numpy(labels)

    @property
    def pictures_per_step(self) -> int:
        return self.config.batch

    # --- size ---

    def resolve(self, seconds: float | None, speed: float | None) -> None:
        """The same networks for every time: a longer one makes more steps."""
        assert self.extractor  # what cannot measure is refused before anything is trained

    # --- making pictures ---

    @abstractmethod
    def make(
        self, latents: Float[Tensor, "batch latent"], labels: Int[Tensor, " batch"]
    ) -> Float[Tensor, "batch channels height width"]:
        """Pictures in [-1, 1] from latent vectors, by the weights that are kept."""

    def _made(
        self, latents: Float[Tensor, "pictures latent"], labels: Int[Tensor, " pictures"]
    ) -> UInt8[np.ndarray, "pictures height width channels"]:
        """Pictures as bytes."""
        parts = zip(latents.split(ROWS), labels.split(ROWS), strict=True)
        with torch.no_grad(), self.machine.autocast():
            return np.concatenate([to_bytes(self.make(*self.machine.place(part))) for part in parts])

    def noise(self, count: int, seed: int) -> Float[Tensor, "count latent"]:
        """Latent vectors: of one seed, fewer are the first of more."""
        numbers = count * self.config.latent
        whole = 16 * -(-numbers // 16)  # torch draws the last ones anew where 16 do not divide their number
        drawn = torch.randn(whole, generator=torch.Generator().manual_seed(seed))
        return drawn[:numbers].view(count, self.config.latent)

    def class_numbers(self, count: int, label: str | None = None) -> Int[Tensor, " count"]:
        """Numbers of a class, or of all in turn.

        Raises:
            InputError: there is no such class.
        """
        if label is None:
            return torch.arange(count) % max(1, len(self.classes))
        if label not in self.classes:
            there = f"it has {', '.join(self.classes)}" if self.classes else "it learnt none"
            raise InputError(f"class: this run has no class {label}; {there}.", "class")
        return torch.full((count,), self.classes.index(label))

    def generate(self, request: PicturesRequest, show: Callable[[str], None] | None = None) -> Iterator[Sample]:
        if request.grid is not None and (request.walk or Path(request.grid).suffix.lower() != ".png"):
            what = "a walk is a film, write it with --to" if request.walk else f"{request.grid} does not end in .png"
            raise InputError(f"grid: {what}.", "grid")
        if request.grid is not None:
            make_folder(Path(request.grid).parent)
        if request.latent is not None:
            latents = latent_rows(request.latent, self.config.latent)
        else:
            latents = request.truncation * self.noise(request.walk or request.n, request.seed)
        labels = self.class_numbers(len(latents), request.class_)
        if request.walk is not None:
            yield self._walk(latents, labels)
            return
        kept = []
        for rows, of in zip(latents.split(ROWS), labels.split(ROWS), strict=True):
            for latent, picture in zip(rows.numpy(), self._made(rows, of), strict=True):
                sample = picture_sample(picture, latent)
                if request.grid:
                    kept.append(sample)
                yield sample
        if request.grid:
            for ending, content in sheet_of(kept).files.items():
                write_atomically(Path(request.grid).with_suffix(f".{ending}"), content)

    def _walk(self, latents: Float[Tensor, "stops latent"], labels: Int[Tensor, " stops"]) -> Sample:
        """From one latent vector to the next, and from the last back to the first, on arcs around the origin."""
        shares = torch.arange(FRAMES) / FRAMES
        legs = [spherical(one, other, shares) for one, other in zip(latents, latents.roll(-1, 0), strict=True)]
        frames = self._made(torch.cat(legs), labels[:1].expand(FRAMES * len(legs)))
        scale = max(1, 128 // frames.shape[1])
        large = frames.repeat(scale, 1).repeat(scale, 2)
        shown = [Image.fromarray(frame[..., 0] if frame.shape[2] == 1 else frame) for frame in large]
        film = io.BytesIO()
        shown[0].save(film, "gif", save_all=True, append_images=shown[1:], duration=60, loop=0)
        return Sample(frames, {"gif": film.getvalue()})

    def sample(self, latents: Any, label: str | None = None) -> UInt8[np.ndarray, "pictures height width channels"]:
        rows = latent_rows(latents, self.config.latent)
        return self._made(rows, self.class_numbers(len(rows), label))

    def preview(self) -> list[Sample]:
        columns = max(8, min(len(self.classes), 16))
        count = SHOWN // columns * columns
        made = self._made(self.noise(count, 0), self.class_numbers(count))
        return [Sample(made, {"png": sheet(list(made), columns)})]

    # --- measures ---

    @property
    def extractor(self) -> Extractor:
        if not hasattr(self, "_extractor"):
            self._extractor = extractor(self.config.features, self.data_name, self.machine)
        return self._extractor

    def features_of(self, pictures: PictureSplit, most: int, seed: int = 0) -> Rows:
        """Features of at most so many of the pictures, drawn without repeats; the same seed draws the same."""
        held: dict[tuple[int, int, int], tuple[PictureSplit, Rows]] = self.__dict__.setdefault("_held", {})
        key = (id(pictures), most, seed)
        if key not in held:
            picks = np.random.default_rng(seed).permutation(len(pictures))[:most]
            rows = self.extractor.features(len(picks), lambda part: pictures.tensor(picks[part]))
            held[key] = (pictures, rows)  # the pictures too: an id is theirs as long as they live
        return held[key][1]

    def generated_features(self, count: int, seed: int) -> Rows:
        """Features of so many generated pictures, of all classes in turn."""
        latents, labels = self.noise(count, seed), self.class_numbers(count)

        def made(part: slice) -> Float[Tensor, "some channels height width"]:
            with self.machine.autocast():
                return self.make(*self.machine.place((latents[part], labels[part]))).clamp(-1, 1)

        return self.extractor.features(count, made)

    @property
    def validates(self) -> bool:
        return self.pictures is not None and self.pictures.validation is not None

    def validate(self) -> dict[str, float]:
        assert self.pictures is not None and self.pictures.validation is not None
        real = self.features_of(self.pictures.validation, WATCHED)
        made = self.generated_features(WATCHED, 0)
        if not made.isfinite().all():
            return {"frechet_distance": math.inf}
        self._spread = ((made.var(0).sum() / real.var(0).sum()) ** 0.5).item()
        return {"frechet_distance": frechet_distance(real, made), "kernel_distance": kernel_distance(real, made)}

    def alarms(self) -> list[str]:
        if getattr(self, "_spread", 1.0) < ALIKE:
            remedy = "a larger --penalty or " if hasattr(self.config, "penalty") else ""
            return [
                "the model has collapsed: its pictures are nearly all alike. The best weights before are kept; train "
                f"again with {remedy}a lower --learning-rate."
            ]
        return []

    def test(self) -> dict[str, float]:
        if self.pictures is None or self.pictures.test is None:
            return {}
        count = min(len(self.pictures.test), len(self.pictures.train), WATCHED)
        if count < FEWEST:
            return {}
        real, train = self.features_of(self.pictures.test, count), self.features_of(self.pictures.train, count)
        made = self.generated_features(count, 1)
        return {
            "frechet_distance": frechet_distance(real, made),
            "frechet_distance_floor": frechet_distance(real, train),
            "kernel_distance": kernel_distance(real, made),
            "pictures": float(count),
        }

    def warnings(self, steps: int) -> list[str]:
        assert self.pictures is not None
        count = len(self.pictures.train)
        return [f"{count} training pictures are few: expect it to repeat them."] if count < 500 else []

    # --- a finished run ---

    def save_files(self, folder: Path) -> None:
        self.folder = folder
        about = {"name": self.data_name, "channels": self.channels, "classes": self.classes}
        write_json(folder / "pictures.json", about)
        if self.pictures is not None:
            write_left_out(folder, self.pictures.left_out)

    def load_files(self, folder: Path, about: dict[str, Any]) -> None:
        self.folder = folder
        found = read_json(folder / "pictures.json")
        self.data_name, self.channels, self.classes = found["name"], found["channels"], found["classes"]
        assert self.channels in (1, 3) and isinstance(self.classes, list), "pictures.json is damaged"

    def evaluate(self, data: str | None, trained_on: dict[str, str], fingerprint: str) -> dict[str, Any]:
        config = self.config

        def read(place: str, validation: str, test: str) -> PictureSet:
            return read_pictures(place, validation, test, config.pixels, config.label)

        found, home = reopened(read, data, trained_on, fingerprint)
        if home and found.test is None:
            raise InputError("The run kept no test data (--test 0): give pictures with --data.", "data")
        if found.channels != self.channels:
            kinds = {1: "grey", 3: "colour"}
            raise InputError(
                f"{found.name} has {kinds[found.channels]} pictures, the run makes {kinds[self.channels]} ones.", "data"
            )
        held_out, reference = (found.test, found.train) if home else halves(found.train)
        assert held_out is not None
        self.__dict__.pop("_held", None)
        count = min(len(held_out), len(reference), MEASURED)
        if count < FEWEST:
            raise InputError(f"{count} pictures are too few to measure on: give at least {FEWEST} with --data.", "data")
        real, other = self.features_of(held_out, count), self.features_of(reference, count)
        made = self.generated_features(count, 1)
        result: dict[str, Any] = {
            "data": found.name,
            "split": "test" if home else "all",
            "pictures": count,
            "features": {"name": self.extractor.name, "sha256": self.extractor.hash},
        }
        for name, measure in (("frechet_distance", frechet_distance), ("kernel_distance", kernel_distance)):
            result[name] = {"generated": measure(real, made), "floor": measure(real, other)}
        for name, value in precision_recall(real, made).items():
            result[name] = {"generated": value}
        for name, value in precision_recall(real, other).items():
            result[name]["floor"] = value
        if not home:
            return result | {"copying": None}
        if self.classes:
            result["classification_accuracy_score"] = self._usefulness(found)
        every = self.features_of(found.train, len(found.train))
        result["copying"] = copying(made, real, every)
        if self.folder is not None:
            with suppress(InputError):  # a folder that may only be read
                write_atomically(self.folder / "samples" / "nearest.png", self._neighbours(found.train, every))
        return result

    def _usefulness(self, found: PictureSet) -> dict[str, float]:
        """The classification accuracy score beside that of real pictures."""
        train, test = found.train, found.test
        assert train.labels is not None and test is not None and test.labels is not None
        some = slice(MEASURED)
        known = (test.tensor(some), torch.from_numpy(test.labels[some]))
        labels = torch.from_numpy(train.labels)
        random = np.random.default_rng(0)

        def real(step: int, count: int) -> Batch:
            picks = random.integers(len(train), size=count)
            return train.tensor(picks), labels[picks]

        def generated(step: int, count: int) -> Batch:
            of = labels[random.integers(len(labels), size=count)]  # classes as often as they are
            with torch.no_grad():
                made = self.make(*self.machine.place((self.noise(count, 10_000 + step), of)))
            return made.float().clamp(-1, 1).cpu(), of

        return {
            name: accuracy_after(draw, len(train), known, len(self.classes), self.machine)
            for name, draw in (("generated", generated), ("real", real))
        }

    def _neighbours(self, train: PictureSplit, features: Rows) -> bytes:
        """A sheet: generated pictures, each beside the training picture nearest to it."""
        made = self._made(self.noise(32, 1), self.class_numbers(32))
        look = self.generated_features(32, 1)
        order = np.random.default_rng(0).permutation(len(train))  # of `features`
        _, places = nearest(look, features)
        pairs = []
        for picture, place in zip(made, places.tolist(), strict=True):
            pairs += [picture, train.array[train.rows[order[place]]]]
        return sheet(pairs, columns=8)


def spherical(
    one: Float[Tensor, " latent"], other: Float[Tensor, " latent"], shares: Float[Tensor, " steps"]
) -> Float[Tensor, "steps latent"]:
    """Points between two latent vectors, on an arc: the straight line passes nearer to the origin than noise lies.

    White (2016), "Sampling Generative Networks", arXiv 1609.04468, section 2.1.
    """
    angle = torch.arccos((one @ other / (one.norm() * other.norm()).clamp(min=1e-12)).clamp(-1, 1))
    shares = shares[:, None]
    if angle.sin() < 1e-4:
        return one + shares * (other - one)
    return (((1 - shares) * angle).sin() * one + (shares * angle).sin() * other) / angle.sin()


def halves(pictures: PictureSplit) -> tuple[PictureSplit, PictureSplit]:
    """Two halves, drawn at random but always the same."""
    order = np.random.default_rng(0).permutation(len(pictures))
    middle = len(order) // 2
    return pictures.take(np.sort(order[:middle])), pictures.take(np.sort(order[middle:]))

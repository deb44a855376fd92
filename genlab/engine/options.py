"""Options of training that all models share."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Literal, NamedTuple

from annotated_types import Ge, Gt, Le, MinLen

from genlab.options import DATA, TRAINING, Shown

if TYPE_CHECKING:
    from genlab.data.shared.sample_sets import SampleSet

Encoding = Annotated[str | None, DATA, Shown("NAME")]


class Place(NamedTuple):
    """Location, splits and encoding of the data, as given."""

    data: str
    validation: str
    test: str
    encoding: str | None = None

    def versions(self, samples: Iterable["SampleSet"]) -> Iterator["Place"]:
        """This place, then the same with earlier versions of a sample set."""
        yield self
        paths = {"data": self.data, "validation": self.validation, "test": self.test}
        for sample in samples:
            used = {name: path for name, path in paths.items() if path.partition(":")[0] == sample.name}
            for earlier in sample.earlier if used else ():
                yield self._replace(**{name: earlier + path.removeprefix(sample.name) for name, path in used.items()})


@dataclass(frozen=True)
class RunOptions:
    """Options of training that all models share."""

    data: Annotated[str, MinLen(1), Shown("DATA", positional=True)]
    """Your data: a file, a folder, or a sample set such as @bible (`genlab samples` lists them)."""
    out: Annotated[str | None, Shown("FOLDER")] = None
    """Run folder to create; by default runs/<task>-<data>-NNN."""
    minutes: Annotated[float, Gt(0), Le(525_600), TRAINING] | None = None
    """Time budget in minutes: training ends on time, with a number of steps and, where the model leaves them open, a
    size and a batch size that suit this machine. Default: 10."""
    steps: Annotated[int, Ge(1), TRAINING] | None = None
    """Number of steps instead of a time budget: the same plan on every machine."""
    from_: Annotated[str | None, Shown("RUN")] = None
    """Run to start from, with its weights, tokenizer and size."""
    validation: Annotated[str, DATA, Shown("SHARE|PATH")] = "0.05"
    """Fraction of the data that selects the best weights, or a path to separate data; 0 keeps the last weights."""
    test: Annotated[str, DATA, Shown("SHARE|PATH")] = "0.10"
    """Fraction of the data that is only reported, or a path to separate data; 0 for none."""
    encoding: Encoding = None
    """Encoding of texts and tables that are not UTF-8, UTF-16 or UTF-32, such as cp1252."""
    seed: Annotated[int, Ge(0), Le(2**31), TRAINING] = 0
    """Random seed: the same seed, plan and machine give the same weights."""
    device: Annotated[str, Shown("DEVICE")] = "auto"
    """Device: cpu, cuda, cuda:1 or mps; auto takes the first accelerator available."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """Number format: float32, or bfloat16 where it is safe; auto is bf16 on GPUs that support it, else 32."""
    resume: bool = False
    """Continue the run in --out from its last checkpoint."""
    checkpoint_seconds: Annotated[float, Ge(0), Le(86_400)] = 30.0
    """Seconds between checkpoints, from which --resume continues."""
    log: tuple[Literal["tensorboard", "trackio"], ...] = ()
    """Tracker to log metrics to, besides metrics.jsonl; can be repeated."""

    @property
    def place(self) -> Place:
        return Place(self.data, self.validation, self.test, self.encoding)

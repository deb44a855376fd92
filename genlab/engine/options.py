"""What every training shares, whatever it trains."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, MinLen
from tyro.conf import Positional, arg


@dataclass(frozen=True)
class RunOptions:
    """Options of every training."""

    data: Positional[Annotated[str, MinLen(1), arg(metavar="DATA")]]
    """Your data: a file or a folder, or a sample set such as @bible (`genlab samples` lists them)."""
    out: str | None = None
    """Run folder to make; by default runs/<task>-<data>-NNN."""
    minutes: Annotated[float, Gt(0), Le(525_600)] | None = None
    """Time to train, in minutes: picks size, batch and steps for this machine and ends on time. Default 10."""
    steps: Annotated[int, Ge(1)] | None = None
    """Updates to make instead of a time: the same plan on every machine."""
    from_: Annotated[str | None, arg(name="from")] = None
    """Run folder to start from: its weights are trained on, with its tokenizer and size (text only)."""
    validation: str = "0.05"
    """Share of the data that picks the best weights, or a path to data of its own; 0 keeps the last weights."""
    test: str = "0.10"
    """Share of the data that is only reported, or a path to data of its own; 0 for none."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed, plan and machine give the same weights."""
    device: str = "auto"
    """auto, cpu, cuda, cuda:1 or mps; auto takes the first accelerator there is."""
    precision: Literal["auto", "32", "bf16"] = "auto"
    """Number format: 32 bits, or bfloat16 where it is safe; auto is bf16 on GPUs that have it, 32 elsewhere."""
    resume: bool = False
    """Go on with the run in --out where its last checkpoint stands."""
    checkpoint_seconds: Annotated[float, Ge(0), Le(86_400)] = 30.0
    """Seconds between checkpoints; a killed run goes on from the last one."""
    log: tuple[Literal["tensorboard", "trackio"], ...] = ()
    """Trackers that get the measures as well, beside the run's own metrics.jsonl."""

"""The budget: how many steps fit, and the learning rate of each."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

WARM_UP = 0.02
"""Fraction of the planned steps for the learning-rate warm-up."""
VALIDATION_SHARE = 0.1
"""Largest fraction of a time budget for validation."""
FOREVER = 10**15
"""Length of a segment with a constant learning rate; only plans of format 1 have one."""


@dataclass(frozen=True)
class Segment:
    """Part of the learning-rate decay: linear to zero, until the next segment takes over."""

    start: int
    """First step of the segment."""
    factor: float
    """Fraction of the peak learning rate at its start."""
    steps: int
    """Number of steps from its start to zero."""

    def factor_after(self, step: int) -> float:
        """Fraction of the peak learning rate after `step` steps of the run."""
        return self.factor * max(0, self.start + self.steps - step) / self.steps


@dataclass(frozen=True)
class Plan:
    """The training schedule: validations, end and the learning rate of every step. Saved with the run.

    Size and batch are fixed before the first step. With a time budget, `retime` appends a segment whenever the speed
    of the machine changes; each is recorded before it takes effect, so that a resumed run repeats it.
    """

    steps: int
    """Number of steps planned at the start."""
    seconds: float | None
    """Time budget; None for a fixed number of steps."""
    seconds_per_step: float | None
    """Measured before the first step; None for a fixed number of steps."""
    steps_per_validation: float
    """Duration of a validation in steps, measured before the first step."""
    validations: int
    """Number of validations, evenly spaced in the decay; the last one follows the last step."""
    log_every: int
    """Steps between entries in metrics.jsonl."""
    segments: tuple[Segment, ...]
    """The learning-rate decay; the last segment determines the end."""
    threads: int | None = None
    """Number of CPU threads, the fastest one measured; None for all."""

    @property
    def end(self) -> int:
        """The step after the last, unless the plan is re-timed."""
        return self.segments[-1].start + self.segments[-1].steps

    def factor(self, step: int) -> float:
        """Fraction of the peak learning rate at `step`, counted from 0; zero at the last, unless it is the only one."""
        if self.end == 1:
            return 1.0
        warm = min(1.0, (step + 1) / max(1.0, WARM_UP * self.steps))
        return warm * self._segment(step).factor_after(step + 1)

    def progress(self, step: int) -> float:
        """Progress of the decay at `step`, ignoring the warm-up: 0 at the first step, 1 at the last."""
        segment = self._segment(step)
        left = segment.start + segment.steps - 1 - step
        return 1 - segment.factor * left / max(1, segment.steps - 1)

    def validates_after(self, step: int) -> bool:
        """Whether a validation follows `step`."""
        return self.validated(step + 1) > self.validated(step)

    def validated(self, done: int) -> int:
        """Number of validations during the first `done` steps."""
        if done >= self.end:
            return self.validations
        decayed = 1 - self._segment(done).factor_after(done)
        return min(int(self.validations * decayed + 1e-6), max(0, self.validations - 1))

    def _segment(self, step: int) -> Segment:
        return next(segment for segment in reversed(self.segments) if segment.start <= step)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Plan":
        """Reads the plan from config.json; plans of format 1 keep their learning rates."""
        if "segments" in values:
            return cls(**{**values, "segments": tuple(Segment(**segment) for segment in values["segments"])})
        values = dict(values)
        steps, decay_start, every = values["steps"], values.pop("decay_start"), values.pop("validate_every")
        decay_steps = max(1, round(0.25 * steps))
        flat_from, flat = steps - decay_steps, decay_steps / steps
        # Linear to the last quarter, then constant; from decay_start, linear to zero.
        segments = [Segment(0, 1.0, steps), Segment(flat_from, flat, FOREVER)]
        if decay_start is not None:
            height = max(1 - decay_start / steps, flat) if decay_start else 1.0
            kept = [segment for segment in segments if segment.start < decay_start]
            segments = [*kept, Segment(decay_start, height, decay_steps)]
        validations = max(1, steps // every) if every else 0
        return cls(**values, steps_per_validation=0.0, validations=validations, segments=tuple(segments))


def plan_steps(steps: int, validates: bool) -> Plan:
    """The plan for a fixed number of steps, the same on every machine."""
    validations = min(10, steps) if validates else 0
    return Plan(steps, None, None, 0.0, validations, max(1, steps // 200), (Segment(0, 1.0, steps),))


def plan_time(seconds: float, seconds_per_step: float, seconds_per_validation: float) -> Plan:
    """The plan for a time budget; if the measured speeds hold, its decay is the line of `plan_steps`."""
    validations = 0
    if seconds_per_validation:
        share = VALIDATION_SHARE * seconds
        least = 2 if seconds_per_validation <= share else 1
        validations = min(20, max(least, int(share / seconds_per_validation)))
    training = max(seconds - validations * seconds_per_validation, 0.5 * seconds)
    steps = max(4, round(training / seconds_per_step))
    log_every = max(1, min(steps // 50, round(1 / seconds_per_step)))
    ratio = seconds_per_validation / seconds_per_step
    return Plan(steps, seconds, seconds_per_step, ratio, validations, log_every, (Segment(0, 1.0, steps),))


class Clock:
    """Training time over all attempts of a run, and the recent speed.

    A GPU runs asynchronously, so speed is known only at marks, where the host has waited for it. The estimate ignores
    a single slow stretch between two marks, when the machine was briefly busy.
    """

    def __init__(self, plan: Plan, before: float = 0.0, step: int = 0) -> None:
        """Continues from earlier attempts, which took `before` seconds for `step` steps."""
        self._start = time.perf_counter() - before
        self._seconds = plan.seconds or 0.0
        self._step, self._marked = step, before
        self._paces: list[tuple[float, float]] = [(plan.seconds_per_step or 0.0, 0.0)] * 3
        """Seconds per step and duration of each stretch between marks, after the initial measurement."""
        self.steps_per_validation = plan.steps_per_validation
        """Duration of the last validation in steps: a busy machine slows down both alike."""

    def elapsed(self) -> float:
        return time.perf_counter() - self._start

    def due(self) -> bool:
        """Whether a mark is due: every two-hundredth of the budget, never without a budget."""
        return self._seconds > 0 and self.elapsed() - self._marked >= 0.005 * self._seconds

    def mark(self, step: int) -> None:
        """Records that the device has finished `step` steps."""
        now = self.elapsed()
        if step > self._step:
            self._paces.append(((now - self._marked) / (step - self._step), now - self._marked))
        self._step, self._marked = step, now

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Context for other work: its time counts for the budget, but not for the speed of the steps."""
        start = self.elapsed()
        yield
        self._marked += self.elapsed() - start

    @contextmanager
    def validating(self, step: int) -> Iterator[None]:
        """Context for the validation after `step` steps, which the device has finished; measures its duration."""
        self.mark(step)
        start = self.elapsed()
        with self.aside():
            yield
        if self._seconds:
            self.steps_per_validation = (self.elapsed() - start) / self.seconds_per_step(0.0)

    def seconds_per_step(self, window: float) -> float:
        """Mean over the last `window` seconds, at least three stretches, without the slowest and the fastest."""
        paces: list[float] = []
        covered = 0.0
        for pace, seconds in reversed(self._paces):
            if len(paces) >= 3 and covered + seconds > window:
                break
            paces.append(pace)
            covered += seconds
        kept = sorted(paces)[1:-1]
        return sum(kept) / len(kept)


def retime(plan: Plan, step: int, clock: Clock) -> Plan:
    """Appends a segment from `step` that ends on time, if the plan would clearly miss the budget."""
    waits = plan.end >= FOREVER  # a plan of format 1, whose decay was to be timed later
    if plan.seconds is None or (step <= plan.segments[-1].start and not waits):  # a resumed run repeats its record
        return plan
    left = plan.seconds - clock.elapsed()
    pace = clock.seconds_per_step(min(0.1 * plan.seconds, 0.3 * left))
    validations = (plan.validations - plan.validated(step)) * clock.steps_per_validation * pace
    training = left - min(validations, 0.5 * plan.seconds)
    if abs((plan.end - step) * pace - training) <= max(0.01 * plan.seconds, 0.1 * left):
        return plan
    steps = max(1, round(training / pace))
    begun = tuple(segment for segment in plan.segments if segment.start <= step)
    return replace(plan, segments=(*begun, Segment(step, begun[-1].factor_after(step), steps)))

"""The budget: how many steps fit, and the learning rate of each."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

WARM_UP = 0.02
"""Share of the first planned steps in which the learning rate rises."""
VALIDATION_SHARE = 0.1
"""Share of a time budget that validations may take."""
FOREVER = 10**15
"""Steps of a segment that does not fall; only plans of format 1 have one."""


@dataclass(frozen=True)
class Segment:
    """Part of the decay: the learning rate falls in a straight line to zero, unless the next segment takes over."""

    start: int
    """Its first step."""
    factor: float
    """Share of the peak learning rate at its beginning."""
    steps: int
    """Steps from its beginning to zero."""

    def factor_after(self, step: int) -> float:
        """Share of the peak learning rate when `step` steps of the run are done."""
        return self.factor * max(0, self.start + self.steps - step) / self.steps


@dataclass(frozen=True)
class Plan:
    """When to validate, when to stop, and the learning rate of every step: recorded in the run.

    Size and batch are fixed before the first step. With a time budget, `retime` appends a segment whenever the
    machine turns out to be faster or slower; each is recorded before it acts, so a resumed run repeats it.
    """

    steps: int
    """Steps planned before the first one."""
    seconds: float | None
    """Time budget; None for a fixed number of steps."""
    seconds_per_step: float | None
    """Measured before the first step."""
    steps_per_validation: float
    """Steps that take as long as a validation, measured before the first step."""
    validations: int
    """How many there are, at even distances of the decay; the last follows the last step."""
    log_every: int
    """Steps between entries in metrics.jsonl."""
    segments: tuple[Segment, ...]
    """The decay, in order; the last one decides the end."""
    threads: int | None = None
    """Processor threads, the fastest number; None for all."""

    @property
    def end(self) -> int:
        """The step after the last, unless the plan is re-timed."""
        return self.segments[-1].start + self.segments[-1].steps

    def factor(self, step: int) -> float:
        """Share of the peak learning rate at `step`, counted from 0; zero at the last."""
        warm = min(1.0, (step + 1) / max(1.0, WARM_UP * self.steps))
        return warm * self._segment(step).factor_after(step + 1)

    def progress(self, step: int) -> float:
        """How far the decay is at `step`, without the warm-up: rises from 0 at the first step to 1 at the last."""
        segment = self._segment(step)
        left = segment.start + segment.steps - 1 - step
        return 1 - segment.factor * left / max(1, segment.steps - 1)

    def validates_after(self, step: int) -> bool:
        """Whether a validation follows `step`."""
        return self.validated(step + 1) > self.validated(step)

    def validated(self, done: int) -> int:
        """How many validations there were after `done` steps."""
        if done >= self.end:
            return self.validations
        decayed = 1 - self._segment(done).factor_after(done)
        return min(int(self.validations * decayed + 1e-6), max(0, self.validations - 1))

    def _segment(self, step: int) -> Segment:
        return next(segment for segment in reversed(self.segments) if segment.start <= step)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "Plan":
        """The plan that `dataclasses.asdict` wrote to config.json; plans of format 1 keep their learning rates."""
        if "segments" in values:
            return cls(**{**values, "segments": tuple(Segment(**segment) for segment in values["segments"])})
        values = dict(values)
        steps, decay_start, every = values["steps"], values.pop("decay_start"), values.pop("validate_every")
        decay_steps = max(1, round(0.25 * steps))
        flat_from, flat = steps - decay_steps, decay_steps / steps
        # A line to the last quarter, then flat; from decay_start on, a line to zero.
        segments = [Segment(0, 1.0, steps), Segment(flat_from, flat, FOREVER)]
        if decay_start is not None:
            height = max(1 - decay_start / steps, flat) if decay_start else 1.0
            kept = [segment for segment in segments if segment.start < decay_start]
            segments = [*kept, Segment(decay_start, height, decay_steps)]
        validations = max(1, steps // every) if every else 0
        return cls(**values, steps_per_validation=0.0, validations=validations, segments=tuple(segments))


def plan_steps(steps: int, validates: bool) -> Plan:
    """The plan of a fixed number of steps: the same on every machine."""
    validations = min(10, steps) if validates else 0
    return Plan(steps, None, None, 0.0, validations, max(1, steps // 200), (Segment(0, 1.0, steps),))


def plan_time(seconds: float, seconds_per_step: float, seconds_per_validation: float) -> Plan:
    """The plan of a time budget: if the measured speeds hold, one straight line like that of `plan_steps`."""
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
    """Seconds of training over all attempts of a run, and the speed of late.

    A GPU works behind the host's back, so speed is known only at marks, where the host has waited for it. Marks
    are time apart, and one slow stretch between two of them (a machine busy for a moment) does not count.
    """

    def __init__(self, plan: Plan, before: float = 0.0, step: int = 0) -> None:
        """`before` is the seconds of earlier attempts, `step` the steps that they made."""
        self._start = time.perf_counter() - before
        self._seconds = plan.seconds or 0.0
        self._step, self._marked = step, before
        self._paces: list[tuple[float, float]] = [(plan.seconds_per_step or 0.0, 0.0)] * 3
        """Seconds per step of each stretch between marks, and how long it took; first what was measured before."""
        self.steps_per_validation = plan.steps_per_validation
        """Steps that take as long as the last validation took: both slow down alike on a busy machine."""

    def elapsed(self) -> float:
        return time.perf_counter() - self._start

    def due(self) -> bool:
        """Whether a mark is due: every two hundredth of the budget, never without one."""
        return self._seconds > 0 and self.elapsed() - self._marked >= 0.005 * self._seconds

    def mark(self, step: int) -> None:
        """Notes that the device has done `step` steps."""
        now = self.elapsed()
        if step > self._step:
            self._paces.append(((now - self._marked) / (step - self._step), now - self._marked))
        self._step, self._marked = step, now

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Around work that is not a step: its time passes, but does not count as the steps'."""
        start = self.elapsed()
        yield
        self._marked += self.elapsed() - start

    @contextmanager
    def validating(self, step: int) -> Iterator[None]:
        """Around the validation after `step` steps, which the device has done: it shows what the next will take."""
        self.mark(step)
        start = self.elapsed()
        with self.aside():
            yield
        if self._seconds:
            self.steps_per_validation = (self.elapsed() - start) / self.seconds_per_step(0.0)

    def seconds_per_step(self, window: float) -> float:
        """The mean over the last `window` seconds, without the slowest and the fastest stretch; at least three."""
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
    """The same plan, or with a segment from `step` on that ends on time, if the plan would miss it clearly."""
    if plan.seconds is None or step <= plan.segments[-1].start:  # a resumed run repeats what was recorded
        return plan
    left = plan.seconds - clock.elapsed()
    pace = clock.seconds_per_step(min(0.1 * plan.seconds, 0.3 * left))
    validations = (plan.validations - plan.validated(step)) * clock.steps_per_validation * pace
    training = left - min(validations, 0.5 * plan.seconds)
    if abs((plan.end - step) * pace - training) <= max(0.01 * plan.seconds, 0.1 * left):
        return plan
    steps = max(1, round(training / pace))
    return replace(plan, segments=(*plan.segments, Segment(step, plan.segments[-1].factor_after(step), steps)))

"""The budget: how many steps fit, and the learning rate of each."""

import time
from bisect import bisect_right
from dataclasses import dataclass, replace

WARM_UP = 0.02
"""Share of the planned steps in which the learning rate rises."""
DECAY = 0.25
"""Share of the planned steps that make the final decay."""


@dataclass(frozen=True)
class Plan:
    """Fixed once, before the first step, and written to the run.

    The learning rate falls linearly to zero over `steps`. With a time to keep, the last quarter may begin
    earlier or later than planned, when the clock says so; that is decided once and written before it acts.
    """

    steps: int
    """Updates planned."""
    seconds: float | None
    """Time to keep, or None."""
    seconds_per_step: float | None
    """As measured before the first step."""
    validate_every: int
    """Steps between validations; 0 for none."""
    log_every: int
    """Steps between entries in metrics.jsonl."""
    decay_start: int | None
    """First step of the final decay; None while it is not decided."""
    threads: int | None = None
    """Processor threads that were fastest; None for as many as there are."""

    @property
    def decay_steps(self) -> int:
        return max(1, round(DECAY * self.steps))

    @property
    def end(self) -> int | None:
        """The step after the last, once that is decided."""
        return None if self.decay_start is None else self.decay_start + self.decay_steps

    def factor(self, step: int) -> float:
        """Share of the peak learning rate at `step`, counted from 0; zero at the last."""
        warm = min(1.0, (step + 1) / max(1.0, WARM_UP * self.steps))
        if self.decay_start is None or step < self.decay_start:
            return warm * self._slope(step)
        start = self._slope(self.decay_start - 1) if self.decay_start else 1.0
        left = (self.decay_start + self.decay_steps - 1 - step) / self.decay_steps
        return warm * start * max(0.0, left)

    def progress(self, step: int) -> float:
        """How far the decay is at `step`, without the warm-up: 0 at the first step, 1 at the last."""
        if self.decay_start is None or step < self.decay_start:
            return 1 - self._slope(step - 1)
        start = self._slope(self.decay_start - 1) if self.decay_start else 1.0
        return 1 - start * (self.decay_start + self.decay_steps - 1 - step) / self.decay_steps

    def _slope(self, step: int) -> float:
        return max(1 - (step + 1) / self.steps, self.decay_steps / self.steps)


def plan_steps(steps: int, validates: bool) -> Plan:
    """The plan of a stated number of steps: the same on every machine."""
    every = max(1, steps // 10) if validates else 0
    decay_start = steps - max(1, round(DECAY * steps))
    return Plan(steps, None, None, every, max(1, steps // 200), decay_start)


def plan_time(seconds: float, seconds_per_step: float, seconds_per_validation: float) -> Plan:
    """The plan of a stated time: validations take at most a tenth of it."""
    count = 0
    if seconds_per_validation:
        count = min(20, max(2, int(0.1 * seconds / seconds_per_validation)))
    training = max(seconds - count * seconds_per_validation, 0.5 * seconds)
    steps = max(4, round(training / seconds_per_step))
    every = max(1, steps // count) if count else 0
    log_every = max(1, min(steps // 50, round(1 / seconds_per_step)))
    return Plan(steps, seconds, seconds_per_step, every, log_every, None)


class Clock:
    """Seconds of training, over all attempts of a run."""

    def __init__(self, before: float) -> None:
        self._start = time.perf_counter() - before
        self._steps: list[float] = [self.elapsed()]

    def elapsed(self) -> float:
        return time.perf_counter() - self._start

    def step(self) -> None:
        """Notes that a step is done."""
        self._steps.append(self.elapsed())

    def trained(self) -> float:
        """Seconds from the first to the end of the last step."""
        return self._steps[-1]

    def seconds_per_step(self, expected: float, weight: float) -> float:
        """Over the last third of this attempt, what stands between its steps included.

        Args:
            expected: The pace measured before the first step ...
            weight: ... and how many steps it counts as: one slow step must not pass for the pace.
        """
        now = self._steps[-1]
        first = bisect_right(self._steps, now - (now - self._steps[0]) / 3) - 1
        return (now - self._steps[first] + expected * weight) / (len(self._steps) - 1 - first + weight)


def decide(plan: Plan, step: int, clock: Clock) -> Plan:
    """The same plan, or one whose final decay begins at `step` because no later start would end on time."""
    assert plan.seconds is not None and plan.seconds_per_step is not None
    pace = clock.seconds_per_step(plan.seconds_per_step, 0.03 * plan.steps)
    if clock.elapsed() < max(0.1 * plan.seconds, plan.seconds - plan.decay_steps * pace):
        return plan
    return replace(plan, decay_start=step)

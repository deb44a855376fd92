import json
import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import config

from genlab.engine import budget as plans
from genlab.engine.budget import Clock, Plan, Segment, plan_steps, plan_time, retime


@pytest.fixture(scope="module", autouse=True)
def _unchecked():
    """A plan has no arrays, and checking the types of every call would make the simulations five times as slow."""
    config.update("jaxtyping_disable", True)
    yield
    config.update("jaxtyping_disable", False)


def retimed(steps: int, *changes: tuple[int, int]) -> Plan:
    """A plan of `steps` that was re-timed at a step to take a given number of further steps."""
    plan = replace(plan_steps(steps, validates=True), seconds=60.0, seconds_per_step=0.01)
    for step, more in changes:
        segment = Segment(step, plan.segments[-1].factor_after(step), more)
        plan = replace(plan, segments=(*plan.segments, segment))
    return plan


@st.composite
def plans_of_any_history(draw) -> Plan:
    plan = retimed(draw(st.integers(1, 500)))
    for _ in range(draw(st.integers(0, 5))):
        first, last = plan.segments[-1].start + 1, plan.end - 1
        if first > last:
            break
        plan = retimed(plan.steps, *((s.start, s.steps) for s in plan.segments[1:]),
                       (draw(st.integers(first, last)), draw(st.integers(1, 500))))  # fmt: skip
    return plan


@settings(deadline=None)
@given(plans_of_any_history())
def test_the_learning_rate_rises_only_in_the_warm_up_and_ends_at_exactly_zero(plan):
    factors = [plan.factor(step) for step in range(plan.end)]
    assert factors[-1] == (0 if plan.end > 1 else 1)
    assert all(0 < factor <= 1 for factor in factors[:-1])
    warm = int(plans.WARM_UP * plan.steps)
    assert all(before > after for before, after in pairwise(factors[warm:]))


@settings(deadline=None)
@given(plans_of_any_history())
def test_progress_rises_from_nothing_to_all(plan):
    """The schedule is continuous, in the warm-up and across every re-timing."""
    progress = [plan.progress(step) for step in range(plan.end)]
    assert progress[-1] == 1
    assert plan.end == 1 or progress[0] == 0
    assert progress == sorted(progress)


@settings(deadline=None)
@given(plans_of_any_history())
def test_every_planned_validation_takes_place(plan):
    """Re-timing loses no validation as long as there are steps, and the last is at the end."""
    places = [step for step in range(plan.end) if plan.validates_after(step)]
    assert places[-1] == plan.end - 1
    assert len(places) <= plan.validations
    if all(segment.steps > 10 * plan.validations for segment in plan.segments):
        assert len(places) == plan.validations
    assert plan.validated(plan.end) == plan.validations
    silent = replace(plan, validations=0)
    assert not any(silent.validates_after(step) for step in range(plan.end))


def test_validations_of_stated_steps_are_even():
    plan = plan_steps(20, validates=True)
    assert [step + 1 for step in range(20) if plan.validates_after(step)] == list(range(2, 21, 2))
    plan = plan_steps(1000, validates=True)
    assert [step + 1 for step in range(1000) if plan.validates_after(step)] == list(range(100, 1001, 100))


def test_a_retimed_decay_goes_on_without_a_jump():
    plan = retimed(1000, (600, 100), (650, 400))
    assert plan.end == 1050
    factors = [plan.factor(step) for step in range(1050)]
    assert factors[599] == pytest.approx(0.4)
    assert factors[600] == pytest.approx(0.4 * 0.99)
    assert factors[649] == pytest.approx(0.2)
    assert factors[650] == pytest.approx(0.2 * 399 / 400)


@pytest.mark.parametrize("steps", [2, 3, 4, 7, 10, 199, 1000])
def test_plans_of_stated_steps(steps):
    """Warm-up and a straight line to zero, the same on every machine, never re-timed."""
    plan = plan_steps(steps, validates=True)
    warm = max(1.0, 0.02 * steps)
    assert plan.end == steps
    factors = [plan.factor(step) for step in range(steps)]
    expected = [min(1, (step + 1) / warm) * (1 - (step + 1) / steps) for step in range(steps)]
    assert factors == pytest.approx(expected, abs=1e-12)
    assert plan.log_every >= 1
    assert plan == plan_steps(steps, validates=True)
    assert plan_steps(steps, validates=False).validations == 0
    assert retime(plan, steps // 2, Clock(plan, before=1e9)) is plan
    assert not Clock(plan, before=1e9).due()


@given(st.floats(5, 1e5), st.floats(1e-4, 100), st.just(0.0) | st.floats(1e-3, 100))
def test_plans_of_a_stated_time(seconds, per_step, per_validation):
    plan = plan_time(seconds, per_step, per_validation)
    assert plan.end == plan.steps >= 4
    assert (plan.validations > 0) == (per_validation > 0)
    planned = plan.steps * per_step + plan.validations * per_validation
    if per_validation < 0.05 * seconds and per_step < 0.01 * seconds:
        assert plan.validations * per_validation <= 0.1 * seconds
        assert planned == pytest.approx(seconds, rel=0.01)


@settings(deadline=None)
@given(plans_of_any_history())
def test_plans_come_back_from_config_json(plan):
    assert Plan.from_json(json.loads(json.dumps(asdict(plan)))) == plan


def factor_of_format_1(steps: int, decay_start: int | None, step: int) -> float:
    """The schedule as genlab computed it up to format 1."""
    decay_steps = max(1, round(0.25 * steps))

    def slope(step: int) -> float:
        return max(1 - (step + 1) / steps, decay_steps / steps)

    warm = min(1.0, (step + 1) / max(1.0, 0.02 * steps))
    if decay_start is None or step < decay_start:
        return warm * slope(step)
    start = slope(decay_start - 1) if decay_start else 1.0
    return warm * start * max(0.0, (decay_start + decay_steps - 1 - step) / decay_steps)


@pytest.mark.parametrize("decay_start", [None, 0, 1, 30, 74, 75, 76, 140])
def test_plans_of_format_1_keep_their_learning_rates(decay_start):
    recorded = {"steps": 100, "seconds": 60.0, "seconds_per_step": 0.6, "validate_every": 10, "log_every": 2}
    plan = Plan.from_json({**recorded, "decay_start": decay_start, "threads": 2})
    end = 300 if decay_start is None else decay_start + 25
    expected = [factor_of_format_1(100, decay_start, step) for step in range(end)]
    assert [plan.factor(step) for step in range(end)] == pytest.approx(expected, abs=1e-9)
    assert (plan.validations, plan.threads, plan.log_every) == (10, 2, 2)
    if decay_start is not None:
        assert plan.end == end
    assert Plan.from_json({**recorded, "validate_every": 0, "decay_start": None}).validations == 0  # and no threads yet


class Time:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def time(monkeypatch) -> Time:
    made = Time()
    monkeypatch.setattr(plans, "time", made)
    return made


@dataclass
class Training:
    """A simulated training."""

    plan: Plan
    clock: Clock
    step: int = 0

    def run(
        self,
        time: Time,
        takes: Callable[[int, float], float],
        validation: float = 0.0,
        every: int = 1,
        until: float | None = None,
    ) -> float:
        """Trains to the end, or `until` so many seconds; gives the seconds taken.

        Args:
            time: The clock to move.
            takes: Seconds of a step, of its number and of the seconds so far.
            validation: What a validation takes, in steps of that moment.
            every: Steps between looks at the clock; several processes do not agree after every step.
            until: When the training is killed.
        """
        factors, progress = [], []
        first = self.step
        while self.step < self.plan.end and (until is None or self.clock.elapsed() < until):
            if self.step % every == 0:
                self.plan = retime(self.plan, self.step, self.clock)
            factors.append(self.plan.factor(self.step))
            progress.append(self.plan.progress(self.step))
            time.now += takes(self.step, self.clock.elapsed())
            self.step += 1
            if self.step % every == 0 and self.clock.due():
                self.clock.mark(self.step)
            if self.plan.validates_after(self.step - 1):
                with self.clock.validating(self.step):
                    time.now += validation * takes(-1, self.clock.elapsed())
        steps = range(first, self.step)  # a replay of the recorded plan repeats every step
        assert factors == [self.plan.factor(step) for step in steps]
        assert progress == sorted(progress) == [self.plan.progress(step) for step in steps]
        if until is None:
            assert factors[-1] == 0
            assert progress[-1] == 1
            assert self.plan.validated(self.step) == self.plan.validations
        return self.clock.elapsed()


def simulate(time: Time, seconds: float, takes, measured: float = 0.02, share: float = 0.0, **how) -> Training:
    """A training whose validations were measured to take a `share` of the budget; `how` as for `Training.run`."""
    plan = plan_time(seconds, measured, share * seconds)
    training = Training(plan, Clock(plan))
    training.run(time, takes, **{"validation": plan.steps_per_validation, **how})
    return training


BUDGETS = [(6.0, 0.02), (60.0, 0.1), (60.0, 0.7), (600.0, 10.0)]


@pytest.mark.parametrize(("seconds", "pace"), BUDGETS)
@pytest.mark.parametrize("validation", [0.0, 0.02], ids=["no validation", "validation"])
def test_on_time_there_is_one_straight_line(time, seconds, pace, validation):
    training = simulate(time, seconds, lambda *_: pace, pace, validation)
    assert training.clock.elapsed() == pytest.approx(seconds, rel=0.01)
    assert len(training.plan.segments) == 1


@pytest.mark.parametrize("slower", [2.0, 0.5, 1.3, 0.7])
@pytest.mark.parametrize("when", [0.0, 0.05, 0.3, 0.7, 0.9, 0.95, 0.98])
@pytest.mark.parametrize(("seconds", "pace"), BUDGETS)
@pytest.mark.parametrize("validation", [0.0, 0.004], ids=["no validation", "validation"])
def test_budgets_are_kept_when_the_speed_changes(time, seconds, pace, when, slower, validation):
    def takes(_: int, now: float) -> float:
        return pace * (slower if now >= when * seconds else 1)

    training = simulate(time, seconds, takes, pace, validation)
    assert training.clock.elapsed() == pytest.approx(seconds, rel=0.05)


@pytest.mark.parametrize("slower", [2.0, 0.5])
@pytest.mark.parametrize("when", [0.05, 0.3, 0.7, 0.95])
def test_budgets_are_kept_by_several_processes(time, when, slower):
    """Several processes look at the clock only when they log."""
    plan = plan_time(60.0, 0.02, 0.3)
    training = simulate(
        time, 60.0, lambda _, now: 0.02 * (slower if now >= when * 60 else 1), share=0.005, every=plan.log_every
    )
    assert training.clock.elapsed() == pytest.approx(60, rel=0.05)


@pytest.mark.parametrize("slower", [2.0, 0.5])
@pytest.mark.parametrize("period", [0.01, 0.03, 0.1, 0.2, 0.4])
@pytest.mark.parametrize(("seconds", "pace"), BUDGETS)
def test_budgets_are_kept_when_the_speed_changes_again_and_again(time, seconds, pace, period, slower):
    def takes(_: int, now: float) -> float:
        return pace * (slower if now / seconds / period % 1 > 0.5 else 1)

    training = simulate(time, seconds, takes, pace, 0.004)
    assert training.clock.elapsed() == pytest.approx(seconds, rel=0.05)


@pytest.mark.parametrize("times", [0.2, 2.0, 4.0])
@pytest.mark.parametrize("share", [0.001, 0.005, 0.02])
@pytest.mark.parametrize(("seconds", "pace"), BUDGETS[:2])
def test_validations_of_another_duration_than_measured_count(time, seconds, pace, share, times):
    validation = times * share * seconds / pace
    training = simulate(time, seconds, lambda *_: pace, pace, share, validation=validation)
    assert training.clock.elapsed() == pytest.approx(seconds, rel=0.05)


def test_validations_longer_than_the_budget_leave_half_of_it_to_training(time):
    training = simulate(time, 6.0, lambda *_: 0.02, share=2.0)
    assert training.step >= 0.45 * 6.0 / 0.02


@pytest.mark.parametrize("at", [0, 1, 30, 1000, 2500])
@pytest.mark.parametrize("stall", [0.1, 3.0])
def test_a_stall_is_not_the_pace(time, at, stall):
    """A slow first step, or a machine that is briefly busy, costs only its own time, not the decay."""
    training = simulate(time, 60.0, lambda step, _: stall if step == at else 0.02)
    assert training.clock.elapsed() == pytest.approx(60, rel=0.02)
    assert training.step >= (60 - stall) / 0.02 - 60
    assert len(training.plan.segments) <= 2


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.5, 2))
def test_budgets_are_kept_with_noise(seed, speed):
    chance, moved = random.Random(seed), Time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "time", moved)
        training = simulate(moved, 30.0, lambda *_: 0.05 * speed * chance.lognormvariate(-0.08, 0.4))
        assert training.clock.elapsed() == pytest.approx(30, rel=0.05)


@pytest.mark.parametrize("killed", [0.1, 0.4, 0.74, 0.95])
@pytest.mark.parametrize("slower", [0.5, 1.0, 2.0])
def test_budgets_are_kept_over_a_kill(time, killed, slower):
    """The resumed run starts at an older checkpoint, repeats the recorded plan up to the kill, and ends on time."""
    plan = plan_time(60.0, 0.02, 0.3)
    first = Training(plan, Clock(plan))
    saved = first.run(time, lambda *_: 0.02 * slower, 15.0, until=killed * 54), first.step
    first.run(time, lambda *_: 0.02 * slower, 15.0, until=killed * 60)
    time.now += 1000  # between the attempts
    resumed = Training(first.plan, Clock(first.plan, *saved), saved[1])
    took = resumed.run(time, lambda step, _: 0.5 if step == saved[1] else 0.02, 15.0)
    assert took == pytest.approx(60, rel=0.05)
    assert resumed.plan.segments[: len(first.plan.segments)] == first.plan.segments


def test_a_recorded_segment_is_not_replaced_before_it_begins(time):
    plan = retimed(1000, (600, 100))
    clock = Clock(plan, before=1e6, step=500)
    assert all(retime(plan, step, clock) is plan for step in range(500, 601))
    assert retime(plan, 601, clock).end == 602


def test_a_run_of_format_1_that_waited_for_its_decay_ends_on_time(time):
    """The learning rate was constant until the clock ended it."""
    recorded = {"steps": 1000, "seconds": 60.0, "seconds_per_step": 0.06, "validate_every": 100, "log_every": 10}
    plan = Plan.from_json({**recorded, "decay_start": None})
    training = Training(plan, Clock(plan, before=40.0, step=1300), step=1300)
    took = training.run(time, lambda *_: 0.03, validation=1.0)
    assert took == pytest.approx(60, rel=0.05)


@pytest.mark.parametrize("pace", [0.03, 0.06, 0.12, 0.24])
def test_a_run_of_format_1_ends_on_time_from_any_step(time, pace):
    """Its plan has no end yet, and its speed may have changed since it was made."""
    recorded = {"steps": 1000, "seconds": 60.0, "seconds_per_step": 0.06, "validate_every": 100, "log_every": 10}
    plan = Plan.from_json({**recorded, "decay_start": None})
    training = Training(plan, Clock(plan, before=18.0, step=300), step=300)
    assert training.run(time, lambda *_: pace) == pytest.approx(60, rel=0.05)


def test_the_speed_of_late(time):
    """The speed is that of at least three intervals between marks, without the slowest and the fastest."""
    plan = plan_time(100.0, 1.0, 0.0)
    clock = Clock(plan, before=25.0, step=10)
    assert clock.elapsed() == 25
    assert clock.seconds_per_step(0.0) == 1
    step = 10
    for pace in (2.0, 2.0, 90.0, 2.0, 4.0):
        time.now += 5 * pace
        step += 5
        clock.mark(step)
    assert clock.seconds_per_step(0.0) == 4
    assert clock.seconds_per_step(500.0) == 2
    with clock.aside():
        time.now += 1000
    with clock.validating(step):
        time.now += 8
    assert clock.steps_per_validation == 2
    time.now += 10
    clock.mark(step + 5)
    assert clock.seconds_per_step(0.0) == 2

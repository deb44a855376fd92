from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from genlab.engine import budget as plans
from genlab.engine.budget import Clock, Plan, decide, plan_steps, plan_time


def with_decay(steps: int, decay_start: int | None) -> Plan:
    return Plan(steps, 60.0, 0.01, 10, 1, decay_start)


@given(st.integers(4, 5000), st.data())
def test_the_learning_rate_ends_at_exactly_zero(steps, data):
    plan = with_decay(steps, data.draw(st.integers(0, 3 * steps)))
    assert plan.factor(plan.end - 1) == 0
    assert plan.end - plan.decay_start == plan.decay_steps
    if plan.decay_steps > 1:
        assert plan.factor(plan.end - 2) > 0


@given(st.integers(40, 5000), st.data())
def test_the_decay_begins_without_a_jump_and_only_falls(steps, data):
    start = data.draw(st.integers(steps // 10, 3 * steps))
    plan = with_decay(steps, start)
    factors = [plan.factor(step) for step in range(start - 1, plan.end)]
    assert all(before > after for before, after in pairwise(factors))
    assert factors[0] - factors[1] <= 1.01 * factors[0] / plan.decay_steps
    assert factors[0] == with_decay(steps, None).factor(start - 1)
    assert all(0 <= factor <= 1 for factor in factors)


def test_an_early_end_is_planned_as_one_line():
    """On time, the schedule is warm-up and a straight line to zero."""
    plan = plan_steps(1000, validates=True)
    assert plan.end == 1000
    factors = [plan.factor(step) for step in range(1000)]
    assert factors[20:] == pytest.approx([1 - (step + 1) / 1000 for step in range(20, 1000)])
    assert factors[:20] == sorted(factors[:20])
    assert 0 < factors[0] < 0.06


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 7, 10, 199, 1000])
def test_plans_of_stated_steps(steps):
    plan = plan_steps(steps, validates=True)
    assert plan.end == steps
    assert plan.factor(steps - 1) == 0
    assert plan.validate_every >= 1
    assert plan.log_every >= 1
    assert plan == plan_steps(steps, validates=True)
    assert plan_steps(steps, validates=False).validate_every == 0


@given(st.floats(5, 1e5), st.floats(1e-4, 100), st.just(0.0) | st.floats(1e-3, 100))
def test_plans_of_a_stated_time(seconds, per_step, per_validation):
    plan = plan_time(seconds, per_step, per_validation)
    assert plan.steps >= 4
    assert plan.decay_start is None
    assert plan.end is None
    if per_validation == 0:
        assert plan.validate_every == 0
        assert abs(plan.steps * per_step - seconds) <= max(per_step, 4 * per_step)
    else:
        assert plan.validate_every >= 1
        if per_validation < 0.05 * seconds and per_step < 0.001 * seconds:
            validations = plan.steps / plan.validate_every
            assert validations * per_validation <= 0.12 * seconds
            assert plan.steps * per_step + validations * per_validation == pytest.approx(seconds, rel=0.03)


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


def simulate(time: Time, seconds: float, pace, measured: float = 0.02, validation: float = 0.0) -> tuple[float, float]:
    """Seconds that a training takes whose step number n costs `pace(n, elapsed)`, and its last learning rate."""
    plan, clock, step = plan_time(seconds, measured, validation), Clock(0.0), 0
    while plan.end is None or step < plan.end:
        if plan.decay_start is None:
            plan = decide(plan, step, clock)
        last = plan.factor(step)
        time.now += pace(step, clock.elapsed())
        step += 1
        clock.step()
        if plan.validate_every and step % plan.validate_every == 0 and step != plan.end:
            time.now += validation
    return clock.elapsed(), last


@pytest.mark.parametrize("speed", [0.5, 0.7, 0.85, 1.0, 1.15, 1.3, 1.6])
@pytest.mark.parametrize("seconds", [6.0, 60.0])
@pytest.mark.parametrize("validation", [0.0, 0.02], ids=["no validation", "validation"])
def test_budgets_are_kept_at_other_speeds(time, seconds, speed, validation):
    took, rate = simulate(time, seconds, lambda *_: 0.02 * speed, validation=validation * seconds)
    assert took == pytest.approx(seconds, rel=0.1)
    assert rate == 0


@pytest.mark.parametrize("later", [0.7, 1.3])
@pytest.mark.parametrize("when", [0.3, 0.5, 0.7])
@pytest.mark.parametrize("seconds", [6.0, 60.0])
def test_budgets_are_kept_when_speed_drifts(time, seconds, later, when):
    took, rate = simulate(time, seconds, lambda _, now: 0.02 * (later if now > when * seconds else 1))
    assert took == pytest.approx(seconds, rel=0.1)
    assert rate == 0


@pytest.mark.parametrize("at", [0, 1, 2, 30, 200, 1000])
@pytest.mark.parametrize("stall", [0.1, 1.0, 3.0])
def test_a_stall_does_not_end_a_training_early(time, at, stall):
    """A slow first step, or a machine busy for a moment, is not the pace."""
    took, rate = simulate(time, 60.0, lambda step, _: stall if step == at else 0.02)
    assert took == pytest.approx(60, rel=0.1)
    assert rate == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32), st.floats(0.75, 1.3))
def test_budgets_are_kept_with_noise(seed, speed):
    import random

    chance, moved = random.Random(seed), Time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plans, "time", moved)
        took, _ = simulate(moved, 30.0, lambda *_: 0.02 * speed * chance.lognormvariate(-0.08, 0.4))
    assert took == pytest.approx(30, rel=0.1)


def test_a_resumed_clock_goes_on(time):
    clock = Clock(25.0)
    time.now += 5
    clock.step()
    assert clock.elapsed() == pytest.approx(30)
    assert clock.trained() == pytest.approx(30)
    assert clock.seconds_per_step(1.0, weight=0.0) == pytest.approx(5)
    assert clock.seconds_per_step(1.0, weight=3.0) == pytest.approx(2)


@pytest.mark.parametrize("killed", [0.1, 0.4, 0.74, 0.95])
def test_budgets_are_kept_over_a_kill(time, killed):
    """A run resumed after some of its time: its clock goes on, its plan stays, its first step is slow."""
    plan, step = plan_time(60.0, 0.02, 0.0), 0
    clock = Clock(0.0)
    while clock.elapsed() < killed * 60:
        if plan.decay_start is None:
            plan = decide(plan, step, clock)
        time.now += 0.02
        step += 1
        clock.step()
    time.now += 1000  # between the attempts
    resumed = Clock(clock.elapsed() - 1000)
    first = True
    while plan.end is None or step < plan.end:
        if plan.decay_start is None:
            plan = decide(plan, step, resumed)
        time.now += 0.5 if first else 0.02
        first = False
        step += 1
        resumed.step()
    assert resumed.elapsed() == pytest.approx(60, rel=0.1)

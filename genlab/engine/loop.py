"""The training loop that every recipe shares."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

import torch

from genlab.engine.budget import Clock, Plan, retime
from genlab.engine.checkpoints import load_state, save_state
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.model_card import write_card
from genlab.engine.modes import evaluating
from genlab.engine.options import RunOptions
from genlab.engine.progress import Reporter, clock, reporting, say, working
from genlab.engine.recipe import Metrics, Recipe
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import write_samples
from genlab.engine.stopping import past_its_best
from genlab.engine.trackers import Trackers
from genlab.engine.weights import read_weights, write_weights

PREVIEW_SHARE = 0.02
"""Share of a time budget that samples made during training may take."""
PREVIEW_FROM = 120.0
"""Shortest time budget, in seconds, that has time for them."""


class Decision(NamedTuple):
    """What the first process decides after a step, for all."""

    plan: Plan
    interrupted: bool
    save: bool


class Loop:
    """Steps, and between them whatever is due: measures, validation, checkpoints."""

    def __init__(
        self, recipe: Recipe, run: RunOptions, machine: Machine, folder: RunFolder, plan: Plan, given: dict[str, Any]
    ) -> None:
        self.recipe, self.options, self.machine = recipe, run, machine
        self.folder, self.plan, self.given = folder, plan, given
        self.first = machine.rank == 0
        self.step = 0
        self.best: dict[str, float] | None = None
        self.history: list[float] = []
        """The deciding measure at every validation."""
        self.sums: Metrics = {}
        self.summed = 0
        self.last: dict[str, float] = {}
        self.alarmed: set[str] = set()
        self.peaks = [group["lr"] for group in recipe.groups()]
        elapsed = 0.0
        if saved := machine.first(lambda: load_state(folder.path / "resume")):
            self.step, state = saved
            recipe.load_state(state["recipe"])
            self.best, self.history, elapsed = state["best"], state["history"], state["seconds"]
            self.sums, self.summed = machine.place(state["sums"]), state["summed"]
            if self.first:
                folder.restore_planned_best()
        self.overfitted = self._overfits()
        self.clock = Clock(plan, elapsed, self.step)
        self.saved_at, self.saving_took, self.previews_took = elapsed, 0.0, 0.0
        if self.first:
            self.attempt = folder.about().get("attempts", 1)
            self.trackers = Trackers(run.log, folder.path, given)

    def say(self, message: str, quiet: bool) -> None:
        if self.first and not quiet:
            say(message)

    def run(self, quiet: bool) -> None:
        """Trains from the current step to the plan's end, and makes the final report."""
        state = "done"
        networks = self.recipe.networks.values()
        with _interrupts() as interrupted, reporting(quiet or not self.first) as reporter:
            while self.step < self.plan.end and not self.overfitted:
                self._add(self._one_step())
                self.step += 1
                ends = self.step == self.plan.end
                validates = self.plan.validates_after(self.step - 1)
                # Several processes agree, and show and save anything, only after these steps.
                meet = ends or validates or self.machine.processes == 1 or self.step % self.plan.log_every == 0
                if not meet:
                    continue
                self.machine.agree_buffers(networks)
                if (ends or validates or self.step % self.plan.log_every == 0) and not self._log(reporter):
                    state = "diverged"
                    break
                if validates and not self._validate(quiet):
                    state = "diverged"
                    break
                decision = self.machine.agree(self._decide(bool(interrupted)))
                if ends or self.overfitted:
                    break
                self._follow(decision.plan)
                if decision.interrupted:
                    state = "interrupted"
                    break
                if decision.save:
                    if not self.machine.agree(self._finite()):
                        state = "diverged"
                        break
                    self._save()
        if self.first:
            self._finish(state, quiet)

    def _one_step(self) -> Metrics:
        """One update, as a function of the run's seed, the plan and the weights alone."""
        for group, peak in zip(self.recipe.groups(), self.peaks, strict=True):
            group["lr"] = peak * self.plan.factor(self.step)
        seed_everything(self.options.seed, self.step, self.machine.rank)
        with self.machine.autocast():
            batch = self.machine.place(self.recipe.batch(self.step))
            return self.recipe.step(batch, self.plan.progress(self.step))

    def _decide(self, interrupted: bool) -> Decision:
        plan = self.plan
        if self.clock.due() and self.step < plan.end:
            self.machine.wait()
            self.clock.mark(self.step)
            plan = retime(plan, self.step, self.clock)
        return Decision(plan, interrupted, self._checkpoint_due())

    def _follow(self, plan: Plan) -> None:
        """Records a changed plan before it acts: a resumed run repeats it."""
        if plan != self.plan:
            self.plan = plan
            if self.first:
                write_plan(self.folder, self.recipe, self.given, plan)

    # --- measures ---

    def _add(self, measures: Metrics) -> None:
        for name, value in measures.items():
            value = value.detach()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.summed += 1

    def _means(self) -> dict[str, float]:
        """Means since the last call; empty if there was no step."""
        if not self.summed:
            return {}
        names = list(self.sums)
        values = self.machine.mean(torch.stack([self.sums[name].float() for name in names]) / self.summed)
        self.sums, self.summed = {}, 0
        return dict(zip(names, values.tolist(), strict=True))

    def _log(self, reporter: Reporter | None) -> bool:
        """Writes the training measures; False if one is not finite."""
        means = self._means()
        if means:
            self.last = means
            self._write("train", {**means, "learning_rate": next(self.recipe.groups())["lr"]})
        if reporter is not None:
            elapsed, seconds = self.clock.elapsed(), self.plan.seconds
            done = elapsed / seconds if seconds else self.step / self.plan.end
            left = elapsed * (1 - done) / max(done, 1e-6)
            shown = {**self.last, **({"validation": self.history[-1]} if self.history else {})}
            reporter.show(min(done, 1.0), self.step, shown, max(left, 0.0))
        return all(map(math.isfinite, means.values()))

    def _write(self, split: str, measures: dict[str, float]) -> None:
        if self.first:
            entry = {"step": self.step, "attempt": self.attempt, "split": split, "seconds": self.clock.elapsed()}
            self.folder.add_measures({**entry, **measures})
            self.trackers.add(self.step, split, measures)

    # --- validation ---

    def _validate(self, quiet: bool) -> bool:
        """Measures on the validation split and keeps the best weights; False if the deciding measure is not finite."""
        with self.clock.validating(self.step):
            with self._evaluating():
                measures = self.machine.agree(self.recipe.validate())
            self.machine.agree_buffers(self.recipe.networks.values())  # some recipes fit a buffer to the split
            value = next(iter(measures.values()))
            self._write("validation", measures)
            if not math.isfinite(value):
                return False
            self.history.append(value)
            if self.best is None or value < next(iter(self.best.values())):
                self.best = {**measures, "step": self.step}
                self._write_model()
        self._comment(measures, quiet)
        self.overfitted = self._overfits()
        enough = self.previews_took <= PREVIEW_SHARE * self.clock.elapsed()
        if self.plan.seconds is None or (self.plan.seconds >= PREVIEW_FROM and enough):
            start = time.perf_counter()
            with self.clock.aside():
                self._preview(f"step-{self.step:07d}")
            self.previews_took += time.perf_counter() - start
        return True

    def _comment(self, measures: dict[str, float], quiet: bool) -> None:
        """Tells the user what the newest validation shows to go wrong, once each."""
        since = self.history[self.history.index(min(self.history)) + 1 :]
        if self.recipe.steady and self.best and len(since) == 3 and since == sorted(since):
            at = self.best["step"]
            self.say(
                f"Note: overfitting has begun: validation is worse than at step {at:,}, whose weights are kept.", quiet
            )
        for alarm in self.recipe.alarms(measures):
            if alarm not in self.alarmed:
                self.alarmed.add(alarm)
                self.say(f"Warning: {alarm}", quiet)

    def _overfits(self) -> bool:
        """Whether the rest of a time budget cannot help any more; a stated number of steps is always made."""
        return self.plan.seconds is not None and self.recipe.steady and past_its_best(self.history)

    def _write_model(self) -> None:
        if self.first:
            write_weights(self.folder.weights, self.recipe.pipeline.networks)

    def _preview(self, name: str) -> None:
        if self.first:
            with self._evaluating():
                samples = self.recipe.preview()
            write_samples(samples, self.folder.path / "samples", name)

    def _evaluating(self) -> AbstractContextManager[None]:
        """Inside, networks are used, not trained, and no random number that is drawn changes the training."""
        return evaluating(self.recipe.networks.values(), self.machine, self.options.seed)

    # --- checkpoints ---

    def _checkpoint_due(self) -> bool:
        return self.clock.elapsed() - self.saved_at >= max(self.options.checkpoint_seconds, 50 * self.saving_took)

    def _finite(self) -> bool:
        """Whether all measures and weights are finite: otherwise a checkpoint would replace the last good one."""
        weights = (weight for network in self.recipe.networks.values() for weight in network.parameters())
        return all(bool(torch.isfinite(tensor).all()) for tensor in (*self.sums.values(), *weights))

    def _save(self) -> None:
        start = time.perf_counter()
        with self.clock.aside():
            if self.first:
                state: dict[str, Any] = {"recipe": self.recipe.state(), "best": self.best, "history": self.history}
                state |= {"sums": self.sums, "summed": self.summed, "seconds": self.clock.elapsed()}
                save_state(self.folder.path / "resume", self.step, state)
                self.folder.note(step=self.step)
                if self.best is None:
                    self._write_model()
        self.saved_at, self.saving_took = self.clock.elapsed(), time.perf_counter() - start

    # --- the end ---

    def _finish(self, state: str, quiet: bool) -> None:
        seconds = self.clock.elapsed()
        if not self._finite():
            state = "diverged"
        if state != "diverged":
            self._save()
        if state == "interrupted" and self.best is not None:
            with self._evaluating():
                measures = self.recipe.validate()
            if next(iter(measures.values())) < next(iter(self.best.values())):
                self.folder.keep_planned_best()
                self.best = {**measures, "step": self.step}
                self._write_model()
        if state != "diverged" and not self.recipe.validates:
            self._write_model()
        self.trackers.close()
        self.folder.note(step=self.step, seconds=round(seconds, 3), best=self.best)
        if state == "diverged":
            self.say(
                f"The loss became NaN or infinite at step {self.step:,}; the run keeps the weights of "
                f"{'the best validation' if self.best else 'the last checkpoint'}. "
                "Train again with a lower learning rate.",
                quiet,
            )
        if self.overfitted and self.best is not None:
            self.folder.note(stopped="overfitting")
            self._explain_stop(self.best, seconds, quiet)
        if not self.folder.weights.exists():
            self.folder.note(state=state)
            return
        read_weights(self.folder.weights, self.recipe.pipeline.networks)
        test: dict[str, float] = {}
        with working("writing the final report", quiet):
            if state == "done":
                with self._evaluating():
                    test = self.recipe.test()
                self.folder.note(test=test or None)
            self._preview("best" if self.best else "last")
            write_card(self.folder, self.recipe.pipeline, state)
        self.folder.note(state=state)  # last: a run in this state is not resumed
        reports: list[tuple[str, dict[str, float] | None]] = [("validation", self.best), ("test", test)]
        for name, report in reports:
            if report:
                numbers = ", ".join(f"{key} {value:.4g}" for key, value in report.items() if key != "step")
                self.say(f"{name}: {numbers}", quiet)

    def _explain_stop(self, best: dict[str, float], seconds: float, quiet: bool) -> None:
        """Says why the training ended early, and what would use the time."""
        at = int(best["step"])
        # The decay was cut short at the best; a run of about twice that time ends it there.
        shorter = max(0.1, 2 * seconds * at / self.step / 60)
        self.say(
            f"Stopped after {clock(seconds)} of {clock(self.plan.seconds or 0.0)}: validation was best at step {at:,} "
            f"and has become clearly worse since; the run keeps the weights of that step. More data, a smaller model "
            f"or more regularization would use the time; with these data, try --minutes {shorter:.2g}, so that the "
            "learning rate falls to zero before overfitting begins.",
            quiet,
        )


def write_plan(folder: RunFolder, recipe: Recipe, given: dict[str, Any], plan: Plan) -> None:
    """Writes config.json: what the user gave, what it was resolved to, and the plan."""
    folder.write_config({**given, "config": asdict(recipe.options), "plan": asdict(plan)})


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Inside, Ctrl-C or SIGTERM is noted instead of raised; a second one is raised."""
    noted: list[int] = []

    def note(number: int, _: Any) -> None:
        if noted:
            raise KeyboardInterrupt
        noted.append(number)

    try:
        before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # not the main thread: the caller interrupts by other means
        before = {}
    try:
        yield noted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

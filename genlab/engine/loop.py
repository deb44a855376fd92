"""The training loop that every recipe shares."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any

import torch

from genlab.engine.budget import Clock, Plan, decide
from genlab.engine.files import load_state, save_state
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.model_card import write_card
from genlab.engine.modes import evaluating
from genlab.engine.options import RunOptions
from genlab.engine.progress import reporting, say
from genlab.engine.recipe import Recipe
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import write_samples
from genlab.engine.trackers import Trackers


class Loop:
    """Steps, and between them whatever is due: measures, validation, checkpoints."""

    def __init__(
        self, recipe: Recipe, run: RunOptions, machine: Machine, folder: RunFolder, plan: Plan, given: dict[str, Any]
    ) -> None:
        self.recipe, self.options, self.machine, self.folder, self.plan, self.given = (
            recipe,
            run,
            machine,
            folder,
            plan,
            given,
        )
        self.first = machine.rank == 0
        self.step = 0
        self.best: dict[str, float] | None = None
        self.history: list[float] = []  # the deciding measure at every validation
        self.sums: dict[str, torch.Tensor] = {}
        self.summed = 0
        self.last: dict[str, float] = {}
        self.alarmed: set[str] = set()
        self.peaks = [group["lr"] for group in recipe.groups()]
        elapsed = 0.0
        if saved := load_state(folder.path / "resume"):
            self.step, state = saved
            recipe.load_state(state["recipe"])
            self.best, self.history, elapsed = state["best"], state["history"], state["seconds"]
            self.sums, self.summed = state["sums"], state["summed"]
            if self.first:
                folder.restore_planned_best()
        self.attempt = folder.about().get("attempts", 1)
        self.clock = Clock(elapsed)
        self.saved_at = self.clock.elapsed()
        self.saving_took = 0.0
        if self.first:
            self.trackers = Trackers(run.log, folder.path, given)

    def say(self, message: str, quiet: bool) -> None:
        if self.first and not quiet:
            say(message)

    def run(self, quiet: bool) -> None:
        """From the current step to the plan's end."""
        state = "done"
        validates = self.recipe.validates
        with _interrupts() as interrupted, reporting(quiet or not self.first) as reporter:
            while self.plan.end is None or self.step < self.plan.end:
                asks = self.machine.processes == 1 or self.step % self.plan.log_every == 0
                if asks and self.plan.decay_start is None:
                    self._decide()
                for group, peak in zip(self.recipe.groups(), self.peaks, strict=True):
                    group["lr"] = peak * self.plan.factor(self.step)
                seed_everything(self.options.seed, self.step, self.machine.rank)
                with self.machine.autocast():
                    batch = self.machine.place(self.recipe.batch(self.step))
                    measures = self.recipe.step(batch, self.plan.progress(self.step))
                self._add(measures)
                self.step += 1
                self.clock.step()
                ends = self.step == self.plan.end
                due = self.plan.validate_every and (self.step % self.plan.validate_every == 0 or ends)
                if (due or ends or self.step % self.plan.log_every == 0) and not self._log(reporter):
                    state = "diverged"
                    break
                if validates and due and not self._validate(quiet):
                    state = "diverged"
                    break
                if asks and self.machine.agree(bool(interrupted)) and not ends:
                    state = "interrupted"
                    break
                if asks and not ends and self._checkpoint_due():
                    if not self.machine.agree(self._finite()):
                        state = "diverged"
                        break
                    self._save()
        self._finish(state, validates, quiet)

    def _decide(self) -> None:
        plan = self.machine.agree(decide(self.plan, self.step, self.clock))
        if plan.decay_start is not None:
            self.plan = plan
            if self.first:  # written before it acts: a resumed run takes the same decision
                write_plan(self.folder, self.recipe, self.given, plan)

    def _add(self, measures: dict[str, torch.Tensor]) -> None:
        for name, value in measures.items():
            value = value.detach()
            self.sums[name] = self.sums[name] + value if name in self.sums else value
        self.summed += 1

    def _means(self) -> dict[str, float]:
        """Means since they were last asked for; empty if there was no step."""
        if not self.summed:
            return {}
        names = list(self.sums)
        values = self.machine.mean(torch.stack([self.sums[name].float() for name in names]) / self.summed)
        self.sums, self.summed = {}, 0
        return dict(zip(names, values.tolist(), strict=True))

    def _log(self, reporter: Any) -> bool:
        """Writes the training measures; False if one is no number."""
        means = self._means()
        if means:
            self.last = means
            self._write("train", {**means, "learning_rate": next(self.recipe.groups())["lr"]})
        if reporter is not None:
            elapsed, seconds = self.clock.elapsed(), self.plan.seconds
            done = self.step / (self.plan.end or self.plan.steps)
            if seconds and self.plan.end is None:
                done = elapsed / seconds
            left = elapsed * (1 - done) / max(done, 1e-6) if self.step else 0.0
            shown = {**self.last, **({"validation": self.history[-1]} if self.history else {})}
            reporter.show(min(done, 1.0), self.step, shown, left)
        return all(map(math.isfinite, means.values()))

    def _write(self, split: str, measures: dict[str, float]) -> None:
        if self.first:
            entry = {"step": self.step, "attempt": self.attempt, "split": split, "seconds": self.clock.elapsed()}
            self.folder.add_measures({**entry, **measures})
            self.trackers.add(self.step, split, measures)

    def _validate(self, quiet: bool) -> bool:
        """Measures on the validation split and keeps the best weights; False if a measure is no number."""
        with self._evaluating():
            measures = self.recipe.validate()
        value = next(iter(measures.values()))
        self._write("validation", measures)
        if not math.isfinite(value):
            return False
        self.history.append(value)
        if self.best is None or value < next(iter(self.best.values())):
            self.best = {**measures, "step": self.step}
            self._write_model()
        elif self.recipe.steady and self._worsens():
            at = self.best["step"]
            self.say(
                f"Note: overfitting has begun: validation is worse than at step {at:,}, whose weights are kept.", quiet
            )
        for alarm in self.recipe.alarms(measures):
            if alarm not in self.alarmed:
                self.alarmed.add(alarm)
                self.say(f"Warning: {alarm}", quiet)
        if self.plan.seconds is None or self.plan.seconds >= 120:
            self._preview(f"step-{self.step:07d}")
        return True

    def _worsens(self) -> bool:
        """Whether just now the third validation after the best is the third in a row that is worse."""
        best = self.history.index(min(self.history))
        return len(self.history) - best == 4 and self.history[-3:] == sorted(self.history[-3:])

    def _write_model(self) -> None:
        if self.first:
            self.folder.write_model(self.recipe.pipeline.networks)

    def _preview(self, name: str) -> None:
        if self.first:
            with self._evaluating():
                samples = self.recipe.preview()
            write_samples(samples, self.folder.path / "samples", name)

    def _evaluating(self) -> AbstractContextManager[None]:
        """Inside, the networks are used, not trained, and no random number that is drawn changes the training."""
        return evaluating(self.recipe.networks.values(), self.machine, self.options.seed)

    def _checkpoint_due(self) -> bool:
        since = self.clock.elapsed() - self.saved_at
        return self.machine.agree(since >= max(self.options.checkpoint_seconds, 50 * self.saving_took))

    def _finite(self) -> bool:
        """Whether all measures and weights are numbers: a checkpoint of others would cost the last good one."""
        weights = (weight for network in self.recipe.networks.values() for weight in network.parameters())
        return all(bool(torch.isfinite(tensor).all()) for tensor in (*self.sums.values(), *weights))

    def _save(self) -> None:
        start = time.perf_counter()
        if self.first:
            state: dict[str, Any] = {"recipe": self.recipe.state(), "best": self.best, "history": self.history}
            state |= {"sums": self.sums, "summed": self.summed, "seconds": self.clock.elapsed()}
            save_state(self.folder.path / "resume", self.step, state)
            self.folder.note(step=self.step)
            if self.best is None:
                self._write_model()
        self.saved_at, self.saving_took = self.clock.elapsed(), time.perf_counter() - start

    def _finish(self, state: str, validates: bool, quiet: bool) -> None:
        if not self.first:
            return
        if not self._finite():
            state = "diverged"
        if state != "diverged":
            self._save()
        if state == "interrupted" and validates and self.best is not None:
            with self._evaluating():
                measures = self.recipe.validate()
            if next(iter(measures.values())) < next(iter(self.best.values())):
                self.folder.keep_planned_best()
                self.best = {**measures, "step": self.step}
                self._write_model()
        if state != "diverged" and not validates:
            self._write_model()
        self.trackers.close()
        self.folder.note(step=self.step, seconds=round(self.clock.trained(), 3), best=self.best)
        if state == "diverged":
            self.say(
                f"The loss stopped being a number at step {self.step:,}: the weights of "
                f"{'the best validation' if self.best else 'the last checkpoint'} are kept. "
                "Train again with a lower learning rate.",
                quiet,
            )
        if not self.folder.weights.exists():
            self.folder.note(state=state)
            return
        self.folder.read_model(self.recipe.pipeline.networks)
        test: dict[str, float] = {}
        if state == "done":
            with self._evaluating():
                test = self.recipe.test()
        if state == "done":
            self.folder.note(test=test or None)
        self._preview("best" if self.best else "last")
        write_card(self.folder, self.recipe.pipeline, state)
        self.folder.note(state=state)  # last: what is done is not resumed
        reports: list[tuple[str, dict[str, float] | None]] = [("validation", self.best), ("test", test)]
        for name, report in reports:
            if report:
                numbers = ", ".join(f"{key} {value:.4g}" for key, value in report.items() if key != "step")
                self.say(f"{name}: {numbers}", quiet)


def write_plan(folder: RunFolder, recipe: Recipe, given: dict[str, Any], plan: Plan) -> None:
    """Into config.json, beside what the user gave and what came of it."""
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

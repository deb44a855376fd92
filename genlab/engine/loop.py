"""The training loop that every recipe shares."""

import math
import signal
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import asdict
from typing import Any, NamedTuple

import torch
from torch import Tensor

from genlab.engine.budget import Clock, Plan, retime
from genlab.engine.checkpoints import load_state, save_state
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.model_card import write_card
from genlab.engine.modes import evaluating
from genlab.engine.options import RunOptions
from genlab.engine.progress import Reporter, clock, minutes, reporting, say, working
from genlab.engine.recipe import Metrics, Recipe
from genlab.engine.run_folder import RunFolder
from genlab.engine.samples import write_samples
from genlab.engine.stopping import begins_to_overfit, past_its_best
from genlab.engine.trackers import Trackers
from genlab.engine.weights import read_best, read_weights, write_weights
from genlab.errors import InputError

PREVIEW_SHARE = 0.02
"""Largest fraction of a time budget for previews."""
PREVIEW_FROM = 120.0
"""Shortest time budget, in seconds, with previews."""
MEETING = 1.0
"""Seconds between decisions of several processes: after Ctrl-C, torchrun waits 30 s before it kills them."""


class Decision(NamedTuple):
    """Decisions of the first process after a step, which all processes follow."""

    plan: Plan
    interrupted: bool
    save: bool
    meeting: int
    """The step after which several processes decide again, if they log nothing before it."""


class Loop:
    """Runs the steps of a recipe, with metrics, validation and checkpoints between them."""

    def __init__(
        self, recipe: Recipe, run: RunOptions, machine: Machine, folder: RunFolder, plan: Plan, given: dict[str, Any]
    ) -> None:
        self.recipe, self.options, self.machine = recipe, run, machine
        self.folder, self.plan, self.given = folder, plan, given
        self.first = machine.rank == 0
        self.step = 0
        self.best: dict[str, float] | None = None
        self.history: list[float] = []
        """The selection metric of every validation."""
        self.sums: Metrics = {}
        self.summed = 0
        self.counts: dict[str, int | Tensor] = {}
        """Number of terms in the sum of each metric: a recipe may stop returning one."""
        self.last: dict[str, float] = {}
        self.overfitting = False
        self.alarmed: set[str] = set()
        self.peaks = [group["lr"] for group in recipe.groups()]
        elapsed = 0.0
        if saved := machine.first(lambda: load_state(folder.path / "resume")):
            self.step, state = saved
            _restore(recipe, state["recipe"])
            self.history, elapsed = state["history"], state["seconds"]
            self.sums, self.summed = machine.place(state["sums"]), state["summed"]
            self.counts = machine.place(state.get("counts", dict.fromkeys(self.sums, self.summed)))
            if self.first:
                folder.restore_planned_best()
            # A validation after the checkpoint may have written better weights before the run was killed.
            self.best = machine.first(lambda: read_best(folder.weights) or state["best"])
        self.overfitted = self._overfits()
        self.clock = Clock(plan, elapsed, self.step)
        self.saved_at, self.saving_took, self.previews_took = elapsed, 0.0, 0.0
        self.meeting, self.met, self.met_at = 0, self.step, elapsed
        self.attempt = machine.first(lambda: folder.about().get("attempts", 1))
        self.trackers = Trackers(run.log if self.first else (), folder.path, given)

    def say(self, message: str, quiet: bool) -> None:
        if self.first and not quiet:
            say(message)

    def run(self, quiet: bool) -> None:
        """Trains from the current step to the end of the plan, and writes the final report."""
        state = "done"
        with _interrupts() as interrupted, reporting(quiet or not self.first) as reporter:
            while self.step < self.plan.end and not self.overfitted:
                self._add(*self._one_step())
                self.step += 1
                ends = self.step == self.plan.end
                validates = self.plan.validates_after(self.step - 1)
                logs = ends or validates or self.step % self.plan.log_every == 0
                # Processes synchronise, report and save only after these steps.
                if not (logs or self.machine.processes == 1 or self.step >= self.meeting):
                    continue
                self._share_buffers()
                self._share_sums()
                if logs and not self._log(reporter):
                    state = "diverged"
                    break
                if validates and not self._validate(quiet):
                    state = "diverged"
                    break
                decision = self.machine.agree(self._decide(bool(interrupted)))
                if ends or self.overfitted:
                    break
                self._adopt(decision.plan)
                self.meeting = decision.meeting
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

    def _one_step(self) -> tuple[Metrics, int | Tensor]:
        """One update, a pure function of the seed, the plan and the weights; returns its metrics and their weight."""
        for group, peak in zip(self.recipe.groups(), self.peaks, strict=True):
            group["lr"] = peak * self.plan.factor(self.step)
        seed_everything(self.options.seed, self.step, self.machine.rank)
        with self.machine.autocast():
            batch = self.machine.place(self.recipe.batch(self.step))
            return self.recipe.step(batch, self.plan.progress(self.step)), self.recipe.terms(batch)

    def _decide(self, interrupted: bool) -> Decision:
        plan = self.plan
        if self.clock.due() and self.step < plan.end:
            self.machine.wait()
            self.clock.mark(self.step)
            plan = retime(plan, self.step, self.clock)
        elapsed = self.clock.elapsed()
        seconds_per_step = (elapsed - self.met_at) / (self.step - self.met)
        self.met, self.met_at = self.step, elapsed
        meeting = self.step + max(1, int(MEETING / seconds_per_step))
        return Decision(plan, interrupted, self._checkpoint_due(), meeting)

    def _adopt(self, plan: Plan) -> None:
        """Records a changed plan before it takes effect, so that a resumed run repeats it."""
        if plan != self.plan:
            self.plan = plan
            if self.first:
                write_plan(self.folder, self.recipe, self.given, plan)

    # --- metrics ---

    def _add(self, measures: Metrics, terms: int | Tensor) -> None:
        for name, value in measures.items():
            value = value.detach() * terms
            self.sums[name] = self.sums[name] + value if name in self.sums else value
            self.counts[name] = self.counts.get(name, 0) + terms
        self.summed += 1

    def _share_sums(self) -> None:
        """Averages the metrics' sums and counts over all processes: a checkpoint of the first one has those of all."""
        if self.sums and self.machine.processes > 1:
            values = torch.stack([value.float() for value in self.sums.values()])
            terms = torch.stack([torch.as_tensor(self.counts[name], device=values.device) for name in self.sums])
            sums, counts = self.machine.mean(torch.stack((values, terms.float())))
            self.sums, self.counts = (dict(zip(self.sums, part, strict=True)) for part in (sums, counts))

    def _means(self) -> dict[str, float]:
        """Mean metrics since the last call; empty if there was no step."""
        if not self.summed:
            return {}
        means = torch.stack([value.float() / self.counts[name] for name, value in self.sums.items()])
        names, self.sums, self.summed, self.counts = list(self.sums), {}, 0, {}
        return dict(zip(names, means.tolist(), strict=True))

    def _log(self, reporter: Reporter | None) -> bool:
        """Logs the training metrics; returns False if one is not finite."""
        means = self._means()
        if means:
            self.last = means
            self._write("train", {**means, "learning_rate": next(self.recipe.groups())["lr"]})
        if reporter is not None:
            elapsed, seconds = self.clock.elapsed(), self.plan.seconds
            done = elapsed / seconds if seconds and self.step < self.plan.end else self.step / self.plan.end
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
        """Validates and keeps the best weights; returns False if the selection metric is not finite."""
        with self.clock.validating(self.step):
            with self._evaluating():
                measures = self.machine.agree(self.recipe.validate())
            self._share_buffers()  # some recipes fit a buffer to the split
            value = next(iter(measures.values()))
            self._write("validation", measures)
            if not math.isfinite(value):
                return False
            self.history.append(value)
            if self.best is None or value < next(iter(self.best.values())):
                self.best = {**measures, "step": self.step}
                self._write_model()
        self._warn(measures, quiet)
        self.overfitted = self._overfits()
        enough = self.previews_took <= PREVIEW_SHARE * self.clock.elapsed()
        if self.plan.seconds is None or (self.plan.seconds >= PREVIEW_FROM and enough):
            start = time.perf_counter()
            with self.clock.aside():
                self._preview(f"step-{self.step:07d}")
            self.previews_took += time.perf_counter() - start
        return True

    def _warn(self, measures: dict[str, float], quiet: bool) -> None:
        """Warns about overfitting and the recipe's alarms, each once."""
        if self.recipe.steady and self.best and begins_to_overfit(self.history) and not self.overfitting:
            self.overfitting = True
            at = self.best["step"]
            self.say(
                f"Note: overfitting has begun: validation is worse than at step {at:,}, whose weights the run keeps.",
                quiet,
            )
        for alarm in self.recipe.alarms(measures):
            if alarm not in self.alarmed:
                self.alarmed.add(alarm)
                self.say(f"Warning: {alarm}", quiet)

    def _overfits(self) -> bool:
        """Whether overfitting makes the rest of a time budget useless; --steps always runs to the end."""
        return self.plan.seconds is not None and self.recipe.steady and past_its_best(self.history)

    def _share_buffers(self) -> None:
        self.machine.share(buffer for network in self.recipe.networks.values() for buffer in network.buffers())

    def _write_model(self) -> None:
        if self.first:
            write_weights(self.folder.weights, self.recipe.pipeline.networks, self.best)

    def _preview(self, name: str) -> None:
        if self.first:
            with self._evaluating():
                samples = self.recipe.preview()
            write_samples(samples, self.folder.path / "samples", name)

    def _evaluating(self) -> AbstractContextManager[None]:
        """Context for using the networks: evaluation mode, and random draws that do not affect training."""
        return evaluating(self.recipe.networks.values(), self.machine, self.options.seed)

    # --- checkpoints ---

    def _checkpoint_due(self) -> bool:
        return self.clock.elapsed() - self.saved_at >= max(self.options.checkpoint_seconds, 50 * self.saving_took)

    def _finite(self) -> bool:
        """Whether all metrics and weights are finite, so that a checkpoint may replace the last good one."""
        weights = (weight for network in self.recipe.networks.values() for weight in network.parameters())
        return all(bool(torch.isfinite(tensor).all()) for tensor in (*self.sums.values(), *weights))

    def _save(self) -> None:
        start = time.perf_counter()
        with self.clock.aside():
            if self.first:
                state: dict[str, Any] = {"recipe": self.recipe.state(), "best": self.best, "history": self.history}
                state |= {"sums": self.sums, "counts": self.counts, "summed": self.summed}
                state["seconds"] = self.clock.elapsed()
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
            source = "the best validation" if self.best else "the last checkpoint"
            kept = f"keeps the weights of {source}" if self.folder.weights.exists() else "has no weights yet"
            self.say(
                f"The loss became NaN or infinite at step {self.step:,}; the run {kept}. "
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
        self.folder.note(state=state)  # last, because a run in this state cannot be resumed
        reports: list[tuple[str, dict[str, float] | None]] = [("validation", self.best), ("test", test)]
        for name, report in reports:
            if report:
                numbers = ", ".join(f"{key} {value:.4g}" for key, value in report.items() if key != "step")
                self.say(f"{name}: {numbers}", quiet)

    def _explain_stop(self, best: dict[str, float], seconds: float, quiet: bool) -> None:
        """Reports why training ended early, and how to use the time better."""
        at = int(best["step"])
        # With about twice the time of the best step, the decay ends there.
        shorter = max(6.0, 2 * seconds * at / self.step)
        self.say(
            f"Stopped after {clock(seconds)} of {clock(self.plan.seconds or 0.0)}: validation was best at step {at:,} "
            "and has become clearly worse since; the run keeps the weights of that step. More data, a smaller model or "
            f"more regularization would make use of the time; with these data, try --minutes {minutes(shorter)}, so "
            "that the learning rate reaches zero before overfitting begins.",
            quiet,
        )


def _restore(recipe: Recipe, state: dict[str, Any]) -> None:
    """Gives a recipe the state of a checkpoint.

    Raises:
        InputError: the checkpoint has other networks or optimisers, as another version of genlab may have.
    """
    try:
        recipe.load_state(state)
    except (KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            "resume: the checkpoint has other networks or optimisers than this version of genlab trains. The run can "
            "be used as it is; to train on, use the version that started it, or train again in another folder.",
            "resume",
        ) from error


def write_plan(folder: RunFolder, recipe: Recipe, given: dict[str, Any], plan: Plan) -> None:
    """Writes config.json: the options as given and as resolved, and the plan."""
    folder.write_config({**given, "config": asdict(recipe.options), "plan": asdict(plan)})


@contextmanager
def _interrupts() -> Iterator[list[int]]:
    """Context that records the first Ctrl-C or SIGTERM instead of raising it."""
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

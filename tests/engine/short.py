"""Short trainings of a tiny GPT."""

import signal
from pathlib import Path

import genlab
from genlab.engine.machine import Machine, seed_everything
from genlab.engine.options import Place
from genlab.engine.recipe import Setup
from genlab.engine.run_folder import RunFolder
from genlab.tasks.text.gpt import GPTRecipe

OPTIONS = {"steps": 20, "size": "tiny", "context": 16, "batch": 2}


def train(book: Path, out: Path, quiet: bool = True, **options) -> genlab.Run:
    return genlab.train("text", book, out=out, quiet=quiet, **{**OPTIONS, **options})


def entries(out: Path, split: str) -> list[dict]:
    return [entry for entry in RunFolder(out).measures() if entry["split"] == split]


def fresh(run: genlab.Run, book: Path, validation: str = "0.05") -> GPTRecipe:
    """The run's recipe before its first step."""
    options = run.pipeline.options
    data, _ = GPTRecipe.read(options, Place(str(book), validation, "0.10"), None)
    seed_everything(0)
    return GPTRecipe(Setup(options, data, Machine("cpu")))


def interrupting(recipe_class, at: int):
    """A step that Ctrl-C interrupts at the beginning of its update number `at`."""
    step = recipe_class.step

    def interrupted(self, batch, progress):
        # Before training, a time budget measures steps of progress 0, as many as the machine makes: they do not count.
        self.updates = 1 if progress == 0 else getattr(self, "updates", 0) + 1
        if self.updates == at:
            signal.raise_signal(signal.SIGINT)
        return step(self, batch, progress)

    return interrupted

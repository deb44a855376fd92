"""The run folder: everything that training writes and later commands read.

config.json         every resolved option and the plan
run.json            format, state, seed, versions, machine, wall time, data
model.safetensors   the best weights, keys prefixed by network
metrics.jsonl       one line per measurement, append-only; the last line of a step counts
samples/            samples made during training
resume/             the newest checkpoint
README.md           a model card
"""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from genlab.engine.files import (
    make_folder,
    read_json,
    saving,
    write_atomically,
    write_json,
)
from genlab.errors import InputError, UnwritableError
from genlab.options import two_paths

FORMAT = 1
LEFT_BY_A_START = frozenset({"run.json", "config.json", "left_out.txt"})
"""Files that training writes before its plan: a folder with only these, and no plan, holds nothing of value."""


class RunFolder:
    """One run on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._made: list[Path] = []
        """The folder and those of its parents that `create` made, the deepest first."""
        self._lock: FileLock | None = None

    def __reduce__(self) -> tuple[type["RunFolder"], tuple[Path]]:
        """Pickles the path, not the lock."""
        return RunFolder, (self.path,)

    # --- creating and opening ---

    @classmethod
    def create(cls, out: str | None, task: str, data: str, resumable: bool = True) -> "RunFolder":
        """Creates a new folder: `out`, or the next free runs/<task>-<data>-NNN.

        A folder whose run was killed before its first step counts as free.

        Args:
            out: The folder, or None.
            task: Name of the task.
            data: Path or name of the data; two paths are separated by a comma.
            resumable: Whether the command that needs the folder has the option --resume.

        Raises:
            InputError: `out` already exists, or cannot be created.
        """
        if out is not None:
            if any("\ud800" <= character <= "\udfff" for character in out):
                raise InputError(f"The name {out} is not UTF-8: choose another --out.", "out")
            folder = cls(Path(out))
            try:
                folder._make()
                taken = not (folder._made or folder._take_over())
            except FileExistsError:
                taken = True
            except OSError as error:
                raise InputError(f"{out} cannot be created: {error.strerror}.", "out") from None
            if taken:
                more = ", or continue it with --resume" if resumable else ""
                raise InputError(f"{out} already exists: choose another --out{more}.", "out")
            return folder
        stems = dict.fromkeys(Path(path).stem.lstrip("@") for path in two_paths(data) or (data,))
        stem = f"{task}-{re.sub(r'[^A-Za-z0-9_-]+', '-', '-'.join(stems)).strip('-') or 'data'}"
        for number in range(1, 1_000_000):
            folder = cls(Path("runs") / f"{stem}-{number:03d}")
            try:
                folder._make()
            except FileExistsError:
                continue
            except OSError as error:
                raise InputError(
                    f"{folder.path} cannot be created: {error.strerror}; choose a folder with --out.", "out"
                ) from None
            if folder._made:
                return folder
            try:  # an empty folder may belong to a run that has not locked it yet
                if (folder.path / "run.json").exists() and folder._take_over():
                    folder._made = [folder.path]
                    return folder
            except (InputError, OSError):
                continue
        raise AssertionError("a million runs")

    @classmethod
    def open(cls, path: str | os.PathLike) -> "RunFolder":
        """Opens an existing folder.

        Raises:
            InputError: `path` is not a run folder, or this version cannot read it.
        """
        folder = cls(Path(path))
        if not folder.path.is_dir():
            raise InputError(f"There is no run folder {path}; `genlab runs` lists them.", "run")
        run_format = folder.about().get("format")
        if not isinstance(run_format, int) or run_format < 1:
            raise InputError(f"{path} is not a run folder: run.json has no format.", "run")
        if run_format > FORMAT:
            raise InputError(
                f"{path} has format {run_format}, but this genlab reads up to {FORMAT}: install a newer genlab.", "run"
            )
        return folder

    def _make(self) -> None:
        """Creates the folder and its parents, and remembers those that did not exist."""
        missing = [path for path in (self.path, *self.path.parents) if not os.path.lexists(path)]
        try:
            self.path.mkdir(parents=True, exist_ok=not missing)
        except FileExistsError:  # made by another process just now
            raise
        except OSError:
            _remove_empty(missing[1:])
            raise
        self._made = missing

    def begun(self) -> bool:
        """Whether the folder holds more than the files of a run killed before its first step."""
        left = self._content()
        if not left:
            return False
        if "run.json" not in left or not left <= LEFT_BY_A_START:
            return True
        try:
            return self.about().get("state") != "running" or (self.has_config() and "plan" in self.config())
        except InputError:
            return True

    def _content(self) -> set[str]:
        """Names of the files and folders, without the lock and partial files."""
        return {child.name for child in self.path.iterdir() if not re.fullmatch(r"\.lock|\..+\.\d+\.tmp", child.name)}

    def _take_over(self) -> bool:
        """Empties the folder of a killed run and keeps it locked; returns False if training has begun in it.

        Raises:
            InputError: another process has locked the folder.
        """
        if self.begun():
            return False
        if not self._content():
            return True
        self._acquire()
        if self.begun():  # training began while another process had the lock
            self._release()
            return False
        for name in LEFT_BY_A_START:
            (self.path / name).unlink(missing_ok=True)
        return True

    def _acquire(self) -> None:
        if self._lock is not None:  # since `_take_over`
            return
        lock = FileLock(self.path / ".lock")
        try:
            with saving(self.path):
                lock.acquire(timeout=0)
        except Timeout:
            raise UnwritableError(
                f"{self.path} is being trained by another process: wait for it, or stop it.", "out"
            ) from None
        self._lock = lock

    def _release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Context that allows one writer at a time; the lock ends with the process.

        Raises:
            InputError: another process has the lock.
        """
        self._acquire()
        try:
            yield
        finally:
            self._release()

    def discard(self) -> None:
        """Removes the content of a folder without training results, and the folders that `create` made."""
        self._release()
        with suppress(OSError):
            for child in self.path.iterdir():
                if child.is_dir() and not child.is_symlink():
                    shutil.rmtree(child, ignore_errors=True)
                else:
                    child.unlink(missing_ok=True)
        _remove_empty(self._made)

    # --- run.json and config.json ---

    def about(self) -> dict[str, Any]:
        return read_json(self.path / "run.json")

    def note(self, **values: Any) -> None:
        """Updates entries of run.json."""
        path = self.path / "run.json"
        write_json(path, {"format": FORMAT, **(read_json(path) if path.exists() else {}), **values})

    def has_config(self) -> bool:
        return (self.path / "config.json").exists()

    def config(self) -> dict[str, Any]:
        config = read_json(self.path / "config.json")
        named = all(isinstance(config.get(key), str) for key in ("task", "model"))
        if not (named and isinstance(config.setdefault("run", {}), dict)):
            raise InputError(f"{self.path}/config.json is damaged: restore it from a copy, or train again.", "run")
        for options in (config.get("asked"), config.get("config")):  # it was an option of some models once
            if isinstance(options, dict) and "encoding" in options:
                config["run"]["encoding"] = options.pop("encoding")
        return config

    @property
    def encoding(self) -> str | None:
        """Encoding of the training data, as given."""
        return self.config()["run"].get("encoding")

    def write_config(self, config: dict[str, Any]) -> None:
        write_json(self.path / "config.json", config)

    # --- weights ---

    @property
    def weights(self) -> Path:
        return self.path / "model.safetensors"

    @property
    def _planned_best(self) -> Path:
        return self.path / "resume" / "best.safetensors"

    def keep_planned_best(self) -> None:
        """Copies the best weights before those of an interrupted run replace them; resuming restores them."""
        if self.weights.exists():
            make_folder(self._planned_best.parent)
            write_atomically(self._planned_best, self.weights.read_bytes())

    def restore_planned_best(self) -> None:
        if self._planned_best.exists():
            os.replace(self._planned_best, self.weights)

    # --- measures ---

    def measures(self) -> list[dict[str, Any]]:
        """The lines of metrics.jsonl in step order: the last one per step and split, without partial lines.

        A resumed run repeats the steps after its checkpoint, so its first line replaces those of earlier attempts from
        the same step on.
        """
        path, attempt = self.path / "metrics.jsonl", 0
        lines: dict[tuple[int, str], dict[str, Any]] = {}
        for line in path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []:
            try:
                entry = json.loads(line)
                key = entry["step"], entry["split"]
                if entry.get("attempt", attempt) > attempt:
                    attempt = entry["attempt"]
                    lines = {kept: value for kept, value in lines.items() if kept[0] < entry["step"]}
                lines[key] = entry
            except (ValueError, KeyError, TypeError):
                continue
        return sorted(lines.values(), key=lambda entry: entry["step"])

    def add_measures(self, entry: dict[str, Any]) -> None:
        path = self.path / "metrics.jsonl"
        with saving(path), open(path, "ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")  # ends a partial line
            file.write((json.dumps(entry) + "\n").encode())


def _remove_empty(folders: list[Path]) -> None:
    """Removes those of `folders` that are empty, in their order."""
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def list_runs(root: Path) -> list[dict[str, Any]]:
    """One entry per run folder directly below `root`, oldest first."""
    runs = []
    for path in sorted(root.glob("*/run.json"), key=lambda path: path.stat().st_mtime):
        try:
            folder = RunFolder.open(path.parent)
            about, config = folder.about(), folder.config()
            runs.append(
                {
                    "run": str(path.parent),
                    "task": config["task"],
                    "model": config["model"],
                    "data": about["data"]["name"],
                    "state": about["state"],
                    "step": about.get("step", 0),
                    "best": about.get("best"),
                    "seconds": about.get("seconds"),
                }
            )
        except (InputError, KeyError, TypeError):
            runs.append({"run": str(path.parent), "state": "unreadable"})
    return runs

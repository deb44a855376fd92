"""Logs metrics to other tools on request."""

from pathlib import Path
from typing import Any

from genlab.errors import InputError


class Trackers:
    """Logs the entries of metrics.jsonl to TensorBoard and trackio."""

    def __init__(self, names: tuple[str, ...], folder: Path, config: dict[str, Any]) -> None:
        self._board: Any = None
        self._trackio: Any = None
        try:
            if "tensorboard" in names:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(str(folder / "tensorboard"))
            if "trackio" in names:
                import trackio

                trackio.init(project="genlab", name=folder.name, config=config)
                self._trackio = trackio
        except ModuleNotFoundError as error:
            raise InputError(f"--log needs {error.name}: pip install 'genlab[trackers]'.", "log") from None

    def add(self, step: int, split: str, measures: dict[str, float]) -> None:
        for name, value in measures.items() if self._board else ():
            self._board.add_scalar(f"{split}/{name}", value, step)
        if self._trackio:
            self._trackio.log({f"{split}/{name}": value for name, value in measures.items()}, step=step)

    def close(self) -> None:
        if self._board:
            self._board.close()
        if self._trackio:
            self._trackio.finish()

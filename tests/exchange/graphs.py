"""Exported files, opened by onnxruntime."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.exchange.networks import unchecked

pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")


class Written(NamedTuple):
    """A pipeline with random weights, and the file that it was exported to."""

    ours: Any
    session: Any
    about: dict[str, Any]
    place: Path


def opened(place: Path) -> tuple[Any, dict[str, Any]]:
    """The session of a file, and its metadata."""
    session = onnxruntime.InferenceSession(place, providers=["CPUExecutionProvider"])
    return session, {name: json.loads(text) for name, text in session.get_modelmeta().custom_metadata_map.items()}


def writer(pipeline: Callable[[str], Any], make_folder: Callable[[], Path]) -> Callable[[str], Written]:
    """Exports the pipeline of a name to a new folder, once."""
    done: dict[str, Written] = {}

    def write(name: str) -> Written:
        if name not in done:
            ours, place = pipeline(name), make_folder() / "new" / "model.onnx"
            with unchecked():
                ours.export("onnx", place, "")
            done[name] = Written(ours, *opened(place), place)
        return done[name]

    return write


def shapes(some: list[Any]) -> dict[str, list[str | int]]:
    """The shapes of inputs or outputs, by name."""
    return {one.name: one.shape for one in some}


def no_trace_inside(place: Path, *traces: str) -> None:
    """No path of this machine is in the file, nor any other trace."""
    content = place.read_bytes()
    for trace in ("models/", "site-packages", "stack_trace", *traces):
        assert trace.encode() not in content

"""Writes any network as one ONNX file, with what it takes to use it as metadata.

The file has one metadata entry per name, whose value is JSON: a program reads the class names, for example, with
`json.loads(session.get_modelmeta().custom_metadata_map["classes"])`.
"""

import copy
import io
import json
import logging
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from genlab.engine.files import make_folder, writing
from genlab.errors import InputError

Network = TypeVar("Network", bound=nn.Module)
LARGEST = 2_000_000_000
"""Largest size of the weights in bytes: a file is limited to 2 GiB, including the graph."""


def for_export(network: Network) -> Network:
    """A copy of a network on the CPU, in 32 bits and in evaluation mode.

    Raises:
        InputError: packages are missing, or the weights do not fit into one file.
    """
    try:
        import onnx  # noqa: F401
        import onnxscript  # noqa: F401
    except ImportError:
        raise InputError("ONNX needs the packages onnx and onnxscript: pip install 'genlab[export]'.", "to") from None
    size = 4 * sum(weight.numel() for weight in network.parameters())
    if size > LARGEST:
        raise InputError(
            f"The weights take {size / 1e9:.1f} GB, but an ONNX file holds only 2: export to another format.", "to"
        )
    return copy.deepcopy(network).float().cpu().eval()


def write_graph(
    network: nn.Module,
    inputs: tuple[Any, ...],
    names: tuple[Sequence[str], Sequence[str]],
    dynamic: tuple[Any, ...],
    place: Path,
    about: Mapping[str, Any] | None = None,
) -> None:
    """Writes the file `place`; an existing one is replaced once the new one is complete.

    Args:
        network: What `for_export` returned, or a module around it.
        inputs: Example inputs. The exporter would treat sizes of 0 and 1 as constants; others represent any size.
        names: Names of all inputs and of all outputs.
        dynamic: For each input, the names of the dimensions that may have any size, as `torch.export` takes them.
        place: The file.
        about: Metadata: JSON values by name.

    Raises:
        InputError: `place` cannot be written.
    """
    make_folder(place.parent)
    with writing(place) as beside, _silence():
        program = torch.onnx.export(
            network,
            inputs,
            dynamo=True,
            input_names=[*names[0]],
            output_names=[*names[1]],
            dynamic_shapes=dynamic,
            verbose=False,
        )
        assert program is not None
        for node in program.model.graph.all_nodes():
            node.metadata_props.clear()  # they contain paths of source files
        for name, value in (about or {}).items():
            program.model.metadata_props[name] = json.dumps(value, ensure_ascii=False)
        program.save(beside, external_data=False)


@contextmanager
def _silence() -> Iterator[None]:
    """Context that silences the exporter's prints, warnings and logs, but not its errors."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(before)

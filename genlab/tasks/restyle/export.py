"""Exports models that change pictures as ONNX files.

Data flow of a file, by the names of its inputs and outputs; pictures are about in [-1, 1]::

    StarGAN:   pictures (batch, channels, side, side), change (batch, values) -> changed (batch, channels, side, side)
    CycleGAN:  pictures                                                       -> to_first, to_second, in the same shape
    both:      pictures                                                       -> present (batch, attributes)

`present` has the index of each attribute's present value, as the reader reads it. `change` has, for the values of all
attributes side by side, 1 for the value to set, -1 for the one that it replaces, and 0 elsewhere.
"""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.exchange.graphs import for_export, write_graph
from genlab.models.cyclegan import ResNetGenerator, TwoGenerators
from genlab.models.stargan import Generator
from genlab.tasks.shared.exporting import check_export
from genlab.tasks.shared.judges import Judge

OURS = (Generator, ResNetGenerator)
"""The generators that can be exported."""
Pictures = Float[Tensor, "batch channels side side"]
Present = Int[Tensor, "batch attributes"]


class OneForAll(nn.Module):
    """A generator of all changes, and the reader of the first `attributes` attributes."""

    def __init__(self, generator: nn.Module, reader: Judge, attributes: int) -> None:
        super().__init__()
        self.generator, self.reader, self.attributes = generator, reader, attributes

    def forward(self, pictures: Pictures, change: Float[Tensor, "batch values"]) -> tuple[Pictures, Present]:
        return self.generator(pictures, change), self.reader.read(pictures)[:, : self.attributes]


class BothDirections(nn.Module):
    """A generator for each direction, and the reader of the first attribute."""

    def __init__(self, generators: TwoGenerators, reader: Judge) -> None:
        super().__init__()
        self.generators, self.reader = generators, reader

    def forward(self, pictures: Pictures) -> tuple[Pictures, Pictures, Present]:
        to_first, to_second = self.generators.to_first(pictures), self.generators.to_second(pictures)
        return to_first, to_second, self.reader.read(pictures)[:, :1]


def export_restyle(generator: nn.Module, reader: Judge, facts: Any, place: Path) -> None:
    """Writes a generator and the reader of present values as one ONNX file.

    Its metadata has `pixels` (side of the pictures), `channels`, and `attributes`: for each, its `name` and its
    `values` in their order.

    Args:
        generator: The generator of changes.
        reader: The reader of all attributes.
        facts: The `RestyleFacts` of the run.
        place: The file.

    Raises:
        InputError: the generator is custom, packages are missing, or `place` exists or cannot be written.
    """
    check_export(list(generator.children()) if isinstance(generator, TwoGenerators) else [generator], OURS, place)
    shape = facts.shape
    generator, reader = for_export(generator), for_export(reader)
    inputs = {"pictures": torch.zeros(3, shape.channels, shape.pixels, shape.pixels)}
    if isinstance(generator, TwoGenerators):
        network: nn.Module = BothDirections(generator, reader)
        outputs = ["to_first", "to_second", "present"]
    else:
        network = OneForAll(generator, reader, len(shape.counts))
        inputs["change"], outputs = torch.zeros(3, shape.values), ["changed", "present"]
    dynamic = ({0: torch.export.Dim("batch")},) * len(inputs)
    attributes = [asdict(attribute) for attribute in facts.attributes]
    about = {"pixels": shape.pixels, "channels": shape.channels, "attributes": attributes}
    write_graph(network, tuple(inputs.values()), ([*inputs], outputs), dynamic, place, about)

"""Exports generators of pictures as ONNX files.

Data flow of a file, by the names of its inputs and outputs; pictures are about in [-1, 1]::

    GANs and the VAE:  latents (batch, latent), labels (batch,) if there are classes
                       -> pictures (batch, channels, side, side)
    a flow:            pictures (batch, channels, side, side), times (batch,), words (batch, longest) if there are any
                       -> velocity (batch, channels, side, side)

The sampler of a flow is a loop around the file, so that its user chooses the steps and the guidance.
"""

from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.pictures.wording import PADDING, SPECIAL, START
from genlab.exchange.graphs import for_export, write_graph
from genlab.models.dcgan import DCGenerator
from genlab.models.flow import Flow
from genlab.models.gan import Generator
from genlab.models.vae import VAE
from genlab.tasks.images.facts import PictureFacts
from genlab.tasks.shared.exporting import check_export

OURS = (Generator, DCGenerator, VAE, Flow)
"""The networks that can be exported."""


class Decoder(nn.Module):
    """The part of a VAE that makes pictures; removes the rest, which the file would hold as well."""

    def __init__(self, network: VAE) -> None:
        super().__init__()
        self.network = network
        del network.encoder, network.tell

    def forward(
        self, latents: Float[Tensor, "batch latent"], labels: Int[Tensor, " batch"] | None = None
    ) -> Float[Tensor, "batch channels side side"]:
        return self.network.decode(latents, labels)


def export_pictures(network: nn.Module, options: Any, facts: PictureFacts, place: Path) -> None:
    """Writes the network that makes pictures as an ONNX file.

    Its metadata has `pixels` (side of the pictures), `channels` and `classes` (their names in the order of the labels).
    Of a flow, it also has `words`, which maps each word to its index, and `longest`, the number of indices per
    description; the first of them is `start`, and `padding` follows the last word.

    Args:
        network: The network.
        options: The model's options.
        facts: About the training pictures.
        place: The file.

    Raises:
        InputError: the network is custom, packages are missing, or `place` exists or cannot be written.
    """
    check_export([network], OURS, place)
    network = for_export(network)
    about = {"pixels": options.pixels, "channels": facts.channels, "classes": facts.classes}
    if isinstance(network, Flow):
        _export_flow(network, facts.words, about, place)
        return
    batch = {0: torch.export.Dim("batch")}
    inputs: dict[str, Tensor] = {"latents": torch.zeros(3, options.latent)}
    if facts.classes:
        inputs["labels"] = torch.zeros(3, dtype=torch.int64)
    decoder = Decoder(network) if isinstance(network, VAE) else network
    names = [*inputs], ["pictures"]
    about["latent"] = options.latent
    write_graph(decoder, tuple(inputs.values()), names, (batch,) * len(inputs), place, about)


def _export_flow(network: Flow, words: list[str], about: dict[str, Any], place: Path) -> None:
    """Writes a flow's velocity."""
    shape = network.shape
    batch = {0: torch.export.Dim("batch")}
    pictures = torch.zeros(3, shape.channels, shape.pixels, shape.pixels)
    inputs: dict[str, Tensor] = {"pictures": pictures, "times": torch.zeros(3)}
    if shape.vocabulary:
        inputs["words"] = torch.full((3, shape.longest), START)
        about |= {"words": {word: SPECIAL + index for index, word in enumerate(words)}}
        about |= {"start": START, "padding": PADDING, "longest": shape.longest}
    names = [*inputs], ["velocity"]
    write_graph(network, tuple(inputs.values()), names, (batch,) * len(inputs), place, about)

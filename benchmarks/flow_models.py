"""The models of `benchmarks/flow.py`: genlab's flow and GAN, and torchcfm's flow, each with how it makes pictures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from flow_peer import BATCH, PIXELS, train_torchcfm
from jaxtyping import Int, UInt8

import genlab
from genlab.data.pictures.picture_set import read_pictures
from genlab.data.pictures.pixels import picture_rows, to_bytes
from genlab.engine.machine import Machine
from genlab.tasks.images.making import PASS, AlongFlow
from genlab.tasks.images.options import FlowRequest

Pixels = UInt8[np.ndarray, "pictures height width channels"]
SHARES = ("0.05", "0.10")
"""Size of the validation and test splits."""
SEED = 1
"""Seed of the latent vectors."""


class Wanted(NamedTuple):
    """What pictures are made of."""

    texts: list[str]
    """A description for each; the name of its class for pictures with classes."""
    labels: Int[np.ndarray, " pictures"] | None
    """Its class; None without classes."""


class Trained(NamedTuple):
    """A model, and how long it was trained."""

    make: Callable[[Wanted, FlowRequest], Pixels]
    """Makes pictures; only genlab's flow reads guidance, steps and sampler of the request."""
    seconds: float
    steps: int
    batch: int


def ours(
    model: str, data: str, label: str | None, pixels: int, seconds: float, seed: int, folder: Path, **options: Any
) -> Trained:
    """A model of genlab, with its default options but for `options`."""
    run = genlab.train(
        "images", data, model=model, label=label, pixels=pixels, minutes=seconds / 60, seed=seed, out=folder / "run",
        validation=SHARES[0], test=SHARES[1], quiet=True, **options,
    )  # fmt: skip
    if run.about["state"] != "done":
        raise SystemExit("Interrupted: this training has no result.")
    pipeline = run.pipeline

    def make(wanted: Wanted, request: FlowRequest) -> Pixels:
        maker = pipeline.maker
        if wanted.labels is not None:
            conditions = maker.of_classes(torch.from_numpy(wanted.labels))
        elif isinstance(maker, AlongFlow):
            conditions = maker.words(wanted.texts)
        else:
            conditions = maker.conditions(len(wanted.texts))
        return pipeline.pixels(pipeline.noise(len(wanted.texts), SEED), conditions, maker.with_request(request))

    return Trained(make, run.about["seconds"], run.about["step"], pipeline.options.batch)


def torchcfm(peer: Path, data: str, label: str | None, pixels: int, seconds: float, seed: int) -> Trained:
    """The flow of torchcfm; see `flow_peer.py`. Its pictures are resized as genlab resizes the data."""
    found, machine = read_pictures(data, *SHARES, pixels=PIXELS, label=label), Machine()
    if found.channels != 1 or not found.classes:
        raise SystemExit("torchcfm's example learns grey pictures with classes: leave the model out, or give @digits.")
    network, steps, spent = train_torchcfm(peer, found.train, len(found.classes), seconds, seed, machine)

    def make(wanted: Wanted, request: FlowRequest) -> Pixels:
        assert wanted.labels is not None
        parts = torch.from_numpy(wanted.labels).split(PASS)
        made = np.concatenate([to_bytes(network(labels, SEED + place)) for place, labels in enumerate(parts)])
        return picture_rows(made, pixels, 1)

    return Trained(make, spent, steps, BATCH)

"""What `genlab latents` does with a model that makes pictures in one pass; the declaration names the functions."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8
from torch import Tensor

from genlab.data.pictures.attribute_set import read_attributed
from genlab.data.pictures.originals import Original, open_originals
from genlab.data.pictures.picture_set import read_pictures
from genlab.engine.pipeline import Source
from genlab.engine.progress import say
from genlab.errors import InputError
from genlab.metrics.latents import principal_components
from genlab.show.latent_map import latent_map
from genlab.tasks.images.finding import find_directions
from genlab.tasks.images.inversion import difference
from genlab.tasks.images.options import DirectionsRequest, InvertRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.readers import Classifier, readers_from_classifier, readers_from_table
from genlab.tasks.shared.reopening import training_data

Pixels = UInt8[np.ndarray, "pictures height width channels"]
CELLS = 9
"""Samples per side of a map."""
REACH = 3.0
"""The map spans this many standard deviations to each side."""
PLACED = 500
"""Largest number of test pictures on a map."""
FEWEST = 3
"""Smallest number of pictures that have two principal components."""
COMPARED = 500
"""Number of training pictures to compare at once."""


# --- files of the command line --------------------------------------------------------------------


def open_pictures(paths: Iterable[str], pipeline: ImagesPipeline) -> Iterator[list[Original]]:
    """Yields once: all pictures of files and folders, for the command line.

    Raises:
        InputError: a path does not exist, or a file cannot be read as a picture.
    """
    yield _opened(paths, pipeline, "invert")


def open_between(paths: Iterable[str], pipeline: ImagesPipeline) -> Iterator[list[Original]]:
    """The same for the ends of a film."""
    yield _opened(paths, pipeline, "between")


def _opened(paths: Iterable[str], pipeline: ImagesPipeline, option: str) -> list[Original]:
    notes: list[str] = []
    found = [one for some in open_originals(paths, notes, option, pipeline.facts.ranges) for one in some]
    for note in notes:
        say(f"Note: {note}")
    return found


# --- directions -----------------------------------------------------------------------------------


def find(
    pipeline: ImagesPipeline, source: Source, request: DirectionsRequest, classifier: Classifier | None, folder: Path
) -> dict[str, Any]:
    """Finds directions, measures them and keeps them in the run folder.

    Args:
        pipeline: A model that makes pictures in one pass.
        source: The pictures with known values, and the training data.
        request: The attributes.
        classifier: Predicts the classes of pictures, instead of the table of the data.
        folder: The run folder.

    Raises:
        InputError: the data cannot be read, or no value of the attributes has a direction.
    """
    if classifier is not None:
        sample = pipeline.pixels(pipeline.noise(1, request.seed), pipeline.conditions(1))
        readers = readers_from_classifier(pipeline, classifier, request.attribute, sample)
    else:
        place = source.trained_on
        data = source.data or place.data
        ours = source.data is None
        splits = (place.validation, place.test) if ours else ("0.05", "0.1")
        with _named_place(source):
            found = read_attributed(
                data, *splits, place.encoding, pixels=pipeline.options.pixels, attributes=request.attribute,
                ranges=pipeline.facts.ranges or None,
            )  # fmt: skip
        for note in found.notes:
            say(f"Note: {note}")
        readers = readers_from_table(pipeline, found)
    directions = find_directions(pipeline, readers, request)
    directions.save(folder)
    return directions.report


@contextmanager
def _named_place(source: Source) -> Iterator[None]:
    """Context for reading training data that may have moved: adds what to do to errors about their place."""
    try:
        yield
    except InputError as error:
        if source.data is None and error.field == "data":
            raise InputError(f"{error} The run was trained on it: give its new location with --data.", "data") from None
        raise


def nearest(pipeline: ImagesPipeline, source: Source, pictures: Pixels) -> Float[np.ndarray, " pictures"] | None:
    """Mean absolute difference of each picture from its nearest training picture; None if those cannot be reopened."""
    options = pipeline.options
    with suppress(InputError):
        found = training_data(partial(read_pictures, pixels=options.pixels, label=options.label), source)
        if found is not None:
            train = found.train
            return np.array([_least(train.array, train.rows, picture) for picture in pictures])
    return None


def _least(array: Pixels, rows: np.ndarray, picture: UInt8[np.ndarray, "height width channels"]) -> float:
    """The smallest difference of a picture from the pictures `rows` of an array."""
    parts = (array[rows[first : first + COMPARED]] for first in range(0, len(rows), COMPARED))
    return min(float(difference(part, np.broadcast_to(picture, part.shape)).min()) for part in parts)


# --- the map --------------------------------------------------------------------------------------


def draw_map(pipeline: ImagesPipeline, source: Source, axes: Sequence[tuple[str, str]], label: str | None) -> bytes:
    """A PNG of a grid of samples, beside test pictures in the same plane, coloured by class.

    Args:
        pipeline: A model that makes pictures in one pass.
        source: The pictures to place; by default test pictures, or training pictures if those are fewer than `FEWEST`.
        axes: Two directions as (attribute, value); none for principal components of the pictures' latent vectors.
        label: Column of the table beside the pictures that colours them; None for the classes.

    Raises:
        InputError: the data cannot be read or are too few, a direction is unknown, both are the same, or latent vectors
            have only one number.
    """
    if pipeline.maker.latent < 2:
        raise InputError(
            "map: the run's latent vectors have only one number: train a run with --latent 2 or more.", "map"
        )
    if axes and len(set(axes)) != 2:
        raise InputError("axis: give two different directions, or none.", "axis")
    directions = pipeline.current_directions() if axes else None
    vectors = [directions.of(*axis, option="axis") for axis in axes] if directions else []
    options, facts, place = pipeline.options, pipeline.facts, source.trained_on
    read = partial(
        read_pictures, pixels=options.pixels, label=label or options.label, channels=facts.channels,
        ranges=facts.ranges or None,
    )  # fmt: skip
    if source.data is None:
        with _named_place(source):
            found = read(place.data, place.validation, place.test, place.encoding)
        split = found.test if found.test is not None and len(found.test) >= FEWEST else found.train
    else:
        found = read(source.data, "0", "0", place.encoding)
        split = found.train
    if not vectors and len(split) < FEWEST:
        raise InputError(
            f"{found.name} has {len(split)} pictures, too few for principal components: give at least {FEWEST} with "
            "--data, or two directions with --axis.", "data",
        )  # fmt: skip
    picks = np.sort(np.random.default_rng(0).permutation(len(split))[:PLACED])
    pictures = split.array[split.rows[picks]]
    inverted = pipeline.invert(InvertRequest(pictures, optimise=0))
    latents = torch.from_numpy(np.stack([one.latent for one in inverted]))
    if vectors:
        centre, basis = torch.zeros(latents.shape[1]), torch.stack(vectors)
        names = [f"{attribute} {value}" for attribute, value in axes]
    else:
        centre, basis = principal_components(latents)
        names = ["first principal component", "second principal component"]
    places = _coordinates(latents - centre, basis)
    steps = torch.linspace(-REACH, REACH, CELLS)
    down, across = torch.meshgrid(steps.flip(0), steps, indexing="ij")
    grid = centre + torch.stack((across.flatten(), down.flatten()), 1) @ basis
    given = pipeline.conditions(1).repeat_interleave(len(grid), 0)
    samples = pipeline.pixels(grid, given)
    labels = None if split.labels is None else split.labels[picks]
    title = f"samples of the class {facts.classes[0]}" if facts.classes else "samples"
    return latent_map(samples, CELLS, REACH, title, names, places.numpy(), labels, found.classes)


def _coordinates(
    latents: Float[Tensor, "pictures latent"], basis: Float[Tensor, "2 latent"]
) -> Float[Tensor, "pictures 2"]:
    """The coordinates of the closest points in the plane of two vectors, which need not be orthogonal."""
    return torch.linalg.lstsq(basis.T, latents.T).solution.T

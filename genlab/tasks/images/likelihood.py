"""How probable held-out pictures are under a flow, beside a model that knows no dependencies between pixels."""

from typing import Any

import numpy as np
import torch

from genlab.data.pictures.picture_set import PictureSplit
from genlab.metrics.likelihood import bits_per_dimension, dequantised, independent_pixels
from genlab.models.flow import Flow
from genlab.models.flow_likelihood import log_likelihood
from genlab.tasks.images.features import conditions_of_each
from genlab.tasks.images.making import AlongFlow
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.images.recipe import FEWEST

MEASURED = 100 * 32**2
"""Largest number of pixels to measure, which takes half a minute of a core: fewer pictures if they are larger."""
STUDIED = 10_000
"""Largest number of training pictures for the baseline."""
STEPS = 24
"""Steps from a picture to noise: for normal distributions, the error is below 0.03 bits."""


def picture_likelihood(pipeline: ImagesPipeline, test: PictureSplit, train: PictureSplit) -> dict[str, Any] | None:
    """Bits per dimension of test pictures, given their descriptions or classes.

    None for models without likelihoods: those that are not flows, custom networks, and flows with a palette, whose
    pictures end in few colours, so that densities of other colours are meaningless. Also None for pictures so large
    that too few of them can be measured.

    Args:
        pipeline: The model.
        test: Pictures that were not trained on.
        train: The training pictures.

    Returns:
        `model` and its `standard_error`; `independent_pixels`: the same if each pixel is encoded by its own histogram
        of the training pictures; `pictures`: how many were measured.
    """
    maker, machine = pipeline.maker, pipeline.machine
    count = min(len(test), MEASURED // pipeline.options.pixels**2)
    if not isinstance(maker, AlongFlow) or not isinstance(maker.network, Flow) or pipeline.facts.colours:
        return None
    if count < FEWEST:
        return None
    random = np.random.default_rng(0)
    some, studied = test.take(random.permutation(len(test))[:count]), random.permutation(len(train))[:STUDIED]
    generator = torch.Generator().manual_seed(0)
    pictures, words = dequantised(some.tensor(), generator), conditions_of_each(maker, some)
    with pipeline.evaluating(), torch.autocast(machine.device.type, enabled=False):  # 16 bits are too few for a sum
        pictures, words = machine.place((pictures, words))
        densities = log_likelihood(maker.velocity(words), pictures, STEPS, generator)
    bits = bits_per_dimension(densities.cpu(), pictures[0].numel())
    return {
        "model": bits.mean().item(),
        "standard_error": bits.std().item() / count**0.5,
        "independent_pixels": independent_pixels(train.array[train.rows[studied]], some.array[some.rows]),
        "pictures": count,
    }

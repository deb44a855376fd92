"""Features of generated pictures, to compare them with real ones."""

import numpy as np
import torch

from genlab.data.pictures.picture_set import PictureSplit
from genlab.tasks.images.making import AlongFlow, Conditions
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.shared.picture_features import Extractor, Pictures, Rows


def conditions_of(pipeline: ImagesPipeline, pictures: PictureSplit, count: int) -> Conditions:
    """All classes in turn or, for a model of descriptions, those of real pictures, in random order, again and again."""
    if pictures.described is None or not isinstance(pipeline.maker, AlongFlow):
        return pipeline.conditions(count)
    order = np.random.default_rng(0).permutation(len(pictures))
    texts = [pictures.described.full_description(place) for place in order[:count].tolist()]
    return pipeline.maker.words([texts[place % len(texts)] for place in range(count)])


def conditions_of_each(maker: AlongFlow, pictures: PictureSplit) -> Conditions:
    """The full description of each picture or, without descriptions, its class."""
    if pictures.described is not None:
        return maker.words([pictures.described.full_description(place) for place in range(len(pictures))])
    labels = np.zeros(len(pictures), np.int64) if pictures.labels is None else pictures.labels
    return maker.of_classes(torch.from_numpy(labels))


def generated_features(
    pipeline: ImagesPipeline, extractor: Extractor, count: int, seed: int, conditions: Conditions | None = None
) -> Rows:
    """Features of `count` generated pictures, by default cycling through the classes."""
    latents, conditions = pipeline.noise(count, seed), pipeline.conditions(count) if conditions is None else conditions

    def made(part: slice) -> Pictures:
        with pipeline.evaluating():
            return pipeline.make(*pipeline.machine.place((latents[part], conditions[part]))).clamp(-1, 1)

    return extractor.features(count, made)

"""Features of generated pictures, to compare them with real ones."""

from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.shared.picture_features import Extractor, Pictures, Rows


def generated_features(pipeline: ImagesPipeline, extractor: Extractor, count: int, seed: int) -> Rows:
    """Features of `count` generated pictures, cycling through the classes."""
    latents, conditions = pipeline.noise(count, seed), pipeline.conditions(count)

    def made(part: slice) -> Pictures:
        with pipeline.evaluating():
            return pipeline.make(*pipeline.machine.place((latents[part], conditions[part]))).clamp(-1, 1)

    return extractor.features(count, made)

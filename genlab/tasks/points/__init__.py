"""Points in the plane: the smallest GAN, whose samples fit into one scatter plot."""

from genlab.data.points import SAMPLES
from genlab.tasks.task import Model, Task

OPTIONS = "genlab.tasks.points.options"

TASK = Task(
    name="points",
    about="a generator of points in the plane",
    models=(
        Model(
            "gan",
            "a generator against a discriminator",
            options=f"{OPTIONS}:PointsGANOptions",
            recipe="genlab.tasks.points.gan:PointsGANRecipe",
            network="genlab.tasks.points.gan:build_network",
            requests={"generate": f"{OPTIONS}:PointsRequest"},
        ),
    ),
    pipeline="genlab.tasks.points.pipeline:PointsPipeline",
    evaluate="genlab.tasks.points.evaluate:evaluate",
    makes="points",
    data="a CSV file of two columns, x and y",
    samples=SAMPLES,
    page="docs/points.md",
)

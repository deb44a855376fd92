"""Restyling: changes one thing in a picture, such as a person's hair colour, and nothing else."""

from genlab.data.pictures import SAMPLES
from genlab.tasks.task import FileOption, Model, Task

OPTIONS = "genlab.tasks.restyle.options"
GENERATE = {"generate": f"{OPTIONS}:RestyleRequest"}
EXPORTS = ("onnx",)

TASK = Task(
    name="restyle",
    about="a model that changes one thing in a picture",
    models=(
        Model(
            "stargan",
            "one generator for all values; a mask selects what changes",
            options=f"{OPTIONS}:StarGANOptions",
            recipe="genlab.tasks.restyle.stargan:StarGANRecipe",
            network="genlab.tasks.restyle.stargan:build_networks",
            requests=GENERATE,
            exports=EXPORTS,
        ),
        Model(
            "cyclegan",
            "the textbook's two generators, one for each direction between two looks",
            options=f"{OPTIONS}:CycleGANOptions",
            recipe="genlab.tasks.restyle.cyclegan:CycleGANRecipe",
            network="genlab.tasks.restyle.cyclegan:build_networks",
            requests=GENERATE,
            exports=EXPORTS,
        ),
    ),
    pipeline="genlab.tasks.restyle.pipeline:RestylePipeline",
    evaluate="genlab.tasks.restyle.evaluate:evaluate",
    makes="picture",
    data="a folder of pictures with attributes.csv, or two folders, one per look",
    paths=2,
    samples=tuple(sample for sample in SAMPLES if sample.truth),
    files={
        "generate": (
            FileOption(
                "files",
                "pictures",
                "genlab.tasks.restyle.inputs:open_pictures",
                "Pictures to change: files, folders or zips.",
                fitted=True,
                positional=True,
            ),
        )
    },
    generates="Change pictures",
    sheet="Write a sheet that shows each picture before, after, and the difference.",
    page="docs/restyle.md",
)

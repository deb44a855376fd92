"""Translation: maps one sequence to another, learning from pairs."""

from genlab.data.pairs import SAMPLES
from genlab.tasks.task import FileOption, Model, Task

OPTIONS = "genlab.tasks.translate.options"
GENERATE = {"generate": f"{OPTIONS}:TranslateRequest"}

TASK = Task(
    name="translate",
    about="a translator from one sequence to another",
    models=(
        Model(
            "transformer",
            "an encoder-decoder Transformer",
            options=f"{OPTIONS}:TransformerOptions",
            recipe="genlab.tasks.translate.transformer:TransformerRecipe",
            network="genlab.tasks.translate.transformer:build_network",
            requests=GENERATE | {"explain": f"{OPTIONS}:TranslateAttentionRequest"},
        ),
        Model(
            "gru",
            "the recurrent baseline, with attention or without",
            options=f"{OPTIONS}:GRUOptions",
            recipe="genlab.tasks.translate.gru:GRURecipe",
            network="genlab.tasks.translate.gru:build_network",
            requests=GENERATE,
        ),
    ),
    pipeline="genlab.tasks.translate.pipeline:TranslatePipeline",
    evaluate="genlab.tasks.translate.evaluate:evaluate",
    makes="text",
    data="a file of pairs, source and target separated by a tab (or a CSV of two columns)",
    parts=(
        (
            "source",
            "One of two parallel files, one sentence per line, plain or compressed (.gz, .xz, .bz2): the source.",
        ),
        ("target", "The other: line n is the translation of line n."),
    ),
    samples=SAMPLES,
    files={
        "generate": (
            FileOption(
                "input",
                "prompt",
                "genlab.data.pairs.lines:read_blocks",
                "File of lines to translate, plain or compressed (.gz, .xz, .bz2); - is standard input, the default "
                "without --prompt.",
                default="-",
                text=True,
            ),
        )
    },
    page="docs/translate.md",
)

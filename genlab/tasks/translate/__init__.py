"""Translation: maps one sequence to another, learning from pairs."""

from genlab.tasks.task import FileOption, Model, SampleSet, Task

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
    data="a file of pairs, source and target separated by a tab",
    parts=(
        ("source", "One of two parallel files, plain or .gz: the sentences to translate, one per line."),
        ("target", "The other: line n is the translation of line n."),
    ),
    samples=(
        SampleSet(
            "@numbers-fr",
            "numbers below a million in English and French words, 100,000 or as many as @numbers-fr:COUNT says",
        ),
    ),
    files={
        "generate": (
            FileOption(
                "input",
                "prompt",
                "genlab.data.pairs.lines:read_blocks",
                "File of lines to translate, plain or .gz; - is standard input, the default without --prompt.",
                default="-",
            ),
        )
    },
    write_sample="genlab.data.shared.sample_sets:write_sample_set",
    page="docs/translate.md",
)

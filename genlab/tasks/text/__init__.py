"""Text: language models that continue a prompt."""

from genlab.data.text import SAMPLES
from genlab.tasks.task import Import, Model, Task

OPTIONS = "genlab.tasks.text.options"
GENERATE = {"generate": f"{OPTIONS}:TextRequest"}
LOOK = {"explain": f"{OPTIONS}:TextAttentionRequest"}
EXPORTS = ("hf", "gguf", "onnx")

TASK = Task(
    name="text",
    about="a language model that continues a prompt",
    models=(
        Model(
            "gpt",
            "a decoder-only Transformer",
            options=f"{OPTIONS}:GPTOptions",
            recipe="genlab.tasks.text.gpt:GPTRecipe",
            network="genlab.tasks.text.gpt:build_network",
            requests=GENERATE | LOOK,
            continues=True,
            exports=EXPORTS,
        ),
        Model(
            "gpt2",
            "GPT-2 as published",
            options=f"{OPTIONS}:GPT2Options",
            recipe="genlab.tasks.text.gpt2:GPT2Recipe",
            network="genlab.tasks.text.gpt2:build_network",
            requests=GENERATE | LOOK,
            continues=True,
            exports=EXPORTS,
        ),
        Model(
            "lstm",
            "the recurrent baseline",
            options=f"{OPTIONS}:LSTMOptions",
            recipe="genlab.tasks.text.lstm:LSTMRecipe",
            network="genlab.tasks.text.lstm:build_network",
            requests=GENERATE,
            continues=True,
        ),
    ),
    pipeline="genlab.tasks.text.pipeline:TextPipeline",
    evaluate="genlab.tasks.text.evaluate:evaluate",
    makes="text",
    data="a text file or a file of JSON documents (.jsonl, .ndjson, .json), plain or compressed (.gz, .xz, .bz2), or a "
    "folder of such files",
    samples=SAMPLES,
    imports=Import(
        "genlab.tasks.text.imports:import_folder",
        about="a language model saved by transformers, with the architecture of GPT-2 or Qwen3",
        folder="config.json, model.safetensors and tokenizer.json",
        uses=('genlab generate {run} --prompt "..."', "genlab train text YOUR.txt --from {run}"),
    ),
    page="docs/text.md",
)

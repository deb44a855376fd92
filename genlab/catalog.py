"""What genlab can train: task -> model -> where its recipe and its options stand. The first model is the default."""

from importlib import import_module
from typing import Any, NamedTuple

from genlab.errors import InputError


class Entry(NamedTuple):
    """Import paths, so that reading the catalogue loads nothing."""

    recipe: str
    config: str
    request: str | None
    """Options of `generate`; None for a model that generates nothing."""
    about: str
    reads: tuple[str, ...] = ()
    """Endings of the files that make this model the default."""
    explain: str | None = None
    """Options of `attention`; None for a model without."""


CATALOG = {
    "classify": {
        "cnn": Entry(
            "genlab.tasks.classify.cnn:CNNRecipe",
            "genlab.tasks.classify.options:CNNOptions",
            None,
            "a residual convolutional network that tells the classes of pictures",
        ),
        "mlp": Entry(
            "genlab.tasks.classify.mlp:MLPRecipe",
            "genlab.tasks.classify.options:MLPOptions",
            None,
            "a straight map and a perceptron that tell the classes of table rows",
            reads=(".csv", ".csv.gz", ".tsv", ".tsv.gz"),
        ),
    },
    "text": {
        "gpt": Entry(
            "genlab.tasks.text.gpt:GPTRecipe",
            "genlab.tasks.text.options:GPTOptions",
            "genlab.tasks.text.options:TextRequest",
            "a decoder-only Transformer that goes on from a prompt",
            explain="genlab.tasks.text.options:TextAttentionRequest",
        ),
        "gpt2": Entry(
            "genlab.tasks.text.gpt2:GPT2Recipe",
            "genlab.tasks.text.options:GPT2Options",
            "genlab.tasks.text.options:TextRequest",
            "GPT-2 as it was published",
            explain="genlab.tasks.text.options:TextAttentionRequest",
        ),
        "lstm": Entry(
            "genlab.tasks.text.lstm:LSTMRecipe",
            "genlab.tasks.text.options:LSTMOptions",
            "genlab.tasks.text.options:TextRequest",
            "the recurrent baseline",
        ),
    },
    "points": {
        "gan": Entry(
            "genlab.tasks.points.gan:PointsGANRecipe",
            "genlab.tasks.points.options:PointsGANOptions",
            "genlab.tasks.points.options:PointsRequest",
            "a generator against a discriminator, in the plane",
        ),
    },
    "images": {
        "gan": Entry(
            "genlab.tasks.images.gan:GANRecipe",
            "genlab.tasks.images.options:GANOptions",
            "genlab.tasks.images.options:PicturesRequest",
            "a generator of pictures against a discriminator",
        ),
        "wgan_gp": Entry(
            "genlab.tasks.images.wgan_gp:WGANGPRecipe",
            "genlab.tasks.images.options:WGANGPOptions",
            "genlab.tasks.images.options:PicturesRequest",
            "a generator against a critic that measures a distance",
        ),
        "dcgan": Entry(
            "genlab.tasks.images.dcgan:DCGANRecipe",
            "genlab.tasks.images.options:DCGANOptions",
            "genlab.tasks.images.options:PicturesRequest",
            "the textbook's GAN, as a baseline",
        ),
        "vae": Entry(
            "genlab.tasks.images.vae:VAERecipe",
            "genlab.tasks.images.options:VAEOptions",
            "genlab.tasks.images.options:PicturesRequest",
            "an autoencoder whose latent vectors look like noise",
        ),
    },
    "translate": {
        "transformer": Entry(
            "genlab.tasks.translate.transformer:TransformerRecipe",
            "genlab.tasks.translate.options:TransformerOptions",
            "genlab.tasks.translate.options:TranslateRequest",
            "an encoder-decoder Transformer that turns one sequence into another",
            explain="genlab.tasks.translate.options:TranslateAttentionRequest",
        ),
        "gru": Entry(
            "genlab.tasks.translate.gru:GRURecipe",
            "genlab.tasks.translate.options:GRUOptions",
            "genlab.tasks.translate.options:TranslateRequest",
            "the recurrent baseline, with attention or without",
        ),
    },
}


def entry(task: str, model: str | None = None, data: str = "") -> tuple[str, Entry]:
    """The name and entry of a task's model, by default the first for such `data`.

    Raises:
        InputError: there is no such task or model.
    """
    if task not in CATALOG:
        raise InputError(f"There is no task {task}; there are {', '.join(CATALOG)}.", "task")
    models = CATALOG[task]
    fitting = (name for name, found in models.items() if found.reads and data.lower().endswith(found.reads))
    name = model or next(fitting, next(iter(models)))
    if name not in models:
        raise InputError(f"The task {task} has no model {name}; it has {', '.join(models)}.", "model")
    return name, models[name]


def load(path: str) -> Any:
    """The class that "module:name" stands for."""
    module, _, name = path.partition(":")
    return getattr(import_module(module), name)

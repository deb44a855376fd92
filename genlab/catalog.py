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
            "genlab.recipes.cnn:CNNRecipe",
            "genlab.configs.classify:CNNConfig",
            None,
            "a residual convolutional network that tells the classes of pictures",
        ),
        "mlp": Entry(
            "genlab.recipes.mlp:MLPRecipe",
            "genlab.configs.classify:MLPConfig",
            None,
            "a straight map and a perceptron that tell the classes of table rows",
            reads=(".csv", ".csv.gz", ".tsv", ".tsv.gz"),
        ),
    },
    "text": {
        "gpt": Entry(
            "genlab.recipes.gpt:GPTRecipe",
            "genlab.configs.text:GPTConfig",
            "genlab.configs.text:TextRequest",
            "a decoder-only Transformer that goes on from a prompt",
            explain="genlab.configs.text:TextAttentionRequest",
        ),
        "gpt2": Entry(
            "genlab.recipes.gpt2:GPT2Recipe",
            "genlab.configs.text:GPT2Config",
            "genlab.configs.text:TextRequest",
            "GPT-2 as it was published",
            explain="genlab.configs.text:TextAttentionRequest",
        ),
        "lstm": Entry(
            "genlab.recipes.lstm:LSTMRecipe",
            "genlab.configs.text:LSTMConfig",
            "genlab.configs.text:TextRequest",
            "the recurrent baseline",
        ),
    },
    "points": {
        "gan": Entry(
            "genlab.recipes.points_gan:PointsGANRecipe",
            "genlab.configs.points:PointsGANConfig",
            "genlab.configs.points:PointsRequest",
            "a generator against a discriminator, in the plane",
        ),
    },
    "images": {
        "gan": Entry(
            "genlab.recipes.gan:GANRecipe",
            "genlab.configs.images:GANConfig",
            "genlab.configs.images:PicturesRequest",
            "a generator of pictures against a discriminator",
        ),
        "wgan_gp": Entry(
            "genlab.recipes.wgan_gp:WGANGPRecipe",
            "genlab.configs.images:WGANGPConfig",
            "genlab.configs.images:PicturesRequest",
            "a generator against a critic that measures a distance",
        ),
        "dcgan": Entry(
            "genlab.recipes.dcgan:DCGANRecipe",
            "genlab.configs.images:DCGANConfig",
            "genlab.configs.images:PicturesRequest",
            "the textbook's GAN, as a baseline",
        ),
        "vae": Entry(
            "genlab.recipes.vae:VAERecipe",
            "genlab.configs.images:VAEConfig",
            "genlab.configs.images:PicturesRequest",
            "an autoencoder whose latent vectors look like noise",
        ),
    },
    "translate": {
        "transformer": Entry(
            "genlab.recipes.transformer:TransformerRecipe",
            "genlab.configs.translate:TransformerConfig",
            "genlab.configs.translate:TranslateRequest",
            "an encoder-decoder Transformer that turns one sequence into another",
            explain="genlab.configs.translate:TranslateAttentionRequest",
        ),
        "gru": Entry(
            "genlab.recipes.gru:GRURecipe",
            "genlab.configs.translate:GRUConfig",
            "genlab.configs.translate:TranslateRequest",
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

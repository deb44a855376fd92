"""Training a Transformer on music as tokens: Muon for the matrices of the blocks, AdamW for the rest, and an average.

Read it with `models/music_transformer.py` (the network); `token_recipe.py` has the batches, the step and validation.
"""

from torch import nn

from genlab.engine.custom import Networks
from genlab.engine.recipe import Setup
from genlab.errors import InputError
from genlab.layers.muon import hidden_matrices, muon_and_adam
from genlab.models.music_transformer import HEAD, MusicTransformer
from genlab.tasks.music.options import TransformerOptions
from genlab.tasks.music.token_recipe import TokenRecipe, network_of
from genlab.tasks.music.tokens import TokenFacts


def build_network(options: TransformerOptions, facts: TokenFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the network.

    Raises:
        InputError: the width does not fit, or a custom network cannot be used.
    """
    if options.width % HEAD:
        raise InputError(f"width: {options.width} cannot be used; this model needs a multiple of {HEAD}.", "width")
    return network_of("transformer", options, facts, networks, MusicTransformer, options.relative)


class TransformerRecipe(TokenRecipe):
    """Trains a Transformer."""

    replaceable = ("transformer",)

    def __init__(self, setup: Setup) -> None:
        options = setup.options
        network = build_network(options, setup.data.facts, setup.networks)["transformer"].to(setup.machine.device)
        optimizers = muon_and_adam(
            network, hidden_matrices(network), options.learning_rate, options.weight_decay,
            options.embedding_learning_rate,
        )  # fmt: skip
        super().__init__(setup, network, optimizers)

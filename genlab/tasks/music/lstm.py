"""Training an LSTM on music as tokens, the baseline for the Transformer: AdamW for all weights.

Read it with `models/music_lstm.py` (the network); `token_recipe.py` has the batches, the step and validation.
"""

import torch
from torch import nn

from genlab.engine.custom import Networks
from genlab.engine.recipe import Setup
from genlab.models.music_lstm import MusicLSTM
from genlab.tasks.music.options import LSTMOptions
from genlab.tasks.music.token_recipe import TokenRecipe, network_of
from genlab.tasks.music.tokens import TokenFacts


def build_network(options: LSTMOptions, facts: TokenFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the network.

    Raises:
        InputError: a custom network cannot be used.
    """
    return network_of("lstm", options, facts, networks, MusicLSTM)


class LSTMRecipe(TokenRecipe):
    """Trains an LSTM."""

    replaceable = ("lstm",)

    def __init__(self, setup: Setup) -> None:
        options = setup.options
        network = build_network(options, setup.data.facts, setup.networks)["lstm"].to(setup.machine.device)
        weights = [weight for weight in network.parameters() if weight.requires_grad]
        adam = torch.optim.AdamW(
            weights, options.learning_rate, betas=(0.9, 0.95), weight_decay=options.weight_decay, fused=True
        )
        super().__init__(setup, network, [adam])

"""Pipelines around networks made by tests."""

from tokenizers import Tokenizer
from torch import nn

from genlab.engine.machine import Machine
from genlab.models.gpt import GPT
from genlab.models.gpt2 import GPT2
from genlab.models.lstm import LSTM
from genlab.tasks.text.options import GPT2Options, GPTOptions, LSTMOptions
from genlab.tasks.text.pipeline import TextNetwork, TextPipeline
from tests.tasks.conftest import CONTEXT

OPTIONS = {GPT: ("gpt", GPTOptions), GPT2: ("gpt2", GPT2Options), LSTM: ("lstm", LSTMOptions)}


def pipeline_of(network: nn.Module, tokenizer: Tokenizer, context: int = CONTEXT) -> TextPipeline:
    """The pipeline of one of genlab's networks, trained on one document."""
    name, options = OPTIONS[type(network)]
    return TextPipeline(
        options(size="tiny", context=context), TextNetwork(name, network.shape, network), tokenizer, 1, Machine("cpu")
    )


def with_network(pipeline: TextPipeline, network: nn.Module) -> TextPipeline:
    """The same pipeline with another network."""
    (name,) = pipeline.networks
    built = TextNetwork(name, pipeline.shape, network)
    return TextPipeline(pipeline.options, built, pipeline.tokenizer, pipeline.documents, pipeline.machine)

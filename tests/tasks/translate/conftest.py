"""Pairs of sentences, and a translator with random weights."""

from pathlib import Path

import pytest
import torch

from genlab.engine.machine import Machine
from genlab.engine.options import Place
from genlab.engine.recipe import Setup, Speed
from genlab.tasks.translate.options import TransformerOptions
from genlab.tasks.translate.pipeline import TranslatePipeline
from genlab.tasks.translate.transformer import TransformerRecipe
from tests.conftest import phrases, tabbed


@pytest.fixture
def pairs(tmp_path) -> Path:
    path = tmp_path / "pairs.tsv"
    path.write_text(tabbed(phrases(300)), encoding="utf-8")
    return path


@pytest.fixture
def untaught_recipe(pairs) -> TransformerRecipe:
    """A recipe whose weights are all random."""
    options = TransformerOptions(size="tiny", tokenizer="char", batch=256)
    data, _ = TransformerRecipe.read(options, Place(str(pairs), "0.05", "0.10"), None)
    resolved = TransformerRecipe.resolve(options, data, Speed(None, None, 1), None)
    recipe = TransformerRecipe(Setup(resolved, data, Machine("cpu")))
    torch.manual_seed(1)
    for weight in recipe.network.parameters():
        if weight.ndim == 2:
            torch.nn.init.normal_(weight, std=1.5 * weight.shape[1] ** -0.5)
    return recipe


@pytest.fixture
def untaught(untaught_recipe) -> TranslatePipeline:
    """A translator whose weights are all random: it rarely predicts the end token."""
    return untaught_recipe.pipeline

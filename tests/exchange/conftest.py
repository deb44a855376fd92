"""Models as other tools save them."""

import json
import os
from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from tests.conftest import sentences

os.environ["HF_HUB_OFFLINE"] = "1"
VOCABULARY = 300


def foreign_tokenizer() -> Tokenizer:
    """Byte-pair encoding with GPT-2's end-of-text token last, as in its own files."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY - 1, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator([sentences(5000)], trainer)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    return tokenizer


@pytest.fixture(scope="session")
def foreign(tmp_path_factory):
    """A folder of each kind that transformers itself has written, with every weight random. Tests only read them."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    root = tmp_path_factory.mktemp("foreign")
    gpt2 = transformers.GPT2Config(
        n_embd=32, n_layer=2, n_head=2, n_positions=64, vocab_size=VOCABULARY + 4, bos_token_id=299, eos_token_id=299
    )
    qwen3 = transformers.Qwen3Config(
        hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        head_dim=12, vocab_size=VOCABULARY, max_position_embeddings=64, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 5000.0},
    )  # fmt: skip
    networks = {"gpt2": transformers.GPT2LMHeadModel(gpt2), "qwen3": transformers.Qwen3ForCausalLM(qwen3)}
    for name, network in networks.items():
        for weight in network.parameters():
            torch.nn.init.normal_(weight, std=0.2)
        network.save_pretrained(root / name)
        foreign_tokenizer().save(str(root / name / "tokenizer.json"))
    return root


def change_config(folder: Path, **values: object) -> None:
    path = folder / "config.json"
    config = {**json.loads(path.read_text()), **values}
    path.write_text(json.dumps({key: value for key, value in config.items() if value != "absent"}))

"""GGUF files, read back by their own package and run by llama.cpp where it is installed."""

import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from genlab.data.shared.tokenizers import END, character_tokenizer, train_tokenizer, word_tokenizer
from genlab.errors import InputError
from genlab.exchange.gguf import QWEN2_PATTERN, pattern_name, write_gguf
from tests.conftest import sentences
from tests.exchange.networks import CONTEXT, EVERY, gpt2, grouped, plain

gguf = pytest.importorskip("gguf")

TEXT = sentences(20_000) + "It's 12345 naïve cafés; they'LL say 日本語 and 😀 don't we?\n\n  Ünïcode\t42\r\n" * 20
TEXTS = [
    "The river  runs", " two\n\n lines \n", "12345 3.14 ½ ² ٣", "naïve café ÅÄÖ ß", "e\u0301 is not é", "😀 👩‍👩‍👧 🇫🇷",
    "日本語 中文 한국어", "العربية हिन्दी", f"a{END}b", END, "\t \r\n x", "it's WE'LL they've o'clock",
    "\u3000x\u00a0y\u2028z", "$€ — “quoted” …", "", " ", "\x00\x07", TEXT[:500],
]  # fmt: skip


def bytes_only() -> Tokenizer:
    return train_tokenizer("byte", iter([]), 1, None)


def merging() -> Tokenizer:
    return train_tokenizer("bpe", iter([TEXT]), len(TEXT), 400)


def qwen(normalizer: normalizers.Normalizer | None = None, pattern: str = QWEN2_PATTERN) -> Tokenizer:
    """Trained with another tool in Qwen's way: the end mark is last, followed by a token that text may contain."""
    tokenizer = Tokenizer(models.BPE())
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    split = pre_tokenizers.Split(Regex(pattern), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400, show_progress=False, initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator([TEXT], trainer)
    tokenizer.add_special_tokens(["<|endoftext|>"])
    tokenizer.add_tokens(["<think>"])
    tokenizer.encode_special_tokens = True
    return tokenizer


TOKENIZERS = {"byte": bytes_only, "bpe": merging, "qwen": qwen}


def value(reader, key: str):
    return reader.get_field(key).contents()


@pytest.mark.parametrize("name", EVERY)
def test_every_weight_is_there(name, tmp_path):
    network, tokenizer = EVERY[name](262), bytes_only()
    write_gguf(network, tokenizer, tmp_path / "model.gguf", "A model")
    found = {tensor.name: tensor.data for tensor in gguf.GGUFReader(tmp_path / "model.gguf").tensors}
    weights = {key: weight.numpy() for key, weight in network.state_dict().items()}
    parts = {"query": "q", "key": "k", "value": "v", "query_norm": "q_norm", "key_norm": "k_norm", "out": "output"}

    def check(theirs: str, ours: np.ndarray) -> None:
        np.testing.assert_array_equal(found.pop(theirs), ours)

    check("token_embd.weight", weights["embedding.weight"])
    check("output_norm.weight", weights["norm.weight"])
    if name == "gpt2":
        check("position_embd.weight", weights["position.weight"])
        check("output_norm.bias", weights["norm.bias"])
    if name == "plain":
        check("output.weight", weights["head.weight"])
    for layer in range(2):
        for key in [key for key in weights if key.startswith(f"blocks.{layer}.")]:
            _, _, module, *inner, kind = key.split(".")
            if module != "attention":
                words = ["ffn" if module.startswith("feed") else "attn", *inner, *(["norm"] if not inner else [])]
                check(f"blk.{layer}.{'_'.join(words)}.{kind}", weights[key])
            elif name != "gpt2" or inner == ["out"]:
                check(f"blk.{layer}.attn_{parts[inner[0]]}.{kind}", weights[key])
            elif inner == ["query"]:
                joint = [weights[key.replace("query", part)] for part in ("query", "key", "value")]
                check(f"blk.{layer}.attn_qkv.{kind}", np.concatenate(joint))
    assert not found


def test_what_a_gpt_says_of_itself(tmp_path):
    write_gguf(grouped(262), bytes_only(), tmp_path / "model.gguf", "A model")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    expected = {
        "general.architecture": "qwen3",
        "general.name": "A model",
        "general.file_type": 0,
        "qwen3.vocab_size": 262,
        "qwen3.context_length": CONTEXT,
        "qwen3.embedding_length": 32,
        "qwen3.block_count": 2,
        "qwen3.feed_forward_length": 64,
        "qwen3.attention.head_count": 4,
        "qwen3.attention.head_count_kv": 2,
        "qwen3.attention.key_length": 12,
        "qwen3.attention.value_length": 12,
        "qwen3.rope.dimension_count": 12,
        "qwen3.rope.freq_base": 1000.0,
        "qwen3.attention.layer_norm_rms_epsilon": pytest.approx(1e-6),
    }
    assert {key: value(reader, key) for key in expected} == expected


def test_what_a_gpt2_says_of_itself(tmp_path):
    write_gguf(gpt2(257), bytes_only(), tmp_path / "model.gguf", "A model")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    expected = {
        "general.architecture": "gpt2",
        "gpt2.context_length": CONTEXT,
        "gpt2.embedding_length": 32,
        "gpt2.block_count": 2,
        "gpt2.feed_forward_length": 96,
        "gpt2.attention.head_count": 4,
        "gpt2.attention.head_count_kv": 4,
        "gpt2.attention.layer_norm_epsilon": pytest.approx(1e-5),
    }
    assert {key: value(reader, key) for key in expected} == expected


@pytest.mark.parametrize(("name", "pattern"), [("byte", "gpt-2"), ("bpe", "gpt-2"), ("qwen", "qwen2")])
def test_tokenizer_in_the_file(name, pattern, tmp_path):
    tokenizer = TOKENIZERS[name]()
    size = tokenizer.get_vocab_size()
    write_gguf(plain(size + 3), tokenizer, tmp_path / "model.gguf", "A model")
    reader = gguf.GGUFReader(tmp_path / "model.gguf")
    assert value(reader, "tokenizer.ggml.model") == "gpt2"
    assert value(reader, "tokenizer.ggml.pre") == pattern
    tokens, types = value(reader, "tokenizer.ggml.tokens"), value(reader, "tokenizer.ggml.token_type")
    assert tokens[:size] == [tokenizer.id_to_token(token) for token in range(size)]
    assert len(set(tokens)) == len(tokens) == len(types) == size + 3
    end = size - 2 if name == "qwen" else 0
    marks = {end: gguf.TokenType.CONTROL, size - 1: gguf.TokenType.USER_DEFINED if name == "qwen" else 1}
    assert types[:size] == [marks.get(token, gguf.TokenType.NORMAL) for token in range(size)]
    assert types[size:] == [gguf.TokenType.UNUSED] * 3
    assert value(reader, "tokenizer.ggml.bos_token_id") == value(reader, "tokenizer.ggml.eos_token_id") == end
    assert value(reader, "tokenizer.ggml.add_bos_token") is False
    merges = value(reader, "tokenizer.ggml.merges")
    if name == "byte":
        assert merges == [f"{END} {END}"]
    else:
        made = [merge.replace(" ", "") for merge in merges]
        assert set(tokens[:size]) == {*pre_tokenizers.ByteLevel.alphabet(), *made, tokens[end], tokens[size - 1]}


def test_composed_accents_are_no_obstacle():
    assert pattern_name(qwen(normalizers.NFC())) == "qwen2"


def no_regex() -> Tokenizer:
    tokenizer = merging()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(False, use_regex=False)
    return tokenizer


def prefixed() -> Tokenizer:
    tokenizer = merging()
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(True)
    return tokenizer


def unigram() -> Tokenizer:
    return Tokenizer(models.Unigram([("a", -1.0)]))


def whole_words() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE({"a": 0}, [], ignore_merges=True))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(False)
    return tokenizer


@pytest.mark.parametrize(
    ("tokenizer", "why"),
    [
        (lambda: character_tokenizer("abc"), "no tokenizer of characters: train with --tokenizer byte or bpe"),
        (lambda: word_tokenizer(iter(["a b c"]), 10), "no tokenizer of words"),
        (unigram, "its model is Unigram"),
        (lambda: Tokenizer(models.BPE({"a": 0, "b": 1}, [], unk_token="b")), "unk_token 'b'"),
        (whole_words, "matches whole words"),
        (lambda: qwen(normalizers.Lowercase()), "changes the text first (Lowercase)"),
        (lambda: qwen(pattern=r"\p{N}{1,3}|\s+|\S+"), "a pattern other"),
        (no_regex, "a pattern other"),
        (prefixed, "a pattern other"),
        (lambda: Tokenizer(models.BPE({"a": 0}, [])), "a pattern other"),
    ],
)
def test_what_llama_cpp_cannot_read_is_refused(tokenizer, why, tmp_path):
    with pytest.raises(InputError) as error:
        write_gguf(plain(300), tokenizer(), tmp_path / "model.gguf", "A model")
    assert why in str(error.value)
    assert error.value.field == "to"
    assert not list(tmp_path.iterdir())


def test_a_tokenizer_with_spaces_in_its_marks_is_refused():
    from tokenizers import AddedToken

    tokenizer = qwen()
    tokenizer.add_tokens([AddedToken("<mask>", lstrip=True)])
    with pytest.raises(InputError, match="'<mask>' absorbs spaces"):
        pattern_name(tokenizer)


def test_without_the_package(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "gguf", None)
    with pytest.raises(InputError, match=r"pip install 'genlab\[export\]'"):
        write_gguf(plain(257), bytes_only(), tmp_path / "model.gguf", "A model")


@pytest.mark.parametrize(
    ("failure", "raised"),
    [(OSError("90 requested and 12 written"), InputError), (KeyboardInterrupt(), KeyboardInterrupt)],
)
def test_half_a_file_never_remains(failure, raised, tmp_path, monkeypatch):
    place = tmp_path / "model.gguf"
    place.write_bytes(b"the old one")

    def fail(*_, **__):
        raise failure

    monkeypatch.setattr(gguf.GGUFWriter, "write_tensors_to_file", fail)
    with pytest.raises(raised):
        write_gguf(plain(257), bytes_only(), place, "A model")
    assert [path.name for path in tmp_path.iterdir()] == ["model.gguf"]
    assert place.read_bytes() == b"the old one"


def test_a_folder_in_its_place_is_told(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_gguf(plain(257), bytes_only(), tmp_path, "A model")


# --- llama.cpp ------------------------------------------------------------------------------------


def opened(network, tokenizer: Tokenizer, place: Path):
    """The file in llama.cpp, with its cache in 32 bits."""
    llama_cpp = pytest.importorskip("llama_cpp")
    write_gguf(network, tokenizer, place, "A model")
    return llama_cpp.Llama(
        str(place), n_ctx=CONTEXT, n_threads=1, logits_all=True, type_k=llama_cpp.GGML_TYPE_F32,
        type_v=llama_cpp.GGML_TYPE_F32, verbose=False,
    )  # fmt: skip


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
@pytest.mark.parametrize("name", EVERY)
def test_llama_cpp_computes_the_same(name, tokenizer, tmp_path):
    network, words = EVERY[name](420), TOKENIZERS[tokenizer]()
    model = opened(network, words, tmp_path / "model.gguf")
    tokens = words.encode(TEXT, add_special_tokens=False).ids[:CONTEXT]
    with torch.no_grad():
        ours = network(torch.tensor([tokens]))[0].numpy()
    model.eval(tokens)
    # llama.cpp looks GELU up in a table of 16 bits; the rest is exact.
    np.testing.assert_allclose(model.scores[: len(tokens)], ours, atol=5e-3 if name == "gpt2" else 5e-5, rtol=0)
    assert np.abs(ours).max() > 2


@pytest.mark.parametrize("tokenizer", TOKENIZERS)
def test_llama_cpp_reads_text_the_same(tokenizer, tmp_path):
    words = TOKENIZERS[tokenizer]()
    model = opened(plain(420), words, tmp_path / "model.gguf")
    for text in [*TEXTS, "<think> so <think>", "<|endoftext|>"]:
        tokens = words.encode(text, add_special_tokens=False).ids
        assert model.tokenize(text.encode(), add_bos=True, special=False) == tokens, text
        if "<think>" not in text:
            assert model.detokenize(tokens).decode() == text
    assert model.token_eos() == model.token_bos() == (words.get_vocab_size() - 2 if tokenizer == "qwen" else 0)

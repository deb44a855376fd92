"""Tokenizers: always a `tokenizers` file, whether a token is a character, a byte, a word or a piece of one."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from genlab.errors import InputError

END = "<|end|>"
"""Stands before every document, and so after the one before it. Always token 0."""
FOREIGN_ENDS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "[EOS]")
"""What other tools call theirs: GPT-2 and Qwen, T5 and Llama 2, Llama 3, Gemma, BERT's family."""
UNKNOWN = "<|unknown|>"
"""Stands for a character or word that was not in the training text (tokenizers of characters and words only)."""

SAMPLE = 32_000_000
"""Characters that a bpe tokenizer is trained on at the most, spread evenly over the text."""


def character_tokenizer(characters: Iterable[str]) -> Tokenizer:
    """A token is a character; one that is not in `characters` becomes UNKNOWN."""
    tokens = [END, UNKNOWN, *sorted(characters)]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, [], unk_token=UNKNOWN))
    # Every character by itself: BPE without merges is slow on long words.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]{1,64}"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([END, UNKNOWN])
    tokenizer.encode_special_tokens = True
    return tokenizer


def train_tokenizer(kind: str, texts: Iterator[str], characters: int, vocabulary: int | None) -> Tokenizer:
    """A tokenizer over bytes that gives back any string exactly: single bytes, or byte-pair encoding.

    Sennrich et al. (2016), arXiv 1508.07909, over bytes as in Radford et al. (2019).

    Args:
        kind: byte or bpe.
        texts: The training text, in pieces.
        characters: Its length.
        vocabulary: Tokens of the bpe tokenizer; None fits it to the length.
    """
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "bpe")
    tokenizer.decoder = decoders.ByteLevel()
    if kind == "byte":
        vocabulary, texts = 257, iter(())
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary or fitting_vocabulary(characters),
        special_tokens=[END],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    every = max(1, characters // SAMPLE)
    tokenizer.train_from_iterator((text for number, text in enumerate(texts) if number % every == 0), trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def word_tokenizer(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """A token is a word with the space before it, or a run of signs; all but the commonest become UNKNOWN."""
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=[END, UNKNOWN], show_progress=False)
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.encode_special_tokens = True
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """The tokenizer of a run.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        end_of(tokenizer)
    except Exception:  # the library raises bare Exception for whatever it cannot read
        raise InputError(f"{path} is missing or damaged: restore it from a copy, or train again.", "run") from None
    tokenizer.encode_special_tokens = True  # text that spells a mark is text
    return tokenizer


def end_of(tokenizer: Tokenizer) -> int:
    """The token that stands between documents.

    Raises:
        InputError: the tokenizer has none that is known.
    """
    ids = (tokenizer.token_to_id(mark) for mark in (END, *FOREIGN_ENDS))
    end = next((token for token in ids if token is not None), None)
    if end is None:
        known = ", ".join((END, *FOREIGN_ENDS))
        raise InputError(f"The tokenizer has no mark between documents; genlab knows {known}: add one of them.", "run")
    return end


def kind_of(tokenizer: Tokenizer) -> str:
    """char, word, byte or bpe."""
    if isinstance(tokenizer.model, models.WordLevel):
        return "word"
    if tokenizer.token_to_id(UNKNOWN) is not None:
        return "char"
    return "byte" if tokenizer.get_vocab_size() == 257 else "bpe"


def fitting_vocabulary(characters: int, per_token: int = 4_000) -> int:
    """Vocabulary size whose tokens are frequent enough in the training text to be learnt: a power of two.

    Args:
        characters: Length of the training text.
        per_token: Characters of text for each token; by default 1,024 tokens for 1 MB and 32,768 from 70 MB on.
    """
    size = 1024
    while size < 32_768 and characters > size * per_token:
        size *= 2
    return size


MARKS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
"""How characters that leave no ink are shown."""


def token_label(tokenizer: Tokenizer, token: int) -> str:
    """A token as people can read it: spaces and line ends as marks, bytes that are no character as hex."""
    text = tokenizer.decode([token], skip_special_tokens=False)
    if (
        "\ufffd" in text and kind_of(tokenizer) != "char"
    ):  # part of a character: the tokenizer writes each byte as a letter (Radford et al. 2019)
        inked = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in inked]
        letters = {chr(byte): byte for byte in inked} | {chr(256 + n): byte for n, byte in enumerate(others)}
        return "".join(f"\\x{letters[letter]:02x}" for letter in tokenizer.id_to_token(token) or "")
    return "".join(MARKS.get(c, c) if c in MARKS or c.isprintable() else ascii(c)[1:-1] for c in text)

"""Tokenizers over characters, bytes, byte-pair encodings (BPE) or words, all saved in the format of `tokenizers`."""

import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

from genlab.errors import InputError

END = "<|end|>"
"""Precedes every document, and so ends the previous one. Always token 0."""
FOREIGN_ENDS = ("<|endoftext|>", "</s>", "<|end_of_text|>", "<eos>", "[EOS]")
"""The end-of-text tokens of other tools: GPT-2 and Qwen, T5 and Llama 2, Llama 3, Gemma, BERT."""
UNKNOWN = "<|unknown|>"
"""Replaces characters or words that were not in the training text (character and word tokenizers only)."""

SAMPLE = 32_000_000
"""Maximum number of characters to train a BPE tokenizer on, sampled evenly from the text."""
LONGEST_WORD = 256
"""Maximum length in bytes of a word in BPE training, whose time grows with the square of the word length. In text
without spaces, such as Chinese or DNA, one word may be the whole text."""


def character_tokenizer(characters: Iterable[str]) -> Tokenizer:
    """Makes a tokenizer whose tokens are characters; characters outside `characters` become UNKNOWN."""
    tokens = [END, UNKNOWN, *sorted(characters)]
    tokenizer = Tokenizer(models.BPE({token: index for index, token in enumerate(tokens)}, [], unk_token=UNKNOWN))
    # BPE without merges is slow on long words.
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]{1,64}"), "isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens([END, UNKNOWN])
    tokenizer.encode_special_tokens = True
    return tokenizer


def train_tokenizer(kind: str, texts: Iterator[str], characters: int, vocabulary: int | None) -> Tokenizer:
    """Trains a lossless tokenizer over bytes: single bytes or byte-pair encoding.

    Sennrich et al. (2016), arXiv 1508.07909, over bytes as in Radford et al. (2019).

    Args:
        kind: byte or bpe.
        texts: The training text, in pieces.
        characters: Length of the training text.
        vocabulary: Vocabulary size of a BPE tokenizer; None chooses it by the length.
    """
    tokenizer = Tokenizer(models.BPE())
    words = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=kind == "bpe")
    short_words = pre_tokenizers.Split(Regex(f".{{1,{LONGEST_WORD}}}"), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([words, short_words])
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
    sample = (text for number, text in enumerate(texts) if number % every == 0)
    _interruptibly(lambda: tokenizer.train_from_iterator(sample, trainer))
    tokenizer.pre_tokenizer = words
    tokenizer.encode_special_tokens = True
    return tokenizer


def _interruptibly(train: Callable[[], None]) -> None:
    """Runs `train` in a thread, because the library ignores Ctrl-C while it trains."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            train()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    while thread.is_alive():
        thread.join(0.1)
    if failures:
        raise failures[0]


def word_tokenizer(texts: Iterator[str], vocabulary: int) -> Tokenizer:
    """Trains a tokenizer whose tokens are words with the space before them, or runs of punctuation.

    All but the `vocabulary` most frequent become UNKNOWN.
    """
    tokenizer = Tokenizer(models.WordLevel(unk_token=UNKNOWN))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.WordLevelTrainer(vocab_size=vocabulary, special_tokens=[END, UNKNOWN], show_progress=False)
    _interruptibly(lambda: tokenizer.train_from_iterator(texts, trainer))
    tokenizer.encode_special_tokens = True
    return tokenizer


def load_tokenizer(path: Path) -> Tokenizer:
    """Reads the tokenizer of a run.

    Raises:
        InputError: the file is missing or damaged.
    """
    try:
        tokenizer = Tokenizer.from_str(path.read_text(encoding="utf-8"))
        end_of(tokenizer)
    except Exception:  # the library raises bare Exception for every kind of damage
        raise InputError(f"{path} is missing or damaged: restore it from a copy, or train again.", "run") from None
    tokenizer.encode_special_tokens = True  # text that spells a special token is ordinary text
    return tokenizer


def end_of(tokenizer: Tokenizer) -> int:
    """Returns the token that separates documents.

    Raises:
        InputError: the tokenizer has no end-of-text token that genlab knows.
    """
    ids = (tokenizer.token_to_id(mark) for mark in (END, *FOREIGN_ENDS))
    end = next((token for token in ids if token is not None), None)
    if end is None:
        known = ", ".join((END, *FOREIGN_ENDS))
        raise InputError(f"The tokenizer has no end-of-text token; genlab knows {known}: add one of them.", "run")
    return end


def kind_of(tokenizer: Tokenizer) -> str:
    """Returns char, word, byte or bpe."""
    if isinstance(tokenizer.model, models.WordLevel):
        return "word"
    if tokenizer.token_to_id(UNKNOWN) is not None:
        return "char"
    return "byte" if tokenizer.get_vocab_size() == 257 else "bpe"


def fitting_vocabulary(characters: int, per_token: int = 4_000) -> int:
    """Returns a vocabulary size, a power of two, whose tokens are frequent enough to learn.

    Args:
        characters: Length of the training text.
        per_token: Characters of text for each token; by default 1,024 tokens for 1 MB and 32,768 from 70 MB on.
    """
    size = 1024
    while size < 32_768 and characters > size * per_token:
        size *= 2
    return size


MARKS = {" ": "␣", "\n": "⏎", "\t": "⇥", "\r": "␍"}
"""Visible symbols for white space."""


def token_label(tokenizer: Tokenizer, token: int) -> str:
    """Returns a readable label of a token: white space as symbols, incomplete characters as hexadecimal bytes."""
    text = tokenizer.decode([token], skip_special_tokens=False)
    if "\ufffd" in text and kind_of(tokenizer) != "char":
        # Part of a character: the tokenizer writes each byte as a printable letter (Radford et al. 2019).
        printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
        others = [byte for byte in range(256) if byte not in printed]
        letters = {chr(byte): byte for byte in printed} | {chr(256 + n): byte for n, byte in enumerate(others)}
        return "".join(f"\\x{letters[letter]:02x}" for letter in tokenizer.id_to_token(token) or "")
    return "".join(MARKS.get(c, c) if c in MARKS or c.isprintable() else ascii(c)[1:-1] for c in text)

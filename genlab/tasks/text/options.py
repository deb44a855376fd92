"""Options of the text models."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt, MinLen

from genlab.options import DATA, TRAINING, Shown

Rate = Annotated[float, Gt(0), Le(10), TRAINING]
Decay = Annotated[float, Ge(0), Le(1), TRAINING]
Dropout = Annotated[float, Ge(0), Lt(1), TRAINING]
GPTSize = Literal["auto", "tiny", "laptop", "small", "medium", "large", "gpt2", "imported"]


@dataclass(frozen=True)
class LanguageModelOptions:
    """Options of every language model."""

    size: GPTSize = "auto"
    """Depth and width of the network: laptop has 4 layers of width 128, gpt2 is the 124 M shape; auto fits
    the time, or is laptop with --steps; imported is the shape that `genlab import` found."""
    context: Annotated[int, Ge(2), Le(65_536)] | None = None
    """Context length: the number of tokens that the model can attend to; by default fitted to the size, or that of
    the run to start from, and at most an eighth of the text."""
    tokenizer: Annotated[Literal["auto", "char", "byte", "bpe"], DATA] = "auto"
    """What a token is: a character, a byte, or a subword (bpe); auto decides by the length of the text."""
    vocabulary: Annotated[int, Ge(258), Le(262_144), DATA] | None = None
    """Vocabulary size of a bpe tokenizer; by default fitted to the length of the text."""
    batch: Annotated[int, Ge(1), Le(65_536), TRAINING] | None = None
    """Text windows per update and process; by default fitted to the context and the time."""


@dataclass(frozen=True)
class GPTOptions(LanguageModelOptions):
    """Options of the GPT."""

    learning_rate: Rate | None = None
    """Peak learning rate of Muon, which trains the matrices; by default fitted to the time."""
    embedding_learning_rate: Rate | None = None
    """Peak learning rate of AdamW, which trains the embedding, the head and the norms."""
    weight_decay: Decay | None = None
    """Decoupled weight decay of the matrices."""
    dropout: Dropout | None = None
    """Dropout; by default above 0 only for many epochs."""
    tied: bool = False
    """Share one matrix between the embedding and the output head (gpt2 always does)."""


@dataclass(frozen=True)
class GPT2Options(LanguageModelOptions):
    """Options of GPT-2 as published."""

    learning_rate: Rate | None = None
    """Peak learning rate of AdamW; by default fitted to the width, a tenth of that for an imported model."""
    weight_decay: Decay = 0.1
    """Decoupled weight decay of the matrices."""
    dropout: Dropout = 0.0
    """Dropout."""


@dataclass(frozen=True)
class LSTMOptions(LanguageModelOptions):
    """Options of the LSTM."""

    size: Literal["auto", "tiny", "laptop", "small", "medium", "large", "gpt2"] = "auto"  # type: ignore[assignment]
    """Layers and width: about as many parameters as the GPT of the same name."""
    context: Annotated[int, Ge(2), Le(65_536)] | None = None
    """Tokens per training window; by default fitted to the size."""
    batch: Annotated[int, Ge(1), Le(65_536), TRAINING] | None = None
    """Text windows per update and process; by default fitted to the context."""
    learning_rate: Rate = 4e-3
    """Peak learning rate of AdamW."""
    weight_decay: Decay = 0.01
    """Decoupled weight decay of the matrices."""
    dropout: Dropout = 0.0
    """Dropout."""


@dataclass(frozen=True)
class TextRequest:
    """The text to write."""

    prompt: str | None = None
    """Text to continue; by default the start of a document."""
    tokens: Annotated[int, Ge(1), Le(10_000_000)] = 200
    """Largest number of tokens to generate."""
    n: Annotated[int, Ge(1), Le(100_000)] = 1
    """Number of texts to generate."""
    temperature: Annotated[float, Gt(0), Le(100), Shown(hint="--greedy always takes the most likely token")] = 0.8
    """Softmax temperature: below 1 favours likely tokens, above 1 unlikely ones."""
    top_k: Annotated[int, Ge(1)] | None = None
    """Sample only from this many of the most likely tokens."""
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    """Sample only from the most likely tokens that together have this probability."""
    min_p: Annotated[float, Ge(0), Lt(1)] | None = None
    """Sample only from tokens with at least this fraction of the highest probability."""
    repetition_penalty: Annotated[float, Gt(0), Le(100)] = 1.0
    """Above 1 makes tokens that already occur in the text less likely."""
    stop: tuple[Annotated[str, MinLen(1)], ...] = ()
    """End a text before this string; can be repeated."""
    greedy: bool = False
    """Always take the most likely token."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed gives the same text."""
    weights: Literal["auto", "plain", "32", "16", "int8"] = "auto"
    """Format of large weights on a CPU: packed in 32 bits, packed and rounded to 16 or 8 bits (int8), or plain, as
    trained; auto packs them in 32 bits if that pays off."""


@dataclass(frozen=True)
class TextAttentionRequest:
    """The prompt on which to show a language model's attention."""

    prompt: str
    """Text that the model reads."""

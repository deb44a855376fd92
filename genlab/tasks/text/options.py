"""Options of the text models."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

Tokens = Literal["auto", "char", "byte", "bpe"]
Size = Literal["auto", "tiny", "laptop", "small", "medium", "large", "gpt2"]
GPTSize = Literal["auto", "tiny", "laptop", "small", "medium", "large", "gpt2", "imported"]


@dataclass(frozen=True)
class GPTOptions:
    """Options of the GPT."""

    size: GPTSize = "auto"
    """Depth and width of the network: laptop has 4 layers of width 128, gpt2 is the 124 M shape; auto fits
    the time, or is laptop when --steps is given (imported: as `genlab import` found it)."""
    context: Annotated[int, Ge(2), Le(65_536)] | None = None
    """Most tokens that the model looks back at; by default fitted to the size."""
    tokenizer: Tokens = "auto"
    """What a token is: a character, a byte, or a piece of a word (bpe); auto decides by the text's length."""
    vocabulary: Annotated[int, Ge(258), Le(262_144)] | None = None
    """Tokens of a bpe tokenizer; by default fitted to the text's length."""
    batch: Annotated[int, Ge(1), Le(65_536)] | None = None
    """Windows of text in an update (of one process); by default fitted to the context and the time."""
    learning_rate: Annotated[float, Gt(0), Le(10)] | None = None
    """Peak step length of Muon, which trains the matrices; by default fitted to the time."""
    embedding_learning_rate: Annotated[float, Gt(0), Le(10)] | None = None
    """Peak step length of AdamW, which trains the embedding, the head and the norms."""
    weight_decay: Annotated[float, Ge(0), Le(1)] | None = None
    """Pull of the matrices towards zero, per unit of learning rate."""
    dropout: Annotated[float, Ge(0), Lt(1)] | None = None
    """Share of features dropped in training; by default more than 0 only where the data repeat often."""
    tied: bool = False
    """Let the head reuse the embedding's matrix (gpt2 always does)."""


@dataclass(frozen=True)
class GPT2Options:
    """Options of GPT-2 as it was published."""

    size: GPTSize = "auto"
    """Depth and width of the network: laptop has 4 layers of width 128, gpt2 is the 124 M shape; auto fits
    the time, or is laptop when --steps is given (imported: as `genlab import` found it)."""
    context: Annotated[int, Ge(2), Le(65_536)] | None = None
    """Most tokens that the model looks back at; by default fitted to the size."""
    tokenizer: Tokens = "auto"
    """What a token is: a character, a byte, or a piece of a word (bpe); auto decides by the text's length."""
    vocabulary: Annotated[int, Ge(258), Le(262_144)] | None = None
    """Tokens of a bpe tokenizer; by default fitted to the text's length."""
    batch: Annotated[int, Ge(1), Le(65_536)] | None = None
    """Windows of text in an update (of one process); by default fitted to the context and the time."""
    learning_rate: Annotated[float, Gt(0), Le(10)] | None = None
    """Peak step length of AdamW; by default fitted to the width, and a tenth of it after an import."""
    weight_decay: Annotated[float, Ge(0), Le(1)] = 0.1
    """Pull of the matrices towards zero, per unit of learning rate."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of features dropped in training."""


@dataclass(frozen=True)
class LSTMOptions:
    """Options of the LSTM."""

    size: Size = "auto"
    """Layers and width: each name has about the parameters of the GPT of that name."""
    context: Annotated[int, Ge(2), Le(65_536)] | None = None
    """Tokens in a training window; by default fitted to the size."""
    tokenizer: Tokens = "auto"
    """What a token is: a character, a byte, or a piece of a word (bpe); auto decides by the text's length."""
    vocabulary: Annotated[int, Ge(258), Le(262_144)] | None = None
    """Tokens of a bpe tokenizer; by default fitted to the text's length."""
    batch: Annotated[int, Ge(1), Le(65_536)] | None = None
    """Windows of text in an update (of one process); by default fitted to the context."""
    learning_rate: Annotated[float, Gt(0), Le(10)] = 4e-3
    """Peak step length of AdamW."""
    weight_decay: Annotated[float, Ge(0), Le(1)] = 0.01
    """Pull of the matrices towards zero, per unit of learning rate."""
    dropout: Annotated[float, Ge(0), Lt(1)] = 0.0
    """Share of features dropped in training."""


@dataclass(frozen=True)
class TextRequest:
    """Options of writing text."""

    prompt: str | None = None
    """Text to go on from; by default the start of a document."""
    tokens: Annotated[int, Ge(1), Le(10_000_000)] = 200
    """Most tokens to write."""
    n: Annotated[int, Ge(1), Le(100_000)] = 1
    """How many texts to write."""
    temperature: Annotated[float, Gt(0), Le(100)] = 0.8
    """Below 1 keeps to what is likely, above 1 dares more."""
    top_k: Annotated[int, Ge(1)] | None = None
    """Choose among this many likeliest tokens only."""
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    """Choose among the likeliest tokens that together have this probability."""
    min_p: Annotated[float, Ge(0), Lt(1)] | None = None
    """Choose among tokens at least this share as likely as the likeliest."""
    repetition_penalty: Annotated[float, Gt(0), Le(100)] = 1.0
    """Above 1 makes tokens that were already there less likely."""
    stop: tuple[str, ...] = ()
    """End a text before this string."""
    greedy: bool = False
    """Always take the likeliest token."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed writes the same text."""
    weights: Literal["auto", "plain", "32", "16", "int8"] = "auto"
    """How a CPU reads large weights: packed in 32 bits, packed and rounded to 16 or to 8 (int8), or plain as they were
    trained; auto packs 32 bits where that is repaid."""


@dataclass(frozen=True)
class TextAttentionRequest:
    """Options of looking at a text model's attention."""

    prompt: str
    """The text that the model reads."""

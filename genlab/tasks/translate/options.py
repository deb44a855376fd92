"""Options of the models that translate, and how their data are written."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from genlab.data.pairs.lines import Lines

Tokens = Literal["bpe", "char", "word"]
Size = Literal["auto", "tiny", "small", "medium", "large", "base"]
Share = Annotated[float, Ge(0), Lt(1)]
Rate = Annotated[float, Gt(0), Le(10)]


@dataclass(frozen=True)
class TransformerOptions:
    """Options of the Transformer."""

    size: Size = "auto"
    """Layers and width of the network: small has 3 + 3 layers of width 128, base is the paper's; auto fits the
    time, or is small when --steps is given."""
    tokenizer: Tokens = "bpe"
    """What a token is: a piece of a word (bpe), a character, or a word with its space."""
    vocabulary: Annotated[int, Ge(258), Le(262_144)] | None = None
    """Most tokens of a bpe or word vocabulary; by default fitted to the data's length."""
    joint: bool = True
    """One vocabulary, and one embedding, for both languages; False makes one for each."""
    lower: bool = False
    """Turn everything into lower case."""
    batch: Annotated[int, Ge(16), Le(4_194_304)] | None = None
    """Most tokens in an update (of one process), of both languages together; by default fitted to the time."""
    learning_rate: Rate | None = None
    """Peak step length of Muon, which trains the matrices; by default 0.02."""
    embedding_learning_rate: Rate | None = None
    """Peak step length of AdamW, which trains embeddings, biases and norms; by default 0.016."""
    weight_decay: Annotated[float, Ge(0), Le(1)] = 0.0
    """Pull of the matrices towards zero, per unit of learning rate."""
    dropout: Share | None = None
    """Share of features dropped in training; by default more where the data repeat more often."""
    label_smoothing: Share = 0.1
    """Share of the probability that the loss wants spread over all tokens."""


@dataclass(frozen=True)
class GRUOptions:
    """Options of the recurrent encoder-decoder."""

    size: Size = "auto"
    """Width of the network; auto is small."""
    attention: Literal["additive", "none"] = "additive"
    """Whether each target token looks at the source, or only gets the encoder's last state."""
    tokenizer: Tokens = "bpe"
    """What a token is: a piece of a word (bpe), a character, or a word with its space."""
    vocabulary: Annotated[int, Ge(258), Le(262_144)] | None = None
    """Most tokens of a bpe or word vocabulary; by default fitted to the data's length."""
    joint: bool = True
    """One vocabulary, and one embedding, for both languages; False makes one for each."""
    lower: bool = False
    """Turn everything into lower case."""
    batch: Annotated[int, Ge(16), Le(4_194_304)] | None = None
    """Most tokens in an update (of one process), of both languages together; by default 2,048."""
    learning_rate: Rate = 3e-3
    """Peak step length of AdamW."""
    dropout: Share = 0.2
    """Share of features dropped in training."""
    label_smoothing: Share = 0.1
    """Share of the probability that the loss wants spread over all tokens."""


@dataclass(frozen=True)
class TranslateRequest:
    """Options of translating."""

    prompt: str | tuple[str, ...] | Lines | None = None
    """Text to translate, line by line."""
    beam: Annotated[int, Ge(1), Le(100)] = 5
    """Translations followed at the same time; 1 always takes the likeliest token."""
    length_penalty: Annotated[float, Ge(0), Le(10)] = 1.0
    """How far a long translation is forgiven for being less likely: 0 not at all, more favours long ones."""
    n_best: Annotated[int, Ge(1), Le(100)] = 1
    """Translations of each line, the best first; at most as many as the beam."""
    sample: bool = False
    """Draw each token by chance instead of searching for the likeliest translation."""
    temperature: Annotated[float, Gt(0), Le(100)] = 1.0
    """Of drawing: below 1 keeps to what is likely, above 1 dares more."""
    top_k: Annotated[int, Ge(1)] | None = None
    """Draw among this many likeliest tokens only."""
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    """Draw among the likeliest tokens that together have this probability."""
    min_p: Share | None = None
    """Draw among tokens at least this share as likely as the likeliest."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed of drawing."""


@dataclass(frozen=True)
class TranslateAttentionRequest:
    """Options of looking at a translator's attention."""

    prompt: str
    """The sentence that the model translates."""
    translation: str | None = None
    """What it is made to write; by default its own translation."""

"""Options of the models that translate."""

from dataclasses import dataclass
from typing import Annotated, Literal

from annotated_types import Ge, Gt, Le, Lt

from genlab.data.pairs.lines import Lines
from genlab.options import DATA, TRAINING, Shown

Share = Annotated[float, Ge(0), Lt(1)]
TrainingShare = Annotated[Share, TRAINING]
Rate = Annotated[float, Gt(0), Le(10), TRAINING]


@dataclass(frozen=True)
class TranslatorOptions:
    """Options of every translator."""

    size: Literal["auto", "tiny", "small", "medium", "large", "base"] = "auto"
    """Layers and width of the network: small has 3 + 3 layers of width 128, base is the paper's; auto fits the
    time, or is small with --steps."""
    tokenizer: Annotated[Literal["bpe", "char", "word"], DATA] = "bpe"
    """What a token is: a subword (bpe), a character, or a word with its space."""
    vocabulary: Annotated[int, Ge(258), Le(262_144), DATA] | None = None
    """Largest size of a bpe or word vocabulary; by default fitted to the length of the data."""
    joint: Annotated[bool, DATA, Shown(off="Use separate vocabularies and embeddings for source and target.")] = True
    """Share one vocabulary and one embedding between both languages; False uses separate ones."""
    lower: Annotated[bool, DATA] = False
    """Convert all text to lower case."""
    batch: Annotated[int, Ge(16), Le(4_194_304), TRAINING] | None = None
    """Largest number of tokens per update and process, source and target together; by default fitted to the time."""
    label_smoothing: TrainingShare = 0.1
    """Label smoothing: fraction of the target probability that is spread over all tokens."""


@dataclass(frozen=True)
class TransformerOptions(TranslatorOptions):
    """Options of the Transformer."""

    learning_rate: Rate | None = None
    """Peak learning rate of Muon, which trains the matrices; by default 0.02."""
    embedding_learning_rate: Rate | None = None
    """Peak learning rate of AdamW, which trains embeddings, biases and norms; by default 0.016."""
    weight_decay: Annotated[float, Ge(0), Le(1), TRAINING] = 0.0
    """Decoupled weight decay of the matrices."""
    dropout: TrainingShare | None = None
    """Dropout; by default higher for more epochs."""


@dataclass(frozen=True)
class GRUOptions(TranslatorOptions):
    """Options of the recurrent encoder-decoder."""

    size: Literal["auto", "tiny", "small", "medium", "large", "base"] = "auto"
    """Width of the network; auto is small."""
    attention: Literal["additive", "none"] = "additive"
    """additive: every target token attends to the source; none: the decoder only receives the encoder's last state."""
    batch: Annotated[int, Ge(16), Le(4_194_304), TRAINING] | None = None
    """Largest number of tokens per update and process, source and target together; by default 2,048."""
    learning_rate: Rate = 3e-3
    """Peak learning rate of AdamW."""
    dropout: TrainingShare = 0.2
    """Dropout."""


@dataclass(frozen=True)
class TranslateRequest:
    """The text to translate, and the options of decoding."""

    prompt: str | tuple[str, ...] | Lines | None = None
    """Text to translate, line by line."""
    beam: Annotated[int, Ge(1), Le(100)] = 5
    """Beam width of the search; 1 always takes the most likely token."""
    length_penalty: Annotated[float, Ge(0), Le(10)] = 1.0
    """Exponent of the length that scores are divided by: 0 for no normalization, higher favours long translations."""
    n_best: Annotated[int, Ge(1), Le(100)] = 1
    """Number of translations per line, best first; at most the beam width."""
    sample: bool = False
    """Sample each token instead of searching for the most likely translation."""
    temperature: Annotated[float, Gt(0), Le(100), Shown(hint="--beam 1 always takes the most likely token")] = 1.0
    """Softmax temperature of --sample: below 1 favours likely tokens, above 1 unlikely ones."""
    top_k: Annotated[int, Ge(1)] | None = None
    """Sample only from this many of the most likely tokens."""
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    """Sample only from the most likely tokens that together have this probability."""
    min_p: Share | None = None
    """Sample only from tokens with at least this fraction of the highest probability."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed of --sample."""


@dataclass(frozen=True)
class TranslateAttentionRequest:
    """The sentence on which to show a translator's attention."""

    prompt: str
    """Sentence to translate."""
    translation: str | None = None
    """Translation to force on the decoder; by default the model's own."""

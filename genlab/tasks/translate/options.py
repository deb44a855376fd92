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
    time, or is small if --steps is given."""
    tokenizer: Annotated[Literal["bpe", "char", "word"], DATA] = "bpe"
    """What a token is: a piece of a word (bpe), a character, or a word with its space."""
    vocabulary: Annotated[int, Ge(258), Le(262_144), DATA] | None = None
    """Largest size of a bpe or word vocabulary; by default fitted to the length of the data."""
    joint: Annotated[bool, DATA, Shown(off="Use separate vocabularies and embeddings for source and target.")] = True
    """Share one vocabulary and one embedding between both languages; False makes one for each."""
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
    """Dropout; by default higher the more often training reads the data."""


@dataclass(frozen=True)
class GRUOptions(TranslatorOptions):
    """Options of the recurrent encoder-decoder."""

    size: Literal["auto", "tiny", "small", "medium", "large", "base"] = "auto"
    """Width of the network; auto is small."""
    attention: Literal["additive", "none"] = "additive"
    """Whether each target token attends to the source, or only receives the encoder's last state."""
    batch: Annotated[int, Ge(16), Le(4_194_304), TRAINING] | None = None
    """Largest number of tokens per update and process, source and target together; by default 2,048."""
    learning_rate: Rate = 3e-3
    """Peak learning rate of AdamW."""
    dropout: TrainingShare = 0.2
    """Dropout."""


@dataclass(frozen=True)
class TranslateRequest:
    """What to translate, and how."""

    prompt: str | tuple[str, ...] | Lines | None = None
    """Text to translate, line by line."""
    beam: Annotated[int, Ge(1), Le(100)] = 5
    """Beam width of the search; 1 always takes the most likely token."""
    length_penalty: Annotated[float, Ge(0), Le(10)] = 1.0
    """Exponent of the length by which scores are normalized: 0 for no normalization, more favours long translations."""
    n_best: Annotated[int, Ge(1), Le(100)] = 1
    """Translations of each line, best first; at most as many as the beam."""
    sample: bool = False
    """Sample each token instead of searching for the most likely translation."""
    temperature: Annotated[float, Gt(0), Le(100), Shown(hint="--beam 1 always takes the most likely token")] = 1.0
    """Softmax temperature of --sample: below 1 favours likely tokens, above 1 unlikely ones."""
    top_k: Annotated[int, Ge(1)] | None = None
    """Sample from this many most likely tokens only."""
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    """Sample from the most likely tokens that together have this probability."""
    min_p: Share | None = None
    """Sample from the tokens with at least this fraction of the highest probability."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed of --sample."""


@dataclass(frozen=True)
class TranslateAttentionRequest:
    """Which attention of a translator to show."""

    prompt: str
    """Sentence that the model translates."""
    translation: str | None = None
    """Translation that the model is made to write; by default its own."""

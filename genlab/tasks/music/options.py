"""Options of the models of music."""

from dataclasses import dataclass
from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Lt

from genlab.options import DATA, TRAINING, Shown

Rate = Annotated[float, Gt(0), Le(10), TRAINING]
Decay = Annotated[float, Ge(0), Le(10), TRAINING]
Dropout = Annotated[float, Ge(0), Lt(1), TRAINING]


@dataclass(frozen=True)
class MusicOptions:
    """Options of every model of music."""

    transpose: Annotated[bool, TRAINING, Shown(off="Train in the keys of the pieces only.")] = True
    """Also train on transposed pieces, within the range of the corpus."""


@dataclass(frozen=True)
class ChoraleOptions(MusicOptions):
    """Options of the model of music in voices."""

    depth: Annotated[int, Ge(1), Le(64)] = 3
    """Number of Transformer blocks."""
    width: Annotated[int, Ge(32), Le(4096)] = 192
    """Width of the network, a multiple of 32."""
    dropout: Dropout = 0.35
    """Dropout, also of the features that the network reads."""
    window: Annotated[int, Ge(8), Le(8192), TRAINING] = 64
    """Largest number of sixteenths of a piece that a training step reads."""
    batch: Annotated[int, Ge(1), Le(65_536), TRAINING] = 16
    """Pieces per update and process."""
    learning_rate: Rate = 0.01
    """Peak learning rate of Muon, which trains the matrices."""
    embedding_learning_rate: Rate = 0.004
    """Peak learning rate of AdamW, which trains everything else."""
    weight_decay: Decay = 0.1
    """Decoupled weight decay."""
    average: Annotated[float, Gt(0), Le(1), TRAINING] = 0.1
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class TokenOptions(MusicOptions):
    """Options of the models that read music as tokens."""

    context: Annotated[int, Ge(32), Le(65_536)] = 512
    """Context length in tokens, of which a note takes three or four."""
    velocities: Annotated[int, Ge(0), Le(63), DATA] | None = None
    """Number of levels of loudness to learn; by default 16 if loudness varies within most pieces, else 0."""
    tempos: Annotated[int, Ge(0), Le(32), DATA] | None = None
    """Number of tempos to learn, 0 or at least 2; by default 16 if tempos differ, else 0."""
    batch: Annotated[int, Ge(1), Le(65_536), TRAINING] = 8
    """Parts of pieces per update and process."""
    dropout: Dropout = 0.1
    """Dropout."""
    average: Annotated[float, Gt(0), Le(1), TRAINING] = 0.1
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class TransformerOptions(TokenOptions):
    """Options of the Transformer."""

    depth: Annotated[int, Ge(1), Le(64)] = 4
    """Number of Transformer blocks."""
    width: Annotated[int, Ge(32), Le(4096)] = 128
    """Width of the network, a multiple of 32."""
    relative: bool = False
    """Use the relative attention of Music Transformer (Huang et al. 2018) instead of rotary positions."""
    learning_rate: Rate = 0.02
    """Peak learning rate of Muon, which trains the matrices."""
    embedding_learning_rate: Rate = 0.01
    """Peak learning rate of AdamW, which trains the embeddings, the head and the norms."""
    weight_decay: Decay = 0.1
    """Decoupled weight decay of the matrices."""


@dataclass(frozen=True)
class LSTMOptions(TokenOptions):
    """Options of the LSTM."""

    depth: Annotated[int, Ge(1), Le(64)] = 2
    """Number of layers."""
    width: Annotated[int, Ge(1), Le(8192)] = 224
    """Width of embeddings and states."""
    learning_rate: Rate = 0.004
    """Peak learning rate of AdamW."""
    weight_decay: Decay = 0.01
    """Decoupled weight decay."""


@dataclass(frozen=True)
class TokenRequest:
    """The music to make."""

    prompt: Any = None
    """Score to continue."""
    with_prompt: Annotated[bool, Shown(off="Leave the prompt out of the music.")] = True
    """Begin the music with the prompt."""
    soundfont: Any = None
    """Content of a SoundFont to play the music with."""
    bars: Annotated[int, Ge(1), Le(10_000)] = 16
    """Largest number of new bars; a piece may end earlier."""
    n: Annotated[int, Ge(1), Le(100_000)] = 1
    """Number of pieces to make."""
    key: Annotated[str | None, Shown("KEY")] = None
    """Key of new pieces, such as D, 'B flat major' or 'F# minor': they are transposed, and drawn until enough are major
    or minor."""
    metre: Annotated[str | None, Shown("METRE")] = None
    """Metre of new pieces, such as 3/4; by default, chorale takes the commonest of the training pieces, and the other
    models choose."""
    tempo: Annotated[float, Ge(10), Le(1000)] | None = None
    """Tempo in quarter notes per minute; by default that of what is given, or the median of the training pieces, unless
    the model has learnt tempos."""
    instruments: Annotated[tuple[str, ...], Shown("NAME")] = ()
    """Instrument of General MIDI, by name or number; can be repeated, for one track after another. chorale plays its
    voices with them, and other models write for them."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed gives the same music."""
    temperature: Annotated[float, Gt(0), Le(100)] = 1.0
    """Softmax temperature: below 1 favours likely notes, above 1 unlikely ones."""
    top_p: Annotated[float, Gt(0), Le(1)] | None = None
    """Sample only from the most likely notes that together have this probability."""
    min_p: Annotated[float, Ge(0), Lt(1)] = 0.05
    """Sample only from notes with at least this fraction of the highest probability."""


@dataclass(frozen=True)
class MusicRequest(TokenRequest):
    """The music to make, with what only the model of music in voices can do."""

    temperature: Annotated[float, Gt(0), Le(100)] = 0.85
    """Softmax temperature of notes: below 1 favours likely notes, above 1 unlikely ones; the rhythm does not change."""
    min_p: Annotated[float, Ge(0), Lt(1)] = 0.1
    """Sample only from notes with at least this fraction of the highest probability."""
    harmonise: Any = None
    """Score of a melody to write the other voices to."""
    fill: Any = None
    """Score of a piece in which to rewrite some bars."""
    from_bar: Annotated[int, Ge(1)] | None = None
    """First bar to rewrite, counted from 1; a pick-up does not count."""
    to_bar: Annotated[int, Ge(1)] | None = None
    """Last bar to rewrite."""

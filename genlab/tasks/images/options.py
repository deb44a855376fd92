"""Options of the models that make pictures."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le, Lt

from genlab.options import DATA, RUN, TRAINING, Shown

Pixels = Annotated[int, Ge(8), Le(512), DATA]
Batch = Annotated[int, Ge(2), Le(65_536), TRAINING]
Latent = Annotated[int, Ge(1), Le(4096)]
Rate = Annotated[float, Gt(0), Le(1), TRAINING]
Penalty = Annotated[float, Ge(0), Le(10_000), TRAINING]


@dataclass(frozen=True)
class PicturesOptions:
    """Options of every model of pictures."""

    pixels: Pixels = 32
    """Side of the training pictures, which are cropped to their central square and resized. A power of 2."""
    label: Annotated[str | None, DATA, Shown("COLUMN")] = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) with the classes; by default sub-folders are the
    classes."""
    conditional: Annotated[bool, Shown(off="Ignore the classes.")] = True
    """Condition on the class, so that generate --class can choose one; False ignores the classes."""
    features: Annotated[str, RUN, Shown("NAME|RUN")] = "auto"
    """Network whose features the metrics compare: digits, efficientnet, inception, or a run of the task classify; auto
    is digits for @digits, else efficientnet."""


@dataclass(frozen=True)
class LatentOptions:
    """The latent vector of the models that make pictures in one pass."""

    latent: Latent = 64
    """Size of the latent vector."""


@dataclass(frozen=True)
class BatchOptions:
    """The batch of the models that do not choose it from the data."""

    batch: Batch = 64
    """Pictures per update and process."""


@dataclass(frozen=True)
class ScaledOptions:
    """Options of the models with a width and averaged weights."""

    width: Annotated[int, Ge(4), Le(1024)] = 16
    """Channels at half resolution; lower resolutions have more."""
    average: Annotated[float, Gt(0), Le(1), TRAINING] = 0.05
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""


@dataclass(frozen=True)
class GANOptions(LatentOptions, ScaledOptions, PicturesOptions):
    """Options of the GAN."""

    batch: Batch | None = None
    """Pictures per update and process; by default 32 for photographs in colour, else 16."""
    learning_rate: Rate | None = None
    """Peak learning rate of Adam, for both networks; by default 0.004 for photographs in colour, 0.003 for drawings and
    0.001 for grey pictures, and lower in proportion for widths above 16 and photographs above 32 pixels."""
    palette: Annotated[int, Ge(0), Le(1024)] | None = None
    """Number of learned colours that each pixel is mixed from; 0 for any colour. By default 32 where the training
    pictures have few colours."""
    penalty: Penalty | None = None
    """Weight gamma of the gradient penalties on real (R1) and fake (R2) pictures at the peak learning rate, by default
    3 with a palette, else 1, and four times as much for photographs of twice the side; it rises from a tenth of it
    while the learning rate warms up, and falls to a tenth at the end of training."""
    augment: Annotated[Literal["auto", "none", "all"], TRAINING] = "auto"
    """Differentiable augmentation of the discriminator's input; auto uses it below 2,000 pictures."""
    flip: Annotated[bool, TRAINING] = False
    """Also show the discriminator mirror images: right for faces, wrong for digits and letters."""


@dataclass(frozen=True)
class WGANGPOptions(LatentOptions, BatchOptions, ScaledOptions, PicturesOptions):
    """Options of the Wasserstein GAN with gradient penalty."""

    learning_rate: Rate = 3e-4
    """Peak learning rate of Adam, for both networks."""
    penalty: Penalty = 10.0
    """Weight of the gradient penalty, which pulls gradient norms towards 1."""
    critic_steps: Annotated[int, Ge(1), Le(100), TRAINING] = 3
    """Critic updates per generator update."""


@dataclass(frozen=True)
class DCGANOptions(LatentOptions, BatchOptions, PicturesOptions):
    """Options of the DCGAN, with the defaults of its paper."""

    pixels: Pixels = 32
    """Side of the training pictures, which are cropped to their central square and resized. A multiple of 4."""
    latent: Latent = 100
    learning_rate: Rate = 2e-4
    """Peak learning rate of Adam, for both networks."""


@dataclass(frozen=True)
class VAEOptions(LatentOptions, BatchOptions, ScaledOptions, PicturesOptions):
    """Options of the variational autoencoder."""

    latent: Latent = 32
    learning_rate: Rate = 1e-3
    """Peak learning rate of Adam."""
    beta: Annotated[float, Gt(0), Le(1000), TRAINING] = 1.0
    """Weight of the Kullback-Leibler divergence, relative to the reconstruction likelihood."""


@dataclass(frozen=True)
class FlowOptions(PicturesOptions):
    """Options of flow matching."""

    conditional: Annotated[bool, Shown(off="Ignore classes and descriptions.")] = True
    """Condition on descriptions or classes, so that generate --prompt or --class can choose; False ignores them."""
    caption: Annotated[tuple[str, ...], DATA, Shown("COLUMN")] = ()
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) to write descriptions from; can be repeated. By
    default captions.csv describes the pictures, or all columns of a sample set."""
    unseen: Annotated[float, Ge(0), Lt(1), DATA] | None = None
    """Share of the combinations of values of two or more --caption columns that training never sees, so that evaluate
    can measure them; 0 for none. By default 0.1."""
    pixels: Annotated[int, Ge(16), Le(512), DATA] = 32
    """Side of the training pictures, which are cropped to their central square and resized. A power of 2."""
    width: Annotated[int, Ge(32), Le(1024)] = 64
    """Channels at half resolution, a multiple of 32; lower resolutions have twice as many."""
    depth: Annotated[int, Ge(1), Le(24)] = 2
    """Layers of the text encoder."""
    average: Annotated[float, Gt(0), Le(1), TRAINING] = 0.05
    """Weight averaging (EMA): half of the average comes from this last fraction of training."""
    batch: Batch = 16
    """Pictures per update and process."""
    learning_rate: Rate = 1e-3
    """Peak learning rate of Muon, which trains the matrices, and of AdamW, which trains the rest."""
    unguided: Annotated[float, Ge(0), Lt(1), TRAINING] = 0.1
    """Fraction of the pictures that are shown without their description. With 0, the model makes pictures with
    guidance 1 only, and each needs a description or class."""
    flip: Annotated[bool, TRAINING] = False
    """Also train on mirror images: right for faces, wrong for digits and letters."""


@dataclass(frozen=True)
class PicturesRequest:
    """The pictures to make."""

    n: Annotated[int, Ge(1), Le(10_000_000)] = 64
    """Number of pictures to make."""
    class_: Annotated[str | None, Shown("CLASS")] = None
    """Class to make, if the run has classes; by default all in turn."""
    walk: Annotated[int, Ge(2), Le(1000)] | None = None
    """Interpolate between this many latent vectors and back to the first, as an animated GIF, instead of pictures."""
    latents: Any = None
    """Latent vectors to make the pictures from, an array (pictures, latent); by default drawn from `seed`."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed makes the same pictures."""


@dataclass(frozen=True)
class LatentPicturesRequest(PicturesRequest):
    """The pictures to make in one pass from latent vectors, which can be edited."""

    truncation: Annotated[float, Gt(0), Le(10)] = 1.0
    """Scale of the latent vectors: below 1 trades diversity for more typical pictures; 1 keeps the full diversity."""
    edit: Mapping[str, str] = field(default_factory=dict)
    """Draw a row per picture in which an attribute changes to a value, such as hair=blond; can be repeated. `genlab
    latents` finds the directions."""
    strength: Annotated[float, Ge(-100), Le(100)] | None = None
    """How far --edit moves each latent vector along each direction, in standard deviations; by default just far enough
    to change the attribute. A negative strength moves it away from the value."""
    ends: Any = None
    """Two or more pictures to make a film between, as an array or a list."""
    fit: bool = False
    """Fit pictures of another size or kind: crop their central square, resize and convert it, as for training."""


@dataclass(frozen=True)
class DirectionsRequest:
    """The directions to find in latent space."""

    attribute: Annotated[tuple[str, ...], Shown("COLUMN")] = ()
    """Column of the table beside the pictures whose values get directions, such as hair; can be repeated. With
    --classifier, a name for its classes."""
    draws: Annotated[int, Ge(100), Le(1_000_000)] = 5000
    """Number of generated pictures to find the directions from."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed of the latent vectors."""


@dataclass(frozen=True)
class InvertRequest:
    """The pictures to find the latent vectors of."""

    pictures: Any = None
    """A picture, an array of pictures, or a list of pictures (of Pillow, or arrays)."""
    class_: Annotated[str | None, Shown("CLASS")] = None
    """Class of the pictures, if the run has classes; by default the encoder recognises it."""
    fit: bool = False
    """Fit pictures of another size or kind: crop their central square, resize and convert it, as for training."""
    optimise: Annotated[int, Ge(0), Le(100_000)] = 200
    """Steps that improve the latent vector after the encoder's first guess."""


@dataclass(frozen=True)
class FlowRequest(PicturesRequest):
    """The pictures to make from a description."""

    prompt: Annotated[str | None, Shown("TEXT")] = None
    """Description of the pictures; by default any picture that is like the training pictures."""
    guidance: Annotated[float, Gt(0), Le(100)] | None = None
    """Guidance scale: 1 samples the learned distribution; larger values follow the description more closely, at the
    cost of variety. By default 2, or 1 for a run trained with --unguided 0."""
    flow_steps: Annotated[int, Ge(1), Le(10_000)] = 16
    """Steps from noise to picture: more are more exact, and take longer in proportion."""
    sampler: Literal["heun", "euler"] = "heun"
    """Heun's method is more exact per step and takes twice as long as Euler's."""


@dataclass(frozen=True)
class FlowAttentionRequest:
    """The picture whose attention to the words of its description is shown."""

    prompt: str
    """Description of the picture."""
    time: Annotated[float, Ge(0), Le(1)] = 0.5
    """Time on the way from noise (0) to the picture (1) at which to show the attention, at the nearest step; the last
    step begins before 1."""
    guidance: Annotated[float, Gt(0), Le(100)] | None = None
    """Guidance scale with which the picture is made; the default is that of `genlab generate`."""
    flow_steps: Annotated[int, Ge(1), Le(10_000)] = FlowRequest.flow_steps
    """Steps from noise to picture."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed of the picture."""

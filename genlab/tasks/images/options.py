"""Options of the models that make pictures."""

from dataclasses import dataclass
from typing import Annotated, Any, Literal

from annotated_types import Ge, Gt, Le
from tyro.conf import arg

Pixels = Annotated[int, Ge(8), Le(512)]
Batch = Annotated[int, Ge(2), Le(65_536)]
Latent = Annotated[int, Ge(1), Le(4096)]
Width = Annotated[int, Ge(4), Le(1024)]
Rate = Annotated[float, Gt(0), Le(1)]
Average = Annotated[float, Gt(0), Le(1)]


@dataclass(frozen=True)
class GANOptions:
    """Options of the GAN."""

    pixels: Pixels = 32
    """Side of the square that pictures are brought to: the middle is cut out and resized. A power of 2."""
    label: str | None = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) that is the class; by default the sub-folders are."""
    conditional: bool = True
    """Learn each class by itself, so that one can be asked for; False ignores the classes."""
    latent: Latent = 64
    """Numbers of noise that a picture is made from."""
    width: Width = 16
    """Features of the maps of half the pictures' side; smaller maps have more."""
    batch: Batch = 16
    """Pictures in an update (of one process)."""
    learning_rate: Rate | None = None
    """Peak step length of Adam, for both networks; by default 0.003 with a palette, else 0.001."""
    palette: Annotated[int, Ge(0), Le(1024)] | None = None
    """Learned colours that each pixel is mixed from; 0 for any colour. By default 32 where the training pictures are
    drawn in few colours."""
    penalty: Annotated[float, Ge(0), Le(10_000)] | None = None
    """Weight gamma of the gradient penalties on real (R1) and fake (R2) pictures at the highest learning rate, by
    default 1 for grey pictures, 3 with a palette, else 10; it falls to a tenth where the learning rate is zero."""
    average: Average = 0.05
    """Half of the weight of the generator that is kept is on this share of the updates, the last ones."""
    augment: Literal["auto", "none", "all"] = "auto"
    """Differentiable augmentation of what the discriminator sees; auto where there are fewer than 2,000 pictures."""
    flip: bool = False
    """Show the discriminator mirror images as well: right for faces, wrong for digits and letters."""
    features: str = "auto"
    """What the measures see pictures by: digits, efficientnet, inception, or a run of the task classify; auto is
    digits for @digits, else efficientnet."""


@dataclass(frozen=True)
class WGANGPOptions:
    """Options of the Wasserstein GAN with gradient penalty."""

    pixels: Pixels = 32
    """Side of the square that pictures are brought to: the middle is cut out and resized. A power of 2."""
    label: str | None = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) that is the class; by default the sub-folders are."""
    conditional: bool = True
    """Learn each class by itself, so that one can be asked for; False ignores the classes."""
    latent: Latent = 64
    """Numbers of noise that a picture is made from."""
    width: Width = 16
    """Features of the maps of half the pictures' side; smaller maps have more."""
    batch: Batch = 64
    """Pictures in an update (of one process)."""
    learning_rate: Rate = 3e-4
    """Peak step length of Adam, for both networks."""
    penalty: Annotated[float, Ge(0), Le(10_000)] = 10.0
    """Weight of the penalty on gradients whose length is not 1."""
    critic_steps: Annotated[int, Ge(1), Le(100)] = 3
    """Updates of the critic for one of the generator."""
    average: Average = 0.05
    """Half of the weight of the generator that is kept is on this share of the updates, the last ones."""
    features: str = "auto"
    """What the measures see pictures by: digits, efficientnet, inception, or a run of the task classify; auto is
    digits for @digits, else efficientnet."""


@dataclass(frozen=True)
class DCGANOptions:
    """Options of the DCGAN: the textbook's, as they stand there."""

    pixels: Pixels = 32
    """Side of the square that pictures are brought to: the middle is cut out and resized. A multiple of 4."""
    label: str | None = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) that is the class; by default the sub-folders are."""
    conditional: bool = True
    """Learn each class by itself, so that one can be asked for; False ignores the classes."""
    latent: Latent = 100
    """Numbers of noise that a picture is made from."""
    batch: Batch = 64
    """Pictures in an update (of one process)."""
    learning_rate: Rate = 2e-4
    """Peak step length of Adam, for both networks."""
    features: str = "auto"
    """What the measures see pictures by: digits, efficientnet, inception, or a run of the task classify; auto is
    digits for @digits, else efficientnet."""


@dataclass(frozen=True)
class VAEOptions:
    """Options of the variational autoencoder."""

    pixels: Pixels = 32
    """Side of the square that pictures are brought to: the middle is cut out and resized. A power of 2."""
    label: str | None = None
    """Column of attributes.csv (or CelebA's list_attr_celeba.txt) that is the class; by default the sub-folders are."""
    conditional: bool = True
    """Learn each class by itself, so that one can be asked for; False ignores the classes."""
    latent: Latent = 32
    """Numbers of noise that a picture is made from."""
    width: Width = 16
    """Features of the maps of half the pictures' side; smaller maps have more."""
    batch: Batch = 64
    """Pictures in an update (of one process)."""
    learning_rate: Rate = 1e-3
    """Peak step length of Adam."""
    beta: Annotated[float, Gt(0), Le(1000)] = 1.0
    """Weight of the latents' distance from noise against the pictures' likelihood."""
    average: Average = 0.05
    """Half of the weight of the network that is kept is on this share of the updates, the last ones."""
    features: str = "auto"
    """What the measures see pictures by: digits, efficientnet, inception, or a run of the task classify; auto is
    digits for @digits, else efficientnet."""


@dataclass(frozen=True)
class PicturesRequest:
    """Options of making pictures."""

    n: Annotated[int, Ge(1), Le(10_000_000)] = 64
    """How many pictures to make."""
    class_: Annotated[str | None, arg(name="class")] = None
    """Class to make, where the run has classes; by default all in turn."""
    truncation: Annotated[float, Gt(0), Le(10)] = 1.0
    """Factor on the latent vectors: below 1 is typical and alike, 1 is as diverse as the model can."""
    walk: Annotated[int, Ge(2), Le(1000)] | None = None
    """Walk through this many latent vectors and back to the first, as an animated GIF, instead of pictures."""
    latents: Any = None
    """Latent vectors to make the pictures from, an array (pictures, latent); by default drawn from `seed`."""
    seed: Annotated[int, Ge(0), Le(2**31)] = 0
    """Random seed: the same seed makes the same pictures."""

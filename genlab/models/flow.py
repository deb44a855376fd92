"""Flow matching: pictures from noise along straight paths, under a description.

Lipman et al. (2023), "Flow Matching for Generative Modeling", arXiv 2210.02747, and Liu et al. (2023), "Flow Straight
and Fast", arXiv 2209.03003; classifier-free guidance: Ho and Salimans (2022), arXiv 2207.12598; the U-Net: Ronneberger
et al. (2015), arXiv 1505.04597, with the blocks of Dhariwal and Nichol (2021), arXiv 2105.05233, appendix A.

Data flow, for pictures of 32 x 32 and width w::

    words (batch, length) -> text encoder (`layers/text_encoder.py`) -> context (batch, length, 2w), summary (batch, 2w)
    x (batch, channels, 32, 32), times (batch,), context and summary -> U-Net (blocks: `layers/unet.py`):
        pixels 2 x 2 to channels -> (batch, w, 16, 16) -> (batch, 2w, 8, 8), attends to itself and to the context
        -> back up, with skips -> velocities (batch, channels, 32, 32)

A path from noise x0 (time 0) to a picture x1 (time 1) is x_t = (1 - t) x0 + t x1, and its velocity is x1 - x0. The
network learns the mean velocity of all paths through x_t; following it from noise makes a picture.

Departs from the papers: the network sees a picture as 2 x 2 pixels per position, as a small vision Transformer would,
which makes it fast enough for CPUs; the context enters by cross-attention at the lowest resolution, and the summary
together with the time; for drawings, the network predicts the picture, mixed from a few learned colours
(`layers/palette.py`), and its velocity follows from it (Li and He 2025, arXiv 2511.13720, section 3), learnt mostly at
times with more noise (`draw_times`); the last step of Heun's method is Euler's, so that pictures end at what the
network predicts.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from genlab.errors import InputError
from genlab.layers.palette import Palette
from genlab.layers.positions import sinusoids
from genlab.layers.text_encoder import Description, TextEncoder, Words
from genlab.layers.unet import GROUPS, Block, PictureAttention

Pictures = Float[Tensor, "batch channels side side"]
Times = Float[Tensor, " batch"]
Velocity = Callable[[Pictures, Times], Pictures]
Loss = Float[Tensor, ""]

PATCH = 2
"""Side of the squares of pixels that become one position."""
LOWEST = 8
"""Resolution at which the network attends."""
HEAD = 32
"""Width of an attention head."""
LOGIT_MEAN, LOGIT_DEVIATION = -0.8, 1.2
"""Mean and deviation of the logits of the times that predicted pictures are learnt at."""
LEAST = 0.02
"""Lower bound on 1 - t, by which the predicted displacement is divided."""
TIME_SCALE = 1000.0
"""Factor on times in [0, 1] before their sinusoids, whose wavelengths start at 2 pi."""


@dataclass(frozen=True)
class FlowShape:
    """Shape of a network that maps noisy pictures, times and words to velocities."""

    channels: int
    """1 for grey pictures, 3 for colour."""
    pixels: int
    """Side of the pictures."""
    vocabulary: int
    """Number of word indices, including padding and start; 0 without descriptions."""
    longest: int
    """Largest number of words, including the start."""


# --- the network ----------------------------------------------------------------------------------


class Flow(nn.Module):
    """Maps noisy pictures, times and words to velocities.

    Args:
        shape: Channels, side and words.
        width: Channels at half resolution; lower resolutions have twice as many.
        depth: Number of layers of the text encoder.
        colours: Number of learned colours for drawings; 0 for any colour.

    Raises:
        InputError: the pictures' side is not 16, 32, 64 ..., or the width is not a multiple of 32.
    """

    def __init__(self, shape: FlowShape, width: int, depth: int = 2, colours: int = 0) -> None:
        super().__init__()
        if shape.pixels < PATCH * LOWEST or shape.pixels & (shape.pixels - 1):
            raise InputError(f"pixels: {shape.pixels} cannot be used; this model needs 16, 32, 64 ...", "pixels")
        if width % HEAD:
            raise InputError(f"width: {width} cannot be used; this model needs a multiple of {HEAD}.", "width")
        self.shape = shape
        halvings = (shape.pixels // PATCH // LOWEST).bit_length() - 1
        widths = [width, *[2 * width] * halvings]
        embedded = 4 * width
        self.time = nn.Sequential(nn.Linear(width, embedded), nn.SiLU(), nn.Linear(embedded, embedded))
        heads = widths[-1] // HEAD
        self.text = TextEncoder(shape.vocabulary, shape.longest, widths[-1], heads, depth) if shape.vocabulary else None
        self.summary = (
            nn.Sequential(nn.Linear(widths[-1], embedded), nn.SiLU(), nn.Linear(embedded, embedded))
            if shape.vocabulary
            else None
        )
        pixels = PATCH**2 * shape.channels
        self.stem = nn.Conv2d(pixels, width, 3, padding=1)
        pairs = list(zip([width, *widths], widths, strict=False))
        self.down = nn.ModuleList(Block(before, after, embedded) for before, after in pairs)
        self.middle = Block(widths[-1], widths[-1], embedded)
        self.attention = PictureAttention(widths[-1], heads, shape.vocabulary > 0)
        self.last_middle = Block(widths[-1], widths[-1], embedded)
        self.up = nn.ModuleList(Block(2 * after, before, embedded) for before, after in reversed(pairs))
        self.norm = nn.GroupNorm(GROUPS, width)
        self.out = nn.Conv2d(width, PATCH**2 * (colours or shape.channels), 3, padding=1)
        self.palette = Palette(colours, shape.channels) if colours else None
        nn.init.zeros_(self.out.weight)  # the mean is learnt first
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def forward(self, x: Pictures, times: Times, words: Words | None = None) -> Pictures:
        return self.velocity(x, times, self.read(words))

    def read(self, words: Words | None) -> Description | None:
        """What descriptions say, which is the same for all times; None without descriptions.

        Args:
            words: Word indices; a network with a vocabulary needs them, at least the start of each description.
        """
        if self.text is None:
            return None
        assert words is not None, "without a context, cross-attention would attend to the picture itself"
        return self.text(words)

    def velocity(self, x: Pictures, times: Times, described: Description | None) -> Pictures:
        """Velocities at `x` and `times`, given what `read` returned."""
        embedding = self.time(sinusoids_of(times, self.stem.out_channels))
        context = mask = None
        if described is not None and self.summary is not None:
            context, mask, summary = described
            embedding = embedding + self.summary(summary)
        embedding = F.silu(embedding)
        noisy, x = x, self.stem(F.pixel_unshuffle(x, PATCH))
        skips = []
        for index, block in enumerate(self.down):
            x = block(F.avg_pool2d(x, 2) if index else x, embedding)
            skips.append(x)
        x = self.attention(self.middle(x, embedding), context, mask)
        x = self.last_middle(x, embedding)
        for index, block in enumerate(self.up):
            x = block(torch.cat((F.interpolate(x, scale_factor=2.0) if index else x, skips.pop()), 1), embedding)
        out = F.pixel_shuffle(self.out(F.silu(self.norm(x))), PATCH)
        with torch.autocast(out.device.type, enabled=False):  # guidance would enlarge the errors of 16 bits
            if self.palette is None:
                return out.float()
            remaining = (1 - times.float()).clamp(min=LEAST)[:, None, None, None]
            return (self.palette(out.float()) - noisy.float()) / remaining


def sinusoids_of(times: Times, width: int) -> Float[Tensor, "batch width"]:
    """Sinusoids of times in [0, 1], in float32: 16 bits could not tell neighbouring times apart."""
    return sinusoids(TIME_SCALE * times.float(), width)


# --- training -------------------------------------------------------------------------------------


def draw_times(
    count: int, predicts_pictures: bool, generator: torch.Generator | None = None, device: torch.device | None = None
) -> Times:
    """Times in [0, 1] to learn velocities at: uniform, or mostly those at which a picture is yet to be guessed.

    The error of a predicted picture enters its velocity divided by the remaining time. Uniform times would spend most
    of the gradient on the last tenth, where the picture is all but visible. Logit-normal times (Esser et al. 2024,
    arXiv 2403.03206, section 3.1) with the mean of Li and He (2025) are mostly below one half; their deviation is
    larger, because what a description says matters most near time 0.

    Each of `count` equally likely ranges has one time, all at the same chance place in their range, so that every batch
    covers all of them (Kingma et al. 2021, "Variational Diffusion Models", arXiv 2107.00630, appendix I.1).

    Args:
        count: Number of times.
        predicts_pictures: Whether the network predicts pictures, with a palette.
        generator: Draws them; None for the global one.
        device: Where to draw them.
    """
    start = torch.rand((), generator=generator, device=device)
    shares = (torch.arange(count, device=device) + start) / count
    if not predicts_pictures:
        return shares
    return torch.sigmoid(LOGIT_MEAN + LOGIT_DEVIATION * torch.special.ndtri(shares))


def interpolate(noise: Pictures, pictures: Pictures, times: Times) -> Pictures:
    """Points on the straight paths from noise to pictures (Lipman et al., eq. 20 with smallest deviation 0)."""
    share = times[:, None, None, None]
    return (1 - share) * noise + share * pictures


def flow_matching_loss(velocity: Pictures, noise: Pictures, pictures: Pictures) -> Loss:
    """Mean squared error of the velocities of the paths from noise to pictures (Lipman et al., eq. 23)."""
    return F.mse_loss(velocity.float(), pictures - noise)


# --- sampling and likelihood ----------------------------------------------------------------------


def velocity_under(network: nn.Module, words: Words | None) -> Velocity:
    """The velocity of a network under descriptions, which `Flow` reads once for all times."""
    if isinstance(network, Flow):
        described = network.read(words)
        return lambda x, times: network.velocity(x, times, described)
    arguments = () if words is None else (words,)
    return lambda x, times: network(x, times, *arguments)


def guided(network: nn.Module, words: Words | None, empty: Words | None, guidance: float) -> Velocity:
    """The velocity under descriptions: v(empty) + guidance (v(words) - v(empty)).

    Ho and Salimans (2022), eq. 6, with weight w = guidance - 1: 1 samples the learned distribution, more follows the
    description more closely at the expense of variety.

    Args:
        network: The network.
        words: A description of each picture; None for a network without descriptions.
        empty: As many empty descriptions of the same length.
        guidance: The factor.
    """
    if words is None or empty is None or guidance == 1:
        return velocity_under(network, words)
    both = velocity_under(network, torch.cat((words, empty)))

    def velocity(x: Pictures, times: Times) -> Pictures:
        described, free = both(x.repeat(2, 1, 1, 1), times.repeat(2)).chunk(2)
        return free + guidance * (described - free)

    return velocity


def follow(velocity: Velocity, x: Pictures, steps: int, heun: bool = True) -> Pictures:
    """Follows the velocity from noise at time 0 to pictures at time 1, in equal steps.

    Euler's method evaluates the velocity once per step. Heun's averages it over both ends of the step: it costs twice
    as much, and its error falls with the square of the steps. The last step is always Euler's.
    """
    step = 1 / steps
    for index in range(steps):
        times = torch.full((len(x),), index * step, device=x.device)
        slope = velocity(x, times)
        if heun and index + 1 < steps:
            slope = (slope + velocity(x + step * slope, times + step)) / 2
        x = x + step * slope
    return x

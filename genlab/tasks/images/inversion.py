"""Finds the latent vectors of given pictures: an encoder's first guess, improved by gradient descent.

The encoder learns on the generator's own samples in about a minute; the run folder keeps it.
"""

import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from PIL import Image
from torch import Tensor, nn

from genlab.data.pictures.originals import Original, original_of
from genlab.data.pictures.pixels import notes_on_numbers, picture_rows, to_tensor
from genlab.engine.files import write_atomically
from genlab.engine.machine import Machine, preserved_randomness, seed_everything
from genlab.engine.modes import evaluating
from genlab.engine.progress import say
from genlab.engine.weights import fingerprint, read_tensors, tensors_to_bytes
from genlab.errors import InputError, UnwritableError
from genlab.models.encoder import Encoder, EncoderShape, encoding_loss, pixel_loss, prior_loss
from genlab.tasks.images.facts import KINDS
from genlab.tasks.images.making import Maker
from genlab.tasks.shared.judges import fit

Pixels = UInt8[np.ndarray, "pictures height width channels"]
Labels = Int[Tensor, " pictures"]
FILE = "encoder.safetensors"
EDITION = 2
"""Of how encoders are trained: those of other editions are trained again."""
STEPS, BATCH, SEED = 1000, 32, 5
RATE = 0.05
"""Learning rate of Adam on the latent vectors; it falls to 0."""
PRIOR = 0.02
"""Weight of the latents' prior, against pixels in [-1, 1]."""
FARTHEST = 3.0
"""A guess is clipped to this many standard deviations."""
PASS = 64
"""Number of pictures to find at once."""


@dataclass(frozen=True)
class Inverter:
    """Finds the latent vectors of pictures for one run.

    Its encoder is that of the run folder, if it fits the weights; otherwise the first use learns one, which the folder
    keeps.
    """

    maker: Maker
    """Makes the run's pictures."""
    networks: dict[str, nn.Module]
    """The run's networks."""
    shape: EncoderShape
    machine: Machine
    folder: Path | None
    """The run folder; None for a run that is not in one yet."""

    def find(
        self, pictures: Pixels, labels: Labels | None, steps: int
    ) -> tuple[Float[Tensor, "pictures latent"], Labels]:
        """The latent vectors and classes of pictures; arguments as for `invert`."""
        encoder = self.encoder
        with evaluating(self.networks.values(), self.machine):
            return invert(self.maker, encoder, pictures, labels, steps, self.machine)

    @cached_property
    def encoder(self) -> Encoder:
        about = json.dumps({"edition": EDITION, "shape": asdict(self.shape), "weights": fingerprint(self.networks)})
        encoder = self._kept(about)
        if encoder is None:
            with evaluating(self.networks.values(), self.machine):
                encoder = learn_encoder(self.maker, self.shape, self.machine)
            self._keep(encoder, about)
        return encoder

    def _kept(self, about: str) -> Encoder | None:
        """The encoder of the run folder; None if it has none for these weights, or a damaged one, which a note says."""
        if self.folder is None or not (self.folder / FILE).exists():
            return None
        try:
            tensors, notes = read_tensors(self.folder / FILE)
            if notes["about"] != about:
                return None
            encoder = Encoder(self.shape)
            encoder.load_state_dict(tensors)
        except (InputError, KeyError, RuntimeError):
            say(f"Note: {self.folder / FILE} is damaged: the encoder is trained again.")
            return None
        return encoder.to(self.machine.device).requires_grad_(False).eval()

    def _keep(self, encoder: Encoder, about: str) -> None:
        """Writes the encoder to the run folder, if that is writable; `about` is one text, so that bytes do not vary."""
        if self.folder is not None:
            with suppress(UnwritableError):
                write_atomically(self.folder / FILE, tensors_to_bytes(dict(encoder.state_dict()), {"about": about}))


def learn_encoder(maker: Maker, shape: EncoderShape, machine: Machine) -> Encoder:
    """Trains an encoder on samples of the generator; repeatable, and the caller's random state is restored."""

    def draw(step: int) -> tuple[Tensor, Tensor]:
        chance = torch.Generator().manual_seed(SEED * 1_000_003 + step)
        labels = torch.randint(max(1, shape.classes), (BATCH,), generator=chance)
        return torch.randn(BATCH, shape.latent, generator=chance), labels

    def loss(latents: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            made = maker.make(latents, labels).clamp(-1, 1)
        found, logits = encoder(made)
        return encoding_loss(found, latents, logits, labels)

    say("training an encoder on the run's own pictures, about a minute ...")
    with preserved_randomness():
        seed_everything(SEED)
        encoder = Encoder(shape).to(machine.device)
        fit(encoder, draw, loss, STEPS, machine, SEED)
    return encoder.requires_grad_(False).eval()


def invert(
    maker: Maker, encoder: nn.Module, pictures: Pixels, labels: Labels | None, steps: int, machine: Machine
) -> tuple[Float[Tensor, "pictures latent"], Labels]:
    """The latent vectors and classes of pictures; call it in the context `evaluating` of the maker's network.

    Args:
        maker: Makes pictures from latent vectors.
        encoder: Maps pictures to latent vectors and logits of classes.
        pictures: The pictures, in the model's size.
        labels: Their classes; None for those that the encoder recognises.
        steps: Steps of gradient descent; 0 for the encoder's guess.
        machine: The machine to run on.
    """
    latents, classes = [], []
    for first in range(0, len(pictures), PASS):
        wanted = machine.place(to_tensor(pictures[first : first + PASS]))
        guess, logits = encoder(wanted)
        if labels is not None:
            known = machine.place(labels[first : first + PASS])
        else:
            known = (
                logits.argmax(1)
                if logits.shape[1]
                else torch.zeros(len(wanted), dtype=torch.long, device=machine.device)
            )
        latents.append(_improved(maker, guess.float(), wanted, known, steps).cpu())
        classes.append(known.cpu())
    return torch.cat(latents), torch.cat(classes)


def _improved(
    maker: Maker, guess: Float[Tensor, "batch latent"], wanted: Float[Tensor, "batch channels side side"],
    labels: Int[Tensor, " batch"], steps: int,
) -> Float[Tensor, "batch latent"]:  # fmt: skip
    """The latents closest to the pictures on the way from a guess, by Adam with a falling learning rate."""
    guess = guess.clamp(-FARTHEST, FARTHEST)
    latents = guess.clone().requires_grad_()
    adam = torch.optim.Adam([latents], RATE)
    best = guess.clone()
    least = torch.full_like(guess[:, 0], torch.inf)
    for step in range(steps + 1):
        with torch.enable_grad():
            pixels = pixel_loss(maker.make(latents, labels), wanted)
            total = (pixels + PRIOR * prior_loss(latents)).sum()
        better = pixels.detach() < least
        least = torch.where(better, pixels.detach(), least)
        best = torch.where(better[:, None], latents.detach(), best)
        if step == steps:
            return best
        (latents.grad,) = torch.autograd.grad(total, latents)
        adam.param_groups[0]["lr"] = RATE * (1 - step / steps)
        adam.step()
    raise AssertionError("the loop returns")


# --- given pictures -------------------------------------------------------------------------------


def originals(pictures: Any, channels: int, ranges: Any, option: str = "pictures") -> list[Original]:
    """Pictures from Python, in the argument `option`, or opened by the command line, each with a name.

    Raises:
        InputError: there are none, or one is something else.
    """
    if pictures is None:
        raise InputError(f"{option}: give pictures of Pillow, or an array.", option)
    single = isinstance(pictures, Image.Image | Original | str | Path)
    if not single and not isinstance(pictures, list | tuple):
        shape = getattr(pictures, "shape", ())
        pictures = list(pictures) if len(shape) == 4 else [pictures]
    each = [pictures] if single else list(pictures)
    if not each:
        raise InputError(f"{option}: the list is empty: give at least one picture.", option)
    found = [
        one if isinstance(one, Original) else original_of(one, str(place), channels, ranges, option)
        for place, one in enumerate(each)
    ]
    for note in notes_on_numbers(each):
        say(f"Note: {note}")
    return found


def fitting(found: Sequence[Original], pixels: int, channels: int, fit: bool) -> Pixels:
    """The pictures as the model makes them.

    Args:
        found: The pictures.
        pixels: Side of the model's pictures.
        channels: 1 for grey, 3 for colour.
        fit: Whether to crop, resize and convert the others, instead of refusing them.

    Raises:
        InputError: a picture has another size or kind.
    """
    for one in found:
        height, width, depth = one.pixels.shape
        if not fit and ((height, width) != (pixels, pixels) or depth != channels):
            raise InputError(
                f"{one.option}: {one.name} has {width} x {height} pixels in {KINDS[depth]}, the run makes {pixels} x "
                f"{pixels} in {KINDS[channels]}: give such pictures, or --fit (fit=True) to crop and resize them.",
                one.option,
            )
    return np.concatenate([picture_rows(one.pixels, pixels, channels) for one in found])


def difference(pictures: Pixels, made: Pixels) -> Float[np.ndarray, " pictures"]:
    """Mean absolute difference of each picture, out of 255."""
    return np.abs(pictures.astype(np.int16) - made).mean((1, 2, 3))

"""How a trained network makes pictures: in one pass from latent vectors and classes, or along a flow from noise."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from genlab.data.pictures.wording import PADDING, SPECIAL, START, Vocabulary, words_of
from genlab.engine.progress import say
from genlab.errors import InputError
from genlab.models.flow import Velocity, follow, guided
from genlab.tasks.images.facts import PictureFacts
from genlab.tasks.images.options import FlowOptions, FlowRequest

Pictures = Float[Tensor, "batch channels side side"]
Latents = Float[Tensor, "batch latent"]
Conditions = Int[Tensor, "batch *words"]
"""What pictures are made under: a class index each, or the words of a description."""
PASS = 250
"""Pictures per forward pass, of 64 x 64 pixels or fewer."""
KNOWN = 30
"""Number of known words that an error lists."""
GUIDANCE = 2.0
"""Guidance scale of a request that names none."""


def per_pass(pixels: int) -> int:
    """Pictures per forward pass: of large ones fewer, which take as much memory as `PASS` of 64 x 64."""
    return max(1, PASS * 64**2 // max(64, pixels) ** 2)


@runtime_checkable
class Autoencoder(Protocol):
    """A network that makes pictures with `decode`; other generators do so in `forward`."""

    def decode(self, latents: Latents, labels: Int[Tensor, " batch"] | None = None) -> Pictures: ...


@runtime_checkable
class Maker(Protocol):
    """Makes pictures with a network."""

    @property
    def latent(self) -> int:
        """Size of the latent vector."""

    def with_request(self, request: Any) -> "Maker":
        """The maker for the options of a request.

        Raises:
            InputError: the network has not been trained for these options.
        """

    def of_classes(self, indices: Int[Tensor, " batch"]) -> Conditions:
        """The conditions of classes; without classes, none."""

    def conditions(self, count: int, request: Any = None) -> Conditions:
        """The conditions of a request; without one, all classes in turn, or none.

        Raises:
            InputError: the class, or every word of the description, is unknown.
        """

    def make(self, latents: Latents, conditions: Conditions) -> Pictures:
        """Pictures, about in [-1, 1]."""


@dataclass(frozen=True)
class OnePass:
    """The generator of a GAN, or the decoder of an autoencoder."""

    network: nn.Module
    latent: int
    classes: list[str]

    def with_request(self, request: Any) -> "OnePass":
        return self

    def of_classes(self, indices: Int[Tensor, " batch"]) -> Conditions:
        return indices

    def conditions(self, count: int, request: Any = None) -> Conditions:
        if request is None or request.class_ is None:
            return turns(count, self.classes)
        return torch.full((count,), class_index(request.class_, self.classes))

    def make(self, latents: Latents, conditions: Conditions) -> Pictures:
        decode: Callable[..., Pictures] = self.network.decode if isinstance(self.network, Autoencoder) else self.network
        return decode(latents, *((conditions,) if self.classes else ()))


@dataclass(frozen=True)
class AlongFlow:
    """A flow: its latent vectors are pictures of noise, its conditions words."""

    network: nn.Module
    """Maps pictures, times and, with a vocabulary, words to velocities."""
    picture: tuple[int, int, int]
    """Channels, height and width."""
    vocabulary: Vocabulary
    longest: int
    """Largest number of words, including the start."""
    classes: list[str]
    unguided: bool = True
    """Whether training also showed pictures without their descriptions: guidance compares with what it learnt there."""
    guidance: float = 1.0
    """By default the learned distribution, which measures compare; the default of requests is `GUIDANCE`."""
    steps: int = FlowRequest.flow_steps
    heun: bool = FlowRequest.sampler == "heun"

    @property
    def latent(self) -> int:
        return math.prod(self.picture)

    def with_request(self, request: Any) -> "AlongFlow":
        assert isinstance(request, FlowRequest)
        usual = GUIDANCE if self.unguided else 1.0
        guidance = usual if request.guidance is None else request.guidance
        if guidance != 1 and not self.unguided and self.vocabulary.words:
            raise InputError(
                f"guidance: {guidance} cannot be used, because this run was trained with --unguided 0: use 1.",
                "guidance",
            )
        return replace(self, guidance=guidance, steps=request.flow_steps, heun=request.sampler == "heun")

    @cached_property
    def class_words(self) -> Int[Tensor, "classes length"]:
        """The words of each class; without classes, those of an empty description."""
        return self.words(self.classes or [""])

    def of_classes(self, indices: Int[Tensor, " batch"]) -> Conditions:
        return self.class_words[indices % len(self.class_words)]

    def conditions(self, count: int, request: FlowRequest | None = None) -> Conditions:
        if request is not None:
            self.check(request)
            if request.prompt is not None:
                return self.words([request.prompt]).expand(count, -1)
            if request.class_ is not None:
                return self.of_classes(torch.full((count,), class_index(request.class_, self.classes)))
        return self.of_classes(turns(count, self.classes))

    def check(self, request: FlowRequest) -> None:
        """Checks what a request describes; reports what its prompt cannot change.

        Raises:
            InputError: the run does not have it, or needs a description.
        """
        described = bool(self.vocabulary.words) and not self.classes
        if request.class_ is not None:
            if request.prompt is not None:
                raise InputError("class: --class and --prompt both say what to make: use one of them.", "class")
            if described:
                raise InputError(
                    "class: this run was trained with descriptions, not with classes: use --prompt.", "class"
                )
        elif request.prompt is not None:
            self.check_prompt(request.prompt)
        elif described and not self.unguided:
            raise InputError(
                "prompt: this run was trained with --unguided 0, which needs a description of each picture: give one "
                "with --prompt.", "prompt",
            )  # fmt: skip

    def words(self, texts: Sequence[str]) -> Int[Tensor, "texts length"]:
        """The word indices of descriptions."""
        return torch.from_numpy(self.vocabulary.indices(texts, self.longest))

    def read_words(self, indices: Int[Tensor, " length"]) -> list[str]:
        """The words of a description."""
        return [self.vocabulary.words[index - SPECIAL] for index in indices.tolist() if index >= SPECIAL]

    def check_prompt(self, prompt: str) -> None:
        """Reports the unknown words of a prompt, and those beyond the largest number.

        Raises:
            InputError: no word is known.
        """
        unknown, given = self.vocabulary.unknown(prompt), words_of(prompt)
        if not self.vocabulary.words:
            raise InputError("prompt: this run was trained without descriptions: omit it.", "prompt")
        if not given:
            raise InputError("prompt: it is empty: describe the picture, or omit it.", "prompt")
        if set(unknown) == set(given):
            some = ", ".join(self.vocabulary.words[:KNOWN])
            raise InputError(
                f"prompt: the training descriptions have none of the words {', '.join(unknown)}; they have {some}"
                f"{', ...' if len(self.vocabulary.words) > KNOWN else ''}.", "prompt",
            )  # fmt: skip
        if unknown:
            say(f"Note: the training descriptions do not have these words, which change nothing: {', '.join(unknown)}.")
        read = [word for word in given if word not in unknown]
        if cut := read[self.longest - 1 :]:
            say(f"Note: this run reads {self.longest - 1} known words at most, and ignores the rest: {' '.join(cut)}.")

    def make(self, latents: Latents, conditions: Conditions) -> Pictures:
        return follow(self.velocity(conditions), latents.unflatten(1, self.picture), self.steps, self.heun)

    def velocity(self, words: Conditions) -> Velocity:
        """The velocity under descriptions."""
        if not self.vocabulary.words:
            return guided(self.network, None, None, self.guidance)
        empty = torch.full_like(words, PADDING)
        empty[:, 0] = START
        # Without descriptions, guidance changes nothing, and takes twice as long.
        guidance = 1.0 if torch.equal(words, empty) else self.guidance
        return guided(self.network, words, empty, guidance)


def maker_of(options: Any, facts: PictureFacts, network: nn.Module) -> Maker:
    """The maker of a model's network."""
    if isinstance(options, FlowOptions):
        picture = (facts.channels, options.pixels, options.pixels)
        vocabulary, unguided = Vocabulary(facts.words), options.unguided > 0
        return AlongFlow(network, picture, vocabulary, facts.longest, facts.classes, unguided)
    return OnePass(network, options.latent, facts.classes)


def turns(count: int, classes: list[str]) -> Int[Tensor, " count"]:
    """The indices of all classes in turn."""
    return torch.arange(count) % max(1, len(classes))


def class_index(name: str, classes: list[str]) -> int:
    """The index of a class.

    Raises:
        InputError: the class is unknown.
    """
    if name not in classes:
        there = f"it has {', '.join(classes)}" if classes else "it was trained without classes"
        raise InputError(f"class: this run has no class {name}; {there}.", "class")
    return classes.index(name)

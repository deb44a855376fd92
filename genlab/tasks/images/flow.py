"""Training flow matching: the network predicts the velocity from noise to pictures, given words.

Read it with `models/flow.py` (the network, its loss and samplers) and `data/pictures/facts.py` (what descriptions
are drawn from); `recipe.py` has what all models of pictures share. Without descriptions, the names of the classes are
the words.
"""

import random
from dataclasses import replace

import numpy as np
import torch
from jaxtyping import Int
from torch import Tensor, nn

from genlab.data.pictures.attributes import Attribute
from genlab.data.pictures.description_source import DescriptionSource, check_unseen
from genlab.data.pictures.facts import Facts
from genlab.data.pictures.picture_set import PictureSet
from genlab.data.pictures.wording import LONGEST, MOST, PADDING, START, Vocabulary, phrases, words_of
from genlab.engine.custom import Networks, try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup, Speed
from genlab.engine.samples import Kind, Sample
from genlab.errors import InputError
from genlab.layers.average import Average
from genlab.layers.muon import POLAR_EXPRESS, Muon, divided
from genlab.layers.unet import Block
from genlab.models.flow import Flow, FlowShape, draw_times, flow_matching_loss, interpolate
from genlab.tasks.images.facts import PictureFacts
from genlab.tasks.images.features import conditions_of_each
from genlab.tasks.images.making import AlongFlow, per_pass
from genlab.tasks.images.options import FlowOptions
from genlab.tasks.images.recipe import WATCHED, Batch, ImagesRecipe, facts_of, kept
from genlab.tasks.shared.drawings import are_drawings, first_colours

COLOURS = 32
"""Learned colours for drawings."""
UNSEEN = 0.1
"""Share of the combinations of values to hold out by default."""
SHOWN = 6
"""Number of descriptions to show before training."""
TESTED = 250
"""Largest number of pictures of each kind to compare after training, since each takes 31 passes of the network. `genlab
evaluate` compares more.
"""


def build_network(options: FlowOptions, facts: PictureFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds the network of velocities."""
    vocabulary = len(Vocabulary(facts.words)) if facts.words else 0
    shape = FlowShape(facts.channels, options.pixels, vocabulary, facts.longest)
    return {
        "flow": networks.build("flow", shape, lambda shape: Flow(shape, options.width, options.depth, facts.colours))
    }


class FlowRecipe(ImagesRecipe):
    """Trains a flow."""

    replaceable = ("flow",)
    losses = ("velocity",)
    steady = True
    tested = TESTED

    def __init__(self, setup: Setup) -> None:
        options, device = setup.options, setup.machine.device
        facts = described_facts(setup)
        self.flow = build_network(options, facts, setup.networks)["flow"].to(device)
        try_flow(setup, facts, self.flow)
        self.predicts_pictures = isinstance(self.flow, Flow) and self.flow.palette is not None
        self.average = Average(self.flow, options.average).to(device)
        self.velocity_loss = setup.losses.get("velocity", flow_matching_loss)
        matrices, others = matrices_and_others(self.flow)
        adam = torch.optim.AdamW(others, options.learning_rate, betas=(0.9, 0.99), fused=True)
        optimizers: list[torch.optim.Optimizer] = [adam]
        if matrices:
            optimizers.append(
                Muon(
                    matrices,
                    options.learning_rate,
                    weight_decay=0.01,  # as AdamW's
                    ns_coefficients=POLAR_EXPRESS,
                    adjust_lr_fn="match_rms_adamw",
                )
            )
        networks: dict[str, nn.Module] = {"flow": self.flow, "average": self.average}
        super().__init__(setup, kept(setup, facts, "flow", self.average.network), networks, {"flow": optimizers})
        assert isinstance(self.pipeline.maker, AlongFlow)
        self.maker: AlongFlow = self.pipeline.maker

    def prepare(self) -> None:
        """The palette of drawings starts with their commonest colours."""
        for network in (self.flow, self.average.network):
            if isinstance(network, Flow) and network.palette is not None:
                weight = network.palette.weight
                colours = first_colours(self.data.train, weight.shape[1])
                weight.data[:, : len(colours), 0, 0] = colours.T

    # --- data ---

    @classmethod
    def read(cls, options: FlowOptions, place: Place, start: Pipeline | None) -> tuple[PictureSet, DataFacts]:
        found, about = super().read(options, place, start)
        described = found.train.described
        if options.unseen:
            check_unseen(described, found.name)
        if described is None:
            if options.conditional:
                check_classes(found.classes, options.label)
            return found, about
        if isinstance(described, Facts):
            for one in described.attributes:
                check_values(one)
        count = len({word for text in described.wordings() for word in words_of(text)})
        if count <= MOST:
            return found, about
        note = f"the descriptions have {count:,} different words: the model learns the {MOST:,} commonest."
        notes = [*found.notes, note]
        return replace(found, notes=notes), replace(about, notes=notes)

    @classmethod
    def description_source(cls, options: FlowOptions) -> DescriptionSource | None:
        if options.caption and options.label:
            raise InputError("caption: --caption and --label both say what to learn: use one of them.", "caption")
        if options.caption and not options.conditional:
            raise InputError("caption: --no-conditional ignores descriptions: omit one of them.", "caption")
        if options.label or not options.conditional:
            return None
        return DescriptionSource(options.caption, unseen=_held_out(options))

    @classmethod
    def resolve(cls, options: FlowOptions, data: PictureSet, speed: Speed, start: Pipeline | None) -> FlowOptions:
        """Names the columns that describe a sample set, and the share of their combinations to hold out."""
        described = data.train.described
        if not isinstance(described, Facts):
            return options
        return replace(options, caption=tuple(one.name for one in described.attributes), unseen=_held_out(options))

    @classmethod
    def examples(cls, data: PictureSet) -> list[Sample]:
        """A sheet of training pictures, and some of their descriptions."""
        described, chance = data.train.described, random.Random(0)
        if described is None:
            return super().examples(data)
        places = np.unique(np.linspace(0, len(data.train) - 1, SHOWN).round().astype(int)).tolist()
        lines = [f"  {data.train.names[place]}: {described.draw(place, chance)}\n" for place in places]
        text = "descriptions, as one training step draws them:\n" + "".join(lines)
        return [*super().examples(data), Sample(Kind.TEXT, text, {"txt": text.encode()})]

    def batch(self, step: int) -> Batch:
        """Pictures, and the words of their descriptions, which are drawn anew at every step."""
        pictures, labels = super().batch(step)
        chance = np.random.default_rng((1, self.seed, step, self.machine.rank))
        unguided = chance.random(len(pictures)) < self.options.unguided
        described = self.data.train.described
        if described is None:
            texts = [self.classes[label] for label in labels] if self.classes else [""] * len(labels)
        else:
            writer = random.Random(int(chance.integers(2**62)))
            texts = [described.draw(pick, writer) for pick in self.picks(step).tolist()]
        words = self.maker.words(texts)
        words[torch.from_numpy(unguided), 1:] = PADDING
        return pictures, words

    # --- the method ---

    def step(self, batch: Batch, progress: float) -> Metrics:
        pictures, words = batch
        if self.options.flip:
            mirrored = torch.rand(len(pictures), 1, 1, 1, device=pictures.device) < 0.5
            pictures = torch.where(mirrored, pictures.flip(3), pictures)
        noise = torch.randn_like(pictures)
        times = draw_times(len(pictures), self.predicts_pictures, device=pictures.device)
        velocity = self.flow(interpolate(noise, pictures, times), times, *self.given(words))
        loss = self.velocity_loss(velocity, noise, pictures)
        self.update(self.flow, loss, clip=1.0)
        self.average.update(self.flow)
        return {"velocity": loss}

    def given(self, words: Int[Tensor, "batch length"]) -> tuple[Int[Tensor, "batch length"], ...]:
        """The arguments of the network after pictures and times: the words, or none without descriptions."""
        return (words,) if self.maker.vocabulary.words else ()

    # --- validation ---

    def validate(self) -> dict[str, float]:
        """The loss on validation pictures, always with the same noise and times: sampling would take far longer."""
        assert self.data.validation is not None, "there is nothing to validate on"
        order = np.random.default_rng(0).permutation(len(self.data.validation))[:WATCHED]
        some = self.data.validation.take(order)
        pictures = some.tensor()
        noise = torch.randn(pictures.shape, generator=torch.Generator().manual_seed(0))
        times = draw_times(len(pictures), self.predicts_pictures, torch.Generator().manual_seed(1))
        words = conditions_of_each(self.maker, some)
        network, total = self.average.network, 0.0
        count = per_pass(self.options.pixels)
        for rows in zip(*(each.split(count) for each in (pictures, noise, times, words)), strict=True):
            real, start, when, said = self.machine.place(rows)
            velocity = network(interpolate(start, real, when), when, *self.given(said))
            total += len(real) * self.velocity_loss(velocity, start, real).item()
        return {"velocity": total / len(pictures)}


def matrices_and_others(flow: nn.Module) -> tuple[list[Tensor], list[Tensor]]:
    """The weights that Muon trains, and those of AdamW: biases, norms, embeddings, what modulates channels, and the
    layers at both ends. AdamW trains all of a custom network.
    """
    if not isinstance(flow, Flow):
        return divided(flow, [])
    left: list[nn.Module | None] = [flow.stem, flow.out, flow.palette, flow.text.words if flow.text else None]
    left += [module.modulation for module in flow.modules() if isinstance(module, Block)]
    outer = {id(weight) for module in left if module is not None for weight in module.parameters()}
    outer |= {id(flow.text.positions)} if flow.text else set()
    return divided(flow, (one for one in flow.parameters() if one.ndim > 1 and id(one) not in outer))


def check_classes(classes: list[str], label: str | None) -> None:
    """Checks that the words of their names distinguish the classes.

    Args:
        classes: The names.
        label: The column that holds them; None for folders.

    Raises:
        InputError: a name has no word, or two names have the same words.
    """
    option, remedy = ("data", "rename its folder") if label is None else ("label", f"change its {label}")
    seen: dict[tuple[str, ...], str] = {}
    for name in classes:
        words = tuple(words_of(name)[: LONGEST - 1])
        if not words:
            raise InputError(
                f"{option}: the class {name} has no word in its name, from which this model learns it: {remedy}.",
                option,
            )
        if (other := seen.setdefault(words, name)) != name:
            raise InputError(
                f"{option}: the names of the classes {other} and {name} have the same words, from which this model "
                "learns them: rename one of them.", option,
            )  # fmt: skip


def check_values(attribute: Attribute) -> None:
    """Checks that the words of their descriptions distinguish the values of a column.

    Raises:
        InputError: two values have the same words.
    """
    seen: dict[tuple[str, ...], str] = {}
    for value in attribute.values:
        words = tuple(words_of(phrases(attribute.name, value)[0]))
        if (other := seen.setdefault(words, value)) != value:
            raise InputError(
                f"caption: the values {other} and {value} of {attribute.name} have the same words, from which this "
                "model learns them: rename one of them in the table.", "caption",
            )  # fmt: skip


def described_facts(setup: Setup) -> PictureFacts:
    """The facts, with the words of descriptions or, without any, of the classes."""
    facts, data = facts_of(setup), setup.data
    facts = replace(facts, colours=COLOURS if are_drawings(data.train) else 0)
    described = data.train.described
    if described is None:
        vocabulary = Vocabulary.of(facts.classes)
        longest = vocabulary.indices(facts.classes, LONGEST).shape[1] if facts.classes else 1
        return replace(facts, words=vocabulary.words, longest=longest)
    vocabulary, longest = Vocabulary.of(described.wordings()), 1 + described.longest
    facts = replace(facts, classes=[], words=vocabulary.words, longest=longest)
    if not isinstance(described, Facts):
        return facts
    return replace(
        facts,
        attributes=described.attributes,
        subjects=list(described.subjects),
        combinations=data.combinations,
    )


def _held_out(options: FlowOptions) -> float:
    """The share of the combinations to hold out."""
    return UNSEEN if options.unseen is None else options.unseen


def try_flow(setup: Setup, facts: PictureFacts, flow: nn.Module) -> None:
    """Calls a custom network once, on two pictures, times and descriptions.

    Raises:
        InputError: it rejects them, or returns the wrong shape.
    """
    if "flow" not in setup.networks:
        return
    pixels, device = setup.options.pixels, setup.machine.device
    pictures = torch.zeros(2, facts.channels, pixels, pixels, device=device)
    words = torch.full((2, 1), START, device=device)
    arguments = (pictures, torch.zeros(2, device=device), *((words,) if facts.words else ()))
    hint = "it must take pictures, times and, if there are descriptions or classes, word indices (batch, length)"
    try_network("flow", flow, arguments, [tuple(pictures.shape)], hint)

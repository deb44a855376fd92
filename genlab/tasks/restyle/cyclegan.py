"""Training a CycleGAN: both generators are updated, then both discriminators, then the reader of values.

Read it with `models/cyclegan.py` (the networks and losses); `recipe.py` has what all models that change pictures share.
"""

import torch
from torch import nn

from genlab.data.pictures.attribute_set import AttributedSet
from genlab.engine.custom import Networks, try_network
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Setup
from genlab.errors import InputError
from genlab.layers.average import Average
from genlab.models.cyclegan import PatchDiscriminator, Pool, ResNetGenerator, TwoGenerators, least_squares
from genlab.models.stargan import rounded
from genlab.tasks.restyle.options import CycleGANOptions
from genlab.tasks.restyle.pipeline import RestyleFacts
from genlab.tasks.restyle.recipe import Batch, RestyleRecipe, facts_of

GENERATORS = ("to_first", "to_second")
DISCRIMINATORS = ("discriminator_first", "discriminator_second")
DISCRIMINATOR_WIDTH = 64


def build_networks(options: CycleGANOptions, facts: RestyleFacts, networks: Networks) -> dict[str, nn.Module]:
    """Builds both generators."""
    shape = facts.shape
    build = lambda shape: ResNetGenerator(shape.channels, options.width, options.depth)
    return {"generator": TwoGenerators(*(networks.build(name, shape, build) for name in GENERATORS))}


class CycleGANRecipe(RestyleRecipe):
    """Trains a generator for each direction, which must undo one another."""

    replaceable = (*GENERATORS, *DISCRIMINATORS)
    losses = ("score", "cycle")

    def __init__(self, setup: Setup) -> None:
        options, facts, device = setup.options, facts_of(setup), setup.machine.device
        shape = facts.shape
        generators = build_networks(options, facts, setup.networks)["generator"].to(device)
        assert isinstance(generators, TwoGenerators)
        self.generators = generators
        build = lambda shape: PatchDiscriminator(shape.channels, shape.pixels, DISCRIMINATOR_WIDTH)
        discriminators = [setup.networks.build(name, shape, build) for name in DISCRIMINATORS]
        self.discriminators = nn.ModuleList(discriminators).to(device)
        pictures = torch.zeros(2, shape.channels, shape.pixels, shape.pixels, device=device)
        built = (generators.to_first, generators.to_second, *discriminators)
        for name, network in zip(self.replaceable, built, strict=True):
            if name in setup.networks:
                returned, wanted = ("pictures", [tuple(pictures.shape)]) if name in GENERATORS else ("scores", None)
                hint = f"it must take pictures of that shape, and return {returned}"
                try_network(name, network, (pictures,), wanted, hint)
        self.average = Average(generators, options.average).to(device)
        self.pools = [Pool(pictures.shape[1:]).to(device) for _ in DISCRIMINATORS]
        self.score_loss = setup.losses.get("score", least_squares)
        self.cycle_loss = setup.losses.get("cycle", nn.functional.l1_loss)
        trained = {"generators": generators, "discriminators": self.discriminators}
        optimizers = {
            name: [torch.optim.Adam(network.parameters(), options.learning_rate, betas=(0.5, 0.999), fused=True)]
            for name, network in trained.items()
        }
        networks = {**trained, "average": self.average, "pools": nn.ModuleList(self.pools)}
        super().__init__(setup, facts, self.average.network, networks, optimizers)

    @classmethod
    def read(cls, options: CycleGANOptions, place: Place, start: Pipeline | None) -> tuple[AttributedSet, DataFacts]:
        found, facts = super().read(options, place, start)
        if [len(one.values) for one in found.attributes] != [2]:
            values = "; ".join(f"{one.name}: {', '.join(one.values)}" for one in found.attributes)
            raise InputError(
                f"cyclegan changes one attribute with two values, not {values}: use --model stargan.", "attribute"
            )
        return found, facts

    def step(self, batch: Batch, progress: float) -> Metrics:
        options = self.options
        to_first, to_second = self.generators.to_first, self.generators.to_second
        of_first, of_second = self.discriminators
        is_first = (batch.source == 0)[:, :, None, None]
        first = torch.where(is_first, batch.pictures, batch.partners)
        second = torch.where(is_first, batch.partners, batch.pictures)

        made_first, made_second = to_first(second), to_second(first)
        adversarial = self.score_loss(of_first(made_first), 1.0) + self.score_loss(of_second(made_second), 1.0)
        back_first, back_second = to_first(made_second), to_second(made_first)
        cycle = self.cycle_loss(back_first, first) + self.cycle_loss(back_second, second)
        identity = self.cycle_loss(to_first(first), first) + self.cycle_loss(to_second(second), second)
        self.update(self.generators, adversarial + options.cycle * cycle + options.identity * identity)
        self.average.update(self.generators)

        scores = [
            (discriminator(real), discriminator(pool.exchange(made)))
            for discriminator, pool, real, made in zip(
                self.discriminators, self.pools, (first, second), (made_first, made_second), strict=True
            )
        ]
        losses = [self.score_loss(real, 1.0) + self.score_loss(made, 0.0) for real, made in scores]
        loss_d = 0.5 * torch.stack(losses).sum()  # slows the discriminators down, as in the paper's section 7.1
        self.update(self.discriminators, loss_d)

        reader = self.update_reader(batch, progress)
        with torch.no_grad():  # as `generate` measures it: back from 8 bits
            there = rounded(torch.where(is_first, made_second, made_first))
            back = torch.where(is_first, to_first(there), to_second(there))  # to pick rows would wait for the GPU
            self.pipeline.typical.update((back - batch.pictures).abs().mean())
        return {
            "discriminator": loss_d, "generator": adversarial, "cycle": cycle, "identity": identity, **reader,
        }  # fmt: skip

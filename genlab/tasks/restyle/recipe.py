"""The base of the recipes that change pictures: data, pairs, the reader, validation and previews."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.optim import Optimizer

from genlab.data.pictures.attribute_set import AttributedSet, AttributedSplit, read_attributed
from genlab.data.pictures.pixels import to_bytes, to_tensor
from genlab.engine.pipeline import Pipeline
from genlab.engine.recipe import DataFacts, Metrics, Place, Recipe, Setup, Speed
from genlab.engine.samples import Kind, Sample
from genlab.metrics.restyle import cramers_v, flip_rate, least_kept
from genlab.show.sheets import sheet
from genlab.tasks.restyle.changes import changes_of
from genlab.tasks.restyle.pipeline import PICTURES_PER_PASS, RestyleFacts, RestylePipeline, TypicalCycleError
from genlab.tasks.shared.judges import RATE, WEIGHT_DECAY, judging_loss
from genlab.tasks.shared.picture_examples import picture_examples

Pictures = Float[Tensor, "batch channels side side"]
Values = Int[Tensor, "batch attributes"]
WATCHED = 500
"""Largest number of changes to validation pictures during training."""
PREVIEWED = 8
"""Number of pictures in a preview."""
CANDIDATES = 64
"""Number of real pictures with the new value to choose the most similar one from."""
READER_BATCH = 16
"""Number of real pictures per update and process that the reader learns from: its batch norm needs several, however
small the model's own batch is.
"""
BASE_WEIGHT = 0.05
"""How much every column counts when partners are chosen, beside how strongly it goes with the attribute to change."""
ALSO_CHANGES = 0.25
"""Probability that another attribute changes as well."""
READER_SHARE = 0.5
"""Fraction of training, at its beginning, in which the reader is trained."""


class Batch(NamedTuple):
    """Pictures to change, each with a real picture that has the new values."""

    pictures: Pictures
    source: Values
    """Present values."""
    partners: Pictures
    target: Values
    """Values of the partners, at least one of which differs from the present one."""
    reader_pictures: Float[Tensor, "read channels side side"]
    """Pictures for the reader, in which all values are equally frequent."""
    reader_values: Int[Tensor, "read all_attributes"]
    """Their values of all attributes; -1 where unknown."""


class RestyleRecipe(Recipe):
    """Trains a model that changes pictures; subclasses add the networks and the step."""

    steady = False
    data: AttributedSet
    pipeline: RestylePipeline

    def __init__(
        self,
        setup: Setup,
        facts: RestyleFacts,
        generator: nn.Module,
        networks: dict[str, nn.Module],
        optimizers: Mapping[str, Sequence[Optimizer]],
    ) -> None:
        reader = facts.reader().to(setup.machine.device)
        adam = torch.optim.AdamW(reader.parameters(), RATE, weight_decay=WEIGHT_DECAY, fused=True)
        kept = {"reader": reader, "typical": TypicalCycleError().to(setup.machine.device)}
        pipeline = RestylePipeline(setup.options, facts, {"generator": generator, **kept}, setup.machine)
        super().__init__(setup, pipeline, {**networks, **kept}, {**optimizers, "reader": [adam]})
        self.counts, self.progress = pipeline.counts, 0.0
        train = self.data.train
        self.all_values = np.concatenate((train.values, train.kept), 1)
        self.similarity = [self._weights(place) for place in range(len(self.counts))]
        self.having = [[np.flatnonzero(values == value) for value in range(count)]
                       for values, count in zip(train.values.T, self.counts, strict=True)]  # fmt: skip

    # --- data ---

    @classmethod
    def read(cls, options: Any, place: Place, start: Pipeline | None) -> tuple[AttributedSet, DataFacts]:
        found = read_attributed(*place, pixels=options.pixels, attributes=options.attribute)
        return found, DataFacts(found.name, found.fingerprint, found.counts(), found.notes, found.left_out)

    @classmethod
    def resolve(cls, options: Any, data: AttributedSet, speed: Speed, start: Pipeline | None) -> Any:
        """Fits the size of the pictures to the data."""
        return replace(options, pixels=data.pixels)

    @classmethod
    def examples(cls, data: AttributedSet) -> list[Sample]:
        """A sheet of training pictures."""
        return picture_examples(data.train.pictures)

    def batch(self, step: int) -> Batch:
        random = np.random.default_rng((self.seed, step, self.machine.rank))
        train = self.data.train
        picks = random.integers(len(train), size=self.options.batch)
        source = train.values[picks]
        partners = self._partners(random, picks, self._targets(random, source))
        shown = self._balanced(random, READER_BATCH)
        rows = np.concatenate((picks, partners, shown))
        pictures = to_tensor(mirrored(random, train.pictures.array[train.pictures.rows[rows]], self.options.flip))
        first, second, third = pictures.split((len(picks), len(partners), READER_BATCH))
        values = [torch.from_numpy(values) for values in (source, train.values[partners], self.all_values[shown])]
        return Batch(first, values[0], second, values[1], third, values[2])

    def _balanced(self, random: np.random.Generator, count: int) -> Int[np.ndarray, " count"]:
        """Real pictures, each with a random value of a random attribute."""
        groups = random.integers(len(self.having), size=count)
        return np.array([random.choice(self.having[group][random.integers(self.counts[group])]) for group in groups])

    def _targets(
        self, random: np.random.Generator, source: Int[np.ndarray, "batch attributes"]
    ) -> Int[np.ndarray, "batch attributes"]:
        """Values that differ from `source` in one random attribute of each row, and by chance in others."""
        batch, count = source.shape
        changes = random.random(source.shape) < ALSO_CHANGES
        changes[np.arange(batch), random.integers(count, size=batch)] = True
        others = random.integers(1, self.counts, size=source.shape)
        return np.where(changes, (source + others) % self.counts, source)

    def _weights(self, attribute: int) -> np.ndarray:
        """How much each column counts for the similarity of partners.

        Of the kept columns, those that usually come with the new value count most. Each attribute to change counts more
        than all kept columns together.
        """
        values, changed = self.all_values, len(self.counts)
        weights = np.array([BASE_WEIGHT + cramers_v(values[:, attribute], column) for column in values.T])
        weights[:changed] = weights[changed:].sum() + 1
        return weights

    def _partners(
        self,
        random: np.random.Generator,
        picks: Int[np.ndarray, " batch"],
        target: Int[np.ndarray, "batch attributes"],
    ) -> Int[np.ndarray, " batch"]:
        """A real picture for each row, with a new value and otherwise as similar as a few random candidates allow.

        Otherwise, what usually comes with the new value would change too.
        """
        partners = np.empty_like(picks)
        for row, (pick, wanted) in enumerate(zip(picks, target, strict=True)):
            (changed,) = np.nonzero(wanted != self.data.train.values[pick])
            attribute = random.choice(changed)
            candidates = random.choice(self.having[attribute][wanted[attribute]], CANDIDATES)
            all_wanted = np.concatenate((wanted, self.data.train.kept[pick]))
            agree = self.all_values[candidates] == all_wanted
            weights = self.similarity[attribute]
            partners[row] = candidates[(agree * weights).sum(1).argmax()]
        return partners

    # --- the reader ---

    def update_reader(self, batch: Batch, progress: float) -> Metrics:
        """Trains the reader on real pictures, and returns its loss; after `READER_SHARE` of training, does nothing."""
        self.progress = progress
        if progress >= READER_SHARE:
            self.pipeline.reader.eval()
            return {}
        loss = judging_loss(self.pipeline.reader.train()(batch.reader_pictures), batch.reader_values)
        self.update(self.pipeline.reader, loss)
        return {"reader": loss}

    # --- validation ---

    @property
    def validates(self) -> bool:
        return self.data.validation is not None

    def validate(self) -> dict[str, float]:
        """The measures on the validation split, of which `miss` selects the weights.

        One reader must compare all weights that can win, because a worse one sees fewer faults: while it is trained,
        `miss` is above 1, and later weights win.
        """
        assert self.data.validation is not None, "there is nothing to validate on"
        measures = self._measures(self.data.validation)
        return measures if self.progress >= READER_SHARE else measures | {"miss": 2 - self.progress}

    def test(self) -> dict[str, float]:
        return {} if self.data.test is None else self._measures(self.data.test)

    def _measures(self, split: AttributedSplit) -> dict[str, float]:
        """How many of at most WATCHED changes the reader recognises, and how much it sees kept."""
        changes = changes_of(split, self.data.attributes, WATCHED)
        sources, targets = (torch.from_numpy(values) for values in (changes.source, changes.target))
        readings: list[list[np.ndarray]] = [[], []]
        cycle = 0.0
        for first in range(0, len(changes), PICTURES_PER_PASS):
            part = slice(first, first + PICTURES_PER_PASS)
            given = to_tensor(changes.pictures[part]), sources[part], targets[part]
            pictures, source, target = self.machine.place(given)
            made = self.pipeline.restyle(pictures, source, target).clamp(-1, 1)
            for each, shown in zip(readings, (pictures, made), strict=True):
                each.append(self.pipeline.reader.read(shown).cpu().numpy())
            cycle += self.pipeline.cycle_errors(pictures, source, target).sum().item()
        before, after = (np.concatenate(each) for each in readings)
        flips = flip_rate(after[np.arange(len(changes)), changes.changed], changes.wanted)
        keeps = least_kept(before, after, changes.recorded, changes.changed)
        cycle *= 127.5 / len(changes)  # out of 255
        return {
            "miss": 1 - min(flips, keeps, 1 - cycle / 255),
            "flip_rate": flips,
            "kept": keeps,
            "cycle_error": cycle,
        }

    def preview(self) -> list[Sample]:
        """Each picture in the first column; then with every value of every attribute."""
        split = self.data.validation or self.data.train
        some = split.take(np.arange(min(PREVIEWED, len(split))))
        pictures, source = self.machine.place((some.pictures.tensor(), torch.from_numpy(some.values)))
        columns = [to_bytes(pictures)]
        for attribute, count in enumerate(self.counts):
            for value in range(count):
                target = source.clone()
                target[:, attribute] = value
                columns.append(to_bytes(self.pipeline.restyle(pictures, source, target)))
        rows = [column[row] for row in range(len(some)) for column in columns]
        return [Sample(Kind.PICTURE, np.stack(rows), {"png": sheet(rows, len(columns))})]


def facts_of(setup: Setup) -> RestyleFacts:
    """The facts about the training pictures that the model needs."""
    data: AttributedSet = setup.data
    return RestyleFacts(data.name, data.channels, data.pixels, data.attributes, data.kept, data.ranges)


def mirrored(random: np.random.Generator, pictures: np.ndarray, flip: bool) -> np.ndarray:
    """The pictures, every second one by chance as its mirror image."""
    if not flip:
        return pictures
    return np.where((random.random(len(pictures)) < 0.5)[:, None, None, None], pictures[:, :, ::-1], pictures)

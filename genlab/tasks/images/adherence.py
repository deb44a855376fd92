"""Do pictures show what their descriptions say? Judged by classifiers that took no part in training.

Data flow::

    facts of held-out pictures -> descriptions that name all of them -> generated pictures --+
    real training pictures -> judge (`tasks/shared/judges.py`) ------------------------------+--> values read
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, UInt8

from genlab.data.pictures.attributes import MOST, UNKNOWN
from genlab.data.pictures.combinations import are_unseen
from genlab.data.pictures.facts import Facts
from genlab.data.pictures.picture_set import PictureSplit
from genlab.engine.machine import Machine
from genlab.metrics.adherence import right, right_by_chance
from genlab.tasks.images.making import AlongFlow
from genlab.tasks.images.options import FlowRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.shared.judges import Judge, judged, most_likely, train_judge

PROMPTS = 1000
"""Largest number of descriptions to make pictures from."""
STUDIED = 50_000
"""Largest number of pictures that the judge is trained on."""
SEED = 2
"""Seed of the latent vectors."""

Pixels = UInt8[np.ndarray, "pictures height width channels"]
Values = Int[np.ndarray, "pictures attributes"]


@dataclass(frozen=True)
class Prompts:
    """Descriptions of real pictures, and a judge of the pictures that a model makes from them."""

    pictures: PictureSplit
    """The real pictures."""
    texts: list[str] = field(repr=False)
    """Their descriptions, which name all attributes."""
    names: list[str]
    """The attributes that the judge reads."""
    wanted: Values = field(repr=False)
    """Their values."""
    unseen: Bool[np.ndarray, " pictures"] = field(repr=False)
    """Whether training has not seen the combination of all values."""
    judge: Judge = field(repr=False)
    real: Values = field(repr=False)
    """What the judge reads from the real pictures."""
    machine: Machine = field(repr=False)

    def __len__(self) -> int:
        return len(self.texts)

    def compared(self, made: Pixels) -> dict[str, Any]:
        """How often pictures have the values that their descriptions name.

        Args:
            made: A picture per description.

        Returns:
            `each`: by attribute, and `all`: of all attributes, as shares `model`, `real` and `chance`; if some
            combinations are unseen, `seen` and `unseen`: the same of the descriptions of either kind.
        """
        read = {"model": _read(self.judge, made, self.machine), "real": self.real}
        report = _compared(read, self.wanted, self.names)
        if not self.unseen.any():
            return report
        for name, chosen in {"seen": ~self.unseen, "unseen": self.unseen}.items():
            if chosen.any():
                some = {who: rows[chosen] for who, rows in read.items()}
                compared = _compared(some, self.wanted[chosen], self.names)
                report[name] = {"prompts": int(chosen.sum()), **compared}
        return report


def prompts_of(
    held_out: PictureSplit, studied: list[PictureSplit], combinations: list[list[int]], machine: Machine,
    most: int | None = None,
) -> Prompts | None:  # fmt: skip
    """Describes held-out pictures and trains a judge; None if no attribute can be judged.

    Args:
        held_out: Pictures that were not trained on, with their facts.
        studied: Real pictures, none of them among `held_out`, for the judge.
        combinations: Combinations of values that training has not seen.
        machine: The machine to train on.
        most: Largest number of descriptions; None for `PROMPTS`.
    """
    facts = held_out.described
    if not isinstance(facts, Facts):
        return None
    columns = [place for place, one in enumerate(facts.attributes) if 2 <= len(one.values) <= MOST]
    known = np.flatnonzero((facts.values != UNKNOWN).all(1))
    places = np.random.default_rng(0).permutation(known)[: PROMPTS if most is None else most]
    if not columns or not len(places):
        return None
    attributes = [facts.attributes[column] for column in columns]
    pictures, values = _studied(studied, columns)
    counts = [len(one.values) for one in attributes]
    judge = train_judge(pictures, values, counts, len(counts), machine)
    return Prompts(
        held_out.take(places),
        [facts.full_description(place, wording=place) for place in places.tolist()],
        [one.name for one in attributes],
        facts.values[places][:, columns],
        are_unseen(facts.take(places), combinations),
        judge,
        _read(judge, held_out.array[held_out.rows[places]], machine),
        machine,
    )


def prompt_adherence(
    pipeline: ImagesPipeline, held_out: PictureSplit, studied: list[PictureSplit]
) -> dict[str, Any] | None:
    """How often generated pictures have the values that their descriptions name; None if nothing can be measured.

    Each figure has three values: `model`, for generated pictures; `real`, for the real pictures that the descriptions
    are of, which shows how well the judge reads; `chance`, for generated pictures and shuffled descriptions.

    Args:
        pipeline: A flow trained on descriptions written from columns.
        held_out: Pictures that were not trained on, with their facts.
        studied: Real pictures, none of them among `held_out`, for the judge. It also needs combinations that the model
            has never seen.
    """
    maker = pipeline.maker
    if not isinstance(maker, AlongFlow) or not pipeline.facts.attributes:
        return None
    prompts = prompts_of(held_out, studied, pipeline.facts.combinations, pipeline.machine)
    if prompts is None:
        return None
    request = FlowRequest()
    maker = maker.with_request(request)
    made = pipeline.pixels(pipeline.noise(len(prompts), SEED), maker.words(prompts.texts), maker)
    report: dict[str, Any] = {"prompts": len(prompts), "example": prompts.texts[0]}
    report |= {"guidance": maker.guidance, "flow_steps": request.flow_steps, "sampler": request.sampler}
    return report | prompts.compared(made)


def _read(judge: Judge, pictures: Pixels, machine: Machine) -> Values:
    return most_likely(judged(judge, pictures, machine))


def _studied(splits: list[PictureSplit], columns: list[int]) -> tuple[PictureSplit, Values]:
    """At most `STUDIED` pictures with their values in these columns."""
    rows, values = [], []
    for split in splits:
        assert isinstance(split.described, Facts)
        rows.append(split.rows)
        values.append(split.described.values[:, columns])
    order = np.random.default_rng(0).permutation(sum(map(len, rows)))[:STUDIED]
    return PictureSplit(splits[0].array, np.concatenate(rows)[order], None, []), np.concatenate(values)[order]


def _compared(read: dict[str, Values], wanted: Values, names: list[str]) -> dict[str, Any]:
    """The shares of right values, of each attribute and of all."""
    shares = {name: right(rows, wanted) for name, rows in read.items()}
    shares["chance"] = right_by_chance(read["model"], wanted)
    each = {name: {who: share[0][place] for who, share in shares.items()} for place, name in enumerate(names)}
    return {"each": each, "all": {who: share[1] for who, share in shares.items()}}

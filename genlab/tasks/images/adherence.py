"""Do pictures show what their descriptions say? Judged by classifiers that took no part in training.

Data flow::

    facts of held-out pictures -> descriptions that name all of them -> generated pictures --+
    real training pictures -> judge (`tasks/shared/judges.py`) ------------------------------+--> values read
"""

from typing import Any

import numpy as np
from jaxtyping import Int

from genlab.data.pictures.attributes import MOST, UNKNOWN
from genlab.data.pictures.combinations import are_unseen
from genlab.data.pictures.described import Facts
from genlab.data.pictures.picture_set import PictureSplit
from genlab.metrics.adherence import right, right_by_chance
from genlab.tasks.images.making import AlongFlow
from genlab.tasks.images.options import FlowRequest
from genlab.tasks.images.pipeline import ImagesPipeline
from genlab.tasks.shared.judges import judged, most_likely, train_judge

PROMPTS = 1000
"""Largest number of descriptions to make pictures from."""
STUDIED = 50_000
"""Largest number of pictures that the judge is trained on."""
SEED = 2
"""Seed of the latent vectors."""

Values = Int[np.ndarray, "pictures attributes"]


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
    facts, maker = held_out.described, pipeline.maker
    columns = [place for place, one in enumerate(pipeline.facts.attributes) if 2 <= len(one.values) <= MOST]
    if not isinstance(facts, Facts) or not isinstance(maker, AlongFlow) or not columns:
        return None
    attributes = [facts.attributes[column] for column in columns]
    known = np.flatnonzero((facts.values != UNKNOWN).all(1))
    places = np.random.default_rng(0).permutation(known)[:PROMPTS]
    if not len(places):
        return None
    pictures, values = _studied(studied, columns)
    counts = [len(one.values) for one in attributes]
    judge = train_judge(pictures, values, counts, len(counts), pipeline.machine)

    request = FlowRequest()
    texts = [facts.whole(place, wording=place) for place in places.tolist()]
    latents = pipeline.noise(len(places), SEED)
    made = pipeline.pixels(latents, maker.words(texts), maker.asked(request))
    real = held_out.array[held_out.rows[places]]
    read = {
        name: most_likely(judged(judge, each, pipeline.machine)) for name, each in (("model", made), ("real", real))
    }
    wanted, names = facts.values[places][:, columns], [one.name for one in attributes]
    unseen = are_unseen(facts.take(places), pipeline.facts.combinations)
    report: dict[str, Any] = {"prompts": len(places), "example": texts[0]}
    report |= {"guidance": request.guidance, "flow_steps": request.flow_steps, "sampler": request.sampler}
    report |= _compared(read, wanted, names)
    if unseen.any():
        some = {name: rows[unseen] for name, rows in read.items()}
        report["unseen"] = {"prompts": int(unseen.sum()), **_compared(some, wanted[unseen], names)}
    return report


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

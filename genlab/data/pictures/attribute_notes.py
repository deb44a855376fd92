"""Notes on whatever else distinguishes the values of an attribute: a model would change it as well."""

from collections import defaultdict
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int, UInt8

from genlab.data.pictures.arrays import PictureArray
from genlab.data.pictures.attributes import UNKNOWN, Attribute
from genlab.data.pictures.files import PictureFiles
from genlab.data.pictures.image_decoding import describe

LOPSIDED = 20
"""Ratio of the most to the least pictures per value from which a note warns."""
LOOKED_AT = 200
"""Number of pictures per value whose shades and files are compared."""
BORDERS = 1000
"""Number of pictures per value whose borders are compared."""
APART = 0.5
"""Difference of the fractions of grey pictures, or of a file format, from which a note warns."""
LARGER = 1.5
"""Ratio of the median sides of the files from which a note warns."""
RECOGNISED = 0.8
"""Skill of a classifier of borders, from 0 (chance) to 1 (always right), from which a note warns."""
SEGMENTS = 8
"""Parts of each side of the border."""
SURE, RARER = 0.99, 0.8
"""A value determines one of another attribute if at least `SURE` of its pictures have it, and fewer than `RARER` of the
others.
"""

Groups = list[np.ndarray]
"""Indices of the training pictures of each value."""


def notes_on_attributes(
    files: PictureFiles,
    pictures: PictureArray,
    attributes: list[Attribute],
    values: Int[np.ndarray, "some attributes"],
    kept: list[Attribute],
    other: Int[np.ndarray, "some kept"],
    rows: Int[np.ndarray, " some"],
) -> list[str]:
    """Notes on the training pictures.

    Args:
        files: The files of the pictures.
        pictures: All pictures.
        attributes: The attributes to change.
        values: Their values in the training pictures.
        kept: The other attributes.
        other: Their values.
        rows: Indices of the training pictures in `pictures`.
    """
    notes = []
    everything = np.concatenate([values, other], 1)
    for place, attribute in enumerate(attributes):
        found = values[:, place]
        counts = np.bincount(found, minlength=len(attribute.values))
        if counts.max() >= LOPSIDED * counts.min():
            most, least = counts.argmax(), counts.argmin()
            notes.append(
                f"{attribute.name}: {counts[most]:,} pictures are {attribute.values[most]}, only {counts[least]:,} "
                f"{attribute.values[least]}: the change to {attribute.values[least]} will be learnt worst."
            )
        notes += _contradictions(attribute, found, [pictures.digests[row] for row in rows])
        groups = [rows[found == value] for value in range(len(attribute.values))]
        notes += _shades(attribute, pictures.array, groups)
        notes += _files(attribute, files, pictures.names, groups)
        notes += _borders(attribute, pictures.array, groups)
        notes += _determined(place, [*attributes, *kept], everything)
    return notes


def _spread(rows: Int[np.ndarray, " some"], count: int) -> Int[np.ndarray, " few"]:
    """At most `count` of the rows, evenly spread."""
    return rows[np.unique(np.linspace(0, len(rows) - 1, count).astype(int))]


def _contradictions(attribute: Attribute, values: Int[np.ndarray, " some"], digests: list[str]) -> list[str]:
    looks = defaultdict(set)
    for digest, value in zip(digests, values, strict=True):
        looks[digest].add(value)
    count = sum(len(found) > 1 for found in looks.values())
    return [f"{attribute.name}: pictures that occur with different values: {count:,}."] if count else []


def _shades(attribute: Attribute, array: UInt8[np.ndarray, "all side side channels"], groups: Groups) -> list[str]:
    """A note if the pictures of one value are mostly grey and those of another are not."""
    few = [array[_spread(rows, LOOKED_AT)] for rows in groups]
    grey = [float((each == each[..., :1]).all((1, 2, 3)).mean()) for each in few]
    low, high = int(np.argmin(grey)), int(np.argmax(grey))
    if grey[high] - grey[low] < APART:
        return []
    return [
        f"{attribute.name}: {grey[high]:.0%} of the {attribute.values[high]} pictures are grey, {grey[low]:.0%} of the "
        f"{attribute.values[low]} ones: a model will change the colours too; make all of them grey, or none."
    ]


def _files(attribute: Attribute, files: PictureFiles, names: list[str], groups: Groups) -> list[str]:
    """Notes if the files of one value differ from those of another in format or size."""
    read = dict(files.pictures)
    found = [[describe(read[names[row]]()) for row in _spread(rows, LOOKED_AT)] for rows in groups]
    notes = []
    for kind in sorted({format for each in found for format, _ in each}):
        share = [float(np.mean([format == kind for format, _ in each])) for each in found]
        low, high = int(np.argmin(share)), int(np.argmax(share))
        if share[high] - share[low] >= APART:
            notes.append(
                f"{attribute.name}: {share[high]:.0%} of the {attribute.values[high]} pictures are {kind} files, "
                f"{share[low]:.0%} of the {attribute.values[low]} ones: a model will change the traces of compression "
                "too; save all of them the same way."
            )
            break
    sides = [float(np.median([min(size) for _, size in each])) for each in found]
    low, high = int(np.argmin(sides)), int(np.argmax(sides))
    if sides[high] >= LARGER * sides[low]:
        notes.append(
            f"{attribute.name}: the {attribute.values[high]} pictures are larger (median side {sides[high]:,.0f} "
            f"pixels) than the {attribute.values[low]} ones ({sides[low]:,.0f}): a model will change the sharpness too."
        )
    return notes


def _borders(attribute: Attribute, array: UInt8[np.ndarray, "all side side channels"], groups: Groups) -> list[str]:
    """A note if the borders of the pictures distinguish two values."""
    borders = [border_features(array[_spread(rows, BORDERS)]) for rows in groups]
    skills = {pair: border_skill(borders[pair[0]], borders[pair[1]]) for pair in combinations(range(len(groups)), 2)}
    one, other = max(skills, key=lambda pair: skills[pair])
    if skills[one, other] < RECOGNISED:
        return []
    return [
        f"{attribute.name}: the border pixels alone distinguish {attribute.values[one]} from "
        f"{attribute.values[other]} (accuracy {(1 + skills[one, other]) / 2:.0%}): a model will change the frame or "
        "background too; crop all pictures in the same way."
    ]


def border_features(pictures: UInt8[np.ndarray, "some side side channels"]) -> Float[np.ndarray, "some features"]:
    """Mean and deviation of each part of the border, one pixel wide: a frame can be that thin."""
    edges = [np.rot90(pictures, turns, (1, 2))[:, 0] for turns in range(4)]
    parts = [part for edge in edges for part in np.array_split(edge, min(SEGMENTS, pictures.shape[1]), axis=1)]
    each = [statistic(part, axis=1) for part in parts for statistic in (np.mean, np.std)]
    return np.concatenate(each, 1).astype(np.float64)


def border_skill(one: Float[np.ndarray, "some features"], other: Float[np.ndarray, "more features"]) -> float:
    """Skill of a ridge regression at separating two groups, cross-validated on halves: 0 is chance, 1 is perfect."""
    features = np.concatenate([one, other])
    features = (features - features.mean(0)) / (features.std(0) + 1)
    features = np.concatenate([features, np.ones((len(features), 1))], 1)
    sign = np.repeat([-1.0, 1.0], [len(one), len(other)])
    weight = np.repeat([1 / len(one), 1 / len(other)], [len(one), len(other)])
    fold = np.concatenate([np.arange(len(one)), np.arange(len(other))]) % 2
    right = np.zeros(len(sign))
    for held_out in range(2):
        fit, judged = fold != held_out, fold == held_out
        scaled = features[fit] * weight[fit, None]
        gram = features[fit].T @ scaled + 0.01 * np.eye(features.shape[1])
        answer = features[judged] @ np.linalg.solve(gram, scaled.T @ sign[fit])
        right[judged] = np.sign(answer) == sign[judged]
    return float(right[sign < 0].mean() + right[sign > 0].mean() - 1)


def _determined(place: int, attributes: list[Attribute], values: Int[np.ndarray, "some attributes"]) -> list[str]:
    """A note on the attributes that the values of one determine."""
    mine, found = attributes[place], []
    for other, attribute in enumerate(attributes):
        for value, name in enumerate(mine.values):
            has, lacks = (values[chosen, other] for chosen in (values[:, place] == value, values[:, place] != value))
            has, lacks = has[has != UNKNOWN], lacks[lacks != UNKNOWN]
            if other == place or not len(has) or not len(lacks):
                continue
            counts = np.bincount(has)
            most = int(counts.argmax())
            share, rest = counts[most] / len(has), float((lacks == most).mean())
            if share >= SURE and rest < RARER:
                text = f"{attribute.name} {attribute.values[most]} in {share:.0%} of {mine.name} {name}"
                found.append((share - rest, f"{text}, in {rest:.0%} of the others"))
    if not found:
        return []
    listed = "; ".join(text for _, text in sorted(found, reverse=True)[:5])
    more = "; ..." if len(found) > 5 else ""
    return [f"{mine.name} may not change alone, because its values go with others: {listed}{more}"]

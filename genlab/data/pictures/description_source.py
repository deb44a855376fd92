"""Chooses what describes the pictures of a source: captions beside them, or columns of their table.

Without --caption, that is captions.csv, or else the columns that a sample set declares.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from genlab.data.pictures import SAMPLES
from genlab.data.pictures.arrays import PictureArray
from genlab.data.pictures.attributes import UNKNOWN, Attribute
from genlab.data.pictures.captions import read_captions, read_facts
from genlab.data.pictures.classes import TABLES
from genlab.data.pictures.combinations import are_unseen, unseen_combinations
from genlab.data.pictures.dividing import counted
from genlab.data.pictures.facts import Captions, Described, Facts
from genlab.errors import InputError


@dataclass(frozen=True)
class DescriptionSource:
    """Where descriptions come from, and how they are read."""

    columns: tuple[str, ...] = ()
    """Columns of the table to write descriptions from; empty for captions, or the columns that a sample set declares.
    """
    default: bool = True
    """Whether a sample set's columns are used without `columns`."""
    unseen: float = 0.0
    """Share of the combinations of values to hold out of training."""
    attributes: Sequence[Attribute] = ()
    """Those of a trained model, whose values index those of the pictures."""
    subjects: tuple[str, ...] = ()
    """What descriptions call the subject, where the source does not say."""


def read_described(
    pictures: PictureArray, data: str, option: str, encoding: str | None, descriptions: DescriptionSource,
    classes: bool, notes: list[str],
) -> Described | None:  # fmt: skip
    """Reads what is known about the pictures of a source; None if nothing describes them.

    Args:
        pictures: The pictures.
        data: Their source, as given.
        option: The option that gave it.
        encoding: Encoding of a table that is not UTF-8.
        descriptions: Where they come from.
        classes: Whether the pictures have classes.
        notes: Receives what is used, and what was odd.

    Raises:
        InputError: a table cannot be read, or lacks a column.
    """
    sample = next((one for one in SAMPLES if one.name == data.partition(":")[0]), None)
    columns, subjects = descriptions.columns, descriptions.subjects or (sample.subjects if sample else ())
    if not columns and pictures.captions is None and sample and descriptions.default and sample.columns:
        columns = sample.columns
        notes.append(
            f"descriptions are written from the columns {', '.join(columns[:-1])} and {columns[-1]} of {sample.name}: "
            "--caption chooses others, --no-conditional uses none."
        )
    found: Described
    if columns:
        if pictures.table is None:
            raise InputError(
                f"caption: {data} has no {TABLES[0]} or {TABLES[1]} with a column {columns[0]}.", "caption"
            )
        found = read_facts(
            pictures.table, pictures.names, columns, data, option, encoding, notes, descriptions.attributes, subjects
        )
        if pictures.captions is not None:
            notes.append(f"{pictures.captions.name} of {data} is ignored, because --caption names columns.")
    elif pictures.captions is not None:
        found = read_captions(pictures.captions, pictures.names, data, option, encoding, notes)
    else:
        if pictures.table is not None and descriptions.default and not classes:
            notes.append(
                f"{pictures.table.name} of {data} is not used: --caption COLUMN writes descriptions from a column, and "
                "can be repeated."
            )
        return None
    if not found.given.any():
        raise InputError(f"caption: nothing describes a picture of {data}: fill in {', '.join(columns)}.", "caption")
    if classes:
        notes.append(f"the pictures of {data} are learnt with their descriptions, not with their classes.")
    return found


def undescribed(described: Described | None, names: list[str]) -> dict[str, str]:
    """The pictures without a description, with the reason for leaving them out."""
    if described is None:
        return {}
    reason = "without a caption" if isinstance(described, Captions) else "without a value to describe"
    return {name: reason for name, given in zip(names, described.given, strict=True) if not given}


def like(descriptions: DescriptionSource | None, described: Described | None) -> DescriptionSource | None:
    """Where the descriptions of pictures that belong to described ones come from."""
    if descriptions is None or described is None:
        return None
    if isinstance(described, Captions):
        return DescriptionSource(default=False)
    columns = tuple(one.name for one in described.attributes)
    return replace(descriptions, columns=columns, attributes=described.attributes, subjects=described.subjects)


def check_alike(described: Described | None, other: Described | None, name: str, data: str, option: str) -> None:
    """Raises InputError if pictures, given by `option`, lack the descriptions of those that they belong to."""
    if described is not None and other is None:
        raise InputError(f"{data} has no captions.csv, as {name} has: add it, or give other pictures.", option)


def check_unseen(described: Described | None, name: str) -> None:
    """Checks that combinations of the values of columns can be held out of training.

    Raises:
        InputError: the pictures are not described by two or more columns.
    """
    if described is None:
        why = f"the pictures of {name} are learnt without descriptions"
    elif isinstance(described, Captions):
        why = f"captions describe the pictures of {name}"
    elif len(described.attributes) < 2:
        why = f"only the column {described.attributes[0].name} describes the pictures of {name}"
    else:
        return
    raise InputError(
        f"unseen: it holds out combinations of the values of two or more columns, but {why}: omit it, or name the "
        "columns with --caption.", "unseen",
    )  # fmt: skip


def held_out_combinations(
    described: Described | None, descriptions: DescriptionSource | None, notes: list[str]
) -> list[list[int]]:
    """Combinations of values to hold out of training; adds to `notes` how many they are."""
    if descriptions is None or not isinstance(described, Facts):
        return []
    if len(described.attributes) < 2 or descriptions.unseen == 0:
        return []
    chosen = unseen_combinations(described, descriptions.unseen)
    every = len({tuple(row) for row in described.values.tolist() if UNKNOWN not in row})
    names = [one.name for one in described.attributes]
    columns = f"{', '.join(names[:-1])} and {names[-1]}"
    if not chosen:
        notes.append(
            f"none of {every:,} combinations of {columns} is held out of training: at --unseen "
            f"{descriptions.unseen:g}, all are too common, or the only ones with a value. A larger share may hold some "
            "out."
        )
    else:
        notes.append(
            f"{len(chosen):,} of {every:,} combinations of {columns} "
            f"({counted(int(are_unseen(described, chosen).sum()))}) are held out of training, so that evaluate can "
            "measure unseen combinations: --unseen 0 trains on all."
        )
    return chosen

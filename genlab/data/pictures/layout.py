"""Interprets the folders of pictures as classes, splits, or both.

| layout | meaning |
|---|---|
| cat/1.png | class cat |
| train/cat/1.png, valid/..., test/... | class cat, and a split by the folder's name |
| cat/train/1.png, cat/test/... | the same |
| trainA/1.png, trainB/..., testA/..., testB/... | classes A and B, and splits, as CycleGAN's data sets have them |
| Train_a/1.png, ... | the same |
| 1.png | no classes |
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

from genlab.errors import InputError

SPLITS = {
    "train": "train", "training": "train",
    "valid": "validation", "val": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test",
}  # fmt: skip
"""Split by folder name, ignoring case."""
DOMAIN = re.compile(r"(train|val|valid|validation|dev|test)_?([AB])", re.IGNORECASE)
"""A folder of CycleGAN's data sets."""


class Layout(NamedTuple):
    """The class and split of each picture, according to its folders."""

    classes: list[str]
    """Class of each picture, "" for none; the list is empty if no picture has a class."""
    splits: list[str]
    """Split of each picture: train, validation or test; empty if the folders are not splits."""
    folders: dict[str, str]
    """Names of the folders of each split."""


def shared_folders(names: Iterable[str]) -> str:
    """The path of the innermost folder that contains all files, with a / at the end."""
    split = [name.split("/")[:-1] for name in names]
    shared = []
    for level in zip(*split, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(f"{level[0]}/")
    return "".join(shared)


def read_layout(names: list[str], data: str, option: str) -> Layout:
    """Interprets the folders of these pictures.

    Raises:
        InputError: some folders of `data` are named like splits, and the meaning of the others is unclear.
    """
    tops = sorted({_top(name) for name in names})
    named = [top for top in tops if top.casefold() in SPLITS]
    domains = {top: found for top in tops if (found := DOMAIN.fullmatch(top))}
    if domains and len(domains) == len(tops):
        return _domains(names, domains)
    if any(SPLITS[found[1].casefold()] == "train" for found in domains.values()) and len(domains) > 1:
        raise _unclear(list(domains), tops, data, option)
    if not named or (len(named) == 1 and SPLITS[named[0].casefold()] == "train"):  # train alone is a class
        return _splits_inside(names) or Layout(folder_classes(names), [], {})
    if len(named) < len(tops):
        raise _unclear(named, tops, data, option)
    return _splits_outside(names, tops, data, option)


def folder_classes(names: list[str]) -> list[str]:
    """The top folder of each picture; empty if some picture is in no folder."""
    tops = [_top(name) for name in names]
    return tops if all(tops) else []


def _top(name: str) -> str:
    return name.partition("/")[0] if "/" in name else ""


def _splits_outside(names: list[str], tops: list[str], data: str, option: str) -> Layout:
    """train/cat/1.png"""
    folders: dict[str, str] = {}
    for top in tops:
        part = SPLITS[top.casefold()]
        if part in folders:
            raise InputError(
                f"{data} has two folders for {part}, {folders[part]} and {top}: merge them.",
                option,
            )
        folders[part] = top
    if "train" not in folders:
        raise InputError(
            f"{data} has the folders {_listed(tops)}, but no folder train: rename the one to train on to train, or, if "
            "they are classes, rename them.", option,
        )  # fmt: skip
    splits = [SPLITS[_top(name).casefold()] for name in names]
    rest = [name.partition("/")[2] for name in names]
    shared = len(shared_folders(rest))
    classes = [""] * len(names)
    for part in folders:
        rows = [row for row, split in enumerate(splits) if split == part]
        for row, found in zip(rows, folder_classes([rest[row][shared:] for row in rows]), strict=False):
            classes[row] = found
    trained = any(found for found, split in zip(classes, splits, strict=True) if split == "train")
    return Layout(classes if trained else [], splits, folders)


def _splits_inside(names: list[str]) -> Layout | None:
    """cat/train/1.png"""
    folders = [name.split("/")[1].casefold() if name.count("/") > 1 else "" for name in names]
    if not set(folders) <= SPLITS.keys() or not {"train"} < {SPLITS[folder] for folder in folders}:
        return None
    splits = [SPLITS[folder] for folder in folders]
    found = {part: f"*/{folder}" for part, folder in sorted(zip(splits, folders, strict=True), reverse=True)}
    return Layout([_top(name) for name in names], splits, found)


def _domains(names: list[str], domains: dict[str, re.Match]) -> Layout:
    """trainA/1.png"""
    folders: dict[str, str] = {}
    for top, found in domains.items():
        part = SPLITS[found[1].casefold()]
        folders[part] = f"{folders[part]} and {top}" if part in folders else top
    classes = [domains[_top(name)][2].upper() for name in names]
    if "train" not in folders or len(folders) == 1:
        return Layout(classes, [], {})
    return Layout(classes, [SPLITS[domains[_top(name)][1].casefold()] for name in names], folders)


def _unclear(named: list[str], tops: list[str], data: str, option: str) -> InputError:
    others = [top or "pictures in no folder" for top in tops if top not in named]
    return InputError(
        f"{data} has {_listed(named)} beside {_listed(others)}: for splits by folder, move everything else "
        f"into train or elsewhere; for classes, rename {_listed(named)}.", option,
    )  # fmt: skip


def _listed(names: list[str]) -> str:
    *others, last = names if len(names) <= 6 else [*names[:5], "others"]
    return f"{', '.join(others)} and {last}" if others else last

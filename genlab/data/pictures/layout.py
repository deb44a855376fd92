"""What the folders of pictures mean: classes, splits, or both.

| layout | meaning |
|---|---|
| cat/1.png | class cat |
| train/cat/1.png, valid/..., test/... | class cat, and a split by the folder's name |
| cat/train/1.png, cat/test/... | the same |
| trainA/1.png, trainB/..., testA/..., testB/... | classes A and B, and splits, as CycleGAN's data sets have them |
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
"""Which split a folder of that name holds, in upper or lower case."""
DOMAIN = re.compile(r"(train|val|valid|validation|dev|test)([AB])")


class Layout(NamedTuple):
    """What the folders say about each picture."""

    classes: list[str]
    """Empty strings for pictures without a class; the list is empty if no picture has one."""
    splits: list[str]
    """train, validation or test; empty if the folders are no splits."""
    folders: dict[str, str]
    """For each split what its folders are called."""


def shared_folders(names: Iterable[str]) -> str:
    """The folders that all these files are in, with a / after each."""
    split = [name.split("/")[:-1] for name in names]
    shared = []
    for level in zip(*split, strict=False):
        if len(set(level)) > 1:
            break
        shared.append(f"{level[0]}/")
    return "".join(shared)


def read_layout(names: list[str], data: str, option: str) -> Layout:
    """What the folders of these pictures mean.

    Raises:
        InputError: some folders of `data` have names of splits, and it is not clear what the others are.
    """
    tops = sorted({_top(name) for name in names})
    named = [top for top in tops if top.casefold() in SPLITS]
    domains = {top: found for top in tops if (found := DOMAIN.fullmatch(top))}
    if domains and len(domains) == len(tops):
        return _domains(names, domains)
    if any(SPLITS[found[1]] == "train" for found in domains.values()) and len(domains) > 1:
        raise _unclear(list(domains), tops, data, option)
    if not named or (len(named) == 1 and SPLITS[named[0].casefold()] == "train"):  # alone it is a class: a railway's
        return _splits_inside(names) or Layout(folder_classes(names), [], {})
    if len(named) < len(tops):
        raise _unclear(named, tops, data, option)
    return _splits_outside(names, tops, data, option)


def folder_classes(names: list[str]) -> list[str]:
    """The first folder of each picture; none if one is in no folder."""
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
                f"{data} has the folders {folders[part]} and {top}, both for {part}: put their pictures into one.",
                option,
            )
        folders[part] = top
    if "train" not in folders:
        raise InputError(
            f"{data} has the folders {_listed(tops)}, but none called train: call the one to train on train, or "
            "rename them if they are classes.", option,
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
        part = SPLITS[found[1]]
        folders[part] = f"{folders[part]} and {top}" if part in folders else top
    classes = [domains[_top(name)][2] for name in names]
    if "train" not in folders or len(folders) == 1:
        return Layout(classes, [], {})
    return Layout(classes, [SPLITS[domains[_top(name)][1]] for name in names], folders)


def _unclear(named: list[str], tops: list[str], data: str, option: str) -> InputError:
    others = [top or "pictures in no folder" for top in tops if top not in named]
    return InputError(
        f"{data} has {_listed(named)} beside {_listed(others)}: for splits by folder, move everything else "
        f"into train or elsewhere; for classes, rename {_listed(named)}.", option,
    )  # fmt: skip


def _listed(names: list[str]) -> str:
    *others, last = names if len(names) <= 6 else [*names[:5], "others"]
    return f"{', '.join(others)} and {last}" if others else last

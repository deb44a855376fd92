"""Finds names that are written a little differently."""

from collections import defaultdict
from collections.abc import Callable, Collection


def simple(name: str) -> str:
    """The name without case and spaces."""
    return "".join(name.casefold().split())


def matching(wanted: Collection[str], given: Collection[str], key: Callable[[str], str] = simple) -> dict[str, str]:
    """For each of `wanted`, the same name among `given`, else the one with the same key if no other name has it.

    Names without a match are left out.
    """
    alike: dict[str, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for side, names in enumerate((wanted, given)):
        for name in dict.fromkeys(names):
            alike[key(name)][side].append(name)
    found = {}
    for mine, others in alike.values():
        if len(mine) == len(others) == 1:
            found[mine[0]] = others[0]
        else:
            found |= {name: name for name in set(mine).intersection(others)}
    return found

"""Repeats: from bars as they are written to bars as they are played."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

Content = TypeVar("Content")


@dataclass
class Written(Generic[Content]):
    """A bar as it is written."""

    content: Content
    opens: bool = False
    """Whether a repeated section starts with it."""
    marked: bool = False
    """Whether a double bar precedes it."""
    closes: bool = False
    """Whether a repeated section ends with it."""
    endings: frozenset[int] = field(default_factory=frozenset)
    """Turns in which it is played, if it belongs to an ending; empty for all."""


def played(bars: Sequence[Written[Content]]) -> Iterator[Content]:
    """Yields the bars in the order in which they are played.

    A section without a sign at its start begins after the latest double bar, repeat or ending. It is played twice, or
    as often as its endings say.
    """
    first, turn, signed, place = 0, 1, False, 0  # signed: whether the section has a sign at its start
    while place < len(bars):
        bar = bars[place]
        left = turn > 1 and place > first and bool(bars[place - 1].endings) and not bar.endings
        if bar.opens and (place > first or turn == 1):
            first, turn, signed = place, 1, True
        elif left:
            first, turn, signed = place, 1, False
        elif bar.marked and turn == 1 and not signed and not bar.endings:
            first = place
        if bar.endings and turn not in bar.endings:
            place += 1
            continue
        yield bar.content
        place += 1
        if bar.closes:
            following = bars[place].endings if place < len(bars) else frozenset()
            if turn == 1 or turn + 1 in following or any(turn + 1 in one.endings for one in bars[first:place]):
                turn, place = turn + 1, first
            else:
                first, turn, signed = place, 1, False

"""Descriptions of pictures as word indices, and their writing from attributes.

Data flow::

    {"hair": "red", "glasses": "yes"} -> "a person with red hair and glasses" -> words -> indices (length,)
"""

import random
import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

PADDING, START = 0, 1
"""Word indices: nothing, and the first word of every description."""
SPECIAL = 2
"""Number of indices that are not words."""
MOST = 10_000
"""Largest number of different words; the rarest are left out."""
LONGEST = 48
"""Largest number of words of a description; further ones are cut off."""
COMPLETE = 0.5
"""Probability that a description has all facts."""
OMITTED = 0.3
"""Probability of leaving a fact out of another description."""
OPENINGS = ("with", "who has")
"""What joins a subject with its facts."""


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case; punctuation separates them."""
    return re.findall(r"\w+", text.casefold())


@dataclass(frozen=True)
class Vocabulary:
    """The words that a model knows."""

    words: list[str]

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Vocabulary":
        """The commonest words of texts, sorted."""
        counts = Counter(word for text in texts for word in words_of(text))
        return cls(sorted(word for word, _ in counts.most_common(MOST)))

    def __len__(self) -> int:
        """Number of indices, including padding and start."""
        return SPECIAL + len(self.words)

    def unknown(self, text: str) -> list[str]:
        """The words of a text that are not in the vocabulary, each once."""
        known = set(self.words)
        return list(dict.fromkeys(word for word in words_of(text) if word not in known))

    def indices(self, texts: Sequence[str], longest: int) -> Int[np.ndarray, "texts length"]:
        """Start and the known words of each text, at most `longest` together, padded to the longest text."""
        places = {word: SPECIAL + place for place, word in enumerate(self.words)}
        rows = [[START, *(places[word] for word in words_of(text) if word in places)][:longest] for text in texts]
        found = np.full((len(rows), max(map(len, rows), default=1)), PADDING, np.int64)
        for row, known in zip(found, rows, strict=True):
            row[: len(known)] = known
        return found


def describe(
    facts: Mapping[str, str], chance: random.Random, subjects: Collection[str] = (), omitted: float = OMITTED
) -> str:
    """Writes a description with some of the facts, in random order and varied wording.

    Args:
        facts: Value by column: a yes/no column is written as its name (`glasses`, `no glasses`), another one as value
            and name (`red hair`).
        chance: Chooses facts, order and words.
        subjects: What the picture may show, "a person"; without, the facts alone are listed.
        omitted: Probability of leaving a fact out of an incomplete description; at least one is kept.
    """
    if omitted and chance.random() < COMPLETE:
        omitted = 0.0
    kept = [fact for fact in facts.items() if chance.random() >= omitted] or [chance.choice(list(facts.items()))]
    chance.shuffle(kept)
    chosen = [chance.choice(phrases(*fact)) for fact in kept]
    listed = f"{', '.join(chosen[:-1])} and {chosen[-1]}" if len(chosen) > 1 else chosen[0]
    if not subjects:
        return ", ".join(chosen)
    return f"{chance.choice(sorted(subjects))} {chance.choice(OPENINGS)} {listed}"


def phrases(column: str, value: str) -> list[str]:
    """Ways to write a fact."""
    name = column.replace("_", " ")
    if value == "yes":
        return [name]
    if value == "no":
        return [f"no {name}"]
    return [f"{value} {name}", f"{name} that is {value}"]

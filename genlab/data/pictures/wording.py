"""Descriptions of pictures as word indices, and their writing from attributes.

Data flow::

    {"hair": "red", "glasses": "yes"} -> "a person with red hair and glasses" -> words -> indices (length,)
"""

import random
import re
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

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
UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1950-\u19df\u1a20-\u1aaf"  # Thai, Lao, Burmese, Khmer, Tai
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\uff66-\uff9f"  # kana
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"  # Han
)
"""Characters of scripts that put no spaces between words."""
JOINERS = "\u200c\u200d"
"""Characters that choose the shapes of letters around them, as in Persian and Hindi."""
MARKS_END = 0xE01F0
"""The code point after Unicode's last combining mark."""


def words_of(text: str) -> list[str]:
    """The words of a text, in lower case; punctuation separates them.

    Combining marks, such as vowel signs, belong to the letter before them. Each character of a script that puts no
    spaces between words (Chinese, Japanese, Thai ...) is a word.
    """
    if text.isascii():
        return re.findall(r"\w+", text.casefold())
    return _word().findall(unicodedata.normalize("NFC", text.casefold()))


@cache
def _word() -> re.Pattern[str]:
    """Matches a word."""
    points = [point for point in range(MARKS_END) if unicodedata.category(chr(point)).startswith("M")]
    runs = [[*run] for _, run in groupby(enumerate(points), lambda one: one[1] - one[0])]
    marks = "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs) + JOINERS
    spaced = rf"(?![{UNSPACED}])\w"
    return re.compile(rf"{spaced}(?:{spaced}|[{marks}])*|\w[{marks}]*")


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

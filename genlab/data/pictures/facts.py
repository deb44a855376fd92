"""What is known about each picture: captions that people wrote, or facts from the columns of a table.

Data flow::

    captions.csv ---------------------> Captions --+
                                                   +--> a description, drawn anew at every training step
    attributes.csv, --caption columns -> Facts ----+
"""

import random
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from genlab.data.pictures.attributes import UNKNOWN, Attribute
from genlab.data.pictures.wording import LONGEST, OPENINGS, describe, phrases, words_of


@dataclass(frozen=True)
class Captions:
    """Captions of pictures; a picture may have several."""

    texts: list[tuple[str, ...]] = field(repr=False)
    """Those of each picture; empty for none."""

    def __len__(self) -> int:
        return len(self.texts)

    @property
    def given(self) -> Bool[np.ndarray, " pictures"]:
        """Whether each picture has a caption."""
        return np.array([bool(texts) for texts in self.texts], bool)

    def take(self, picks: Int[np.ndarray, " some"]) -> "Captions":
        """Those of the pictures at these indices."""
        return Captions([self.texts[pick] for pick in picks])

    def draw(self, place: int, chance: random.Random) -> str:
        """One of the captions of a picture."""
        return chance.choice(self.texts[place])

    def full_description(self, place: int) -> str:
        """The description of a picture that measures use, always the same."""
        return self.texts[place][0]

    def content(self) -> Any:
        """All of it as JSON values, for a fingerprint."""
        return self.texts

    def wordings(self) -> list[str]:
        """Texts with all words of the descriptions that a model reads."""
        return [" ".join(words_of(text)[: LONGEST - 1]) for texts in self.texts for text in texts]

    @property
    def longest(self) -> int:
        """Largest number of words of a description that a model reads."""
        return max((len(words_of(text)) for text in self.wordings()), default=0)


@dataclass(frozen=True)
class Facts:
    """Values of attributes of pictures, from which descriptions are written."""

    attributes: list[Attribute]
    values: Int[np.ndarray, "pictures attributes"] = field(repr=False)
    """Index of each value; `UNKNOWN` where there is none."""
    subjects: tuple[str, ...] = ()
    """What descriptions call the subject: "a person"; empty for facts alone."""

    def __len__(self) -> int:
        return len(self.values)

    @property
    def given(self) -> Bool[np.ndarray, " pictures"]:
        """Whether something is known about each picture."""
        return (self.values != UNKNOWN).any(1)

    def take(self, picks: Int[np.ndarray, " some"]) -> "Facts":
        """Those of the pictures at these indices."""
        return Facts(self.attributes, self.values[picks], self.subjects)

    def of(self, place: int) -> dict[str, str]:
        """The known value of each attribute of a picture."""
        found = zip(self.attributes, self.values[place].tolist(), strict=True)
        return {one.name: one.values[value] for one, value in found if value != UNKNOWN}

    def draw(self, place: int, chance: random.Random) -> str:
        """A description of a picture, with facts left out and in varied wording."""
        return describe(self.of(place), chance, self.subjects)

    def full_description(self, place: int, wording: int = 0) -> str:
        """The description of a picture that measures use: all facts, in order and words that `wording` decides."""
        return describe(self.of(place), random.Random(wording), self.subjects, omitted=0.0)

    def content(self) -> Any:
        """All of it as JSON values, for a fingerprint."""
        return [[one.name, one.values] for one in self.attributes], self.values.tolist(), self.subjects

    def wordings(self) -> list[str]:
        """Texts with all words of the descriptions."""
        known = [text for one in self.attributes for value in one.values for text in phrases(one.name, value)]
        return known + ["and", *OPENINGS, *self.subjects] * bool(self.subjects)

    @property
    def longest(self) -> int:
        """Largest number of words of a description."""
        most = lambda texts: max((len(words_of(text)) for text in texts), default=0)
        facts = [most(text for value in one.values for text in phrases(one.name, value)) for one in self.attributes]
        return sum(facts) + (most(self.subjects) + most(OPENINGS) + 1 if self.subjects else 0)


Described = Captions | Facts

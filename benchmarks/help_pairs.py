"""Makes a file of pairs to train on from LibreOffice's help (MPL-2.0) in English and French, as Debian packages it.

    apt-get download libreoffice-help-en-us libreoffice-help-fr
    for package in libreoffice-help-*.deb; do dpkg -x $package help; done
    python benchmarks/help_pairs.py help pairs.tsv

Both packages have the same pages, with the same paragraph ids.
"""

import sys
from html.parser import HTMLParser
from pathlib import Path

LONGEST = 400
"""Characters above which a paragraph is left out."""


class Paragraphs(HTMLParser):
    """The text of every heading and paragraph that has an id."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: dict[str, list[str]] = {}
        self.now: list[str] | None = None
        self.hidden = 0  # spans open since one that only another operating system shows
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        about = dict(attrs)
        name = about.get("id") or ""
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6", "p") and name.startswith(("par_", "hd_")):
            self.now = self.texts.setdefault(name, [])
        if tag == "span" and (self.hidden or about.get("class") in ("MAC", "WIN", "UNIX")):
            self.hidden += 1

    def handle_endtag(self, tag: str) -> None:
        if tag in ("h1", "h2", "h3", "h4", "h5", "h6", "p"):
            self.now = None
        if tag == "span" and self.hidden:
            self.hidden -= 1

    def handle_data(self, data: str) -> None:
        if self.now is not None and not self.hidden:
            self.now.append(data)


def paragraphs(page: Path) -> dict[str, str]:
    found = Paragraphs(page.read_text(encoding="utf-8")).texts
    return {name: " ".join("".join(parts).split()) for name, parts in found.items()}


def main(folder: str, out: str) -> None:
    root = Path(folder, "usr/share/libreoffice/help")
    pairs: dict[tuple[str, str], None] = {}  # keeps their order
    for english in sorted(root.glob("en-US/text/**/*.html")):
        french = root / "fr" / english.relative_to(root / "en-US")
        if french.exists():
            theirs = paragraphs(french)
            for name, text in paragraphs(english).items():
                other = theirs.get(name, "")
                if text and other and text != other and max(len(text), len(other)) <= LONGEST:
                    pairs[text, other] = None
    Path(out).write_text("".join(f"{text}\t{other}\n" for text, other in pairs), encoding="utf-8")
    print(f"{out}: {len(pairs):,} pairs")


if __name__ == "__main__":
    main(*sys.argv[1:])

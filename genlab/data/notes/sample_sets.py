"""Sample sets of music: Bach's chorales and Irish and American fiddle tunes, out of the corpus of music21.

music21 is never imported: its files are read where pip put them. Its licence leaves the encodings to those who made
them, and calls them public domain or used by permission (`corpus/license.txt`). The files chosen here restrict no use;
Essen's folk songs (not for commercial use) and the Nottingham tunes (GPL) are not among them.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from genlab.data.notes.abc import read_tune, tunes_in
from genlab.data.notes.musicxml import read_musicxml
from genlab.data.notes.score import Score
from genlab.data.notes.stored import from_json, to_json
from genlab.data.notes.unreadable import Unreadable
from genlab.data.shared.cache import cached
from genlab.errors import InputError

EDITION = 1
"""Version of the sets: a change of what is read needs a new one."""
VOICES = 4
COLLECTIONS = {"oneills": "oneills1850", "ryan": "ryansMammoth"}
"""Collections of tunes, and their folders in the corpus."""


def chorales() -> dict[str, Score]:
    """Bach's chorales in four parts, by their number in Bach's works (BWV): "bwv10.7"."""
    return _read("chorales", lambda: in_four_parts(chorale_sources()))


def tunes() -> dict[str, Score]:
    """The tunes whose bars are as long as their time signature says, by collection, file and number."""
    return _read("tunes", lambda: in_full_bars(tune_sources()))


def in_four_parts(files: Iterable[tuple[str, bytes]]) -> Iterator[tuple[str, Score]]:
    """Reads those of the named files that have four parts."""
    for name, content in files:
        score = read_musicxml(content)
        if len(score.tracks) == VOICES:
            yield name.removesuffix(".mxl"), score


def in_full_bars(files: Iterable[tuple[str, str]]) -> Iterator[tuple[str, Score]]:
    """Reads those of the named tunes that have no misprints and one metre."""
    for name, text in files:
        try:
            score = read_tune(text)
        except Unreadable:  # misprints
            continue
        if len(score.metres) == 1:
            yield name.removesuffix(".abc"), score


def chorale_files(content: Mapping[str, Score]) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the files with these chorales."""
    return ((name, data) for name, data in chorale_sources() if name.removesuffix(".mxl") in content)


def tune_files(content: Mapping[str, Score]) -> Iterator[tuple[str, bytes]]:
    """Yields (name, content) of the files with these tunes, one each."""
    return ((name, text.encode()) for name, text in tune_sources() if name.removesuffix(".abc") in content)


def chorale_sources() -> Iterator[tuple[str, bytes]]:
    """Yields the name and the content of each file of chorales."""
    for path in sorted(_corpus("chorales").joinpath("bach").glob("*.mxl")):
        yield path.name, path.read_bytes()


def tune_sources() -> Iterator[tuple[str, str]]:
    """Yields a unique name and the text of each tune."""
    for collection, folder in COLLECTIONS.items():
        for path in sorted(_corpus("tunes").joinpath(folder).glob("*.abc")):
            for number, text in tunes_in(path.read_bytes()):
                yield f"{collection}/{path.stem}-{number}.abc", text


def _corpus(name: str) -> Path:
    """The folder of music21's corpus.

    Raises:
        InputError: music21 is not installed, or comes without its corpus; the set @`name` needs it.
    """
    found = find_spec("music21")
    places = (found.submodule_search_locations if found else None) or ()
    corpus = next((folder for place in places if (folder := Path(place) / "corpus").joinpath("bach").is_dir()), None)
    if corpus is None:
        raise InputError(f"@{name} needs the package music21 with its corpus: pip install 'genlab[music]'.", "data")
    return corpus


def _read(name: str, scores: Callable[[], Iterator[tuple[str, Score]]]) -> dict[str, Score]:
    """The cached scores of a set."""
    _corpus(name)

    def fill(folder: Path) -> None:
        (folder / "scores.json").write_text(to_json(dict(scores())), encoding="utf-8")

    def load(folder: Path) -> dict[str, Score]:
        return from_json((folder / "scores.json").read_text(encoding="utf-8"))

    return cached(f"sample {EDITION} {name} music21 {version('music21')}", fill, load)

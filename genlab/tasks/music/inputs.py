"""The music that the command line gives to a model."""

from collections.abc import Iterator

from genlab.data.notes.folder import find_music, read_music
from genlab.data.notes.score import Score
from genlab.engine.progress import say
from genlab.errors import InputError


def open_score(path: str) -> Iterator[Score]:
    """Yields the only piece of a file; says how it was repaired.

    Raises:
        InputError: the file cannot be read, or holds several pieces.
    """
    report: dict[str, str] = {}
    pieces = list(read_music(find_music(path, "prompt"), report, "prompt"))
    if len(pieces) > 1:
        raise InputError(f"{path} holds {len(pieces):,} pieces: give a file with one.", "prompt")
    for line in report.values():
        if line.startswith("repaired"):
            say(f"Note: {path} was {line}.")
    yield pieces[0].score

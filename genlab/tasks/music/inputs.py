"""The music that the command line gives to a model."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from genlab.data.notes.folder import find_music, read_music
from genlab.data.notes.score import Score
from genlab.engine.progress import say
from genlab.errors import InputError
from genlab.show.soundfont import check_soundfont


def open_score(path: str, option: str) -> Iterator[Score]:
    """Yields the only piece of a file, given by `option`; says how it was repaired.

    Raises:
        InputError: the file cannot be read, or holds several pieces.
    """
    report: dict[str, str] = {}
    pieces = list(read_music(find_music(path, option), report, option))
    if len(pieces) > 1:
        raise InputError(f"{path} holds {len(pieces):,} pieces: give a file with one.", option)
    for line in report.values():
        if line.startswith("repaired"):
            say(f"Note: {path} was {line}.")
    yield pieces[0].score


open_prompt = partial(open_score, option="prompt")
open_melody = partial(open_score, option="harmonise")
open_rewritten = partial(open_score, option="fill")


def open_soundfont(path: str) -> Iterator[bytes]:
    """Yields the content of a SoundFont.

    Raises:
        InputError: the file cannot be read, or is not one, or the package that plays it is missing.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"soundfont: {path} cannot be read ({error.strerror or error}).", "soundfont") from None
    check_soundfont(content)
    yield content

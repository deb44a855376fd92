"""The pictures that the command line gives to a model that changes them."""

from collections.abc import Iterable, Iterator

from genlab.data.pictures.originals import Original, open_originals
from genlab.engine.progress import say
from genlab.tasks.restyle.pipeline import RestylePipeline


def open_pictures(paths: Iterable[str], pipeline: RestylePipeline) -> Iterator[Iterator[list[Original]]]:
    """Yields once: the pictures of files, folders and zips, some at a time; says which files are left out.

    Pictures with more than 8 bits per channel are scaled like the training pictures.

    Raises:
        InputError: a path does not exist, a file cannot be read as a picture, or no picture in a folder can.
    """
    yield _some_at_a_time(paths, pipeline)


def _some_at_a_time(paths: Iterable[str], pipeline: RestylePipeline) -> Iterator[list[Original]]:
    notes: list[str] = []

    def say_notes() -> None:
        for note in notes:
            say(f"Note: {note}")
        notes.clear()

    for pictures in open_originals(paths, notes, "files", pipeline.facts.ranges):
        say_notes()
        yield pictures
    say_notes()

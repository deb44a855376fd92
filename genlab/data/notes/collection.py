"""Reads the pieces of one place, once: later calls find them in the cache."""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from genlab.data.notes import SAMPLES
from genlab.data.notes.folder import MusicFiles, Piece, find_music, read_music
from genlab.data.notes.score import Score
from genlab.data.notes.stored import from_json, to_json
from genlab.data.notes.unreadable import Unreadable
from genlab.data.notes.voice_file import read_voice_file
from genlab.data.shared.cache import cached
from genlab.data.shared.sample_sets import sample_set
from genlab.errors import InputError

READER = 2
"""Version of the readers: increase it when the same files would give other notes."""
MOST_NOTES = 10_000_000
"""Maximum number of notes in all pieces together."""


@dataclass(frozen=True)
class Collection:
    """Pieces in order of their names."""

    name: str
    pieces: list[Piece] = field(repr=False)
    fingerprint: str
    """SHA-256 of the names and contents of the files, or of the notes of a sample set."""
    report: dict[str, str] = field(default_factory=dict, repr=False)
    """A line for each file, and for each tune of a file with several: "used", "repaired: ..." or "left out: ..."."""
    splits: list[str] = field(default_factory=list, repr=False)
    """The split that a file of voices puts each piece in: train, validation or test; empty for other files."""


def collect(data: str, option: str = "data") -> Collection:
    """Reads the pieces of a folder, a zip, a file or a sample set.

    Raises:
        InputError: `data`, given by `option`, cannot be read, has no music, or too much.
    """
    if data.startswith("@"):
        scores: dict[str, Score] = sample_set(data, SAMPLES, option)()
        digest = hashlib.sha256(to_json(scores).encode()).hexdigest()
        return Collection(data, [Piece(*one) for one in scores.items()], digest)
    if data.lower().endswith(".json") and Path(data).is_file():
        return _voices(Path(data), option)
    found = find_music(data, option)
    fingerprint = _fingerprint(found)

    def fill(folder: Path) -> None:
        report: dict[str, str] = {}
        count = 0
        with open(folder / "scores.jsonl", "w", encoding="utf-8") as file:
            for name, score in read_music(found, report, option):
                count += sum(len(track.notes) for track in score.tracks)
                if count > MOST_NOTES:
                    raise InputError(f"{data} has more than {MOST_NOTES:,} notes: give a part of it.", option)
                file.write(to_json({name: score}) + "\n")
        (folder / "report.json").write_text(json.dumps(report), encoding="utf-8")

    def load(folder: Path) -> Collection:
        with open(folder / "scores.jsonl", encoding="utf-8") as file:
            pieces = [Piece(*one) for line in file for one in from_json(line).items()]
        report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
        return Collection(found.name, pieces, fingerprint, report)

    return cached(f"notes {READER} {fingerprint}", fill, load)


def _fingerprint(found: MusicFiles) -> str:
    """The hash of all files; those that cannot be read count by their names and the reason."""
    digest = hashlib.sha256()
    for part in _contents(found):
        digest.update(hashlib.sha256(part).digest())
    return digest.hexdigest()


def _contents(found: MusicFiles) -> Iterator[bytes]:
    for name, reason in sorted(found.others.items()):
        yield f"{name}: {reason}".encode()
    for file in found.files:
        yield file.name.encode()
        try:
            yield file.content()
        except Unreadable as reason:
            yield str(reason).encode()


def _voices(path: Path, option: str) -> Collection:
    """The pieces of a file of voices, split by split."""
    report: dict[str, str] = {}
    splits = read_voice_file(path, option, report)
    named = [(split, Piece(*piece)) for split, pieces in splits.items() for piece in pieces]
    digest = hashlib.sha256(to_json({piece.name: piece.score for _, piece in named}).encode()).hexdigest()
    return Collection(path.name, [piece for _, piece in named], digest, report, [split for split, _ in named])

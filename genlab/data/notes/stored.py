"""Scores as JSON, without any loss, for the cache."""

import json
from collections.abc import Mapping
from itertools import chain

from genlab.data.notes.score import Key, Metre, Note, Score, Tempo, Track


def to_json(scores: Mapping[str, Score]) -> str:
    """Writes scores with their names."""
    return json.dumps({name: _plain(score) for name, score in scores.items()}, separators=(",", ":"))


def from_json(text: str) -> dict[str, Score]:
    """Reads what `to_json` wrote.

    Raises:
        ValueError: the text is damaged.
        KeyError: a part is missing.
    """
    return {name: _score(plain) for name, plain in json.loads(text).items()}


def _plain(score: Score) -> dict:
    tracks = [
        {"name": one.name, "program": one.program, "drums": one.drums, "notes": [*chain.from_iterable(one.notes)]}
        for one in score.tracks
    ]
    return {
        "title": score.title, "ticks": score.ticks, "pickup": score.pickup, "metres": score.metres, "keys": score.keys,
        "tempos": score.tempos, "tracks": tracks,
    }  # fmt: skip


def _score(plain: dict) -> Score:
    return Score(
        [Track(_notes(one["notes"]), one["program"], one["drums"], one["name"]) for one in plain["tracks"]],
        plain["ticks"],
        [Metre(*one) for one in plain["metres"]],
        [Key(*one) for one in plain["keys"]],
        [Tempo(*one) for one in plain["tempos"]],
        plain["pickup"],
        plain["title"],
    )


def _notes(numbers: list[int]) -> list[Note]:
    values = iter(numbers)
    return [Note(*four) for four in zip(values, values, values, values, strict=True)]

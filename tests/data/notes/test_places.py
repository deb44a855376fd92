"""The place of each token in its bar, and its track."""

import numpy as np
from hypothesis import given, settings

from genlab.data.notes.places import places_of
from genlab.data.notes.score import Metre, Note, Score, Track
from genlab.data.notes.tokens import decode, encode
from genlab.data.notes.vocabulary import TRACKS, Vocabulary
from tests.data.notes.made import scores

PLAIN = Vocabulary()
FULL = Vocabulary(velocities=16, tempos=25)


def test_places_of_a_piece() -> None:
    bass = Track([Note(0, 36, 36)], 32)
    drums = Track([Note(12, 3, 38), Note(0, 3, 36)], 0, True)
    score = Score([drums, Track([Note(0, 12, 60), Note(12, 24, 64), Note(40, 2, 65)]), bass], 12, [Metre(0, 3, 4)])
    ids = encode(score, PLAIN).ids
    positions, tracks = places_of(ids, PLAIN)
    found = [(PLAIN.name(one), *place) for one, *place in zip(ids, positions.tolist(), tracks.tolist(), strict=True)]
    assert found == [
        ("Start", 0, 0), ("Instrument 0", 0, 0), ("Instrument 32", 0, 1), ("Bar 3/4", 0, 0),
        ("Position 0", 0, 0), ("Pitch 60", 0, 0), ("Duration 12", 0, 0),
        ("Track 1", 0, 1), ("Pitch 36", 0, 1), ("Duration 36", 0, 1),
        ("Drum 36", 0, TRACKS), ("Duration 3", 0, TRACKS),
        ("Position 12", 12, 1), ("Track 0", 12, 0), ("Pitch 64", 12, 0), ("Duration 24", 12, 0),
        ("Drum 38", 12, TRACKS), ("Duration 3", 12, TRACKS),
        ("Bar 3/4", 0, 0), ("Position 4", 4, 0), ("Pitch 65", 4, 0), ("Duration 2", 4, 0), ("End", 0, 0),
    ]  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(scores(velocities=FULL.loudness))
def test_places_are_where_the_notes_are(score: Score) -> None:
    """Each duration has the track of its note; and no place depends on later tokens."""
    for vocabulary in (PLAIN, FULL):
        ids = encode(score, vocabulary).ids
        positions, tracks = places_of(ids, vocabulary)
        assert positions.min() >= 0 and positions.max() < 96
        kinds = np.array([vocabulary.tokens[one][0] for one in ids])
        again = decode(ids, vocabulary)
        numbers = [TRACKS if track.drums else number for number, track in enumerate(again.tracks)]
        expected = np.zeros(TRACKS + 1, int)
        for number, track in zip(numbers, again.tracks, strict=True):
            expected[number] = len(track.notes)
        assert np.bincount(tracks[kinds == "Duration"], minlength=TRACKS + 1).tolist() == expected.tolist()
        stated = [vocabulary.tokens[one][1] for one in ids[kinds == "Position"]]
        assert positions[kinds == "Position"].tolist() == stated
        half = len(ids) // 2
        before = places_of(ids[:half], vocabulary)
        assert before.positions.tolist() == positions[:half].tolist()
        assert before.tracks.tolist() == tracks[:half].tolist()

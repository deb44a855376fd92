import pytest

from genlab.data.notes.keys import Tonality, key_of, tonality_of
from genlab.data.notes.score import Note, Score, Track
from genlab.errors import InputError

MAJOR, MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 11)


def scale(tonic: int, steps: tuple[int, ...]) -> Score:
    """A scale up and down that dwells on the tonic and its triad."""
    pitches = [tonic + step for step in (*steps, 12, *reversed(steps))]
    lengths = [3 if (pitch - tonic) % 12 == 0 else 2 if (pitch - tonic) % 12 in (3, 4, 7) else 1 for pitch in pitches]
    starts = [sum(lengths[:place]) for place in range(len(lengths))]
    return Score([Track([Note(*each) for each in zip(starts, lengths, pitches, strict=True)])], ticks=2)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("C", Tonality(0, None)), ("c major", Tonality(0, False)), ("B flat minor", Tonality(10, True)),
        ("F# maj", Tonality(6, False)), ("Bb", Tonality(10, None)), ("Am", Tonality(9, True)),
        ("E-flat major", Tonality(3, False)), ("b minor", Tonality(11, True)), ("Cb", Tonality(11, None)),
    ],
)  # fmt: skip
def test_names(name, key):
    assert tonality_of(name) == key
    assert tonality_of(str(key)) == key


@pytest.mark.parametrize("name", ["", "H", "C mixolydian", "major", "C##", "60"])
def test_what_is_not_a_key(name):
    with pytest.raises(InputError, match="is not a key"):
        tonality_of(name)


@pytest.mark.parametrize("tonic", range(12))
@pytest.mark.parametrize(("steps", "minor"), [(MAJOR, False), (MINOR, True)])
def test_the_key_of_a_scale(tonic, steps, minor):
    assert key_of(scale(60 + tonic, steps)) == (tonic, minor)


def test_drums_and_silence_have_no_key():
    drums = Track([Note(0, 4, 38)] * 9, drums=True)
    found = scale(62, MAJOR)
    assert key_of(Score([*found.tracks, drums], ticks=2)) == (2, False)
    assert key_of(Score([drums])) == key_of(Score([])) == (0, False)
